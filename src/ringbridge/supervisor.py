"""Keeps the runtime of the office that is stored: when the office changed, the runtime that runs is stopped as at the
end of the service, and the new one is opened as at its start. Calls in progress are found again in the journal and on
the PBX, as after a restart; the page's port stays open.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

import structlog
import uvicorn
from starlette.types import ASGIApp

from ringbridge.service.bootstrap import Bootstrap, open_vault
from ringbridge.service.certificate import CertificateKeeper
from ringbridge.service.config import ConfigError, Office
from ringbridge.service.config.web import WebConfig
from ringbridge.service.runtime import Runtime
from ringbridge.service.settings import save_office
from ringbridge.store.database import Database
from ringbridge.web.limits import LARGEST_MESSAGE
from ringbridge.web.security import StrictTransport
from ringbridge.web.stage import Stage

log = structlog.get_logger(__name__)


class NoPort(Exception):
    """The page's port cannot be had. The text is for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A runtime with its page. `close` ends the page's streams."""

    runtime: Runtime
    page: ASGIApp
    close: Callable[[], None]


class Supervisor:
    def __init__(
        self, bootstrap: Bootstrap, stage: Stage, open_one: Callable[[], AbstractAsyncContextManager[Opened]]
    ) -> None:
        self.ready = asyncio.Event()  # the first runtime runs, and its page is served
        self._bootstrap = bootstrap
        self._stage = stage
        self._open = open_one
        self._office: Office | None = None  # the last that could be opened

    async def run(self) -> NoReturn:
        """Raises `ConfigError`, `StoreError` when the runtime cannot be opened at the start."""
        while True:
            try:
                async with self._open() as one:
                    await self._serve(one)
            except ConfigError as error:
                await self._put_back(error)

    async def _serve(self, one: Opened) -> None:
        """Until the stored office is another one."""
        watch = one.runtime.watch
        try:
            async with asyncio.TaskGroup() as group:
                running = group.create_task(one.runtime.run())
                self._stage.put(one.page)
                self.ready.set()
                await watch.until_outdated()
                log.info("office_changed", opened_anew=True)
                await self._leave(one)
                running.cancel()
        finally:
            self._office = watch.office
            await self._leave(one)

    async def _leave(self, one: Opened) -> None:
        """Whoever asked for something gets their answer while there is somebody to give it."""
        self._stage.hold()
        one.close()
        await self._stage.empty()

    async def _put_back(self, error: ConfigError) -> None:
        """An office that cannot be opened would leave nobody to take calls, and no page on which to mend it."""
        if self._office is None:
            raise error
        log.error("changed_office_not_opened", reason=str(error), hint="the one before it was put back")
        async with await Database.open(self._bootstrap.database) as database:
            vault = await open_vault(self._bootstrap, database)
            await save_office(database, vault, self._office, by=f"Ringbridge, because it could not run: {error}")
        self._office = None


@asynccontextmanager
async def supervised(
    bootstrap: Bootstrap, open_one: Callable[[], AbstractAsyncContextManager[Opened]]
) -> AsyncIterator[str]:
    """The whole service, while the context lasts; gives the page's address. Raises `NoPort` and `BadCertificate`;
    `ConfigError` and `StoreError` in a group."""
    stage = Stage()
    async with (
        encrypted(stage, bootstrap.web) as door,
        listening(stage, bootstrap.host, bootstrap.port) as address,
        asyncio.TaskGroup() as group,
    ):
        supervisor = Supervisor(bootstrap, stage, open_one)
        running: list[asyncio.Task[Any]] = [group.create_task(supervisor.run())]
        if door is not None:
            running.append(group.create_task(door.watch()))
        try:
            await supervisor.ready.wait()
            yield address
        finally:
            stage.close()
            for task in running:
                task.cancel()


async def stop_signal() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        await stop.wait()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


class _Server(uvicorn.Server):
    """uvicorn in a loop that is not its own: it leaves the signals alone and stops when told."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Where the encrypted page is; `watch` renews what it shows, until cancelled."""

    address: str
    watch: Callable[[], Coroutine[None, None, None]]


@asynccontextmanager
async def encrypted(app: ASGIApp, config: WebConfig) -> AsyncIterator[Door | None]:
    """The same page by TLS, where there is a certificate. Raises `BadCertificate`, `NoPort`."""
    if config.certificate is None or config.key is None:
        yield None
        return
    keeper = CertificateKeeper(config.certificate, config.key)
    strict = StrictTransport(app, config.hsts_days) if config.hsts_days else app
    async with listening(strict, config.host, config.port, tls=keeper.context) as address:
        log.info("page_encrypted", page=address, ends=keeper.current.ends.isoformat())
        yield Door(address=address, watch=keeper.watch)


@asynccontextmanager
async def listening(app: ASGIApp, host: str, port: int, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Serves an application on a port of this machine (0: any free one); gives its address."""
    try:
        listener = socket.create_server((host, port))
    except OSError as error:
        reason = str(error.strerror).partition(" (while")[0]
        settings = "host and port under [web]" if tls else "RINGBRIDGE_HOST or RINGBRIDGE_PORT"
        raise NoPort(f"The page cannot listen on {host}:{port} ({reason}): set {settings}.") from error
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=3,
        ws_max_size=LARGEST_MESSAGE,
        ssl_context_factory=(lambda *_: tls) if tls else None,
    )
    server = _Server(config)
    with contextlib.closing(listener):
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield f"{'https' if tls else 'http'}://{host}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task
