"""In which hours the journal has calls of a kind: of a trunk, an employee, a result.

A search for what is rare would look through the whole journal. It reads instead, newest first, the hours that have all
it asks for, and looks through the calls of these hours alone. That an hour is marked says that it may have such calls:
marks are never taken away, so they need no care when a call is corrected.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import exists, select

from ringbridge.store.counting import hour_of, start_of_hour
from ringbridge.store.database import Transaction, insert
from ringbridge.store.summaries import call_marks

FIRST_LOOK, LONGEST_LOOK = 4, 64  # hours looked through at once: more each time that they were not enough

ADD = insert(call_marks).on_conflict_do_nothing()
MARKED = ("pbx", "started", "direction", "disposition", "trunk", "did", "employees")
"""The columns of the journal that marks are made of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Hours on end. `until` is not in it."""

    since: datetime
    until: datetime


async def put(tx: Transaction, rows: Iterable[Mapping[str, Any]]) -> None:
    """Mark the hours of these rows of the journal."""
    marks = {(mark, hour_of(row["started"])) for row in rows for mark in marks_of(row)}
    if marks:
        await tx.execute(ADD, [{"mark": mark, "hour": hour} for mark, hour in marks])


def marks_of(row: Mapping[str, Any]) -> Iterator[str]:
    yield of_pbx(row["pbx"])
    yield of_kind(row["direction"])
    if row["disposition"]:
        yield of_kind(row["disposition"])
    yield from map(of_way, filter(None, {row["trunk"], row["did"]}))
    yield from map(of_employee, row["employees"].split())


def of_pbx(name: str) -> str:
    return f"pbx {name}"


def of_kind(kind: str) -> str:
    """A direction or a result: no two of them have one name."""
    return f"is {kind}"


def of_way(way: str) -> str:
    """A trunk or a number called."""
    return f"by {way}"


def of_employee(extension: str) -> str:
    return f"with {extension}"


async def stretches(
    tx: Transaction, wanted: Sequence[Collection[str]], since: datetime | None, until: datetime | None
) -> AsyncIterator[list[Stretch]]:
    """The hours that have one mark of each of the collections, newest first, several at a time.

    `until`: the last moment that may be in them.
    """
    last = None if until is None else hour_of(until)
    most = FIRST_LOOK
    while True:
        hours = await _hours(tx, wanted, None if since is None else hour_of(since), last, most)
        if hours:
            yield on_end(hours)
        if len(hours) < most:
            return
        last, most = hours[-1] - 1, min(2 * most, LONGEST_LOOK)


async def _hours(
    tx: Transaction, wanted: Sequence[Collection[str]], first: int | None, last: int | None, most: int
) -> list[int]:
    """Newest first."""
    marks = call_marks.c
    found = select(marks.hour).where(marks.mark.in_(wanted[0]))
    for number, others in enumerate(wanted[1:]):
        there = call_marks.alias(f"also_{number}").c
        found = found.where(exists().where(there.mark.in_(others), there.hour == marks.hour))
    if first is not None:
        found = found.where(marks.hour >= first)
    if last is not None:
        found = found.where(marks.hour <= last)
    if len(wanted[0]) > 1:
        found = found.distinct()
    return list((await tx.execute(found.order_by(marks.hour.desc()).limit(most))).scalars())


def on_end(hours: Sequence[int]) -> list[Stretch]:
    """Of hours that count down: neighbours become one stretch."""
    found: list[Stretch] = []
    for hour in hours:
        since, until = start_of_hour(hour), start_of_hour(hour + 1)
        if found and found[-1].since == until:
            until = found.pop().until
        found.append(Stretch(since=since, until=until))
    return found
