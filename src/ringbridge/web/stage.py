"""The page's place behind its port: one application follows another, and visitors wait for the next instead of being
turned away.

The service is opened anew when its office changed, with a page of its own each time. The port stays open meanwhile: a
request that comes in between is held until the next application is there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

PATIENCE = 3.0  # seconds that requests in progress may take until their application goes
HELD = 60.0  # seconds that a request waits for the next application

STARTING = PlainTextResponse("Ringbridge is starting. Try again in a moment.", 503, headers={"Retry-After": "5"})


class Stage:
    """Not thread-safe: it belongs to the event loop."""

    def __init__(self) -> None:
        self._app: ASGIApp | None = None
        self._there = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False
        self._in_progress = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = await self._next()
        if app is None:
            await STARTING(scope, receive, send)
            return
        with self._at_work():
            await app(scope, receive, send)

    def put(self, app: ASGIApp) -> None:
        """It is served from now on."""
        self._app = app
        self._there.set()

    def hold(self) -> None:
        """Who comes from now on waits for the next application."""
        self._app = None
        self._there.clear()

    def close(self) -> None:
        """No application follows: nobody is held for one."""
        self.hold()
        self._closed = True
        self._there.set()

    async def empty(self) -> None:
        """Until no request is in progress any more; what takes long is not waited for."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await self._idle.wait()

    async def _next(self) -> ASGIApp | None:
        with suppress(TimeoutError):
            async with asyncio.timeout(HELD):
                while self._app is None and not self._closed:
                    await self._there.wait()
        return self._app

    @contextmanager
    def _at_work(self) -> Iterator[None]:
        self._in_progress += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._in_progress -= 1
            if not self._in_progress:
                self._idle.set()
