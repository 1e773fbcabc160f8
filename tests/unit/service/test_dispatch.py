"""A person's acts about deliveries, with the engine that carries them out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from tests.stateful.sample_calls import PORTAL, Record, decide_on, key_of, steps

from ringbridge.delivery.local import LocalEngine
from ringbridge.delivery.policy import Delivery, Done, GiveUp, Outcome, Park, utc_now
from ringbridge.delivery.portal_queue import Pace
from ringbridge.service.dispatch import Dispatch
from ringbridge.store import deliveries, portals, settings
from ringbridge.store.database import Database
from ringbridge.store.story import StoryKind, story

SOON = 60  # seconds: a test that waits so long has failed


class Portal:
    """Answers each step with what the test wants, and tells what it was sent."""

    def __init__(self, *outcomes: Outcome) -> None:
        self.sent: list[str] = []
        self._outcomes = list(outcomes)

    async def deliver(self, rows: Sequence[Delivery]) -> Sequence[Outcome]:
        self.sent += steps(list(rows))
        return [self._outcomes.pop(0) if self._outcomes else Done() for _ in rows]


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with await Database.open(f"sqlite:///{tmp_path}/calls.db") as opened:
        yield opened


@asynccontextmanager
async def office(database: Database, portal: Portal) -> AsyncIterator[Dispatch]:
    engine = LocalEngine(database, [PORTAL], Pace(grace=timedelta()))
    running = asyncio.create_task(engine.run(portal.deliver))
    try:
        yield Dispatch(database, engine)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def until(database: Database, *, failed: int = 0, parked: bool = False) -> None:
    async with asyncio.timeout(SOON):
        while True:
            async with database.reading() as tx:
                settled = parked or not await deliveries.backlog(tx)
                is_parked = await portals.parked(tx, PORTAL) is not None
                if settled and is_parked is parked and await deliveries.given_up(tx, PORTAL) == failed:
                    return
            await asyncio.to_thread(int)


async def test_a_refused_step_that_is_sent_again_is_carried_out_once_however_often_it_is_asked_for(
    database: Database,
) -> None:
    await decide_on(database, 1, [Record().register()], utc_now())
    portal = Portal(GiveUp(reason="no such line"))
    async with office(database, portal) as dispatch:
        await until(database, failed=1)
        asked = await asyncio.gather(*(dispatch.again(PORTAL, [key_of(1)], by="boss") for _ in range(3)))
        await until(database)
        await dispatch.again(PORTAL, [key_of(1)], by="boss")
        await dispatch.again(PORTAL, None, by="boss")
        await dispatch.try_now(PORTAL, by="boss")
    assert sum(asked) == 1
    assert portal.sent == ["RegisterCall", "RegisterCall"]
    async with database.reading() as tx:
        (told,) = [line for line in await story(tx, key_of(1)) if line.kind is StoryKind.DECIDED]
        assert told.text == f"{PORTAL}: what was refused is tried again (boss)"
        done = [change.after for change in await settings.changes(tx, f"delivery {PORTAL}")]
    assert {"what was refused is tried again": {key_of(1): 1}} in done


async def test_a_parked_portal_is_asked_again_at_once_and_parks_itself_again_where_nothing_was_mended(
    database: Database,
) -> None:
    await decide_on(database, 1, [Record().register()], utc_now())
    portal = Portal(Park(reason="the key was revoked"), Park(reason="the key was revoked"))
    async with office(database, portal) as dispatch:
        for tries in (1, 2):
            await until(database, parked=True)
            assert portal.sent == ["RegisterCall"] * tries
            await dispatch.try_now(PORTAL, by="boss")
            await until(database, parked=tries == 1)
    assert portal.sent == ["RegisterCall"] * 3
    async with database.reading() as tx:
        first = (await settings.changes(tx, f"delivery {PORTAL}"))[-1]
    assert (first.by, first.before) == ("boss", {"parked": "the key was revoked"})


async def test_all_that_a_portal_refused_is_sent_again_with_one_act(database: Database) -> None:
    for call in (1, 2):
        await decide_on(database, call, [Record(call).register()], utc_now())
    refused = GiveUp(reason="no permission")
    portal = Portal(refused, refused)
    async with office(database, portal) as dispatch:
        await until(database, failed=2)
        assert await dispatch.again(PORTAL, None, by="boss") == 2
        await until(database)
    assert portal.sent == ["RegisterCall"] * 4


async def test_forgotten_steps_are_never_sent_and_who_forgot_them_is_known(database: Database) -> None:
    await decide_on(database, 1, [Record().register()], utc_now())
    portal = Portal(GiveUp(reason="no such line"))
    async with office(database, portal) as dispatch:
        await until(database, failed=1)
        assert await dispatch.forget(PORTAL, [key_of(1)], by="boss") == 1
        assert await dispatch.again(PORTAL, None, by="boss") == 0
    assert portal.sent == ["RegisterCall"]
    async with database.reading() as tx:
        assert "(boss)" in " ".join(line.text for line in await story(tx, key_of(1)))
