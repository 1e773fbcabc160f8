"""A period and a choice of calls, as the summaries are asked for them.

Sums stand by hour and by day, of UTC. A long period is read by its whole days and the hours at its two ends, whatever
zone its own days are of.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Table

from ringbridge.store.statistics.counting import DAY, hour_of


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

    @property
    def first(self) -> int | None:
        """Hour."""
        return None if self.since is None else hour_of(self.since)

    @property
    def last(self) -> int | None:
        """The hour behind it."""
        return None if self.until is None else hour_of(self.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Of a period: from which hour or day on and before which. None: no end there."""

    first: int | None
    last: int | None

    def within(self, column: ColumnElement[int]) -> Iterator[ColumnElement[bool]]:
        if self.first is not None:
            yield column >= self.first
        if self.last is not None:
            yield column < self.last


def of_hours(span: Span, hour: ColumnElement[int]) -> Iterator[ColumnElement[bool]]:
    return Part(first=span.first, last=span.last).within(hour)


def parts(span: Span, hours: Table, days: Table) -> Iterator[tuple[Table, list[ColumnElement[bool]]]]:
    """The tables that have the sums of the period, each with the conditions for its part of it."""
    whole, ends = whole_days(span)
    if whole is not None:
        yield days, list(whole.within(days.c.day))
    for end in ends:
        yield hours, list(end.within(hours.c.hour))


def whole_days(span: Span) -> tuple[Part | None, list[Part]]:
    """The days that are in the period, and the hours before and behind them."""
    first, last = span.first, span.last
    first_day = None if first is None else -(-first // DAY)
    last_day = None if last is None else last // DAY
    if first_day is not None and last_day is not None and first_day >= last_day:
        return None, [Part(first=first, last=last)]
    ends = []
    if first is not None and first_day is not None and first < first_day * DAY:
        ends.append(Part(first=first, last=first_day * DAY))
    if last is not None and last_day is not None and last_day * DAY < last:
        ends.append(Part(first=last_day * DAY, last=last))
    return Part(first=first_day, last=last_day), ends
