"""A web application on a real port, inside an event loop that already runs."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.types import ASGIApp

from ringbridge.emulators.common.connection import Cuttable

_GRACE = 1  # seconds for requests that are still answered when the server closes


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers, which tells when it is up and stops when it is told."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()
        self.closing = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        finally:
            self.up.set()

    async def main_loop(self) -> None:
        await self.closing.wait()


@asynccontextmanager
async def serve_app(create: Callable[[str], ASGIApp], *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serve what `create` makes of the address, ``http://host:port``, while the context lasts. Port 0: any free one."""
    listener = socket.create_server((host, port))
    with contextlib.closing(listener):
        address = f"http://{host}:{listener.getsockname()[1]}"
        app = Cuttable(create(address))
        config = uvicorn.Config(
            app,
            http="h11",
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            date_header=False,
            timeout_graceful_shutdown=_GRACE,
        )
        server = _Server(config)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            await server.up.wait()
            yield address
        finally:
            app.release()
            server.closing.set()
            await task
