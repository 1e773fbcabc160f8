"""The parts of the office, each with a page of its own: which fields it has, and where it stands in the document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from ringbridge.service.config import Employee, Office, Pbx
from ringbridge.service.config.api import ApiToken
from ringbridge.service.config.backup import BackupConfig
from ringbridge.service.config.dialing import DialingConfig
from ringbridge.service.config.distribution import DistributionConfig
from ringbridge.service.config.hooks import HooksConfig
from ringbridge.service.config.portal import Portal
from ringbridge.service.config.report import ReportConfig
from ringbridge.service.config.rules import HoursConfig
from ringbridge.service.config.trunk import OurNumber, Trunk
from ringbridge.web.settings.fields import Field, Kind, fields_of
from ringbridge.web.words import N_

Document = dict[str, Any]

GENERAL = "general"
NEW = "new"


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """`columns`: of a list, which settings tell its rows apart; empty: there is one of it."""

    key: str
    title: str
    icon: str
    fields: tuple[Field, ...]
    columns: tuple[str, ...] = ()

    def rows(self, document: Mapping[str, Any]) -> Sequence[Document]:
        found: Sequence[Document] = document.get(self.key, ())
        return found

    def part(self, document: Mapping[str, Any], at: str) -> Document | None:
        """`at`: the place in a list, or new; else it does not matter. None: there is no such row."""
        if self.key == GENERAL:
            names = {field.name for field in self.fields}
            return {name: value for name, value in document.items() if name in names}
        if not self.columns:
            return dict(document.get(self.key, {}))
        if at == NEW:
            return {}
        rows = self.rows(document)
        return dict(rows[int(at)]) if at.isdecimal() and int(at) < len(rows) else None

    def put(self, document: Document, at: str, part: Document | None) -> Document:
        """The office with this part in place of the earlier one; None removes a row."""
        if self.key == GENERAL:
            rest = {name: value for name, value in document.items() if name not in {f.name for f in self.fields}}
            return rest | (part or {})
        if not self.columns:
            return document | {self.key: part or {}}
        rows = list(self.rows(document))
        place = len(rows) if at == NEW else int(at)
        rows[place : place + 1] = [] if part is None else [part]
        return document | {self.key: rows}

    def place_of(self, place: Sequence[str | int], at: str, count: int) -> str | None:
        """A place in the office as one in this part's form; None: it is in another part. `count`: rows before."""
        steps = list(place)
        if self.key == GENERAL:
            return ".".join(map(str, steps))
        if steps[:1] != [self.key]:
            return None
        if not self.columns:
            return ".".join(map(str, steps[1:]))
        row = count if at == NEW else int(at)
        return ".".join(map(str, steps[2:])) if steps[1:2] == [row] else None


RULES = "rule"
"""The part that has a page made for it."""


def is_part(field: Field) -> bool:
    """A part of the office that has a page of its own."""
    return field.kind in {Kind.GROUP, Kind.ROWS}


def _section(key: str, title: str, icon: str, model: type[BaseModel], *columns: str) -> Section:
    return Section(key=key, title=title, icon=icon, fields=fields_of(model), columns=columns)


SECTIONS: Mapping[str, Section] = {
    section.key: section
    for section in (
        Section(
            key=GENERAL,
            title=N_("General"),
            icon="info-circle",
            fields=tuple(field for field in fields_of(Office) if not is_part(field)),
        ),
        _section("pbx", N_("PBXs"), "device-landline-phone", Pbx, "name", "host", "username"),
        _section("portal", N_("CRM portals"), "stack-2", Portal, "name", "kind", "default_user"),
        _section("trunk", N_("Trunks and lines"), "arrows-right-left", Trunk, "name", "title", "line"),
        _section("number", N_("Our numbers"), "phone", OurNumber, "number", "title", "source", "trunk"),
        _section("employee", N_("Employees"), "users-group", Employee, "name", "extensions", "mobiles", "email"),
        _section("hours", N_("Working hours"), "clock", HoursConfig),
        _section("dialing", N_("Calls that are asked for"), "phone-outgoing", DialingConfig),
        _section("distribution", N_("Distribution of incoming calls"), "phone-incoming", DistributionConfig),
        _section("hooks", N_("Hooks"), "bulb", HooksConfig),
        _section("report", N_("Weekly report"), "mail-opened", ReportConfig),
        _section("backup", N_("Backup"), "stack-2", BackupConfig),
        _section("api_token", N_("Programs that may ask for calls"), "send-2", ApiToken, "name", "may"),
    )
}
