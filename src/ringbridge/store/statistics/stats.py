"""The summary tables, kept with the journal.

What a call adds to them (`counting`) is written in the transaction that writes its end. A call that is written again,
corrected, is first taken out as it was counted and then put in as it is: writing it twice changes nothing.

A journal from before the summaries, or one whose counting begins anew (`begin_anew`), is counted by and by
(`walks`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import Column, Table, bindparam, delete, or_, select, update

from ringbridge.store import schema
from ringbridge.store.database import Database, Transaction, insert
from ringbridge.store.documents import load_call
from ringbridge.store.keys import CallKey
from ringbridge.store.sales import brought
from ringbridge.store.statistics import lanes, missed, summaries, walks
from ringbridge.store.statistics.counting import Ending, Lane, ending
from ringbridge.store.statistics.walks import Progress as Progress
from ringbridge.store.statistics.walks import Walk
from ringbridge.telephony.model import Call, Direction

CALLS = schema.calls.c

PIECE = 100  # calls counted in one transaction: other writers, and who waits for the loop, come between
AT_ONCE = 500  # keys asked for in one statement
Key = tuple[Any, ...]
Sums = dict[Key, dict[str, int]]


async def progress(tx: Transaction) -> Progress:
    return await walks.progress(tx, Walk.SUMS)


async def correct(tx: Transaction, calls: Mapping[CallKey, Call]) -> None:
    """Count these calls as they now are. To be called before they are written: it reads how they were."""
    before = await _ended(tx, calls)
    if not before and all(call.end is None for call in calls.values()):
        return
    at = await progress(tx)
    counted = endings_of({key: call for key, call in before.items() if at.reaches(key, call)})
    to_count = endings_of({key: call for key, call in calls.items() if at.reaches(key, call)})
    same = {key for key, ended in counted.items() if to_count.get(key) == ended}
    await _count(tx, {key: ended for key, ended in counted.items() if key not in same}, -1)
    await _count(tx, {key: ended for key, ended in to_count.items() if key not in same}, 1)


def endings_of(calls: Mapping[CallKey, Call]) -> dict[CallKey, Ending]:
    return {key: ended for key, call in calls.items() if (ended := ending(call)) is not None}


async def _ended(tx: Transaction, keys: Iterable[CallKey]) -> dict[CallKey, Call]:
    """As the journal has them, those of them that it has as ended."""
    asked, found = list(keys), dict[CallKey, Call]()
    for start in range(0, len(asked), AT_ONCE):
        rows = await tx.execute(ENDED, {"keys": asked[start : start + AT_ONCE]})
        found |= {CallKey(row.key): load_call(row.snapshot) for row in rows}
    return found


ENDED = select(CALLS.key, CALLS.snapshot).where(
    CALLS.key.in_(bindparam("keys", expanding=True)), CALLS.ended.is_not(None)
)


# Counting what was there before


async def begin_anew(tx: Transaction) -> None:
    """Forget all sums: they are counted from the first call on. `count_piece` does it."""
    for table in SUMMARIES:
        await tx.execute(delete(table))
    await brought.forget_all(tx)
    await walks.begin(tx, Walk.SUMS)


async def count_piece(database: Database, most: int = PIECE) -> Progress:
    """Count the next calls; gives how far it is then. Nothing is done when all are counted. Raises `StoreError`."""
    async with database.transaction() as tx:
        at = await progress(tx)
        if at.upto is None:
            return at
        rows = await walks.next_calls(tx, Walk.SUMS, at.upto, ("snapshot",), most)
        await _count(tx, endings_of({CallKey(row["key"]): load_call(row["snapshot"]) for row in rows}), 1)
        return await progress(tx)


# The sums


async def _count(tx: Transaction, endings: Mapping[CallKey, Ending], sign: int) -> None:
    if not endings:
        return
    sources = await lanes.numbered(tx, {ended.lane for ended in endings.values()})
    sums = summed(endings.values(), sources, sign)
    for table, added in sums.items():
        await _add(tx, table, added)
    if came := sums[summaries.stats_clients]:
        await tx.execute(LINK, [{"the_client": client, "since": hour} for hour, _, client in sorted(came)])
    if sign < 0:
        await missed.take_out(tx, endings)
        await brought.take_out(tx, endings)
    else:
        await missed.put(tx, endings, sources)
        await brought.put(tx, endings, sources)


def summed(endings: Iterable[Ending], sources: Mapping[Lane, int], sign: int) -> dict[Table, Sums]:
    """What to add to each table, by its key. `sign` -1: what to take away."""
    sums: dict[Table, Sums] = {table: {} for table in SUMS}
    for ended in endings:
        for table, key, amounts in _rows(ended, sources[ended.lane]):
            held = sums[table].setdefault(key, {})
            for name, amount in amounts.items():
                held[name] = held.get(name, 0) + sign * amount
    return sums


def _rows(ended: Ending, source: int) -> Iterator[tuple[Table, Key, dict[str, int]]]:
    of_call, way = _of_call(ended), (source, ended.queue, ended.direction)
    yield summaries.stats_calls, (ended.hour, *way), of_call
    yield summaries.stats_calls_days, (ended.day, *way), of_call
    for part in ended.parts:
        amounts = {
            "calls": 1,
            "answered": int(part.answered),
            "missed": int(part.missed),
            "wait": part.wait,
            "talk": part.talk,
        }
        yield summaries.stats_people, (ended.hour, part.extension, ended.direction), amounts
        yield summaries.stats_people_days, (ended.day, part.extension, ended.direction), amounts
    if ended.client and ended.direction is Direction.INBOUND:
        yield summaries.stats_clients, (ended.hour, source, ended.client), {"calls": 1}
        yield summaries.stats_known, (ended.client, source), {"calls": 1}


def _of_call(ended: Ending) -> dict[str, int]:
    amounts = {
        "calls": 1,
        "quick": int(ended.quick),
        "wait": ended.wait,
        "answered_wait": ended.wait if ended.answered else 0,
        "talk": ended.talk,
    }
    return {**amounts, str(ended.disposition): 1} if ended.disposition else amounts


async def _add(tx: Transaction, table: Table, sums: Sums) -> None:
    if not sums:
        return
    keys, amounts = [c.name for c in table.primary_key], [c.name for c in amounts_of(table)]
    rows = [
        dict(zip(keys, key, strict=True)) | {name: held.get(name, 0) for name in amounts} for key, held in sums.items()
    ]
    await tx.execute(ADDING[table], rows)
    if emptied := [row for row in rows if row["calls"] < 0]:
        await tx.execute(EMPTIED[table], [{f"the_{name}": row[name] for name in keys} for row in emptied])


SUMS = (
    summaries.stats_calls,
    summaries.stats_calls_days,
    summaries.stats_people,
    summaries.stats_people_days,
    summaries.stats_clients,
    summaries.stats_known,
)
SUMMARIES = (*SUMS, summaries.stats_missed)


def amounts_of(table: Table) -> list[Column[Any]]:
    return [c for c in table.c if not c.primary_key and not c.nullable]


def _adding(table: Table) -> Any:
    adding = insert(table)
    sums = {c.name: c + adding.excluded[c.name] for c in amounts_of(table)}
    return adding.on_conflict_do_update(index_elements=list(table.primary_key), set_=sums)


def _emptied(table: Table) -> Any:
    here = [c == bindparam(f"the_{c.name}") for c in table.primary_key]
    return delete(table).where(*here, table.c.calls <= 0)


def _link() -> Any:
    """Tells a client's rows from an hour on which row was before each, in the order of hours and sources."""
    rows, earlier = summaries.stats_clients, summaries.stats_clients.alias("earlier")
    before = (
        select(earlier.c.hour)
        .where(earlier.c.client == rows.c.client, earlier.c.hour <= rows.c.hour)
        .order_by(earlier.c.hour.desc())
        .limit(1)
        .correlate(rows)
    )
    same = before.where(earlier.c.source == rows.c.source, earlier.c.hour < rows.c.hour)
    others = before.where(or_(earlier.c.hour < rows.c.hour, earlier.c.source < rows.c.source))
    return (
        update(rows)
        .where(rows.c.client == bindparam("the_client"), rows.c.hour >= bindparam("since"))
        .values(last=same.scalar_subquery(), last_any=others.scalar_subquery())
    )


LINK = _link()
ADDING = {table: _adding(table) for table in SUMS}
EMPTIED = {table: _emptied(table) for table in SUMS}
