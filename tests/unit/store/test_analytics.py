from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from importlib import import_module

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import create_engine
from sqlalchemy.schema import DropTable
from tests.stateful.sample_calls import NOON, key_of
from tests.unit.store.test_stats import MINUTE, an_office, answered, corrections, journal, missed, rows

from ringbridge.store.database import Database
from ringbridge.store.statistics import analytics, callbacks, callers, summaries
from ringbridge.store.statistics.analytics import Shares, Shift, Sums
from ringbridge.store.statistics.callbacks import Callbacks
from ringbridge.store.statistics.counting import Lane, ending, hour_of
from ringbridge.store.statistics.spans import Span
from ringbridge.telephony.model import Direction, Disposition, Extension

HOUR = timedelta(hours=1)
AT_NOON = Span(since=NOON, until=NOON + HOUR)
ALL = Span()
UTC = [Shift(since=0, hours=0)]


@pytest.fixture
async def office(database: Database) -> Database:
    """Two numbers of one trunk, a trunk of another, a client who calls by both, an hour before and one after."""
    calls = (
        answered(1, did="74950001122", queue="700"),
        missed(2, MINUTE, did="74950001122", queue="700", external="74951112233"),
        missed(3, 2 * MINUTE, did="74950003344", external=None),
        answered(4, 3 * MINUTE, trunk="mtt", by="102", talk=30),
        answered(5, 30 * MINUTE, external="84951112233", direction=Direction.OUTBOUND, caller=Extension("101")),
        missed(6, 40 * MINUTE, direction=Direction.OUTBOUND, caller=Extension("101"), disposition=Disposition.BUSY),
        answered(7, -HOUR, did="74950001122"),
        answered(8, 2 * HOUR, did="74950001122", external="79990000000"),
    )
    await journal(database, *calls)
    return database


async def ids(database: Database) -> dict[Lane, int]:
    async with database.reading() as tx:
        return {lane: id_ for id_, lane in (await analytics.lanes(tx)).items()}


async def test_calls_are_summed_by_source_and_direction_within_the_period_alone(office: Database) -> None:
    async with office.reading() as tx:
        found = await analytics.by_source(tx, AT_NOON)
    known = await ids(office)
    first, mtt, out = (
        Lane(trunk=trunk, did=did) for trunk, did in (("mango", "74950001122"), ("mtt", ""), ("mango", ""))
    )
    assert found[known[first], Direction.INBOUND] == Sums(
        calls=2, answered=1, missed=1, quick=1, wait=35, answered_wait=5, talk=60
    )
    assert found[known[mtt], Direction.INBOUND].talk == 30
    assert found[known[out], Direction.OUTBOUND] == Sums(
        calls=2, answered=1, busy=1, quick=1, wait=35, answered_wait=5, talk=60
    )
    assert sum(sums.calls for sums in found.values()) == 6


async def test_a_client_who_calls_by_two_sources_is_one_client_and_withheld_numbers_are_none(office: Database) -> None:
    known = await ids(office)
    mango, mtt = known[Lane(trunk="mango", did="74950001122")], known[Lane(trunk="mtt", did="")]
    async with office.reading() as tx:
        each, total = await callers.by_source(tx, AT_NOON, {}), await callers.in_all(tx, AT_NOON)
        one = await callers.by_source(tx, AT_NOON, {mango: mango, mtt: mango})
        ever, total_ever = await callers.by_source(tx, ALL, {}), await callers.in_all(tx, ALL)
        one_ever = await callers.by_source(tx, ALL, {mango: mango, mtt: mango})
        only = await callers.by_source(tx, Span(sources=[mtt]), {})
    assert (each, total) == ({mango: 2, mtt: 1}, 2)
    assert (one, one_ever) == ({mango: 2}, {mango: 3})
    assert (ever, total_ever) == ({mango: 3, mtt: 1}, 3)
    assert only == {mtt: 1}


async def test_each_employee_has_their_own_parts(office: Database) -> None:
    async with office.reading() as tx:
        found = await analytics.by_employee(tx, AT_NOON)
        back = await callbacks.by_employee(tx, AT_NOON)
        own = await analytics.by_employee(tx, Span(extensions=["101"]))
    assert found["101", Direction.INBOUND] == Shares(calls=1, answered=1, wait=5, talk=60)
    assert found["101", Direction.OUTBOUND] == Shares(calls=2, answered=1, wait=5, talk=60)
    assert found["102", Direction.INBOUND] == Shares(calls=3, answered=1, missed=2, wait=5, talk=30)
    assert back == {"101": 1}
    assert {extension for extension, _ in own} == {"101"}


