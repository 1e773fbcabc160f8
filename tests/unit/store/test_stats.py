from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select
from tests.stateful.sample_calls import NOON, PBX, SECOND, a_call, key_of

from ringbridge.store import calls
from ringbridge.store.database import Database
from ringbridge.store.statistics import marks, stats, summaries, walks
from ringbridge.store.statistics.counting import client_of, ending, hour_of
from ringbridge.store.statistics.walks import Walk
from ringbridge.telephony.model import Call, CallId, Direction, Disposition, Extension, Leg, LegResult, Talk

MINUTE = timedelta(minutes=1)
NUMBERS = ("+79161234567", "89161234567", "74951112233", "112", None)


def answered(n: int, at: timedelta = timedelta(0), *, by: str = "101", talk: int = 60, **more: object) -> Call:
    """Rung at once, answered after five seconds."""
    start = NOON + at
    end = start + (5 + talk) * SECOND
    leg = Leg(
        extension=Extension(by),
        channel=f"{n}.2",
        ring_start=start,
        answer=start + 5 * SECOND,
        end=end,
        result=LegResult.ANSWERED,
    )
    spoken = Talk(extension=Extension(by), start=start + 5 * SECOND, end=end)
    values = {"disposition": Disposition.ANSWERED, "end": end, "legs": (leg,), "talks": (spoken,), "trunk": "mango"}
    return a_call(n, start, **values | more)


def missed(n: int, at: timedelta = timedelta(0), **more: object) -> Call:
    start = NOON + at
    leg = Leg(extension=Extension("102"), channel=f"{n}.2", ring_start=start, end=start + 30 * SECOND)
    values = {"disposition": Disposition.MISSED, "end": start + 30 * SECOND, "legs": (leg,), "trunk": "mango"}
    return a_call(n, start, **values | more)


async def journal(database: Database, *journalled: Call) -> None:
    async with database.transaction() as tx:
        await calls.record(tx, PBX, journalled)


async def rows(database: Database, table: Any) -> list[dict[str, Any]]:
    async with database.reading() as tx:
        return [dict(row) for row in (await tx.execute(select(table))).mappings()]


async def sums(database: Database) -> dict[str, set[tuple[Any, ...]]]:
    """All that is counted, with each source in words."""
    sources = {row["id"]: (row["trunk"], row["did"]) for row in await rows(database, summaries.stats_sources)}
    found = {}
    for table in stats.SUMMARIES:
        told = [
            row | {"source": sources[row["source"]]} if "source" in row else row for row in await rows(database, table)
        ]
        if "calls" in table.c:
            told = [row for row in told if any(row[c.name] for c in table.c if not c.primary_key)]
        found[table.name] = {tuple(row.items()) for row in told}
    return found


async def counted_anew(database: Database) -> dict[str, set[tuple[Any, ...]]]:
    async with database.transaction() as tx:
        await stats.begin_anew(tx)
    while (await stats.count_piece(database, 3)).upto is not None:
        pass
    return await sums(database)


async def marked_anew(database: Database) -> None:
    """As after an update from a version without marks."""
    async with database.transaction() as tx:
        await tx.execute(delete(summaries.call_marks))
        await walks.begin(tx, Walk.MARKS)
    while (await marks.mark_piece(database, 3)).upto is not None:
        pass


async def back_of(database: Database, n: int) -> tuple[str | None, str | None, str | None]:
    (row,) = [row for row in await rows(database, summaries.stats_missed) if row["call_key"] == key_of(n)]
    return row["back_key"], row["back_direction"], row["back_by"]


async def test_a_call_is_counted_when_it_has_ended(database: Database) -> None:
    await journal(database, answered(1, end=None, disposition=None))
    assert await rows(database, summaries.stats_calls) == []
    await journal(database, answered(1))
    (row,) = await rows(database, summaries.stats_calls)
    assert row == {
        "hour": hour_of(NOON),
        "source": 1,
        "queue": "",
        "direction": "inbound",
        "calls": 1,
        "answered": 1,
        "missed": 0,
        "busy": 0,
        "noanswer": 0,
        "cancelled": 0,
        "failed": 0,
        "quick": 1,
        "wait": 5,
        "answered_wait": 5,
        "talk": 60,
    }
    assert await rows(database, summaries.stats_people) == [
        {
            "hour": hour_of(NOON),
            "extension": "101",
            "direction": "inbound",
            "calls": 1,
            "answered": 1,
            "missed": 0,
            "wait": 5,
            "talk": 60,
        }
    ]


async def test_a_call_that_is_told_again_is_counted_once_and_as_it_was_told_last(database: Database) -> None:
    await journal(database, missed(1))
    await journal(database, missed(1))
    assert [row["calls"] for row in await rows(database, summaries.stats_calls)] == [1]
    await journal(database, answered(1, trunk="mtt"))
    told = [row for row in await rows(database, summaries.stats_calls) if row["calls"]]
    assert [(row["answered"], row["missed"]) for row in told] == [(1, 0)]
    assert await rows(database, summaries.stats_missed) == []


async def test_calls_among_ourselves_and_parts_of_other_calls_do_not_count(database: Database) -> None:
    await journal(
        database, answered(1, direction=Direction.INTERNAL), answered(2, merged_into=CallId("1.1")), a_call(3)
    )
    assert all(not found for found in (await sums(database)).values())


