"""How soon the dialplan is answered: from the mirror, and while the CRM hangs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import re
import socket
import sqlite3
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.figure import Figure, milliseconds, percentile
from ringbridge.emulators.bitrix24 import Portal, serve
from ringbridge.emulators.bitrix24 import Settings as PortalSettings
from ringbridge.emulators.bitrix24.faults import Fault, FaultKind
from ringbridge.emulators.bitrix24.fields import Kind

CONTACTS = 10_000
RATE = 50.0  # questions a second
QUESTIONS, HANGING = 1500, 500
BUDGET_MS = 300
PATIENCE = 120.0  # seconds for the service to start and to read the portal

METHOD = f"""\
`ringbridge run` is a process of its own. It has mirrored an emulated portal with {CONTACTS:,} contacts. Questions come
as a Poisson process with a fixed seed, {RATE:g} a second, each about another client and by a connection of its own, as
Asterisk makes them; {QUESTIONS:,} by FastAGI, then as many by HTTP. As in Asterisk, a thread asks, by a plain socket:
the clock runs from before its connection until the server has closed it. Every answer names the client's own employee,
or the measurement fails.

Then the same without a mirror while the portal takes requests and never answers: {HANGING} questions each way, with the
default budget of {BUDGET_MS} ms. Every answer is the normal route, and what is measured is how much a hanging CRM costs
a caller."""

Ask = Callable[[str], str]
"""Asks about a number; gives what was told until the server closed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """A running service."""

    page: int
    agi: int

    def by_agi(self, number: str) -> str:
        told = b""
        with connected(self.agi) as connection, connection.makefile("rb") as lines:
            connection.sendall(f"agi_network: yes\nagi_callerid: {number}\n\n".encode())
            for line in lines:
                told += line
                connection.sendall(b"200 result=0\n")
        return told.decode()

    def by_http(self, number: str) -> str:
        head = f"GET /route?number={number} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
        with connected(self.page) as connection, connection.makefile("rb") as answer:
            connection.sendall(head.encode())
            return answer.read().decode()


def names_somebody(told: str) -> bool:
    """Either way's answer."""
    first = re.search(r"count=(\d+)", told, re.IGNORECASE)
    if first is None:
        raise RuntimeError(f"that is no answer: {told!r}")
    return first[1] != "0"


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=5)


def crowded() -> Portal:
    portal = Portal.demo(settings=PortalSettings(rate_limit=False, operating_limit=False))
    for client in range(CONTACTS):
        phone = [{"VALUE": f"+7{number_of(client)}", "VALUE_TYPE": "MOBILE"}]
        fields = {"NAME": f"Client {client}", "PHONE": phone, "ASSIGNED_BY_ID": 1 + client % 6}
        portal.clients.add(Kind.CONTACT, fields, user_id=1, at="")
    return portal


def number_of(client: int) -> str:
    """Ten digits behind +7, all of a range that is in use."""
    return f"912{client * 7919 % 10**7:07}"


def office(portal: Portal, agi: int, *, mirror: bool) -> str:
    return f"""
[[portal]]
name = "portal"
webhook = "{portal.webhook_url}"
default_user = "1"
allow_http = true
allow_private = true
mirror = {str(mirror).lower()}

[distribution]
enabled = true
agi_port = {agi}
budget_ms = {BUDGET_MS}
"""


@asynccontextmanager
async def running(folder: Path, portal: Portal, *, mirror: bool) -> AsyncIterator[House]:
    house = House(page=free_port(), agi=free_port())
    file = folder / "office.toml"
    await asyncio.to_thread(file.write_text, office(portal, house.agi, mirror=mirror), "utf-8")
    environment = os.environ | {
        "RINGBRIDGE_DATA": str(folder),
        "RINGBRIDGE_CONFIG": str(folder / "none.toml"),
        "RINGBRIDGE_PORT": str(house.page),
        "RINGBRIDGE_LOG_LEVEL": "WARNING",
    }

    async def ringbridge(*arguments: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "ringbridge.cli", *arguments),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env=environment,
        )

    if await (await ringbridge("config", "import", str(file))).wait():
        raise RuntimeError("the configuration was not taken")
    process = await ringbridge("run")
    try:
        async with asyncio.timeout(PATIENCE):
            await until_ready(house, folder / "ringbridge.db" if mirror else None)
        yield house
    finally:
        process.terminate()
        await process.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


async def until_ready(house: House, mirrored_in: Path | None) -> None:
    """Both doors are open, and the mirror is whole, where there is to be one."""
    while True:
        with contextlib.suppress(OSError):
            await asyncio.to_thread(house.by_agi, "")
            if mirrored_in is None or is_whole(mirrored_in):
                return
        await asyncio.sleep(0.5)


def is_whole(path: Path) -> bool:
    with contextlib.closing(sqlite3.connect(path)) as database:
        return database.execute("SELECT 1 FROM mirror_readings WHERE finished IS NOT NULL").fetchone() is not None


async def measured(ask: Ask, questions: int, *, named: bool, first: int) -> list[float]:
    """Seconds of each question."""
    chance = random.Random(20261125)

    def one(number: str) -> float:
        began = time.perf_counter()
        told = ask(number)
        took = time.perf_counter() - began
        if names_somebody(told) is not named:
            raise RuntimeError(f"the answer about client {number} is wrong")
        return took

    asking = []
    async with asyncio.TaskGroup() as group:
        for client in range(first, first + questions):
            asking.append(group.create_task(asyncio.to_thread(one, f"7{number_of(client)}")))
            await asyncio.sleep(chance.expovariate(RATE))
    return [one.result() for one in asking]


async def all_ways(folder: Path) -> dict[str, list[float]]:
    portal, found = crowded(), dict[str, list[float]]()
    async with serve(portal):
        async with running(folder, portal, mirror=True) as house:
            found["mirror, FastAGI"] = await measured(house.by_agi, QUESTIONS, named=True, first=0)
            found["mirror, HTTP"] = await measured(house.by_http, QUESTIONS, named=True, first=QUESTIONS)
        portal.faults.add(Fault(kind=FaultKind.HANG, times=10**9))
        async with running(folder, portal, mirror=False) as house:
            found["the CRM hangs, FastAGI"] = await measured(house.by_agi, HANGING, named=False, first=5000)
            found["the CRM hangs, HTTP"] = await measured(house.by_http, HANGING, named=False, first=6000)
        portal.faults.clear()
    return found


def measure() -> Figure:
    with tempfile.TemporaryDirectory(prefix="ringbridge-bench-") as folder:
        found = asyncio.run(all_ways(Path(folder)))
    rows = [
        (
            name,
            f"{len(took):,}",
            milliseconds(percentile(took, 0.5)),
            f"**{milliseconds(percentile(took, 0.99))}**",
            milliseconds(max(took)),
        )
        for name, took in found.items()
    ]
    return Figure(
        title=f"From the dialplan's question to its answer, {RATE:g} questions a second",
        method=METHOD,
        columns=("who is asked", "questions", "p50", "p99", "longest"),
        rows=rows,
    )
