"""What became of missed calls: whether and how soon somebody spoke with the client after all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, ColumnElement, case, func, select, type_coerce

from ringbridge.store import schema
from ringbridge.store.database import Transaction
from ringbridge.store.schema import MICROSECOND
from ringbridge.store.statistics import summaries
from ringbridge.store.statistics.counting import HOUR
from ringbridge.store.statistics.spans import Span
from ringbridge.telephony.model import Direction

MISSED, JOURNAL = summaries.stats_missed.c, schema.calls.c
SECOND = timedelta(seconds=1)


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


async def in_all(tx: Transaction, span: Span) -> Callbacks:
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


async def by_employee(tx: Transaction, span: Span) -> dict[str, int]:
    """How many missed calls each employee called back, by extension."""
    found = select(MISSED.back_by, func.count().label("calls")).where(
        *of_missed(span), MISSED.back_direction == Direction.OUTBOUND
    )
    return {row.back_by: row.calls for row in await tx.execute(found.group_by(MISSED.back_by))}


async def latest(tx: Transaction, span: Span, *, waiting: bool, most: int) -> list[MissedCall]:
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
