from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import IntegrityError
from tests.stateful.sample_calls import (
    NOON,
    PBX,
    PORTAL,
    SECOND,
    Record,
    a_call,
    claimed,
    decide_on,
    key_of,
    steps,
)

from ringbridge.routing.intents import Intent, PortalId, Priority
from ringbridge.store import calls, deliveries, portals, schema
from ringbridge.store.database import Database
from ringbridge.store.errors import DiskFull
from ringbridge.store.order import State
from ringbridge.store.outcome import Delivery, Done, GiveUp, Outcome, Park, Retry

AMO = PortalId("amo")
LATER = NOON + timedelta(minutes=10)


async def settle(database: Database, rows: list[Delivery], *outcomes: Outcome, now: datetime = NOON) -> None:
    async with database.transaction() as tx:
        settled = dict(zip((row.id for row in rows), outcomes, strict=True))
        await deliveries.settle(tx, rows[0].portal, settled, now)


async def states(database: Database) -> list[State]:
    async with database.reading() as tx:
        found = await tx.execute(select(deliveries.D.state).order_by(deliveries.D.id))
    return [State(state) for state in found.scalars()]


def again(at: datetime = LATER, *, uncertain: bool = False, counts: bool = True) -> Retry:
    return Retry(at=at, reason="503", counts=counts, uncertain=uncertain)


async def test_an_intent_that_is_wanted_twice_is_written_and_announced_once(database: Database) -> None:
    record = Record()
    first = await decide_on(database, 1, [record.register(), record.show("2")])
    assert len(first) == 2
    assert len(await decide_on(database, 1, [record.register(), record.show("2"), record.finish()])) == 1
    assert steps(await claimed(database)) == ["RegisterCall", "ShowCard 1", "FinishCall"]


async def test_the_same_intent_goes_to_each_portal(database: Database) -> None:
    for portal in (PORTAL, AMO):
        assert await decide_on(database, 1, [Record().register()], portal=portal)
    assert [row.portal for portal in (PORTAL, AMO) for row in await claimed(database, portal=portal)] == [PORTAL, AMO]


async def test_what_was_decided_and_the_call_are_written_together_or_not_at_all(database: Database) -> None:
    async def fail() -> None:
        async with database.transaction() as tx:
            await calls.record(tx, PBX, [a_call()])
            await deliveries.enqueue(tx, PORTAL, [Record().register()], key_of(1), NOON)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with database.reading() as tx:
        assert await calls.get(tx, key_of(1)) is None
    assert await claimed(database) == []


async def test_a_delivery_of_a_call_that_is_not_journalled_is_refused(database: Database) -> None:
    async with database.transaction() as tx:
        with pytest.raises(IntegrityError, match="FOREIGN KEY"):
            await deliveries.enqueue(tx, PORTAL, [Record().register()], key_of(1), NOON)


async def test_what_is_handed_out_is_known_as_being_sent_before_it_is(database: Database, url: str) -> None:
    await decide_on(database, 1, [Record().register(), Record().finish()])
    await claimed(database, limit=1)
    assert await states(database) == [State.SENDING, State.WAITING]
    async with await Database.open(url) as after_kill:
        assert await states(after_kill) == [State.SENDING, State.WAITING]


async def test_an_intent_is_handed_out_as_it_was_decided(database: Database) -> None:
    record = Record()
    wanted: list[Intent] = [record.register(), record.show("2", "3"), record.hide("3"), record.finish()]
    await decide_on(database, 1, [*wanted, record.attach()])
    rows = await claimed(database)
    assert [row.intent for row in rows] == wanted
    await settle(database, rows, *[Done()] * 4)
    assert [row.intent for row in await claimed(database)] == [record.attach()]


async def test_nothing_overtakes_a_step_of_its_call_that_waits_for_its_next_try(database: Database) -> None:
    first, second = Record(1), Record(1, 2)
    await decide_on(database, 1, [first.register(), first.finish(), second.register()])
    rows = await claimed(database)
    assert steps(rows) == ["RegisterCall", "FinishCall"]
    await settle(database, rows, again(), again(NOON, counts=False))
    assert await claimed(database, LATER - SECOND) == []
    assert steps(await claimed(database, LATER)) == ["RegisterCall", "FinishCall"]


