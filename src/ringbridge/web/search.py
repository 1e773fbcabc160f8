"""What the journal is searched for, as it stands in the page's address. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlencode

from ringbridge.store.calls import Filters
from ringbridge.telephony.model import Direction, Disposition
from ringbridge.telephony.numbers import parse_number

Choice = TypeVar("Choice", bound=StrEnum)

FIELDS = ("number", "employee", "trunk", "direction", "result", "from", "to")
LONGEST = 64  # of a field: no number or name is longer


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    fields: Mapping[str, str]  # as they were written; empty ones match everything
    filters: Filters
    mistaken: bool = False  # a date could not be read

    @property
    def asks(self) -> bool:
        return any(self.fields.values())

    def address(self, **more: str) -> str:
        """The journal with this search, and more."""
        query = urlencode({name: value for name, value in {**self.fields, **more}.items() if value})
        return f"/journal?{query}" if query else "/journal"


def read_search(query: Mapping[str, str], zone: tzinfo, region: str) -> Search:
    """By the address's fields; `zone` is the one whose days are meant, `region` the country by which a whole number is
    read. What is not on offer matches everything."""
    fields = {name: query.get(name, "").strip()[:LONGEST] for name in FIELDS}
    first, last = day(fields["from"]), day(fields["to"])
    number = parse_number(fields["number"], region)
    return Search(
        fields=fields,
        filters=Filters(
            since=start_of(first, zone) if first else None,
            until=start_of(last + timedelta(days=1), zone) if last and last < date.max else None,
            direction=one_of(Direction, fields["direction"]),
            disposition=one_of(Disposition, fields["result"]),
            number=(number.digits or number.given) if number else "",
            extension=fields["employee"],
            trunk=fields["trunk"],
        ),
        mistaken=bool(fields["from"] and not first) or bool(fields["to"] and not last),
    )


def day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def start_of(day: date, zone: tzinfo) -> datetime:
    try:
        return datetime.combine(day, time.min, zone).astimezone(UTC)
    except OverflowError:  # the first or last day of the calendar, in a zone that leaves it
        return datetime.combine(day, time.min, UTC)


def one_of(choices: type[Choice], value: str) -> Choice | None:
    return choices(value) if value in set(choices) else None