async def test_hours_and_queues_count_clients_calls_alone(office: Database) -> None:
    async with office.reading() as tx:
        hours = await analytics.by_hour(tx, ALL, UTC)
        own = await analytics.own_by_hour(tx, Span(extensions=["102"]), UTC)
        queues = await analytics.by_queue(tx, AT_NOON)
    noon = NOON.weekday() * 24 + NOON.hour
    assert {place - noon: sums.calls for place, sums in hours.items()} == {-1: 1, 0: 4, 2: 1}
    assert {place - noon: (sums.calls, sums.missed) for place, sums in own.items()} == {0: (3, 2)}
    assert {queue: (sums.calls, sums.answered) for queue, sums in queues.items()} == {"700": (2, 1)}


async def test_missed_calls_say_whether_and_how_soon_somebody_spoke_with_the_client(office: Database) -> None:
    async with office.reading() as tx:
        told = await callbacks.in_all(tx, AT_NOON)
        none = await callbacks.in_all(tx, Span(since=NOON + HOUR))
        latest = await callbacks.latest(tx, ALL, waiting=False, most=10)
        waiting = await callbacks.latest(tx, ALL, waiting=True, most=10)
    delay = int((29 * MINUTE).total_seconds())
    assert told == Callbacks(missed=2, spoken=1, by_us=1, within_hour=1, delay=delay, withheld=1)
    assert none == Callbacks()
    assert [(call.key, call.back_key) for call in latest] == [(key_of(3), None), (key_of(2), key_of(5))]
    assert waiting == []


@pytest.mark.parametrize("seed", range(4))
async def test_different_clients_of_any_period_are_counted_right_in_whatever_order_calls_come_and_are_corrected(
    database: Database, seed: int
) -> None:
    chance = random.Random(seed)
    told = {call.id: call for call in an_office(chance, 60)}
    stream = [*told.values(), *corrections(chance, list(told.values()))]
    told |= {call.id: call for call in stream}
    chance.shuffle(stream)
    await journal(database, *stream, *told.values())
    sources = await ids(database)
    groups = dict.fromkeys(sources.values(), min(sources.values())) | {max(sources.values()): max(sources.values())}
    for first in range(-1, 4):
        for last in range(first + 1, 5):
            span = Span(since=NOON + first * HOUR, until=NOON + last * HOUR)
            came = {
                (sources[ended.lane], ended.client)
                for call in told.values()
                if (ended := ending(call)) and ended.client and ended.direction is Direction.INBOUND
                if first <= ended.hour - hour_of(NOON) < last
            }
            async with database.reading() as tx:
                assert await callers.in_all(tx, span) == len({client for _, client in came})
                each = await callers.by_source(tx, span, {})
                grouped = await callers.by_source(tx, span, groups)
            assert each == dict(Counter(source for source, _ in came))
            assert grouped == dict(Counter(group for group, _ in {(groups[source], client) for source, client in came}))


async def test_a_long_period_is_summed_by_whole_days_and_the_hours_at_its_ends(database: Database) -> None:
    chance = random.Random(3)
    told = [
        (answered if chance.random() < 0.7 else missed)(
            n, chance.randrange(6 * 24) * HOUR, queue=chance.choice((None, "700"))
        )
        for n in range(120)
    ]
    await journal(database, *told)
    endings = [ended for call in told if (ended := ending(call))]
    for first, last in [(chance.randrange(-9, 150), chance.randrange(-9, 150)) for _ in range(25)] + [
        (-99, 999),
        (5, 6),
    ]:
        span = Span(since=NOON + first * HOUR, until=NOON + last * HOUR)
        meant = [ended for ended in endings if first <= ended.hour - hour_of(NOON) < last]
        async with database.reading() as tx:
            sources = await analytics.by_source(tx, span)
            queues = await analytics.by_queue(tx, span)
            people = await analytics.by_employee(tx, span)
        assert sum(sums.calls for sums in sources.values()) == len(meant)
        assert sum(sums.talk for sums in sources.values()) == sum(ended.talk for ended in meant)
        assert sum(sums.calls for sums in queues.values()) == sum(ended.queue == "700" for ended in meant)
        assert {phone: shares.calls for (phone, _), shares in people.items()} == Counter(
            part.extension for ended in meant for part in ended.parts
        )


async def test_sums_by_day_are_made_of_those_by_hour_when_an_older_database_is_opened(url: str) -> None:
    tables = (summaries.stats_calls_days, summaries.stats_people_days)
    async with await Database.open(url) as database:
        await journal(database, *(answered(n, n * 7 * HOUR) for n in range(9)), missed(9, HOUR))
        kept = [await rows(database, table) for table in tables]
        with create_engine(url).begin() as connection:
            for table in tables:
                connection.execute(DropTable(table))
            with Operations.context(MigrationContext.configure(connection)):
                import_module("ringbridge.migrations.versions.0015_days").upgrade()
        assert [await rows(database, table) for table in tables] == kept
        assert len(kept[0]) == 3
