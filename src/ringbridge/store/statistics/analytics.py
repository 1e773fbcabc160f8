"""What the summaries say about the calls of a period, put together to sums by source, employee, queue or hour."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

from sqlalchemy import ColumnElement, Row, Table, case, func, select

from ringbridge.store.database import Transaction
from ringbridge.store.statistics import summaries
from ringbridge.store.statistics.counting import Lane
from ringbridge.store.statistics.spans import Span, of_hours, parts
from ringbridge.telephony.model import Direction

HOURS, DAYS = summaries.stats_calls, summaries.stats_calls_days
PEOPLE, PEOPLE_DAYS = summaries.stats_people, summaries.stats_people_days

WEEK = 7 * 24  # hours
THURSDAY = 3 * 24  # hours from Monday: on one the count of hours began


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Of some calls. Times are seconds."""

    calls: int = 0
    answered: int = 0
    missed: int = 0
    busy: int = 0
    noanswer: int = 0
    cancelled: int = 0
    failed: int = 0
    quick: int = 0  # answered within the service level
    wait: int = 0
    answered_wait: int = 0
    talk: int = 0

    def __add__(self, other: Sums) -> Sums:
        return Sums(**{one.name: getattr(self, one.name) + getattr(other, one.name) for one in fields(Sums)})

    @classmethod
    def of(cls, row: Row[Any]) -> Self:
        return cls(**{one.name: getattr(row, one.name) for one in fields(cls)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """An employee's. Times are seconds."""

    calls: int = 0  # in which their phone rang, or that they began
    answered: int = 0
    missed: int = 0
    wait: int = 0
    talk: int = 0

    def __add__(self, other: Shares) -> Shares:
        return Shares(**{one.name: getattr(self, one.name) + getattr(other, one.name) for one in fields(Shares)})

    @classmethod
    def of(cls, row: Row[Any]) -> Self:
        return cls(**{one.name: getattr(row, one.name) for one in fields(cls)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """From an hour on the office's clock goes so many hours before UTC."""

    since: int
    hours: int


async def lanes(tx: Transaction) -> dict[int, Lane]:
    """Every source that ever was, by its id."""
    rows = await tx.execute(select(summaries.stats_sources))
    return {row.id: Lane(trunk=row.trunk, did=row.did) for row in rows}


async def by_source(tx: Transaction, span: Span) -> dict[tuple[int, Direction], Sums]:
    found: dict[tuple[int, Direction], Sums] = {}
    for table, within in parts(span, HOURS, DAYS):
        by = table.c.source, table.c.direction
        asked = select(*by, *sums_of(table, Sums)).where(*within, *of_sources(span, table)).group_by(*by)
        for row in await tx.execute(asked):
            key = row.source, Direction(row.direction)
            found[key] = found.get(key, Sums()) + Sums.of(row)
    return found


async def by_queue(tx: Transaction, span: Span) -> dict[str, Sums]:
    """Clients' calls that came into a queue."""
    found: dict[str, Sums] = {}
    for table, within in parts(span, HOURS, DAYS):
        queued = table.c.direction == Direction.INBOUND, table.c.queue != ""
        asked = select(table.c.queue, *sums_of(table, Sums)).where(*within, *of_sources(span, table), *queued)
        for row in await tx.execute(asked.group_by(table.c.queue)):
            found[row.queue] = found.get(row.queue, Sums()) + Sums.of(row)
    return found


async def by_employee(tx: Transaction, span: Span) -> dict[tuple[str, Direction], Shares]:
    found: dict[tuple[str, Direction], Shares] = {}
    for table, within in parts(span, PEOPLE, PEOPLE_DAYS):
        by = table.c.extension, table.c.direction
        asked = select(*by, *sums_of(table, Shares)).where(*within, *of_people(span, table)).group_by(*by)
        for row in await tx.execute(asked):
            key = row.extension, Direction(row.direction)
            found[key] = found.get(key, Shares()) + Shares.of(row)
    return found


# By the hour of the week: 0 is the first hour of Monday


async def hours_of(tx: Transaction, span: Span) -> tuple[int, int] | None:
    """The first and the last hour of the period that have calls; None: there are none."""
    hour = HOURS.c.hour
    there = select(hour).where(*of_hours(span, hour)).limit(1)
    first = (await tx.execute(there.order_by(hour))).scalar()
    last = (await tx.execute(there.order_by(hour.desc()))).scalar()
    return None if first is None or last is None else (first, last)


async def by_hour(tx: Transaction, span: Span, shifts: Sequence[Shift]) -> dict[int, Sums]:
    """Clients' calls: how many, answered and missed. `shifts`: the office's clock, the first one from the beginning."""
    return await _by_hour(tx, HOURS, (*of_hours(span, HOURS.c.hour), *of_sources(span, HOURS)), shifts)


async def own_by_hour(tx: Transaction, span: Span, shifts: Sequence[Shift]) -> dict[int, Sums]:
    """Those with which phones of these employees rang. A call counts once for each of them."""
    return await _by_hour(tx, PEOPLE, (*of_hours(span, PEOPLE.c.hour), *of_people(span, PEOPLE)), shifts)


async def _by_hour(
    tx: Transaction, table: Table, conditions: Iterable[ColumnElement[bool]], shifts: Sequence[Shift]
) -> dict[int, Sums]:
    first, *later = shifts
    turned = [(table.c.hour >= shift.since, shift.hours) for shift in reversed(later)]
    shift = case(*turned, else_=first.hours) if turned else first.hours
    place = ((table.c.hour + shift + THURSDAY) % WEEK).label("place")
    amounts = [func.sum(table.c[name]).label(name) for name in ("calls", "answered", "missed")]
    asked = select(place, *amounts).where(table.c.direction == Direction.INBOUND, *conditions).group_by(place)
    rows = await tx.execute(asked)
    return {row.place: Sums(calls=row.calls, answered=row.answered, missed=row.missed) for row in rows}


# Conditions


def sums_of(table: Table, of: type[Sums | Shares]) -> list[ColumnElement[int]]:
    return [func.sum(table.c[one.name]).label(one.name) for one in fields(of)]


def of_sources(span: Span, table: Table) -> Iterator[ColumnElement[bool]]:
    if span.sources is not None:
        yield table.c.source.in_(span.sources)
    if span.queue is not None:
        yield table.c.queue == span.queue


def of_people(span: Span, table: Table) -> Iterator[ColumnElement[bool]]:
    if span.extensions is not None:
        yield table.c.extension.in_(span.extensions)


def together(sums: Iterable[Sums]) -> Sums:
    total = Sums()
    for one in sums:
        total = total + one
    return total