async def test_the_second_record_of_a_call_waits_until_the_first_is_settled(database: Database) -> None:
    await decide_on(database, 1, [Record(1).register(), Record(1).finish(), Record(1, 2).register()])
    rows = await claimed(database)
    assert await claimed(database) == []
    await settle(database, rows, Done(), Done())
    assert [row.intent.record for row in await claimed(database)] == [Record(1, 2).key]


async def test_calls_overtake_each_other(database: Database) -> None:
    await decide_on(database, 1, [Record(1).register()])
    await settle(database, await claimed(database), again())
    await decide_on(database, 2, [Record(2).register()], NOON + SECOND)
    assert [row.intent.call for row in await claimed(database, NOON + SECOND)] == [a_call(2).id]


async def test_a_recording_that_waits_holds_nothing_back_but_waits_for_its_finish(database: Database) -> None:
    first, second = Record(1), Record(1, 2)
    await decide_on(database, 1, [first.register(), first.finish(), first.attach(), second.register()])
    rows = await claimed(database)
    assert steps(rows) == ["RegisterCall", "FinishCall"]
    await settle(database, rows, Done(), again())
    assert await claimed(database) == []
    await settle(database, await claimed(database, LATER), Done())
    rows = await claimed(database, LATER)
    assert steps(rows) == ["RegisterCall", "AttachRecording"]
    await settle(database, rows, Done(), again(LATER + timedelta(hours=1), counts=False))
    await decide_on(database, 1, [second.finish(), second.attach("b.wav")], LATER)
    rows = await claimed(database, LATER)
    assert steps(rows) == ["FinishCall"]
    await settle(database, rows, Done())
    assert [row.intent for row in await claimed(database, LATER)] == [second.attach("b.wav")]


async def test_a_recording_that_is_being_sent_does_not_hold_back_the_cards_of_its_call(database: Database) -> None:
    first, second = Record(1), Record(1, 2)
    await decide_on(database, 1, [first.register(live=False), first.finish(), first.attach()])
    await settle(database, await claimed(database), Done(), Done())
    assert steps(await claimed(database)) == ["AttachRecording"]
    await decide_on(database, 1, [second.register()])
    assert steps(await claimed(database)) == ["RegisterCall"]


async def test_cards_go_before_finishes_before_recordings_and_then_the_longest_due(database: Database) -> None:
    await decide_on(database, 1, [Record(1).register(), Record(1).finish(), Record(1).attach()])
    await settle(database, await claimed(database), Done(), Done())
    await decide_on(database, 2, [Record(2).register(live=False)], NOON + SECOND)
    await decide_on(database, 3, [Record(3).register()], NOON + 3 * SECOND)
    await decide_on(database, 4, [Record(4).register(), Record(4).show("2")], NOON + 2 * SECOND)
    now = NOON + 9 * SECOND
    order = [row.intent.call.partition(".")[2] for row in await claimed(database, now)]
    assert order == ["4", "4", "3", "2", "1"]


async def test_only_the_wanted_priorities_are_looked_for(database: Database) -> None:
    await decide_on(database, 1, [Record(1).register(), Record(1).finish(), Record(1).attach()])
    await settle(database, await claimed(database), Done(), Done())
    await decide_on(database, 2, [Record(2).register()])
    assert steps(await claimed(database, priorities=[Priority.RECORDING, Priority.REST])) == ["AttachRecording"]
    assert steps(await claimed(database, priorities=[Priority.CARD])) == ["RegisterCall"]


async def test_the_card_of_a_call_that_is_over_goes_behind_the_cards_of_those_that_ring(database: Database) -> None:
    await decide_on(database, 1, [Record(1).register(), Record(1).show("2")])
    await decide_on(database, 1, [Record(1).finish()], NOON + SECOND)
    await decide_on(database, 2, [Record(2).register()], NOON + 2 * SECOND)
    assert [row.intent.call for row in await claimed(database, LATER, limit=2)] == [a_call(2).id, a_call(1).id]


