"""The engine on a real database, with a portal that answers when the test says so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, text
from tests.stateful.sample_calls import PBX, PORTAL, Record, a_call, claimed, decide_on, key_of, steps

from ringbridge.delivery import portal_queue
from ringbridge.delivery.local import LocalEngine
from ringbridge.delivery.policy import REQUEST_LIMIT, Delivery, Done, Outcome, Park, Retry, utc_now
from ringbridge.delivery.portal_queue import Pace
from ringbridge.routing.intents import Intent, PortalId
from ringbridge.store import calls, deliveries, portals
from ringbridge.store.database import Database
from ringbridge.store.order import State

AMO = PortalId("amo")
SOON = 60  # seconds: a test that waits so long has failed


class Portal:
    """Takes batches and holds each until the test answers it."""

    def __init__(self) -> None:
        self.batches: asyncio.Queue[tuple[list[Delivery], asyncio.Future[Sequence[Outcome]]]] = asyncio.Queue()
        self.cancelled = 0

    async def deliver(self, rows: Sequence[Delivery]) -> Sequence[Outcome]:
        answer: asyncio.Future[Sequence[Outcome]] = asyncio.get_running_loop().create_future()
        self.batches.put_nowait((list(rows), answer))
        try:
            return await answer
        except asyncio.CancelledError:
            self.cancelled += 1
            raise

    async def next(self) -> tuple[list[Delivery], asyncio.Future[Sequence[Outcome]]]:
        async with asyncio.timeout(SOON):
            return await self.batches.get()

    async def answer(self, outcome: Outcome | None = None) -> list[str]:
        rows, answer = await self.next()
        answer.set_result([outcome or Done()] * len(rows))
        return steps(rows)


@asynccontextmanager
async def running(engine: LocalEngine, portal: Portal) -> AsyncIterator[None]:
    task = asyncio.create_task(engine.run(portal.deliver))
    try:
        yield
    finally:
        task.cancel()
        async with asyncio.timeout(SOON):
            await asyncio.gather(task, return_exceptions=True)


async def decide(database: Database, engine: LocalEngine, call: int, *intents: Intent, to: PortalId = PORTAL) -> None:
    async with database.transaction() as tx:
        await calls.record(tx, PBX, [a_call(call)])
        await engine.announce(tx, await deliveries.enqueue(tx, to, intents, key_of(call), utc_now()))


async def settled(database: Database) -> None:
    """Until nothing waits and nothing is on its way."""
    async with asyncio.timeout(SOON):
        while True:
            async with database.reading() as tx:
                if not await deliveries.backlog(tx):
                    return
            await asyncio.to_thread(int)


async def parked(database: Database) -> portals.Parked:
    """When the answer that parks the portal is written down."""
    async with asyncio.timeout(SOON):
        while True:
            async with database.reading() as tx:
                if found := await portals.parked(tx, PORTAL):
                    return found
            await asyncio.to_thread(int)


async def states(database: Database) -> list[State]:
    async with database.reading() as tx:
        return [State(s) for s in (await tx.execute(select(deliveries.D.state).order_by(deliveries.D.id))).scalars()]


def an_engine(database: Database, *more: PortalId, **pace: object) -> LocalEngine:
    return LocalEngine(database, [PORTAL, *more], replace(Pace(grace=timedelta()), **pace))  # type: ignore[arg-type]


async def test_what_is_decided_while_it_sleeps_goes_out_when_it_is_announced(database: Database) -> None:
    engine, portal = an_engine(database), Portal()
    async with running(engine, portal):
        for call in (1, 2, 3):
            await decide(database, engine, call, Record(call).register())
            assert await portal.answer() == ["RegisterCall"]
        await settled(database)


async def test_what_is_decided_is_known_as_being_sent_in_the_commit_that_decided_it(database: Database) -> None:
    engine, portal = an_engine(database), Portal()
    async with running(engine, portal):
        await decide(database, engine, 1, Record(1).register())
        await portal.answer()
        await settled(database)
        await decide(database, engine, 2, Record(2).register())
        assert await states(database) == [State.DONE, State.SENDING]
        assert await portal.answer() == ["RegisterCall"]
        await settled(database)


async def test_what_follows_is_known_as_being_sent_in_the_commit_that_settles_what_was_before(
    database: Database,
) -> None:
    engine, portal = an_engine(database), Portal()
    async with running(engine, portal):
        await decide(database, engine, 1, Record(1).register())
        _, registered = await portal.next()
        await decide(database, engine, 1, Record(1).finish())
        registered.set_result([Done()])
        async with asyncio.timeout(SOON):
            while (now := await states(database))[0] is State.SENDING:
                assert now == [State.SENDING, State.WAITING]
                await asyncio.to_thread(int)
        assert now == [State.DONE, State.SENDING]
        assert await portal.answer() == ["FinishCall"]
        await settled(database)


async def test_what_is_taken_back_is_not_sent_and_holds_nothing_up(database: Database) -> None:
    engine, portal = an_engine(database, batches=1), Portal()
    async with running(engine, portal):
        await decide(database, engine, 1, Record(1).register())
        await portal.answer()
        await settled(database)
        with suppress(OSError):
            async with database.transaction() as tx:
                finish = await deliveries.enqueue(tx, PORTAL, [Record(1).finish()], key_of(1), utc_now())
                await engine.announce(tx, finish)
                raise OSError("what else the transaction was to hold cannot be had")
        await decide(database, engine, 2, Record(2).register())
        rows, answer = await portal.next()
        assert [row.intent.call for row in rows] == [a_call(2).id]
        answer.set_result([Done()])
        await settled(database)


async def test_what_is_decided_while_the_engine_stops_waits_for_the_next_start(database: Database) -> None:
    engine, portal = an_engine(database), Portal()
    task = asyncio.create_task(engine.run(portal.deliver))
    await decide_on(database, 1, [Record(1).register()])
    await portal.answer()
    await settled(database)
    async with database.transaction() as tx:
        await engine.announce(tx, await deliveries.enqueue(tx, PORTAL, [Record(1).finish()], key_of(1), utc_now()))
        task.cancel()
        for _ in range(10):
            await asyncio.to_thread(int)
    await asyncio.gather(task, return_exceptions=True)
    assert await states(database) == [State.DONE, State.WAITING]
    assert portal.batches.empty()


async def test_what_waited_from_before_the_start_goes_out_at_once(database: Database) -> None:
    await decide_on(database, 1, [Record().register(), Record().finish(), Record().attach()])
    portal = Portal()
    async with running(an_engine(database), portal):
        assert await portal.answer() == ["RegisterCall", "FinishCall"]
        assert await portal.answer() == ["AttachRecording"]
        await settled(database)


async def test_a_try_that_failed_is_repeated_when_it_is_due_without_anybody_waking_it(database: Database) -> None:
    await decide_on(database, 1, [Record().register()])
    portal = Portal()
    async with running(an_engine(database), portal):
        at = utc_now() + timedelta(milliseconds=50)
        await portal.answer(Retry(at=at, reason="503", counts=True))
        rows, answer = await portal.next()
        assert utc_now() >= at
        assert rows[0].attempts == 1
        answer.set_result([Done()])
        await settled(database)


async def test_several_batches_are_on_their_way_at_once_but_no_more_than_the_setting(database: Database) -> None:
    engine, portal = an_engine(database, batches=2), Portal()
    async with running(engine, portal):
        held = []
        for call in (1, 2):
            await decide(database, engine, call, Record(call).register())
            held.append(await portal.next())
        await decide(database, engine, 3, Record(3).register())
        await decide(database, engine, 4, Record(4).register())
        held[0][1].set_result([Done()])
        assert await portal.answer() == ["RegisterCall", "RegisterCall"]  # what gathered meanwhile went together
        held[1][1].set_result([Done()])
        await settled(database)


async def test_recordings_that_take_their_time_leave_room_for_a_card(database: Database) -> None:
    for call in (1, 2, 3, 4):
        record = Record(call)
        await decide_on(database, call, [record.register(), record.finish(), record.attach()])
    async with database.transaction() as tx:
        rows = await deliveries.claim(tx, PORTAL, utc_now(), 50)
        await deliveries.settle(tx, PORTAL, {row.id: Done() for row in rows}, utc_now())
    engine, portal = an_engine(database, batches=2, size=1), Portal()
    async with running(engine, portal):
        recording, slow = await portal.next()
        await decide(database, engine, 9, Record(9).register())
        assert await portal.answer() == ["RegisterCall"]
        assert steps(recording) == ["AttachRecording"]
        slow.set_result([Done()])
        for _ in range(3):
            assert await portal.answer() == ["AttachRecording"]
        await settled(database)


async def test_a_portal_that_refuses_our_key_waits_for_a_person_and_the_others_go_on(database: Database) -> None:
    engine, portal = an_engine(database, AMO), Portal()
    async with running(engine, portal):
        await decide(database, engine, 1, Record(1).register())
        await portal.answer(Park(reason="the key is refused"))
        found = await parked(database)
        assert (found.reason, found.until) == ("the key is refused", None)
        await decide(database, engine, 2, Record(2).register())
        await decide(database, engine, 2, Record(2).register(), to=AMO)
        rows, answer = await portal.next()
        assert [row.portal for row in rows] == [AMO]
        answer.set_result([Done()])
        await engine.unpark(PORTAL)
        assert await portal.answer() == ["RegisterCall", "RegisterCall"]
        await settled(database)


async def test_a_parked_portal_stays_parked_over_a_restart(database: Database) -> None:
    await an_engine(database).park(PORTAL, None)
    await decide_on(database, 1, [Record().register()])
    engine, portal = an_engine(database, AMO, grace=timedelta(seconds=SOON)), Portal()
    async with running(engine, portal):
        await decide(database, engine, 2, Record(2).register(), to=AMO)
        rows, answer = await portal.next()
        assert [row.portal for row in rows] == [AMO]
        answer.set_result([Done()])
    assert await states(database) == [State.WAITING, State.DONE]


async def test_a_portal_that_is_parked_until_a_moment_goes_on_by_itself(database: Database) -> None:
    until = utc_now() + timedelta(milliseconds=50)
    engine, portal = an_engine(database), Portal()
    await engine.park(PORTAL, until)
    await decide_on(database, 1, [Record().register()])
    async with running(engine, portal):
        assert await portal.answer() == ["RegisterCall"]
        assert utc_now() >= until
        await settled(database)
        async with database.reading() as tx:
            assert await portals.parked(tx, PORTAL) is None


async def test_a_stop_waits_for_an_answer_that_is_on_its_way(database: Database) -> None:
    await decide_on(database, 1, [Record().register()])
    engine, portal = an_engine(database, grace=timedelta(seconds=SOON)), Portal()
    task = asyncio.create_task(engine.run(portal.deliver))
    _, answer = await portal.next()
    task.cancel()
    done, _ = await asyncio.wait({task}, timeout=0)
    assert not done
    answer.set_result([Done()])
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await states(database) == [State.DONE]
    assert portal.cancelled == 0


async def test_what_was_sent_when_a_stop_could_wait_no_longer_is_uncertain_next_time(
    database: Database,
) -> None:
    await decide_on(database, 1, [Record().register()])
    portal = Portal()
    async with running(an_engine(database), portal):
        await portal.next()
    assert portal.cancelled == 1
    assert await states(database) == [State.SENDING]
    async with running(an_engine(database, request_limit=timedelta()), portal):
        rows, answer = await portal.next()
        assert [row.uncertain for row in rows] == [True]
        answer.set_result([Done()])
        await settled(database)


async def test_a_stop_at_any_moment_leaves_as_being_sent_only_what_the_portal_was_given(database: Database) -> None:
    for call in range(1, 6):
        await decide_on(database, call, [Record(call).register()])
    for patience in range(0, 60, 3):
        portal = Portal()
        task = asyncio.create_task(an_engine(database, size=2).run(portal.deliver))
        for _ in range(patience):
            await asyncio.to_thread(int)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        given = {
            row.id for rows, _ in (portal.batches.get_nowait() for _ in range(portal.batches.qsize())) for row in rows
        }
        async with database.transaction() as tx:
            sending = select(deliveries.D.id).where(deliveries.D.state == State.SENDING)
            assert set((await tx.execute(sending)).scalars()) == given
            await deliveries.release(tx, given)


async def test_an_outcome_that_cannot_be_written_is_kept_until_it_can(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portal_queue, "STORE_RETRY", timedelta(milliseconds=20))
    await decide_on(database, 1, [Record().register()])
    portal = Portal()
    async with running(an_engine(database), portal):
        _, answer = await portal.next()
        async with database.transaction() as tx:
            pages = (await tx.execute(text("PRAGMA page_count"))).scalar_one()
            await tx.execute(text(f"PRAGMA max_page_count = {pages}"))
        answer.set_result([Done(sent="x" * 50_000)])
        for _ in range(200):
            await asyncio.to_thread(int)
        assert await states(database) == [State.SENDING]
        async with database.transaction() as tx:
            await tx.execute(text("PRAGMA max_page_count = 100000"))
        await settled(database)
    assert await states(database) == [State.DONE]
    assert portal.batches.empty()


async def test_the_order_of_a_call_holds_though_three_batches_are_on_their_way(database: Database) -> None:
    engine, portal = an_engine(database), Portal()
    async with running(engine, portal):
        await decide(database, engine, 1, Record(1).register())
        _, first = await portal.next()
        await decide(database, engine, 1, Record(1).finish())
        await decide(database, engine, 2, Record(2).register())
        rows, second = await portal.next()
        assert [row.intent.call for row in rows] == [a_call(2).id]
        first.set_result([Done()])
        assert await portal.answer() == ["FinishCall"]
        second.set_result([Done()])
        await settled(database)


async def test_a_row_of_another_process_is_found_without_being_announced(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portal_queue, "LONGEST_SLEEP", timedelta(milliseconds=20))
    portal = Portal()
    async with running(an_engine(database), portal):
        await decide_on(database, 1, [Record().register()], datetime.fromisoformat("2026-01-01T00:00Z"))
        assert await portal.answer() == ["RegisterCall"]
        await settled(database)
    assert await claimed(database) == []


class Clock:
    """The time of day, and what the test puts it forward."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.ahead


