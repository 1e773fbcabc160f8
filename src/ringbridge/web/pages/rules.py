"""The table of rules: read, changed row by row, with what is wrong beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ringbridge.service.config import ConfigError
from ringbridge.service.config.rules import RuleRow
from ringbridge.service.rules.desk import RuleDesk, RulesChanged, RuleTable
from ringbridge.store.errors import StoreError
from ringbridge.web import language as languages
from ringbridge.web.auth.visitor import by_whom
from ringbridge.web.pages.delivery import NOT_STORED
from ringbridge.web.rendering import Pages
from ringbridge.web.rule_form import Values, document_of, errors_of, submitted, told, values_of
from ringbridge.web.rule_words import ANSWERS, CONDITIONS, NAME, PRESETS
from ringbridge.web.suggestions import suggestions
from ringbridge.web.words import N_

NOT_CONFIGURED = (N_("There are no rules yet"), N_("Describe the office first: PBX, trunks, CRM."))
MOST_FIELDS = 100
LONGEST = 64 * 1024
NEW = "new"
NOTHING_SAID = {"name": ""}


class RulesPage:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    @property
    def routes(self) -> list[Route]:
        return [
            Route("/rules", self.page, methods=["GET"]),
            Route("/rules", self.act, methods=["POST"]),
            Route("/rules/row", self.row, methods=["GET"]),
            Route("/rules/row", self.save, methods=["POST"]),
        ]

    async def page(self, request: Request) -> Response:
        return await self._shown(request)

    async def _shown(self, request: Request, *, refused: str = "", code: int = 200) -> Response:
        try:
            table = await self._desk.read()
        except ConfigError:
            return await self._pages.notice(request, 404, *NOT_CONFIGURED)
        rows = [
            (row, told(row, CONDITIONS), told(row, ANSWERS), table.warnings_of(place))
            for place, row in enumerate(table.rows)
        ]
        context = {"table": table, "rows": rows, "presets": PRESETS, "refused": refused}
        return await self._pages.page(request, "rules.html", code=code, **context)

    async def act(self, request: Request) -> Response:
        """POST: `act` (up, down, delete), `at`, `version`."""
        async with request.form(max_files=0, max_fields=8) as form:
            act, at, version = (str(form.get(name, "")) for name in ("act", "at", "version"))
        table = await self._table()
        place = place_of(at, table)
        if place is None:
            raise HTTPException(404)
        return await self._saved(request, moved(table.rows, act, place), version)

    async def row(self, request: Request) -> Response:
        """`at`: a row's place, or new, with the name of a `preset`."""
        table = await self._table()
        at = request.query_params.get("at", NEW)
        place = place_of(at, table)
        if place is None and at != NEW:
            raise HTTPException(404)
        preset = PRESETS.get(request.query_params.get("preset", ""))
        begun: RuleRow | Mapping[str, Any] = NOTHING_SAID
        if place is not None:
            begun = table.rows[place]
        elif preset is not None:
            say = languages.translations(languages.language_of(request)).gettext
            begun = {"name": say(preset.name), **preset.row}
        return await self._form(request, table, at, values_of(begun))

    async def save(self, request: Request) -> Response:
        """POST: `at`, `version`, and the row's fields."""
        async with request.form(max_files=0, max_fields=MOST_FIELDS, max_part_size=LONGEST) as form:
            at, version, values = str(form.get("at", "")), str(form.get("version", "")), submitted(form)
        table = await self._table()
        place = place_of(at, table)
        if place is None and at != NEW:
            raise HTTPException(404)
        try:
            row = RuleRow.model_validate(document_of(values))
        except ValidationError as error:
            return await self._form(request, table, at, values, errors=errors_of(error), code=422)
        rows = list(table.rows)
        rows[len(rows) if place is None else place : len(rows) if place is None else place + 1] = [row]
        return await self._saved(request, rows, version)

    async def _form(
        self,
        request: Request,
        table: RuleTable,
        at: str,
        values: Values,
        *,
        errors: Mapping[str, Sequence[str]] | None = None,
        code: int = 200,
    ) -> Response:
        place = place_of(at, table)
        return await self._pages.page(
            request,
            "rule.html",
            code=code,
            at=at,
            version=table.version,
            values=values,
            errors=errors or {},
            warnings=table.warnings_of(place) if place is not None and not errors else [],
            name_field=NAME,
            conditions=CONDITIONS,
            answers=ANSWERS,
            suggestions=suggestions(table.choices.values(), table.trunks, table.phones),
        )

    async def _saved(self, request: Request, rows: Sequence[RuleRow], version: str) -> Response:
        try:
            await self._desk.save(rows, version=version, by=by_whom(request))
        except RulesChanged as error:
            return await self._shown(request, refused=str(error), code=409)
        except StoreError:
            return await self._pages.notice(request, 503, *NOT_STORED)
        return RedirectResponse("/rules", status_code=303)

    async def _table(self) -> RuleTable:
        try:
            return await self._desk.read()
        except ConfigError as error:
            raise HTTPException(404) from error

    @property
    def _desk(self) -> RuleDesk:
        desk = self._pages.services.rules
        if desk is None:
            raise HTTPException(404)
        return desk


def place_of(at: str, table: RuleTable) -> int | None:
    """Of a row that is there."""
    return int(at) if at.isascii() and at.isdigit() and int(at) < len(table.rows) else None


def moved(rows: Sequence[RuleRow], act: str, place: int) -> list[RuleRow]:
    """The rows as they are after it."""
    changed = list(rows)
    row = changed.pop(place)
    match act:
        case "up":
            changed.insert(max(0, place - 1), row)
        case "down":
            changed.insert(place + 1, row)
        case "delete":
            pass
        case _:
            raise HTTPException(404)
    return changed
