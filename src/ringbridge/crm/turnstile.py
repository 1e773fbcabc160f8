"""Who goes next to a portal when not all may go at once."""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count

from ringbridge.crm.limits import Gcra, Quota
from ringbridge.routing.intents import Priority

PATIENCE = 20.0
"""Seconds after which whoever waits is let through, whatever matters more, one in so long: a fortieth of the two
requests a second that Bitrix24 allows."""


@dataclass(order=True, slots=True, kw_only=True)
class _Waiting:
    rank: int
    number: int  # in the order they came
    priority: Priority = field(compare=False)
    since: float = field(compare=False)
    passed: asyncio.Future[None] = field(compare=False)


class Turnstile:
    """Lets requests through one by one: better priorities first, equals in the order they came. A portal that is busy
    all day keeps nobody waiting for ever: once in `patience` seconds whoever came first goes before all others.

    Only the first in the queue is ever asked about: whoever stands behind it must leave at least as much in reserve,
    so could not pass either.
    """

    def __init__(self, quota: Quota, *, patience: float = PATIENCE) -> None:
        loop = asyncio.get_running_loop()
        self._loop = loop
        self._quota = quota
        self._bucket = Gcra(rate=quota.rate, burst=quota.burst, first=quota.first, now=loop.time())
        self._queue: list[_Waiting] = []  # a heap
        self._oldest: deque[_Waiting] = deque()  # the same in the order they came
        self._patience = patience
        self._patient_until = 0.0
        self._number = count()
        self._inside = 0
        self._closed_until = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def turn(self, priority: Priority) -> AsyncIterator[None]:
        """Wait for the turn; the place is free again when the block is left."""
        await self._wait(priority)
        try:
            yield
        finally:
            self._inside -= 1
            self._let_through()

    def close_for(self, seconds: float) -> None:
        """Let nobody through for so long: the portal refused for the number of requests."""
        now = self._loop.time()
        self._closed_until = max(self._closed_until, now + seconds)
        self._bucket.exhaust(now)
        self._let_through()

    @property
    def waiting(self) -> int:
        return sum(1 for one in self._queue if not one.passed.done())

    @property
    def used(self) -> float:
        """The share of what may go at once that is used up, 0 to 1; all of it while the portal refuses."""
        now = self._loop.time()
        if now < self._closed_until:
            return 1.0
        return min(max(1 - self._bucket.free(now) / self._quota.burst, 0.0), 1.0)

    def aclose(self) -> None:
        """Nobody else passes: those who wait are cancelled."""
        if self._timer:
            self._timer.cancel()
        for one in self._queue:
            one.passed.cancel()
        self._queue.clear()
        self._oldest.clear()

    async def _wait(self, priority: Priority) -> None:
        passed = self._loop.create_future()
        one = _Waiting(
            rank=priority.rank, number=next(self._number), priority=priority, since=self._loop.time(), passed=passed
        )
        heapq.heappush(self._queue, one)
        self._oldest.append(one)
        self._let_through()
        try:
            await passed
        except asyncio.CancelledError:
            # Let through and cancelled in the same turn of the loop: the place must not be lost.
            if passed.done() and not passed.cancelled():
                self._inside -= 1
            self._let_through()
            raise

    def _let_through(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
        while first := self._first():
            overdue = self._overdue()
            one, priority = (overdue, Priority.CARD) if overdue else (first, first.priority)
            wait = self._wait_of(priority) if self._has_place(priority) else None  # whoever leaves comes by here
            if wait == 0:
                self._inside += 1
                one.passed.set_result(None)
                self._patient_until = self._loop.time() + self._patience if overdue else self._patient_until
            else:
                waits = [wait] if wait is not None else []
                waits += [] if overdue else [self._seconds_to_overdue()]
                if waits:
                    self._timer = self._loop.call_later(min(waits), self._let_through)
                return

    def _first(self) -> _Waiting | None:
        """Of those who still wait: who has passed, or given up, is forgotten here."""
        while self._queue and self._queue[0].passed.done():
            heapq.heappop(self._queue)
        while self._oldest and self._oldest[0].passed.done():
            self._oldest.popleft()
        return self._queue[0] if self._queue else None

    def _overdue(self) -> _Waiting | None:
        return self._oldest[0] if self._seconds_to_overdue() <= 0 else None

    def _seconds_to_overdue(self) -> float:
        return max(self._oldest[0].since + self._patience, self._patient_until) - self._loop.time()

    def _has_place(self, priority: Priority) -> bool:
        return self._inside + 1 <= self._quota.places * (1 - self._quota.reserve(priority))

    def _wait_of(self, priority: Priority) -> float:
        now = self._loop.time()
        if now < self._closed_until:
            return self._closed_until - now
        return self._bucket.ask(now, reserve=self._quota.burst * self._quota.reserve(priority))
