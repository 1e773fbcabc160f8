"""The trunks by which clients come, and the rules as plain questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from ringbridge.service.config import Office, document_of
from ringbridge.service.config.rules import RuleRow
from ringbridge.service.config.trunk import Trunk
from ringbridge.service.settings_desk import Document, OfficeChanged, OfficeRefused, version_of
from ringbridge.web import language as languages
from ringbridge.web.rule_words import PRESETS
from ringbridge.web.suggestions import suggested
from ringbridge.web.wizard.frame import Frame, given
from ringbridge.web.wizard.steps import Step
from ringbridge.web.words import N_

MOST = 100
DETAILS = ("title", "line")
LEAD = ("source", "pipeline")
"""What the page shows of what the CRM is told of new clients."""

EMPTY: Mapping[str, Any] = {"name": "", "use": False, "title": "", "line": "", "source": "", "pipeline": ""}

QUESTIONS: Mapping[str, str] = {
    "task": N_("Shall a missed call make a task for somebody?"),
    "deal": N_("Shall a new client get a deal at once?"),
    "outbound": N_("Shall nothing be made of an unknown number that we call?"),
    "waiting-time": N_("Shall the call's description say how long the client waited?"),
    "holding": N_("Do your clients have several companies with one number?"),
}


class TrunksStep:
    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    async def page(self, request: Request) -> Response:
        return await self._shown(request)

    async def save(self, request: Request) -> Response:
        """POST: of each trunk, with its place on the page behind a blank: `name 0`, `use 0`, details, `source 0`…"""
        form = await given(request)
        try:
            await self._frame.change(request, form, trunks_of, lambda before: with_trunks(before, form))
        except (OfficeRefused, OfficeChanged) as refusal:
            return await self._shown(request, typed=form, refused=str(refusal), code=422)
        return await self._frame.passed(request, Step.TRUNKS)

    async def _shown(
        self, request: Request, *, typed: Mapping[str, str] | None = None, refused: str = "", code: int = 200
    ) -> Response:
        office, progress = await self._frame.desk.office(), await self._frame.progress()
        rows = trunk_rows(office, progress.trunks) if typed is None else typed_rows(typed)
        version = version_of(trunks_of(document_of(office)))
        suggestions = await suggested(self._frame.desk)
        return await self._frame.page(
            request, Step.TRUNKS, code=code, rows=rows, refused=refused, suggestions=suggestions, version=version
        )


def trunks_of(document: Document) -> Any:
    return document.get("trunk", [])


def trunk_rows(office: Office, found: Sequence[str]) -> list[dict[str, Any]]:
    """Those that count already, those that were found, and an empty one."""
    known = {trunk.name: trunk for trunk in office.trunk}
    rows: list[dict[str, Any]] = []
    for name in dict.fromkeys((*known, *found)):
        trunk = known.get(name, Trunk(name=name))
        rows.append(
            {
                "name": name,
                "use": name in known or not known,
                "title": trunk.title,
                "line": trunk.line or "",
                "source": trunk.lead.source,
                "pipeline": trunk.lead.pipeline,
            }
        )
    return [*rows, dict(EMPTY)]


def typed_rows(form: Mapping[str, str]) -> list[dict[str, Any]]:
    """As they were sent, and refused."""
    places = [n for n in range(MOST) if form.get(f"name {n}")]
    rows = [{each: form.get(f"{each} {n}", "") for each in EMPTY} | {"use": f"use {n}" in form} for n in places]
    return [*rows, dict(EMPTY)]


def with_trunks(document: Document, form: Mapping[str, str]) -> Document:
    """The office with the trunks that are in use; what the page does not show, of them or of others, stays."""
    known = {trunk["name"]: trunk for trunk in document.get("trunk", ())}
    shown = {form.get(f"name {n}") for n in range(MOST)}
    trunks = [trunk for name, trunk in known.items() if name not in shown]
    for n in range(MOST):
        name = form.get(f"name {n}", "")
        if not name or f"use {n}" not in form:
            continue
        before = known.get(name, {})
        said = {each: form[f"{each} {n}"] for each in DETAILS if form.get(f"{each} {n}")}
        stays = {key: value for key, value in before.items() if key not in {*DETAILS, "lead"}}
        lead = {key: value for key, value in before.get("lead", {}).items() if key not in LEAD}
        lead |= {each: form[f"{each} {n}"] for each in LEAD if form.get(f"{each} {n}")}
        trunks.append(stays | {"name": name} | said | ({"lead": lead} if lead else {}))
    return document | {"trunk": trunks}


class RulesStep:
    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    async def page(self, request: Request) -> Response:
        return await self._shown(request)

    async def _shown(self, request: Request, *, refused: str = "", code: int = 200) -> Response:
        office = await self._frame.desk.office()
        said = {name: place_of(office.rule, name) is not None for name in QUESTIONS}
        others = len(office.rule) - sum(said.values())
        return await self._frame.page(
            request,
            Step.RULES,
            code=code,
            questions=QUESTIONS,
            said=said,
            others=others,
            version=version_of(rules_of(document_of(office))),
            refused=refused,
        )

    async def save(self, request: Request) -> Response:
        """POST: `preset NAME` for each question that is answered with yes."""
        form = await given(request)
        say = languages.translations(languages.language_of(request)).gettext
        names = {name: say(PRESETS[name].name) for name in QUESTIONS}
        wanted = {name for name in QUESTIONS if f"preset {name}" in form}
        try:
            await self._frame.change(request, form, rules_of, lambda before: with_rules(before, wanted, names))
        except OfficeChanged as refusal:
            return await self._shown(request, refused=str(refusal), code=422)
        return await self._frame.passed(request, Step.RULES)


def rules_of(document: Document) -> Any:
    return document.get("rule", [])


def place_of(rows: Sequence[RuleRow], preset: str) -> int | None:
    """Of the row that says just what the preset says, whatever it is called."""
    for place, row in enumerate(rows):
        if row == RuleRow.model_validate({"name": row.name, **PRESETS[preset].row}):
            return place
    return None


def with_rules(document: Document, wanted: set[str], names: Mapping[str, str]) -> Document:
    """Rows of other making stay where they are; new ones go behind them."""
    rows = list(document.get("rule", ()))
    for name in QUESTIONS:
        place = place_of([RuleRow.model_validate(row) for row in rows], name)
        if place is not None and name not in wanted:
            del rows[place]
        elif place is None and name in wanted:
            rows.append({"name": names[name], **PRESETS[name].row})
    return document | {"rule": rows}
