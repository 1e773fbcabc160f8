"""When calls of a kind began: of a trunk, an employee, a result.

A search for what is rare, or for two things that are seldom together, would look through the whole journal. It reads
instead, newest first, the moments that have a mark of each kind it asks for, and looks at the calls of these moments
alone. A mark says that a call of its kind may have begun then: it stays when the call is corrected, and goes with it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, bindparam, delete, exists, select, union

from ringbridge.store import schema
from ringbridge.store.database import Database, Transaction, insert
from ringbridge.store.schema import EPOCH, MICROSECOND
from ringbridge.store.statistics import walks
from ringbridge.store.statistics.summaries import call_marks
from ringbridge.store.statistics.walks import Progress, Walk

FIRST_LOOK, LONGEST_LOOK = 64, 512  # moments looked at together: more each time that they were not enough
RARE = 500  # of which mark so many reach furthest back, that one is the rarest
PIECE = 100  # calls marked in one transaction

MARKS = call_marks.c
ADD = insert(call_marks).on_conflict_do_nothing()
MARKED = ("pbx", "direction", "disposition", "trunk", "did", "employees")
"""The columns of the journal that marks are made of, besides `started`."""

Kind = Collection[str]
"""Marks of which a call has at least one."""


async def put(tx: Transaction, rows: Iterable[Mapping[str, Any]]) -> None:
    """Mark these rows of the journal."""
    marks = {(mark, row["started"]) for row in rows for mark in marks_of(row)}
    if marks:
        await tx.execute(ADD, [{"mark": mark, "started": started} for mark, started in marks])


async def take_away(tx: Transaction, rows: Iterable[Mapping[str, Any]]) -> None:
    """The marks of rows that are no longer in the journal. Those of a moment at which another call began stay."""
    marks = [{"the_mark": mark, "at": row["started"]} for row in rows for mark in marks_of(row)]
    if marks:
        await tx.execute(TAKE_AWAY, marks)


TAKE_AWAY = delete(call_marks).where(
    MARKS.mark == bindparam("the_mark"),
    MARKS.started == bindparam("at"),
    ~exists(select(schema.calls.c.key).where(schema.calls.c.started == bindparam("at"))),
)


async def mark_piece(database: Database, most: int = PIECE) -> Progress:
    """Mark the next calls of a journal that is older than its marks; gives how far it is then. Raises `StoreError`."""
    async with database.transaction() as tx:
        at = await walks.progress(tx, Walk.MARKS)
        if at.upto is None:
            return at
        await put(tx, await walks.next_calls(tx, Walk.MARKS, at.upto, MARKED, most))
        return await walks.progress(tx, Walk.MARKS)


async def are_whole(tx: Transaction) -> bool:
    return (await walks.progress(tx, Walk.MARKS)).upto is None


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


# Searching


async def moments(
    tx: Transaction, kinds: Sequence[Kind], since: datetime | None, until: datetime | None
) -> AsyncIterator[list[datetime]]:
    """Those that have a mark of each kind, newest first, several at a time. `until`: the last that may be one."""
    if not all(kinds):
        return
    kinds = await rarest_first(tx, kinds, until)
    most = FIRST_LOOK
    while True:
        wanted = together(kinds, since, until).limit(most)
        found = list((await tx.execute(wanted)).scalars())
        if found:
            yield found
        if len(found) < most:
            return
        until, most = found[-1] - MICROSECOND, min(2 * most, LONGEST_LOOK)


async def rarest_first(tx: Transaction, kinds: Sequence[Kind], until: datetime | None) -> Sequence[Kind]:
    """The moments of the first are read, each of the others is looked up for every one of them."""
    if len(kinds) == 1:
        return kinds
    reached = {}
    for place, kind in enumerate(kinds):
        far = together([kind], None, until).limit(1).offset(RARE)
        reached[place] = (await tx.execute(far)).scalar() or EPOCH
    return [kinds[place] for place in sorted(reached, key=reached.__getitem__)]


def together(kinds: Sequence[Kind], since: datetime | None, until: datetime | None) -> Any:
    """Each moment once, newest first. The marks of one kind are read side by side: no list of theirs is made."""
    first, *others = kinds
    there = [call_marks.alias(f"also_{number}").c for number in range(len(others))]
    conditions: list[ColumnElement[bool]] = [
        exists().where(also.mark.in_(kind), also.started == MARKS.started)
        for also, kind in zip(there, others, strict=True)
    ]
    if since is not None:
        conditions.append(MARKS.started >= since)
    if until is not None:
        conditions.append(MARKS.started <= until)
    each = [select(MARKS.started.label("started")).where(MARKS.mark == mark, *conditions) for mark in first]
    if len(each) == 1:
        return each[0].order_by(MARKS.started.desc())
    side_by_side = union(*each)
    return side_by_side.order_by(side_by_side.selected_columns.started.desc())
