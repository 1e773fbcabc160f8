from __future__ import annotations

import asyncio
from datetime import timedelta

from sqlalchemy import func, select
from tests.stateful.sample_calls import NOON, PBX, PORTAL, SECOND, Record, a_call, claimed, decide_on, key_of

from ringbridge.service.journal.retention import forget_before, forget_old_calls
from ringbridge.store import calls, deliveries, retention, schema
from ringbridge.store.calls import Filters, StoryKind, StoryLine
from ringbridge.store.database import Database
from ringbridge.store.outcome import Done
from ringbridge.store.statistics import stats, summaries
from ringbridge.telephony.model import Call, Disposition

DAY = timedelta(days=1)


def ended(n: int, days_ago: int) -> Call:
    start = NOON - days_ago * DAY
    return a_call(n, start, end=start + 60 * SECOND, disposition=Disposition.MISSED)


async def journal(database: Database, *journalled: Call) -> None:
    told = {call.id: [StoryLine(at=call.start, kind=StoryKind.HEARD, text="rang")] for call in journalled}
    async with database.transaction() as tx:
        await calls.record(tx, PBX, journalled, told)


async def kept(database: Database) -> set[str]:
    async with database.reading() as tx:
        return {key.rpartition(".")[2] for key in (await tx.execute(select(schema.calls.c.key))).scalars()}


async def test_calls_of_long_ago_are_forgotten_with_their_stories_and_deliveries_a_few_at_a_time(
    database: Database,
) -> None:
    await decide_on(database, 1, [Record(1).register()])
    async with database.transaction() as tx:
        (row,) = await deliveries.claim(tx, PORTAL, NOON, 9)
        await deliveries.settle(tx, PORTAL, {row.id: Done()}, NOON)
    await journal(database, *(ended(n, 40) for n in range(1, 6)), ended(6, 20))
    assert await forget_before(database, NOON - 30 * DAY, most=2) == 5
    assert await kept(database) == {"6"}
    async with database.reading() as tx:
        stories = (await tx.execute(select(schema.story.c.call_key))).scalars().all()
        assert stories == [key_of(6)]
        assert (await tx.execute(select(func.count()).select_from(schema.deliveries))).scalar_one() == 0


async def test_a_call_that_goes_on_and_one_that_the_crm_has_still_to_get_are_kept(database: Database) -> None:
    await decide_on(database, 1, [Record(1).register()])
    await decide_on(database, 2, [Record(2).register(), Record(2).finish()])
    await claimed(database, now=NOON, limit=1)
    await journal(database, ended(1, 40), ended(2, 40), a_call(3, NOON - 40 * DAY))
    assert await forget_before(database, NOON - 30 * DAY) == 0
    assert await kept(database) == {"1", "2", "3"}


async def test_the_sums_of_what_is_forgotten_stay(database: Database) -> None:
    await journal(database, ended(1, 40), ended(2, 40))
    async with database.reading() as tx:
        before = (await tx.execute(select(summaries.stats_calls))).all()
    await forget_before(database, NOON)
    async with database.reading() as tx:
        assert (await tx.execute(select(summaries.stats_calls))).all() == before != []


async def test_marks_go_with_the_last_call_of_their_moment(database: Database) -> None:
    await journal(database, ended(1, 40), ended(2, 40), ended(3, 20))
    await forget_before(database, NOON - 30 * DAY, most=1)
    async with database.reading() as tx:
        found = await calls.page(tx, filters=Filters(disposition=Disposition.MISSED))
        marks = (await tx.execute(select(summaries.call_marks.c.started).distinct())).scalars().all()
    assert [entry.key for entry in found.entries] == [key_of(3)]
    assert marks == [NOON - 20 * DAY]


async def test_nothing_is_forgotten_before_it_is_counted(database: Database) -> None:
    await journal(database, ended(1, 40))
    async with database.transaction() as tx:
        await stats.begin_anew(tx)
        assert await retention.forget(tx, NOON) == 0
    while (await stats.count_piece(database)).upto:
        pass
    assert await forget_before(database, NOON) == 1


async def test_an_office_that_keeps_its_calls_forgets_none(database: Database) -> None:
    await journal(database, ended(1, 4000))
    async with asyncio.timeout(60):
        await forget_old_calls(database, 0)
    assert await kept(database) == {"1"}
