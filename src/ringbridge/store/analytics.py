"""What the summaries say about a period: read by hour, put together here to sums by source, employee, queue or hour.

A source is a way by which calls come: a trunk and the number called. Several of them may be one to people, shown under
one name; `groups` says which: each source's id -> the id under which it is put together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Self

from sqlalchemy import BigInteger, ColumnElement, Row, Select, Table, case, distinct, func, or_, select, type_coerce

from ringbridge.store import schema, summaries
from ringbridge.store.counting import HOUR, Lane, hour_of
from ringbridge.store.database import Transaction
from ringbridge.store.schema import MICROSECOND
from ringbridge.telephony.model import Direction

CALLS, PEOPLE, CLIENTS, KNOWN, MISSED = (
    summaries.stats_calls.c,
    summaries.stats_people.c,
    summaries.stats_clients.c,
    summaries.stats_known.c,
    summaries.stats_missed.c,
)
JOURNAL = schema.calls.c

SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Which calls are meant. None or empty: all. Times count by whole hours of UTC."""

    since: datetime | None = None  # began at or after
    until: datetime | None = None  # began before
    sources: Collection[int] | None = None
    queue: str | None = None
    extensions: Collection[str] | None = None

    @property
    def is_all_time(self) -> bool:
        return self.since is None and self.until is None


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
        return cls(**{one.name: getattr(row, one.name) or 0 for one in fields(cls)})


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Callbacks:
    """What became of missed calls."""

    missed: int = 0
    spoken: int = 0  # somebody spoke with the client within a week
    by_us: int = 0  # of these, we called
    within_hour: int = 0
    delay: int = 0  # seconds from the missed call to that talk, together
    withheld: int = 0  # that nobody can call back


@dataclass(frozen=True, slots=True, kw_only=True)
class MissedCall:
    key: str
    external: str | None
    at: datetime
    wait: int
    source: int
    queue: str
    back: datetime | None
    back_key: str | None
    back_direction: str | None
    back_by: str | None


SUMS = [func.sum(CALLS[one.name]).label(one.name) for one in fields(Sums)]


async def lanes(tx: Transaction) -> dict[int, Lane]:
    """Every source that ever was, by its id."""
    rows = await tx.execute(select(summaries.stats_sources))
    return {row.id: Lane(trunk=row.trunk, did=row.did) for row in rows}


async def by_source(tx: Transaction, span: Span) -> dict[tuple[int, Direction], Sums]:
    rows = await tx.execute(of_calls(span, CALLS.source, CALLS.direction))
    return {(row.source, Direction(row.direction)): Sums.of(row) for row in rows}


async def by_queue(tx: Transaction, span: Span) -> dict[str, Sums]:
    """Clients' calls that came into a queue."""
    found = of_calls(span, CALLS.queue).where(CALLS.direction == Direction.INBOUND, CALLS.queue != "")
    return {row.queue: Sums.of(row) for row in await tx.execute(found)}


async def by_hour(tx: Transaction, span: Span) -> dict[int, Sums]:
    """Clients' calls, by the hour since 1970."""
    found = of_calls(span, CALLS.hour).where(CALLS.direction == Direction.INBOUND)
    return {row.hour: Sums.of(row) for row in await tx.execute(found)}


async def own_by_hour(tx: Transaction, span: Span) -> dict[int, Sums]:
    """Clients' calls with which phones of these employees rang. A call counts once for each of them."""
    amounts = [func.sum(PEOPLE[name]).label(name) for name in ("calls", "answered", "missed", "wait", "talk")]
    found = select(PEOPLE.hour, *amounts).where(PEOPLE.direction == Direction.INBOUND, *of_people(span))
    rows = await tx.execute(found.group_by(PEOPLE.hour))
    return {
        row.hour: Sums(calls=row.calls, answered=row.answered, missed=row.missed, wait=row.wait, talk=row.talk)
        for row in rows
    }


async def by_employee(tx: Transaction, span: Span) -> dict[tuple[str, Direction], Shares]:
    amounts = [func.sum(PEOPLE[one.name]).label(one.name) for one in fields(Shares)]
    found = select(PEOPLE.extension, PEOPLE.direction, *amounts).where(*of_people(span))
    rows = await tx.execute(found.group_by(PEOPLE.extension, PEOPLE.direction))
    return {
        (row.extension, Direction(row.direction)): Shares(
            **{one.name: getattr(row, one.name) for one in fields(Shares)}
        )
        for row in rows
    }


def of_calls(span: Span, *by: Any) -> Select[Any]:
    return select(*by, *SUMS).where(*of_sources(span, CALLS)).group_by(*by)


def of_sources(span: Span, table: Any) -> Iterator[ColumnElement[bool]]:
    yield from of_hours(span, table.hour)
    if span.sources is not None:
        yield table.source.in_(span.sources)
    if span.queue is not None and "queue" in table:
        yield table.queue == span.queue