async def dues(database: Database) -> list[datetime]:
    async with database.reading() as tx:
        return list((await tx.execute(select(deliveries.D.due).order_by(deliveries.D.id))).scalars())


async def fail(database: Database, engine: LocalEngine, portal: Portal, *ids: int, at: datetime, **more: bool) -> None:
    """Calls that the portal does not take; each is tried again then."""
    for call in ids:
        await decide(database, engine, call, Record(call).register())
        await portal.answer(Retry(at=at, reason="HTTP 502", counts=True, **more))
    async with asyncio.timeout(SOON):
        while State.SENDING in await states(database):
            await asyncio.to_thread(int)


async def test_when_a_portal_answers_again_what_waited_for_its_next_try_leaves_at_once(database: Database) -> None:
    clock, portal = Clock(), Portal()
    engine = an_engine(database, now=clock)
    async with running(engine, portal):
        await fail(database, engine, portal, 1, 2, at=clock() + timedelta(minutes=10))
        assert engine.is_down(PORTAL)
        clock.ahead += timedelta(minutes=2)
        await decide(database, engine, 3, Record(3).register())
        assert await portal.answer() == ["RegisterCall"]
        assert await portal.answer() == ["RegisterCall"] * 2
        await settled(database)
        assert not engine.is_down(PORTAL)