async def test_a_missed_call_waits_for_the_next_talk_with_that_client_whoever_calls(database: Database) -> None:
    back = answered(2, 10 * MINUTE, external="89161234567", direction=Direction.OUTBOUND, caller=Extension("103"))
    await journal(database, missed(1), answered(9, -5 * MINUTE), answered(8, 5 * MINUTE, external="74951112233"))
    assert await back_of(database, 1) == (None, None, None)
    await journal(database, back)
    assert await back_of(database, 1) == (key_of(2), "outbound", "101")
    await journal(database, answered(3, 20 * MINUTE))
    assert await back_of(database, 1) == (key_of(2), "outbound", "101")


async def test_a_talk_that_is_heard_of_late_takes_the_place_of_a_later_one(database: Database) -> None:
    await journal(database, missed(1), answered(3, 20 * MINUTE))
    await journal(database, answered(2, 10 * MINUTE))
    assert (await back_of(database, 1))[0] == key_of(2)


async def test_a_missed_call_that_is_heard_of_late_finds_the_talk_that_followed_it(database: Database) -> None:
    await journal(database, answered(2, 10 * MINUTE))
    await journal(database, missed(1))
    assert (await back_of(database, 1))[0] == key_of(2)


async def test_a_talk_that_was_none_leaves_the_missed_call_to_the_next_one(database: Database) -> None:
    await journal(database, missed(1), answered(2, 10 * MINUTE), answered(3, 20 * MINUTE))
    await journal(database, missed(2, 10 * MINUTE))
    assert [(await back_of(database, n))[0] for n in (1, 2)] == [key_of(3), key_of(3)]


async def test_a_talk_after_a_week_answers_no_missed_call_and_a_withheld_number_none_at_all(database: Database) -> None:
    await journal(database, missed(1), missed(2, external=None))
    await journal(database, answered(3, timedelta(days=8)), answered(4, MINUTE, external=None))
    assert [(await back_of(database, n))[0] for n in (1, 2)] == [None, None]


def test_a_client_is_the_same_however_the_country_is_written_and_a_short_number_is_itself() -> None:
    assert client_of("+7 (916) 123-45-67") == client_of("89161234567") == "7654321619"
    assert (client_of("112"), client_of(None), client_of("anonymous")) == ("211", "", "")


def test_who_rings_twice_has_one_part_and_who_spoke_comes_first() -> None:
    legs = tuple(
        Leg(extension=Extension(phone), channel="1.2", ring_start=NOON, answer=NOON + 7 * SECOND if taken else None)
        for phone, taken in (("102", False), ("102", False), ("101", True))
    )
    counted = ending(answered(1, legs=legs))
    assert counted is not None
    assert [(part.extension, part.answered, part.missed, part.wait) for part in counted.parts] == [
        ("101", True, False, 7),
        ("102", False, False, 0),
    ]


def an_office(chance: random.Random, count: int) -> list[Call]:
    """Calls of few clients in few hours, so that they meet; each may be corrected later."""
    made = []
    for n in range(count):
        at, more = chance.randrange(180) * MINUTE, dict[str, object]()
        more["external"] = chance.choice(NUMBERS)
        more["did"] = chance.choice((None, "74950001122"))
        more["queue"] = chance.choice((None, "700"))
        if chance.random() < 0.3:
            more |= {"direction": Direction.OUTBOUND, "caller": Extension("103")}
        kind = answered if chance.random() < 0.5 else missed
        made.append(kind(n, at, **more))
    return made


def corrections(chance: random.Random, told: Sequence[Call]) -> Iterable[Call]:
    for call in told:
        if chance.random() < 0.4:
            kind = answered if chance.random() < 0.5 else missed
            other = kind(0, call.start - NOON, external=chance.choice(NUMBERS))
            yield replace(other, id=call.id)


@pytest.mark.parametrize("seed", range(8))
async def test_whatever_the_order_and_however_often_corrected_the_sums_are_those_of_the_journal(
    database: Database, seed: int
) -> None:
    chance = random.Random(seed)
    told = an_office(chance, 40)
    stream = [replace(call, end=None, disposition=None) for call in told] + told + list(corrections(chance, told))
    chance.shuffle(stream)
    for call in stream + [call for call in stream if chance.random() < 0.2]:
        if call.end is not None or call.id not in {other.id for other in stream}:
            await journal(database, call)
    kept = await sums(database)
    assert kept == await counted_anew(database)


@pytest.mark.parametrize("seed", range(4))
async def test_calls_come_and_are_corrected_while_an_old_journal_is_counted(database: Database, seed: int) -> None:
    chance = random.Random(seed)
    told = an_office(chance, 40)
    await journal(database, *told)
    async with database.transaction() as tx:
        await stats.begin_anew(tx)
    late = [*corrections(chance, told), *[replace(call, id=CallId(f"2.{call.id}")) for call in an_office(chance, 20)]]
    for call in late:
        await stats.count_piece(database, 2)
        await journal(database, call)
    while (await stats.count_piece(database, 7)).upto is not None:
        pass
    kept = await sums(database)
    assert kept == await counted_anew(database)


async def test_the_counting_of_an_old_journal_goes_on_where_it_was_and_tells_how_far_it_is(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'old.db'}"
    async with await Database.open(url) as database:
        await journal(database, *(answered(n, n * MINUTE) for n in range(7)))
        async with database.transaction() as tx:
            await stats.begin_anew(tx)
        first = await stats.count_piece(database, 3)
        assert (first.counted, first.total, first.upto is None) == (3, 7, False)
    async with await Database.open(url) as database:
        seen = [await stats.count_piece(database, 3) for _ in range(3)]
        assert [(one.counted, one.upto is None) for one in seen] == [(6, False), (7, True), (7, True)]
        assert sum(row["calls"] for row in await rows(database, summaries.stats_calls)) == 7
