from __future__ import annotations

import asyncio

import pytest

from ringbridge.crm.limits import Quota
from ringbridge.crm.turnstile import Turnstile
from ringbridge.routing.intents import Priority

RESERVES = {Priority.FINISH: 0.1, Priority.RECORDING: 0.4, Priority.REST: 0.5}


def turnstile(*, places: int = 1, burst: int = 1000, reserves: dict[Priority, float] | None = None) -> Turnstile:
    return Turnstile(Quota(rate=1000, burst=burst, first=burst, places=places, reserves=reserves or {}))


async def queued(gate: Turnstile, count: int) -> None:
    """Until so many stand in the queue: nothing but the loop's own turns is waited for."""
    while gate.waiting != count:  # noqa: ASYNC110
        await asyncio.sleep(0)


async def _pass(gate: Turnstile, priority: Priority, passed: list[Priority]) -> None:
    async with gate.turn(priority):
        passed.append(priority)


async def test_the_better_priority_goes_first_and_equals_in_their_order() -> None:
    gate, passed = turnstile(), []
    async with asyncio.TaskGroup() as group, gate.turn(Priority.CARD):
        for priority in (Priority.REST, Priority.RECORDING, Priority.FINISH, Priority.CARD, Priority.FINISH):
            group.create_task(_pass(gate, priority, passed))
        await queued(gate, 5)
    assert passed == sorted(passed, key=lambda priority: priority.rank)


async def test_slow_recordings_leave_places_for_cards() -> None:
    gate, passed = turnstile(places=4, reserves=RESERVES), []
    leave = asyncio.Event()

    async def upload() -> None:
        async with gate.turn(Priority.RECORDING):
            await leave.wait()

    async with asyncio.TaskGroup() as group:
        for _ in range(6):
            group.create_task(upload())
        await queued(gate, 4)
        await _pass(gate, Priority.CARD, passed)
        leave.set()
    assert passed == [Priority.CARD]


async def test_who_waits_long_goes_however_much_matters_more_and_one_at_a_time() -> None:
    """Cards come without end and leave the rest no reserve, as at a portal that is busy all day."""
    patience = 0.1
    gate = Turnstile(Quota(rate=500, burst=10, first=0, places=2, reserves={Priority.REST: 0.5}), patience=patience)
    passed: list[Priority] = []

    async def cards() -> None:
        while True:
            await _pass(gate, Priority.CARD, passed)

    began = asyncio.get_running_loop().time()
    pressing = [asyncio.create_task(cards()) for _ in range(4)]
    async with asyncio.timeout(60):
        await asyncio.gather(*(_pass(gate, Priority.REST, passed) for _ in range(3)))
    took = asyncio.get_running_loop().time() - began
    for task in pressing:
        task.cancel()
    await asyncio.gather(*pressing, return_exceptions=True)
    assert took >= 3 * patience
    assert Priority.CARD in passed


async def test_who_leaves_the_queue_takes_no_place_with_him() -> None:
    gate, passed = turnstile(), []
    async with gate.turn(Priority.CARD):
        tasks = [asyncio.create_task(_pass(gate, Priority.CARD, passed)) for _ in range(3)]
        await queued(gate, 3)
        tasks[0].cancel()
        await asyncio.gather(tasks[0], return_exceptions=True)
    await asyncio.gather(*tasks[1:])
    assert passed == [Priority.CARD] * 2


async def test_who_is_cancelled_in_the_moment_he_is_let_in_gives_the_place_back() -> None:
    gate, passed = turnstile(), []
    async with gate.turn(Priority.CARD):
        task = asyncio.create_task(_pass(gate, Priority.CARD, passed))
        await queued(gate, 1)
    task.cancel()  # its turn has come already, but it has not run yet
    await asyncio.gather(task, return_exceptions=True)
    await _pass(gate, Priority.REST, passed)
    assert passed == [Priority.REST]


async def test_an_error_inside_gives_the_place_back() -> None:
    gate, passed = turnstile(), []
    with pytest.raises(OSError, match="broken"):
        async with gate.turn(Priority.CARD):
            raise OSError("broken")
    await _pass(gate, Priority.REST, passed)
    assert passed


async def test_closing_lets_nobody_wait_for_ever() -> None:
    gate = turnstile()
    async with gate.turn(Priority.CARD):
        task = asyncio.create_task(_pass(gate, Priority.CARD, []))
        await queued(gate, 1)
        gate.aclose()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_the_share_of_the_quota_in_use_is_told_and_is_all_while_the_portal_refuses() -> None:
    gate = Turnstile(Quota(rate=0.001, burst=4, first=4, places=4, reserves={}))
    assert gate.used == pytest.approx(0, abs=0.01)
    async with gate.turn(Priority.CARD):
        assert gate.used == pytest.approx(0.25, abs=0.01)
    gate.close_for(60)
    assert gate.used == 1
