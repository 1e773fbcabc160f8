"""Contacts, companies and leads, as the API writes them and as facts keep them; and whose phone a number is.

Source: amoCRM API v4, "Contacts", "Companies", "Leads": values of custom fields, fixed stages 142 (won) and 143 (lost).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ringbridge.crm.amocrm.values import as_list, as_map, embedded, text, whole
from ringbridge.telephony.numbers import Number, parse_number, same, spellings

WON, LOST = 142, 143
CLOSED = frozenset({WON, LOST})
BETWEEN = re.compile(r"[,;/\n]+|\s{2,}")  # several numbers in one field
LIKE_A_NUMBER = re.compile(r"\+?(?:[\s().-]*\d){10,15}[\s().-]*")
SHORT = 100  # characters: a longer text is prose
DATES = frozenset({"date", "date_time", "birthday"})  # types of fields whose values are seconds
SEARCHED = 10  # last digits that are searched for: what is before them is written in many ways
SHORTEST = 5  # digits: fewer are found everywhere


class Kind(StrEnum):
    CONTACT = "contact"
    COMPANY = "company"
    LEAD = "lead"
    CUSTOMER = "customer"

    @property
    def path(self) -> str:
        """As addresses name them."""
        return "companies" if self is Kind.COMPANY else f"{self.value}s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    kind: Kind
    id: int
    owner: str = ""
    name: str = ""
    leads: tuple[int, ...] = ()  # that hang on it, closed ones too
    is_closed: bool = False  # of leads

    def document(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"kind": self.kind.value, "id": self.id, "owner": self.owner}


def entity_in(document: Any) -> Entity | None:
    """From facts, or from the answer of `calls`."""
    row = as_map(document)
    number, kind = whole(row.get("id")), text(row.get("kind"))
    if number is None or kind not in set(Kind):
        return None
    return Entity(kind=Kind(kind), id=number, owner=text(row.get("owner")))


def entities_in(documents: Any) -> tuple[Entity, ...]:
    return tuple(found for one in as_list(documents) if (found := entity_in(one)))


def entity_of(kind: Kind, row: Mapping[str, Any]) -> Entity | None:
    """From a list's row; None for what is deleted."""
    number = whole(row.get("id"))
    if number is None or row.get("is_deleted") is True:
        return None
    leads = (whole(lead.get("id")) for lead in embedded(row, "leads"))
    return Entity(
        kind=kind,
        id=number,
        owner=text(whole(row.get("responsible_user_id"))),
        name=text(row.get("name")),
        leads=tuple(filter(None, leads)),
        is_closed=whole(row.get("status_id")) in CLOSED,
    )


def phones_in(row: Mapping[str, Any]) -> Iterable[str]:
    """Everything in its fields that may be a phone: the field PHONE first, then any text but e-mail addresses."""
    return (part for _, written in _texts(row) for part in _parts(written))


def phones_written(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Its phones, as they are written: all of the field PHONE, and of short texts in other fields what looks like a
    whole number."""
    found: dict[str, None] = {}
    for is_phone, written in _texts(row):
        if is_phone:
            found |= dict.fromkeys(filter(None, _parts(written)))
        elif len(written) <= SHORT:
            found |= dict.fromkeys(filter(LIKE_A_NUMBER.fullmatch, _parts(written)))
    return tuple(found)


def _texts(row: Mapping[str, Any]) -> Iterator[tuple[bool, str]]:
    """What is written in its fields, and whether it stands in the field PHONE; that one first."""
    fields = [as_map(one) for one in as_list(row.get("custom_fields_values"))]
    fields.sort(key=lambda one: one.get("field_code") != "PHONE")
    for one in fields:
        if one.get("field_code") != "EMAIL" and one.get("field_type") not in DATES:
            for value in map(as_map, as_list(one.get("values"))):
                yield one.get("field_code") == "PHONE", text(value.get("value"))


def _parts(written: str) -> Iterator[str]:
    """The whole, and each part where it has several."""
    yield written
    parts = BETWEEN.split(written)
    if len(parts) > 1:
        yield from map(str.strip, parts)


def has_number(row: Mapping[str, Any], number: Number, region: str) -> bool:
    """Whether one of its phones is exactly this number, however it is written."""
    return any(same(parse_number(written, region), number) for written in phones_in(row))


def query_for(number: Number, region: str) -> str | None:
    """The digits that are in every way of writing the number; None when they are too few to search for."""
    digits = min(spellings(number, region), key=len, default="")[-SEARCHED:]
    return digits if len(digits) >= SHORTEST else None
