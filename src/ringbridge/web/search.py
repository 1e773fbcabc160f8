"""What the journal is searched for, as it stands in the page's address. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlencode

from ringbridge.store.calls import Filters
from ringbridge.store.words import is_named
from ringbridge.telephony.model import Direction, Disposition
from ringbridge.telephony.numbers import parse_number

Choice = TypeVar("Choice", bound=StrEnum)

FIELDS = ("number", "employee", "trunk", "direction", "result", "text", "from", "to")
LONGEST = 64  # of a field: no number or name is longer


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    fields: Mapping[str, str]  # as they were written; empty ones match everything
    filters: Filters
    client: str = ""  # a name: whose calls these are, the mirror knows
    employee: str = ""  # a name too: whose phones are meant, the office knows
    mistaken: bool = False  # a date could not be read

    @property
    def asks(self) -> bool:
        return any(self.fields.values())

    def of_people(self, phones: Mapping[str, str], numbers: tuple[str, ...] | None) -> Filters:
        """The filters with what the names mean: the client's `numbers`, and which of the office's `phones` (each with
        its holder's name) are the employee's."""
        called_so = tuple(phone for phone, name in phones.items() if is_named(name, self.employee))
        return replace(self.filters, employees=called_so if self.employee else None, numbers=numbers)

    def address(self, **more: str) -> str:
        """The journal with this search, and more."""
        query = urlencode({name: value for name, value in {**self.fields, **more}.items() if value})
        return f"/journal?{query}" if query else "/journal"


def read_search(query: Mapping[str, str], zone: tzinfo, region: str) -> Search:
    """By the address's fields; `zone` is the one whose days are meant, `region` the country by which a whole number is
    read. What is not on offer matches everything."""
    fields = {name: query.get(name, "").strip()[:LONGEST] for name in FIELDS}
    first, last = day(fields["from"]), day(fields["to"])
    client, employee = (fields[name] if is_name(fields[name]) else "" for name in ("number", "employee"))
    return Search(
        fields=fields,
        filters=Filters(
            since=start_of(first, zone) if first else None,
            until=start_of(last + timedelta(days=1), zone) if last and last < date.max else None,
            direction=one_of(Direction, fields["direction"]),
            disposition=one_of(Disposition, fields["result"]),
            number="" if client else one_spelling(fields["number"], region),
            extension="" if employee else fields["employee"],
            trunk=way_of(fields["trunk"], region),
            text=fields["text"],
        ),
        client=client,
        employee=employee,
        mistaken=bool(fields["from"] and not first) or bool(fields["to"] and not last),
    )


def is_name(text: str) -> bool:
    return any(sign.isalpha() for sign in text)


def one_spelling(number: str, region: str) -> str:
    """A whole number however it is written, and a part as it is."""
    read = parse_number(number, region)
    return (read.digits or read.given) if read else ""


def way_of(text: str, region: str) -> str:
    """A trunk's name, which may be digits, or a number that was called, as the PBX has it."""
    return text if is_name(text) or text.isdigit() else one_spelling(text, region)


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
