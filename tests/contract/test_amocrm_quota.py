"""The account's quota: never exceeded, whatever comes at once. Time is the event loop's own, so a minute takes none."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from tests.contract.amocrm_office import CLIENT, adapter, close_tasks, finish, register, show, task
from tests.contract.bitrix24_office import Shelf
from tests.contract.test_bitrix24_quota import QuickLoop, quickly

from ringbridge.crm.amocrm import AmoCrm
from ringbridge.crm.amocrm.settings import RATE
from ringbridge.crm.contract import Receipt, Step, Throttled
from ringbridge.emulators.amocrm import Account, Fault, FaultKind, Limiter, create_app
from ringbridge.emulators.amocrm import Settings as AccountSettings
from ringbridge.routing.intents import Intent

EPOCH = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)


def connected(loop: QuickLoop, limiter: Limiter = Limiter.WINDOW) -> tuple[Account, AmoCrm]:
    account = Account.demo(
        settings=AccountSettings(limiter=limiter, search_lag=timedelta(seconds=5), calls_lag=timedelta(seconds=5)),
        clock=lambda: EPOCH + timedelta(seconds=loop.time()),
    )
    account.serve_at("http://localhost")
    transport = httpx2.ASGITransport(create_app(account), raise_app_exceptions=True)
    return account, adapter(account, Shelf(), [], transport=transport, settings={"rate": RATE}, clock=loop.time)


async def deliver(crm: AmoCrm, queue: list[list[Intent]], places: int = 3) -> int:
    """As the portal's queue does it: up to fifty steps at once, three batches on their way. Returns how many steps."""
    facts: dict[str, dict[str, Any]] = {}
    done = 0

    async def worker() -> None:
        nonlocal done
        while queue:
            intents: list[Intent] = []
            while queue and len(intents) + len(queue[0]) <= 50:
                intents += queue.pop(0)
            steps = [Step(intent=intent, facts=facts.get(intent.record, {})) for intent in intents]
            for intent, answer in zip(intents, await crm.carry_out(steps), strict=True):
                assert isinstance(answer, Receipt), answer
                facts.setdefault(intent.record, {}).update(answer.facts)
                done += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(places):
            group.create_task(worker())
    return done


@pytest.mark.parametrize("limiter", list(Limiter))
def test_three_hundred_calls_at_once_are_all_logged_within_two_minutes_without_a_refusal(limiter: Limiter) -> None:
    async def work(loop: QuickLoop) -> None:
        account, crm = connected(loop, limiter)
        numbers = [CLIENT if n % 2 else f"+7999{n:07}" for n in range(300)]
        live: list[list[Intent]] = [
            [register(n, number=number, started=EPOCH), show("9000002", n=n)] for n, number in enumerate(numbers)
        ]
        over: list[list[Intent]] = [
            [finish(n), task(n, number=number) if n % 10 == 0 else close_tasks(n, number=number)]
            for n, number in enumerate(numbers)
        ]
        assert await deliver(crm, live + over, places=1) == 1200
        calls = [note["params"]["uniq"] for note in account.notes.values() if note["note_type"] == "call_in"]
        assert len(calls) == len(set(calls)) == 300
        assert len(account.tasks) == 30
        assert account.traffic.statuses[429] == 0
        assert account.traffic.busiest_second() <= 7
        assert loop.time() < 120
        await crm.aclose()

    quickly(work)


def test_however_many_ask_at_once_no_second_holds_more_than_seven_requests() -> None:
    async def work(loop: QuickLoop) -> None:
        account, crm = connected(loop)
        await asyncio.gather(*(crm.find(f"+7999{n:07}") for n in range(100)))
        assert set(account.traffic.statuses) <= {200, 204}
        assert account.traffic.busiest_second() <= 7
        assert loop.time() < 40
        await crm.aclose()

    quickly(work)


def test_a_card_goes_before_everything_that_waits() -> None:
    async def work(loop: QuickLoop) -> None:
        account, crm = connected(loop)
        (registered,) = await crm.carry_out([Step(intent=register())])
        assert isinstance(registered, Receipt)
        crm._door.hold(3)
        async with asyncio.TaskGroup() as group:
            group.create_task(crm.users())
            group.create_task(crm.carry_out([Step(intent=finish(), facts=registered.facts)]))
            group.create_task(crm.carry_out([Step(intent=show("9000002"), facts=registered.facts)]))
        assert [one.path for one in account.traffic.asked] == ["/api/v2/events", "/api/v4/calls", "/api/v4/users"]
        await crm.aclose()

    quickly(work)


def test_after_a_refusal_nothing_is_sent_for_a_while() -> None:
    async def work(loop: QuickLoop) -> None:
        account, crm = connected(loop)
        account.faults.add(Fault(kind=FaultKind.TOO_MANY))
        with pytest.raises(Throttled):
            await crm.find(CLIENT)
        assert await crm.find(CLIENT) is not None
        first, second = account.traffic.asked
        assert (second.at - first.at).total_seconds() >= 1
        await crm.aclose()

    quickly(work)
