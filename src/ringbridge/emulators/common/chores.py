"""What an emulated CRM does behind its answers."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from starlette.applications import Starlette


@dataclass(slots=True)
class Chores:
    """Sending events, fetching recordings and the like. In order, one at a time.

    `run` works until it is cancelled (the server does it); `finish_waiting` does what waits now and returns.
    """

    waiting: deque[Callable[[], Awaitable[None]]] = field(default_factory=deque)
    _wake: asyncio.Event | None = None
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def add(self, chore: Callable[[], Awaitable[None]]) -> None:
        self.waiting.append(chore)
        if self._wake is not None:
            self._wake.set()

    async def run(self) -> None:
        self._wake = asyncio.Event()
        try:
            while True:
                await self.finish_waiting()
                await self._wake.wait()
                self._wake.clear()
        finally:
            self._wake = None

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """They are done while the application is served."""
        task = asyncio.create_task(self.run())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def finish_waiting(self) -> None:
        """Also waits for one that is being done."""
        async with self._turn:
            while self.waiting:
                await self.waiting.popleft()()
