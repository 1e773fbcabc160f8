"""Who goes next to a portal when not all may go at once."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

from ringbridge.crm.limits import Gcra, Quota
from ringbridge.routing.intents import Priority


class Turnstile:
    """Lets requests through one by one: better priorities first, equals in the order they came.

    Only the first in the queue is ever asked about: whoever stands behind it must leave at least as much in reserve,
    so could not pass either.
    """

    def __init__(self, quota: Quota) -> None:
        loop = asyncio.get_running_loop()
        self._loop = loop
        self._quota = quota
        self._bucket = Gcra(rate=quota.rate, burst=quota.burst, first=quota.first, now=loop.time())
        self._queue: list[tuple[int, int, Priority, asyncio.Future[None]]] = []
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
        return sum(1 for *_, future in self._queue if not future.done())

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
        for *_, future in self._queue:
            future.cancel()
        self._queue.clear()

    async def _wait(self, priority: Priority) -> None:
        passed = self._loop.create_future()
        heapq.heappush(self._queue, (priority.rank, next(self._number), priority, passed))
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
        while self._queue:
            _, _, priority, passed = self._queue[0]
            if not passed.done():
                if not self._has_place(priority):
                    return  # whoever leaves comes by here
                if wait := self._wait_of(priority):
                    self._timer = self._loop.call_later(wait, self._let_through)
                    return
                self._inside += 1
                passed.set_result(None)
            heapq.heappop(self._queue)

    def _has_place(self, priority: Priority) -> bool:
        return self._inside + 1 <= self._quota.places * (1 - self._quota.reserve(priority))

    def _wait_of(self, priority: Priority) -> float:
        now = self._loop.time()
        if now < self._closed_until:
            return self._closed_until - now
        return self._bucket.ask(now, reserve=self._quota.burst * self._quota.reserve(priority))
