from __future__ import annotations

from datetime import timedelta

from tests.stateful.sample_calls import NOON, PORTAL, SECOND, Record, claimed, decide_on, key_of, steps

from ringbridge.store import deliveries, interventions
from ringbridge.store.database import Database
from ringbridge.store.order import State
from ringbridge.store.outcome import GiveUp, Outcome, Retry

LATER = NOON + timedelta(minutes=10)


async def answered(database: Database, outcome: Outcome) -> None:
    rows = await claimed(database)
    async with database.transaction() as tx:
        await deliveries.settle(tx, PORTAL, {row.id: outcome for row in rows}, NOON)


async def refused_call(database: Database, call: int = 1) -> None:
    """Its registration was refused, so the rest of it could not be sent."""
    await decide_on(database, call, [Record(call).register(), Record(call).finish(), Record(call).attach()])
    (register, *rest) = await claimed(database)
    async with database.transaction() as tx:
        await deliveries.release(tx, [row.id for row in rest])
        await deliveries.settle(tx, PORTAL, {register.id: GiveUp(reason="no such line")}, NOON)


async def test_refusals_of_a_call_are_one_and_tell_the_first_reason_newest_call_first(database: Database) -> None:
    for call in (1, 2):
        await refused_call(database, call)
    async with database.reading() as tx:
        newest, oldest = await interventions.refusals(tx, PORTAL)
        assert await interventions.refused_calls(tx, PORTAL, 10) == [key_of(1), key_of(2)]
    assert (newest.key, oldest.key) == (key_of(2), key_of(1))
    assert newest.steps == ("RegisterCall", "FinishCall", "AttachRecording")
    assert newest.reason == "no such line"
    assert newest.number == "+79161234567"


async def test_refused_steps_that_are_tried_again_leave_once_and_in_their_order(database: Database) -> None:
    await refused_call(database)
    async with database.transaction() as tx:
        assert await interventions.try_again(tx, PORTAL, [key_of(1)], LATER) == {key_of(1): 3}
    async with database.transaction() as tx:
        assert await interventions.try_again(tx, PORTAL, [key_of(1)], LATER) == {}, "they wait already"
    assert steps(await claimed(database, LATER)) == ["RegisterCall", "FinishCall"]
    assert await claimed(database, LATER) == []


async def test_a_step_whose_try_may_have_arrived_is_still_looked_up_when_it_is_tried_again(database: Database) -> None:
    await decide_on(database, 1, [Record().register()])
    await answered(database, Retry(at=NOON, reason="no answer", counts=True, uncertain=True))
    await answered(database, GiveUp(reason="no such line"))
    async with database.transaction() as tx:
        await interventions.try_again(tx, PORTAL, [key_of(1)], NOON)
    (again,) = await claimed(database)
    assert again.uncertain


async def test_forgotten_steps_are_neither_sent_nor_shown_and_what_follows_them_is_not_sent_either(
    database: Database,
) -> None:
    await refused_call(database)
    async with database.transaction() as tx:
        assert await interventions.forget(tx, PORTAL, [key_of(1)], LATER) == {key_of(1): 3}
        assert await interventions.forget(tx, PORTAL, [key_of(1)], LATER) == {}
        assert await interventions.refusals(tx, PORTAL) == []
        assert await interventions.try_again(tx, PORTAL, [key_of(1)], LATER) == {}
    await decide_on(database, 1, [Record().show("2")], LATER)
    assert await claimed(database, LATER) == [], "a card of a call that the portal does not have"


async def test_what_waits_for_a_later_try_is_due_now_unless_the_portal_may_still_work_on_it(database: Database) -> None:
    await decide_on(database, 1, [Record(1).register()])
    await answered(database, Retry(at=LATER, reason="busy", counts=True))
    await decide_on(database, 2, [Record(2).register()])
    await answered(database, Retry(at=LATER, reason="no answer", counts=True, uncertain=True))
    async with database.transaction() as tx:
        assert await interventions.hurry(tx, PORTAL, NOON + SECOND) == 1
    (hurried,) = await claimed(database, NOON + SECOND)
    assert hurried.intent.record == Record(1).key


async def test_why_steps_wait_is_told_the_commonest_reason_first(database: Database) -> None:
    for call, reason in ((1, "busy"), (2, "slow"), (3, "busy")):
        await decide_on(database, call, [Record(call).register()])
        await answered(database, Retry(at=LATER + call * SECOND, reason=reason, counts=True))
    async with database.reading() as tx:
        busy, slow = await interventions.delays(tx, PORTAL)
    assert (busy.reason, busy.steps, busy.next_try) == ("busy", 2, LATER + SECOND)
    assert (slow.reason, slow.steps) == ("slow", 1)


def test_a_forgotten_step_is_a_state_of_its_own() -> None:
    assert State("forgotten") is State.FORGOTTEN