async def test_a_limit_cuts_a_call_and_the_rest_of_it_stays_in_order(database: Database) -> None:
    record = Record()
    await decide_on(database, 1, [record.register(), record.show("2"), record.hide("2", ring="2"), record.finish()])
    first = await claimed(database, limit=2)
    assert steps(first) == ["RegisterCall", "ShowCard 1"]
    assert await claimed(database, limit=2) == []
    await settle(database, first, Done(), Done())
    assert steps(await claimed(database)) == ["HideCard 2", "FinishCall"]


async def test_later_steps_get_the_facts_that_the_earlier_steps_of_their_record_brought(database: Database) -> None:
    first, second = Record(1), Record(1, 2)
    await decide_on(database, 1, [first.register()])
    await settle(database, await claimed(database), Done(facts={"call_id": "Ж1", "lead": 7}))
    await decide_on(database, 1, [first.finish(), second.register()])
    rows = await claimed(database)
    assert [row.facts for row in rows] == [{"call_id": "Ж1", "lead": 7}]
    await settle(database, rows, Done(facts={"lead": 8}))
    assert [row.facts for row in await claimed(database)] == [{}]
    await decide_on(database, 1, [first.attach()])
    assert [row.facts for row in await claimed(database)] == [{"call_id": "Ж1", "lead": 8}]


async def test_a_record_that_cannot_be_registered_gives_up_what_waits_and_what_comes_later(database: Database) -> None:
    first, second = Record(1), Record(1, 2)
    await decide_on(database, 1, [first.register(), first.show("2"), first.finish(), second.register()])
    rows = await claimed(database)
    not_reached = again(NOON, counts=False)
    await settle(database, rows, GiveUp(reason="no such user"), not_reached, not_reached)
    assert await states(database) == [State.GIVEN_UP] * 3 + [State.WAITING]
    await decide_on(database, 1, [first.attach()])
    assert (await states(database))[-1] is State.GIVEN_UP
    assert [row.intent.record for row in await claimed(database)] == [second.key]


async def test_what_was_given_up_can_be_tried_again(database: Database) -> None:
    await decide_on(database, 1, [Record().register(), Record().finish()])
    await settle(database, await claimed(database), GiveUp(reason="no such user"), again(NOON, counts=False))
    async with database.transaction() as tx:
        assert await deliveries.revive(tx, PORTAL, key_of(1), LATER) == 2
    assert steps(await claimed(database, LATER)) == ["RegisterCall", "FinishCall"]


async def test_tries_that_count_are_counted_and_a_doubt_stays_until_it_is_settled(database: Database) -> None:
    await decide_on(database, 1, [Record().register()])
    seen = []
    for outcome in (again(NOON), again(NOON, uncertain=True), again(NOON, counts=False), Park(reason="key"), Done()):
        rows = await claimed(database)
        seen.append((rows[0].attempts, rows[0].uncertain))
        await settle(database, rows, outcome)
    assert seen == [(0, False), (1, False), (2, True), (2, True), (2, True)]
    assert await claimed(database) == []


async def test_what_was_being_sent_when_we_died_is_uncertain_and_waits_until_the_portal_has_let_go(
    database: Database,
) -> None:
    await decide_on(database, 1, [Record().register(), Record().finish()])
    await claimed(database, NOON + SECOND, limit=1)
    async with database.transaction() as tx:
        assert await deliveries.recover(tx, LATER, timedelta(seconds=60)) == 1
        assert await deliveries.recover(tx, LATER, timedelta(seconds=60)) == 0
        assert await deliveries.next_due(tx, PORTAL) == NOON + 61 * SECOND
    assert await claimed(database, NOON + 60 * SECOND) == []
    rows = await claimed(database, NOON + 61 * SECOND)
    assert [(row.intent.step, row.uncertain) for row in rows] == [("RegisterCall", True), ("FinishCall", False)]


