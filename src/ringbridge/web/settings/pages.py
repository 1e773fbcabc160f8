"""The settings: every part of the office as a form, and the history of its changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ringbridge.service.config import document_of
from ringbridge.service.settings_desk import Mistake, OfficeChanged, OfficeRefused, SettingsDesk, version_of
from ringbridge.store.errors import StoreError
from ringbridge.web.auth.visitor import by_whom
from ringbridge.web.pages.delivery import NOT_STORED
from ringbridge.web.rendering import Pages
from ringbridge.web.settings import form as forms
from ringbridge.web.settings.sections import NEW, SECTIONS, Document, Section
from ringbridge.web.suggestions import suggested
from ringbridge.web.words import N_

MEANWHILE = N_("Somebody else has changed this meanwhile: look at it again.")
MOST_FIELDS, LONGEST = 2000, 64 * 1024


class SettingsPages:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    @property
    def routes(self) -> list[Route]:
        return [
            Route("/config/settings", self.overview, methods=["GET"]),
            Route("/config/settings/{section}", self.section, methods=["GET"]),
            Route("/config/settings/{section}", self.save, methods=["POST"]),
            Route("/config/settings/{section}/{at}", self.section, methods=["GET"]),
            Route("/config/settings/{section}/{at}", self.save, methods=["POST"]),
            Route("/config/history", self.history, methods=["GET"]),
            Route("/config/history", self.put_back, methods=["POST"]),
        ]

    async def overview(self, request: Request) -> Response:
        document = document_of(await self._desk.office(), secrets=False)
        counts = {section.key: len(section.rows(document)) for section in SECTIONS.values() if section.columns}
        return await self._pages.page(
            request, "settings.html", sections=SECTIONS.values(), counts=counts, rules=len(document.get("rule", ()))
        )

    async def section(self, request: Request) -> Response:
        """A list, or the form of a row or of what there is one of."""
        section = section_of(request)
        document = document_of(await self._desk.office())
        if section.columns and "at" not in request.path_params:
            rows = [row_of(section, row) for row in section.rows(document)]
            return await self._pages.page(request, "settings_list.html", section=section, rows=rows)
        part = section.part(document, at_of(request))
        if part is None:
            raise HTTPException(404)
        return await self._form(request, section, part, version_of(part))

    async def save(self, request: Request) -> Response:
        """POST: the form's inputs, `version`, and `act`: save or delete."""
        section, at = section_of(request), at_of(request)
        async with request.form(max_files=0, max_fields=MOST_FIELDS, max_part_size=LONGEST) as form:
            given = {name: str(value) for name, value in form.items()}
        version, removed = given.get("version", ""), given.get("act") == "delete"
        typed: Document = {}

        def alter(document: Document) -> Document:
            nonlocal typed
            before = section.part(document, at)
            typed = forms.document_of(section.fields, given, before or {})
            if before is None or version_of(before) != version:
                raise OfficeChanged(MEANWHILE)
            return section.put(document, at, None if removed else typed)

        try:
            office = await self._desk.office()
            await self._desk.change(alter, by=by_whom(request))
        except OfficeRefused as error:
            count = len(section.rows(document_of(office)))
            refused = errors_of(error.mistakes, section, at, count, forms.inputs_of(section.fields, typed))
            return await self._form(request, section, typed, version, given=given, errors=refused, code=422)
        except OfficeChanged:
            return await self._form(request, section, typed, version, given=given, errors={"": [MEANWHILE]}, code=409)
        except StoreError:
            return await self._pages.notice(request, 503, *NOT_STORED)
        after = f"/config/settings/{section.key}" if section.columns else "/config/settings"
        return RedirectResponse(after, status_code=303)

    async def _form(
        self,
        request: Request,
        section: Section,
        part: Document,
        version: str,
        *,
        given: Mapping[str, str] | None = None,
        errors: Mapping[str, list[str]] | None = None,
        code: int = 200,
    ) -> Response:
        """`given`: what was sent, and is refused: nothing that was typed is lost."""
        inputs = forms.inputs_of(section.fields, part)
        return await self._pages.page(
            request,
            "settings_form.html",
            code=code,
            section=section,
            inputs=inputs if given is None else forms.as_typed(inputs, given),
            suggestions=await suggested(self._desk),
            errors=errors or {},
            version=version,
            new=at_of(request) == NEW,
        )

    async def history(self, request: Request) -> Response:
        return await self._history(request)

    async def _history(self, request: Request, refused: str = "", code: int = 200) -> Response:
        past = await self._desk.history()
        return await self._pages.page(request, "settings_history.html", code=code, past=past, refused=refused)

    async def put_back(self, request: Request) -> Response:
        """POST: `change`, whose earlier office is to count again."""
        async with request.form(max_files=0, max_fields=4) as form:
            change = str(form.get("change", ""))
        if not change.isdecimal():
            raise HTTPException(404)
        try:
            await self._desk.put_back(int(change), by=by_whom(request))
        except (OfficeRefused, OfficeChanged) as error:
            return await self._history(request, str(error), code=409)
        except StoreError:
            return await self._pages.notice(request, 503, *NOT_STORED)
        return RedirectResponse("/config/history", status_code=303)

    @property
    def _desk(self) -> SettingsDesk:
        desk = self._pages.services.settings
        if desk is None:
            raise HTTPException(404)
        return desk


def section_of(request: Request) -> Section:
    section = SECTIONS.get(request.path_params["section"])
    if section is None:
        raise HTTPException(404)
    return section


def at_of(request: Request) -> str:
    return str(request.path_params.get("at", ""))


def row_of(section: Section, row: Document) -> list[str]:
    values: list[Any] = [row.get(column, "") for column in section.columns]
    return [", ".join(map(str, value)) if isinstance(value, list) else str(value) for value in values]


def errors_of(
    mistakes: tuple[Mistake, ...], section: Section, at: str, count: int, inputs: tuple[forms.Input, ...]
) -> dict[str, list[str]]:
    """By the input beside which it is said; under the empty name what is about none of them."""
    known = set(forms.places(inputs))
    found: dict[str, list[str]] = {}
    for mistake in mistakes:
        place = section.place_of(mistake.place, at, count) or ""
        while place and place not in known:
            place = place.rpartition(".")[0]
        found.setdefault(place, []).append(mistake.words)
    return found
