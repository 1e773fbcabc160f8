"""The portal's quota: never exceeded, and cards first. Time is the event loop's own, so a minute takes no minute."""

from __future__ import annotations

import asyncio
import selectors
from collections import deque
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from tests.contract.bitrix24_office import Shelf, adapter, attach, finish, register

from ringbridge.crm.contract import Receipt, Step
from ringbridge.emulators.bitrix24 import Fault, FaultKind, Portal, create_app
from ringbridge.emulators.bitrix24 import Settings as PortalSettings
from ringbridge.emulators.bitrix24.fields import Kind
from ringbridge.routing.intents import Creation, Intent, Priority
from ringbridge.routing.rules import Create

EPOCH = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)


class Hourglass(selectors.DefaultSelector):  # type: ignore[misc, valid-type]
    """Where the loop would wait, its clock jumps."""

    now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        self.now += timeout or 0.0
        return super().select(0)


class QuickLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.glass = Hourglass()
        super().__init__(self.glass)

    def time(self) -> float:
        return self.glass.now


def quickly(work: Callable[[QuickLoop], Coroutine[Any, Any, None]]) -> None:
    loop = QuickLoop()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(work(loop))


def connected(loop: QuickLoop, **settings: Any) -> tuple[Portal, Any]:
    portal = Portal.demo(settings=PortalSettings(), clock=lambda: EPOCH + timedelta(seconds=loop.time()))
    transport = httpx2.ASGITransport(create_app(portal), raise_app_exceptions=True)
    crm = adapter(portal, Shelf(), [], transport=transport, settings={"rate": 2.0, "burst": 40, **settings})
    return portal, crm


BY_RULE = Creation(what=Create.CONTACT_AND_DEAL, pipeline="1", title="Radio")


@pytest.mark.parametrize("creation", [None, BY_RULE], ids=["known to the portal alone", "clients made by rule"])
def test_five_hundred_calls_in_a_minute_are_registered_and_finished_within_two_without_a_refusal(
    creation: Creation | None,
) -> None:
    async def work(loop: QuickLoop) -> None:
        portal, crm = connected(loop)
        waiting: dict[Priority, deque[Step]] = {priority: deque() for priority in Priority}
        some = asyncio.Event()
        registered: dict[str, float] = {}
        done = 0

        def want(intent: Intent, facts: dict[str, Any]) -> None:
            waiting[intent.priority].append(Step(intent=intent, facts=facts))
            some.set()

        async def calls() -> None:
            for n in range(500):
                want(register(n, number=f"+7999{n:07}", started=portal.clock(), creation=creation), {})
                await asyncio.sleep(60 / 500)

        async def worker() -> None:
            nonlocal done
            while done < 500:
                await some.wait()
                queue = next((queue for queue in waiting.values() if queue), None)
                if queue is None:
                    some.clear()
                    continue
                steps = [queue.popleft() for _ in range(min(25, len(queue)))]
                for step, answer in zip(steps, await crm.carry_out(steps), strict=True):
                    assert isinstance(answer, Receipt), answer
                    if step.intent.priority is Priority.CARD:
                        registered[step.intent.record] = loop.time() - (step.intent.started - EPOCH).total_seconds()
                        number = int(step.intent.record.rpartition(".")[2])
                        want(finish(number), dict(answer.facts))
                    else:
                        done += 1

        async with asyncio.TaskGroup() as group:
            group.create_task(calls())
            group.create_task(worker())
        assert len(portal.telephony.finished) == 500
        assert len(portal.clients.rows[Kind.DEAL]) == (500 if creation else 0)
        assert portal.traffic.statuses[503] == 0
        assert loop.time() < 120
        assert max(registered.values()) < 5
        await crm.aclose()

    quickly(work)


def test_the_portal_never_refuses_however_many_ask_at_once() -> None:
    async def work(loop: QuickLoop) -> None:
        portal, crm = connected(loop)
        steps = [[Step(intent=register(n, number=f"+7999{n:07}", started=EPOCH))] for n in range(200)]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(crm.carry_out(step)) for step in steps]
        assert all(isinstance(task.result()[0], Receipt) for task in tasks)
        assert portal.traffic.statuses == {200: 200}
        await crm.aclose()

    quickly(work)


def test_a_process_that_starts_again_and_again_is_not_refused_either() -> None:
    async def work(loop: QuickLoop) -> None:
        portal, first = connected(loop)
        for n in range(40):
            await first.carry_out([Step(intent=register(n, number=f"+7999{n:07}", started=EPOCH))])
        await first.aclose()
        transport = httpx2.ASGITransport(create_app(portal))
        second = adapter(portal, Shelf(), [], transport=transport, settings={"rate": 2.0, "burst": 40})
        for n in range(40, 80):
            await second.carry_out([Step(intent=register(n, number=f"+7999{n:07}", started=EPOCH))])
        assert portal.traffic.statuses[503] == 0
        await second.aclose()

    quickly(work)


def test_a_waiting_card_goes_before_finishes_recordings_and_the_rest() -> None:
    async def work(loop: QuickLoop) -> None:
        portal, crm = connected(loop)
        facts: dict[int, dict[str, Any]] = {}
        for n in range(12):
            (receipt,) = await crm.carry_out([Step(intent=register(n, number=f"+7999{n:07}", started=EPOCH))])
            facts[n] = dict(receipt.facts)
        await crm.carry_out([Step(intent=finish(0), facts=facts[0])])
        begun = len(portal.traffic.executed)
        crm._door.hold(10)
        async with asyncio.TaskGroup() as group:
            group.create_task(crm.users())
            group.create_task(crm.carry_out([Step(intent=attach(0), facts=facts[0])]))
            group.create_task(crm.carry_out([Step(intent=finish(1), facts=facts[1])]))
            group.create_task(crm.carry_out([Step(intent=register(50, number="+79998887766", started=EPOCH))]))
        order = [one.method for one in portal.traffic.executed[begun:] if one.method != "batch"]
        assert order[:4] == [
            "telephony.externalcall.register",
            "telephony.externalcall.finish",
            "telephony.externalcall.attachrecord",
            "user.get",
        ]
        await crm.aclose()

    quickly(work)


def test_after_a_refusal_nothing_is_sent_for_a_while() -> None:
    async def work(loop: QuickLoop) -> None:
        portal, crm = connected(loop)
        portal.faults.add(Fault(kind=FaultKind.QUERY_LIMIT))
        await crm.carry_out([Step(intent=register(1, started=EPOCH))])
        refused_at = loop.time()
        await crm.carry_out([Step(intent=register(1, started=EPOCH))])
        assert loop.time() - refused_at >= 1
        assert len(portal.telephony.active) == 1
        await crm.aclose()

    quickly(work)
