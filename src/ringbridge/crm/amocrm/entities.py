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

CLOSED = frozenset({142, 143})
BETWEEN = re.compile(r"[,;/\n]+|\s{2,}")  # several numbers in one field
LIKE_A_NUMBER = re.compile(r"\+?(?:[\s().-]*\d){10,15}[\s().-]*")
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
    return (written for _, written in _texts(row))


def phones_written(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Its phones, as they are written: all of the field PHONE, and of other fields what looks like a whole number."""
    written = (one for is_phone, one in _texts(row) if (is_phone and one) or LIKE_A_NUMBER.fullmatch(one))
    return tuple(dict.fromkeys(written))


def _texts(row: Mapping[str, Any]) -> Iterator[tuple[bool, str]]:
    """Whether it stands in the field PHONE, and what is written there: whole, and each part where it has several."""
    fields = [as_map(one) for one in as_list(row.get("custom_fields_values"))]
    fields.sort(key=lambda one: one.get("field_code") != "PHONE")
    for one in fields:
        if one.get("field_code") == "EMAIL" or one.get("field_type") in DATES:
            continue
        for value in map(as_map, as_list(one.get("values"))):
            written = text(value.get("value"))
            parts = BETWEEN.split(written)
            for part in (written, *(parts if len(parts) > 1 else ())):
                yield one.get("field_code") == "PHONE", part.strip()


def has_number(row: Mapping[str, Any], number: Number, region: str) -> bool:
    """Whether one of its phones is exactly this number, however it is written."""
    return any(same(parse_number(written, region), number) for written in phones_in(row))


def query_for(number: Number, region: str) -> str | None:
    """The digits that are in every way of writing the number; None when they are too few to search for."""
    digits = min(spellings(number, region), key=len, default="")[-SEARCHED:]
    return digits if len(digits) >= SHORTEST else None
