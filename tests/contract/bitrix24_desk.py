"""An emulated portal and a bare HTTP client before it: what the tests of the emulator itself speak through."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2

from ringbridge.emulators.bitrix24 import Portal, Settings, create_app, demo

ADMIN, ANNA, OLEG = 1, 2, 3
CONTACT = "+7 912 555-11-22"  # contact 1 of the demonstration office
STRANGER = "+79990001122"


@dataclass
class Clock:
    now: datetime = datetime(2026, 3, 10, 8, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **how_long: float) -> None:
        self.now += timedelta(**how_long)


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any

    @property
    def result(self) -> Any:
        assert self.status == 200, self
        assert "error" not in self.body, self
        return self.body["result"]

    @property
    def refusal(self) -> tuple[int, str, str]:
        return self.status, self.body["error"], self.body["error_description"]


@dataclass
class Desk:
    portal: Portal
    clock: Clock
    http: httpx2.AsyncClient
    token: str = ""
    refresh: str = ""
    hook: str = field(default=f"/rest/{ADMIN}/{demo.WEBHOOK_SECRET}/")

    async def call(self, method: str, /, **params: Any) -> Answer:
        """As the application, in JSON."""
        return _answer(await self.http.post(f"/rest/{method}", json={**params, "auth": self.token}))

    async def by_webhook(self, method: str, /, **params: Any) -> Answer:
        return _answer(await self.http.post(f"{self.hook}{method}", json=params))

    async def form(self, method: str, body: str) -> Answer:
        """As the webhook, urlencoded with brackets."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return _answer(await self.http.post(f"{self.hook}{method}", content=body, headers=headers))

    async def batch(self, cmd: Any, /, **params: Any) -> Any:
        return (await self.call("batch", cmd=cmd, **params)).result

    async def registered(self, **changes: Any) -> str:
        values = {"USER_ID": ADMIN, "PHONE_NUMBER": CONTACT, "TYPE": 2, **changes}
        call_id: str = (await self.call("telephony.externalCall.register", **values)).result["CALL_ID"]
        return call_id

    async def finished(self, call_id: str, **changes: Any) -> Any:
        values = {"CALL_ID": call_id, "USER_ID": ADMIN, "DURATION": 30, **changes}
        return (await self.call("telephony.externalCall.finish", **values)).result


def _answer(response: httpx2.Response) -> Answer:
    return Answer(response.status_code, response.json())


@asynccontextmanager
async def desk(**settings: Any) -> AsyncIterator[Desk]:
    """The demonstration office, its clock in the test's hand, without a quota unless the test wants one."""
    clock = Clock()
    portal = Portal.demo(settings=Settings(**{"rate_limit": False, **settings}), clock=clock)
    portal.address = "http://portal.test"
    transport = httpx2.ASGITransport(app=create_app(portal))
    async with httpx2.AsyncClient(transport=transport, base_url=portal.address) as http:
        access, refresh = portal.access.issue(portal.access.applications[0], ADMIN, clock())
        yield Desk(portal=portal, clock=clock, http=http, token=access, refresh=refresh)


@dataclass
class Listener:
    """A small web server outside the portal: it keeps what it was sent and answers always the same."""

    address: str
    heard: list[tuple[str, bytes]] = field(default_factory=list)  # path, body


@asynccontextmanager
async def listener(*, status: int = 200, content: bytes = b"") -> AsyncIterator[Listener]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next((int(line[15:]) for line in head.lower().splitlines() if line.startswith("content-length:")), 0)
        there.heard.append((head.split()[1], await reader.readexactly(length)))
        writer.write(f"HTTP/1.1 {status} So\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    there = Listener(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    async with server:
        yield there
