"""Contacts, companies and leads: what they are, how they hang together, who is found by a phone.

Source: amoCRM API v4, "Contacts", "Companies", "Leads". Times are Unix seconds, as in the interface.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ringbridge.emulators.amocrm.fields import Fields, Values
from ringbridge.emulators.amocrm.pipelines import CLOSED


class Kind(StrEnum):
    """As addresses name them."""

    CONTACTS = "contacts"
    COMPANIES = "companies"
    LEADS = "leads"

    @property
    def single(self) -> str:
        """As answers name one of them."""
        return {"contacts": "contact", "companies": "company", "leads": "lead"}[self.value]


@dataclass(slots=True, kw_only=True)
class Entity:
    kind: Kind
    id: int
    name: str = ""
    first_name: str = ""
    last_name: str = ""
    responsible_user_id: int = 0
    created_by: int = 0
    updated_by: int = 0
    created_at: int = 0
    updated_at: int = 0
    is_deleted: bool = False
    is_unsorted: bool = False  # part of an incoming lead that nobody has accepted: hidden
    values: dict[int, Values] = field(default_factory=dict)  # of custom fields
    tags: list[int] = field(default_factory=list)
    links: dict[tuple[Kind, int], bool] = field(default_factory=dict)  # -> is_main
    indexed_at: float = 0.0  # when it was last changed, for the search's lag
    # Of leads.
    price: int = 0
    status_id: int = 0
    pipeline_id: int = 0
    closed_at: int | None = None
    loss_reason_id: int | None = None
    source_id: int | None = None
    source: dict[str, Any] | None = None

    @property
    def key(self) -> tuple[Kind, int]:
        return (self.kind, self.id)

    @property
    def shown(self) -> bool:
        return not self.is_deleted and not self.is_unsorted

    @property
    def open(self) -> bool:
        """An active lead."""
        return self.shown and self.status_id not in CLOSED

    def linked(self, kind: Kind) -> list[int]:
        """Ids of what hangs on it, the main one first."""
        found = [(not main, number) for (other, number), main in self.links.items() if other is kind]
        return [number for _, number in sorted(found)]


@dataclass(slots=True, kw_only=True)
class Entities:
    fields: Fields
    rows: dict[Kind, dict[int, Entity]] = field(default_factory=lambda: {kind: {} for kind in Kind})

    def get(self, kind: Kind, number: Any) -> Entity | None:
        """One that is not deleted; part of an incoming lead or not."""
        found = self.rows[kind].get(number) if isinstance(number, int) else None
        return found if found and not found.is_deleted else None

    def shown(self, kind: Kind) -> Iterator[Entity]:
        return (one for one in self.rows[kind].values() if one.shown)

    def link(self, one: Entity, other: Entity, *, main: bool = False) -> None:
        """Tie two together. A lead's first contact is its main one."""
        first = not one.linked(other.kind)
        if main:
            for key in [key for key in one.links if key[0] is other.kind]:
                one.links[key] = False
        one.links[other.key] = main or first
        other.links.setdefault(one.key, False)

    def unlink(self, one: Entity, other: Entity) -> None:
        one.links.pop(other.key, None)
        other.links.pop(one.key, None)

    def phones(self, one: Entity) -> list[str]:
        """All that is written in its PHONE field."""
        known = self.fields.by_code(one.kind.value, "PHONE")
        return [str(value["value"]) for value in one.values.get(known.id, [])] if known else []

    def by_phone(self, number: str, *, digits: int, indexed_before: float) -> list[Entity]:
        """Contacts, then companies, the oldest first, whose phone ends in the same digits."""
        wanted = tail(number, digits)
        if not wanted:
            return []
        return [
            one
            for kind in (Kind.CONTACTS, Kind.COMPANIES)
            for one in sorted(self.shown(kind), key=lambda one: one.id)
            if one.indexed_at <= indexed_before and wanted in (tail(phone, digits) for phone in self.phones(one))
        ]

    def place_of_call(self, client: Entity) -> Entity:
        """Where a call of this client is written: its only active lead, else the client itself."""
        active = [lead for number in client.linked(Kind.LEADS) if (lead := self.rows[Kind.LEADS][number]).open]
        return active[0] if len(active) == 1 else client

    def found_by(self, one: Entity, query: str) -> bool:
        """Full text in anything filled in; a number's digits in any phone."""
        wanted = query.strip().casefold()
        if not wanted:
            return True
        texts = [one.name, str(one.id), *(str(value["value"]) for kept in one.values.values() for value in kept)]
        if any(wanted in content.casefold() for content in texts):
            return True
        digits = _digits(query)
        return len(digits) >= _FEWEST and not re.search(r"[^\W\d_]", query) and any(
            digits in _digits(content) for content in texts
        )  # fmt: skip


_FEWEST = 3  # digits that are searched as a number


def _digits(written: str) -> str:
    return re.sub(r"\D", "", written)


def tail(number: str, digits: int) -> str:
    """The last digits by which numbers are compared; shorter numbers whole."""
    return _digits(number)[-digits:]
