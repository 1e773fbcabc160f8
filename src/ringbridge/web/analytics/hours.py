"""Clients' calls by the hour of the week: when the office needs how many people."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta, tzinfo

from ringbridge.store.database import Transaction
from ringbridge.store.statistics import analytics
from ringbridge.store.statistics.analytics import Shift, Sums
from ringbridge.store.statistics.counting import DAY, HOUR, start_of_hour
from ringbridge.web.analytics import employees
from ringbridge.web.analytics.question import Question
from ringbridge.web.analytics.report import Column, Kind, Report, Row, share
from ringbridge.web.analytics.sources import Sources, span_of
from ringbridge.web.words import N_

SHADES = 9

COLUMNS = (
    Column(title=N_("Weekday"), kind=Kind.TEXT),
    Column(title=N_("Hour"), kind=Kind.TEXT),
    Column(title=N_("Incoming")),
    Column(title=N_("Calls answered")),
    Column(title=N_("Share answered"), kind=Kind.SHARE),
    Column(title=N_("Calls missed")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    calls: int
    missed: int
    shade: int  # of its calls, 0 to `SHADES`
    missed_shade: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """Rows are the days from Monday on, columns the hours of the office's day."""

    cells: tuple[tuple[Cell, ...], ...]

    @property
    def calls(self) -> int:
        return sum(cell.calls for day in self.cells for cell in day)


async def by_hour(
    tx: Transaction, question: Question, sources: Sources, own: Collection[str] | None
) -> dict[tuple[int, int], Sums]:
    """By weekday (0: Monday) and hour of the office's zone."""
    span = span_of(question, sources)
    there = await analytics.hours_of(tx, span)
    if there is None:
        return {}
    shifts = shifts_of(question.zone, *there)
    if own is not None or question.fields["employee"]:
        found = await analytics.own_by_hour(tx, employees.span_of(question, own), shifts)
    else:
        found = await analytics.by_hour(tx, span, shifts)
    return {divmod(place, 24): sums for place, sums in found.items()}


def shifts_of(zone: tzinfo, first: int, last: int) -> list[Shift]:
    """How a zone's clock goes between these hours."""

    def shift(hour: int) -> int:
        return (start_of_hour(hour).astimezone(zone).utcoffset() or timedelta(0)) // HOUR

    found = [Shift(since=first, hours=shift(first))]
    for day in range(first, last, DAY):  # no zone changes its clock twice a day
        until = min(day + DAY, last)
        if shift(until) != found[-1].hours:
            since = next(hour for hour in range(day, until + 1) if shift(hour) == shift(until))
            found.append(Shift(since=since, hours=shift(until)))
    return found


def week_of(found: Mapping[tuple[int, int], Sums]) -> Week:
    most = max((sums.calls for sums in found.values()), default=0)
    most_missed = max((sums.calls - sums.answered for sums in found.values()), default=0)

    def cell(sums: Sums) -> Cell:
        missed = sums.calls - sums.answered
        return Cell(
            calls=sums.calls,
            missed=missed,
            shade=shade(sums.calls, most),
            missed_shade=shade(missed, most_missed),
        )

    return Week(cells=tuple(tuple(cell(found.get((day, hour), Sums())) for hour in range(24)) for day in range(7)))


def shade(count: int, most: int) -> int:
    """The least count that is not nothing has a shade already."""
    return -(-count * SHADES // most) if count else 0


def report(found: Mapping[tuple[int, int], Sums], weekday: Callable[[int], str]) -> Report:
    rows = [
        Row(
            values=(
                weekday(day),
                f"{hour:02}:00",
                sums.calls,
                sums.answered,
                share(sums.answered, sums.calls),
                sums.calls - sums.answered,
            )
        )
        for (day, hour), sums in sorted(found.items())
    ]
    return Report(columns=COLUMNS, rows=rows)