async def test_when_a_portal_is_found_answering_what_waited_for_its_next_try_leaves_at_once(database: Database) -> None:
    clock, portal = Clock(), Portal()
    engine = an_engine(database, now=clock)
    async with running(engine, portal):
        await fail(database, engine, portal, 1, at=clock() + timedelta(minutes=10))
        clock.ahead += timedelta(minutes=2)
        await engine.reconsider(PORTAL)
        assert await portal.answer() == ["RegisterCall"]
        await settled(database)


async def test_a_step_that_fails_by_itself_is_tried_once_a_minute_at_most(database: Database) -> None:
    """And one whose answer was lost not before the portal has certainly done with it."""
    clock, portal = Clock(), Portal()
    engine = an_engine(database, now=clock)
    async with running(engine, portal):
        began = clock()
        await fail(database, engine, portal, 1, at=began + timedelta(minutes=10), uncertain=True)
        await fail(database, engine, portal, 2, at=began + timedelta(seconds=8))
        before = clock()
        await engine.reconsider(PORTAL)
        lost, refused = await dues(database)
        assert before + REQUEST_LIMIT <= lost <= clock() + REQUEST_LIMIT
        assert refused == began + timedelta(seconds=8)


async def test_what_waits_for_a_moment_that_the_portal_named_waits_for_it(database: Database) -> None:
    clock, portal = Clock(), Portal()
    engine = an_engine(database, now=clock)
    async with running(engine, portal):
        await decide(database, engine, 1, Record(1).register())
        until = clock() + timedelta(hours=1)
        await portal.answer(Retry(at=until, reason="too many requests", counts=False))
        async with asyncio.timeout(SOON):
            while await states(database) != [State.WAITING]:
                await asyncio.to_thread(int)
        clock.ahead += timedelta(minutes=2)
        await engine.reconsider(PORTAL)
        assert await dues(database) == [until]