def of_people(span: Span) -> Iterator[ColumnElement[bool]]:
    yield from of_hours(span, PEOPLE.hour)
    if span.extensions is not None:
        yield PEOPLE.extension.in_(span.extensions)


def of_hours(span: Span, hour: ColumnElement[int]) -> Iterator[ColumnElement[bool]]:
    if span.since is not None:
        yield hour >= hour_of(span.since)
    if span.until is not None:
        yield hour < hour_of(span.until)


# Clients


async def clients_by_source(tx: Transaction, span: Span, groups: Mapping[int, int]) -> dict[int, int]:
    """How many different clients called, by group of sources."""
    sizes = Counter(groups.values())
    several = [source for source, group in groups.items() if sizes[group] > 1]
    table, conditions = clients_of(span)
    alone = [*conditions, *of_new(span, CLIENTS.last), *([table.c.source.not_in(several)] if several else [])]
    each = select(table.c.source, func.count().label("clients")).where(*alone).group_by(table.c.source)
    found = {row.source: row.clients for row in await tx.execute(each)}
    if several:
        group = case({one: groups[one] for one in several}, value=table.c.source)
        told_apart = select(group.label("source"), func.count(distinct(table.c.client)).label("clients"))
        rows = await tx.execute(told_apart.where(*conditions, table.c.source.in_(several)).group_by(group))
        found |= {row.source: row.clients for row in rows}
    return found


async def clients_in_all(tx: Transaction, span: Span) -> int:
    """How many different clients called, by whatever source."""
    table, conditions = clients_of(span)
    if span.sources is None and not span.is_all_time:
        counted = select(func.count()).select_from(table).where(*conditions, *of_new(span, CLIENTS.last_any))
    else:
        different = select(table.c.client).where(*conditions).distinct().subquery()
        counted = select(func.count()).select_from(different)
    return int((await tx.execute(counted)).scalar_one())


def of_new(span: Span, last: ColumnElement[int | None]) -> Iterator[ColumnElement[bool]]:
    """A client's first row in the period. Over all time there is one row of each source."""
    if not span.is_all_time:
        yield last.is_(None) if span.since is None else or_(last.is_(None), last < hour_of(span.since))


def clients_of(span: Span) -> tuple[Table, list[ColumnElement[bool]]]:
    if span.is_all_time:
        return summaries.stats_known, list(of_known(span))
    return summaries.stats_clients, list(of_sources(span, CLIENTS))


def of_known(span: Span) -> Iterator[ColumnElement[bool]]:
    if span.sources is not None:
        yield KNOWN.source.in_(span.sources)


# Missed calls


async def callbacks(tx: Transaction, span: Span) -> Callbacks:
    delay = type_coerce(MISSED.back, BigInteger) - type_coerce(MISSED.at, BigInteger)  # microseconds
    found = select(
        func.count().label("missed"),
        func.count(MISSED.back).label("spoken"),
        counted(MISSED.back_direction == Direction.OUTBOUND).label("by_us"),
        counted(delay <= HOUR // MICROSECOND).label("within_hour"),
        func.coalesce(func.sum(delay) // (SECOND // MICROSECOND), 0).label("delay"),
        counted(MISSED.client == "").label("withheld"),
    ).where(*of_missed(span))
    row = (await tx.execute(found)).one()
    return Callbacks(**row._mapping)


async def called_back(tx: Transaction, span: Span) -> dict[str, int]:
    """How many missed calls each employee called back, by extension."""
    found = select(MISSED.back_by, func.count().label("calls")).where(
        *of_missed(span), MISSED.back_direction == Direction.OUTBOUND
    )
    return {row.back_by: row.calls for row in await tx.execute(found.group_by(MISSED.back_by))}


async def missed(tx: Transaction, span: Span, *, waiting: bool, most: int) -> list[MissedCall]:
    """The latest first. `waiting`: only those with whom nobody has spoken since, and whose number is known."""
    found = (
        select(MISSED.call_key.label("key"), JOURNAL.external, *(MISSED[name] for name in TOLD_OF_MISSED))
        .join_from(summaries.stats_missed, schema.calls, JOURNAL.key == MISSED.call_key)
        .where(*of_missed(span))
    )
    if waiting:
        found = found.where(MISSED.back.is_(None), MISSED.client != "")
    rows = (await tx.execute(found.order_by(MISSED.at.desc(), MISSED.call_key.desc()).limit(most))).mappings()
    return [MissedCall(**row) for row in rows]


TOLD_OF_MISSED = ("at", "wait", "source", "queue", "back", "back_key", "back_direction", "back_by")


def of_missed(span: Span) -> Iterator[ColumnElement[bool]]:
    if span.since is not None:
        yield MISSED.at >= span.since
    if span.until is not None:
        yield MISSED.at < span.until
    if span.sources is not None:
        yield MISSED.source.in_(span.sources)
    if span.queue is not None:
        yield MISSED.queue == span.queue


def counted(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def together(sums: Iterable[Sums]) -> Sums:
    total = Sums()
    for one in sums:
        total = total + one
    return total