async def test_what_was_claimed_and_not_sent_is_given_back_as_if_nothing_had_been(database: Database) -> None:
    await decide_on(database, 1, [Record().register()])
    before = await claimed(database)
    async with database.transaction() as tx:
        await deliveries.release(tx, [row.id for row in before])
    assert await claimed(database) == before


async def test_an_outcome_that_comes_twice_changes_nothing(database: Database) -> None:
    await decide_on(database, 1, [Record().register()])
    rows = await claimed(database)
    await settle(database, rows, Done())
    await settle(database, rows, again(NOON))
    assert await states(database) == [State.DONE]


async def test_a_parked_outcome_parks_the_portal_and_costs_the_row_nothing(database: Database) -> None:
    await decide_on(database, 1, [Record().register()])
    before = await claimed(database)
    await settle(database, before, Park(reason="the key is refused"))
    async with database.reading() as tx:
        parked = await portals.parked(tx, PORTAL)
        assert await portals.parked(tx, AMO) is None
    assert parked == portals.Parked(since=NOON, reason="the key is refused", until=None)
    assert await claimed(database) == before


async def test_the_backlog_counts_what_has_still_to_go(database: Database) -> None:
    await decide_on(database, 1, [Record(1).register()])
    await settle(database, await claimed(database), Done())
    await decide_on(database, 2, [Record(2).register()], NOON + SECOND)
    await claimed(database, LATER)
    await decide_on(database, 3, [Record(3).register(), Record(3).finish()], LATER)
    async with database.reading() as tx:
        assert await deliveries.backlog(tx) == {PORTAL: deliveries.Backlog(waiting=2, sending=1, oldest=NOON + SECOND)}


async def test_a_full_disk_takes_no_call_without_its_deliveries_and_all_of_both_once_there_is_room(
    database: Database,
) -> None:
    async with database.transaction() as tx:
        pages = (await tx.execute(text("PRAGMA page_count"))).scalar_one()
        await tx.execute(text(f"PRAGMA max_page_count = {pages + 2}"))
    wanted = [Record().register(), *(Record().show("2", ring=str(n)) for n in range(200))]
    with pytest.raises(DiskFull):
        await decide_on(database, 1, wanted)
    async with database.reading() as tx:
        assert await calls.get(tx, key_of(1)) is None
        assert await deliveries.backlog(tx) == {}
    async with database.transaction() as tx:
        await tx.execute(text("PRAGMA max_page_count = 100000"))
    assert len(await decide_on(database, 1, wanted)) == len(wanted)


async def plan(database: Database, statement: object) -> list[str]:
    sql = statement.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})  # type: ignore[attr-defined]
    with sqlite3.connect(database.path) as connection:
        rows = connection.execute(f"EXPLAIN QUERY PLAN {sql}").fetchall()
    connection.close()
    return [row[3] for row in rows]


async def test_a_claim_reads_the_due_heads_in_their_order_from_the_index_and_sorts_nothing(database: Database) -> None:
    """However many rows wait or are done: neither a scan nor a sort may be in the plan."""
    heads = deliveries.DUE_HEADS.params(of=PORTAL, haste=Priority.CARD.rank, now=NOON, most=50)
    assert await plan(database, heads) == [
        "SEARCH deliveries USING INDEX ix_deliveries_heads (portal=? AND rank=? AND due<?)"
    ]
    many = [key_of(n) for n in range(50)]
    for of_calls in (deliveries.ROWS_OF_CALLS, deliveries.FACTS):
        assert await plan(database, of_calls.params(calls=many, of=PORTAL)) == [
            "SEARCH deliveries USING INDEX ix_deliveries_call (call_key=?)",
            "USE TEMP B-TREE FOR ORDER BY",  # of fifty calls' rows
        ]
    open_rows = select(deliveries.D.id).where(schema.OPEN, deliveries.D.state == State.SENDING)
    assert await plan(database, open_rows) == ["SCAN deliveries USING INDEX ix_deliveries_open"]
