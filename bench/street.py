"""What is around Ringbridge: an emulated PBX that plays calls, a portal, and Ringbridge itself beside them."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.house import SECRET, USER
from bench.instant_portal import InstantPortal
from bench.played import Moment
from ringbridge.emulators.asterisk.server import Server
from ringbridge.emulators.asterisk.users import User


@dataclass(frozen=True, slots=True, kw_only=True)
class Street:
    pbx: Server
    portal: InstantPortal
    house: asyncio.subprocess.Process

    async def asked(self, question: str) -> str:
        """What the house says of itself: see `bench.house.answer`."""
        return await asked(self.house, question)


async def asked(house: asyncio.subprocess.Process, question: str) -> str:
    if house.stdin is None or house.stdout is None:
        raise RuntimeError("the house was started without pipes")
    house.stdin.write(f"{question}\n".encode())
    answer = await house.stdout.readline()
    if not answer:
        raise RuntimeError("Ringbridge ended before its time; what it said is above")
    return answer.decode().strip()


@asynccontextmanager
async def street() -> AsyncIterator[Street]:
    """Ringbridge is up and linked to both sides while the context lasts; its data are thrown away at the end."""
    pbx, portal = Server([User(name=USER, secret=SECRET)]), InstantPortal()
    async with pbx.listen(), portal.listen():
        with tempfile.TemporaryDirectory(prefix="ringbridge-bench-", dir=Path.cwd() / ".cache") as folder:
            async with running_house(Path(folder), pbx.port, portal.port) as house:
                yield Street(pbx=pbx, portal=portal, house=house)


@asynccontextmanager
async def running_house(folder: Path, ami_port: int, portal_port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    pipe = asyncio.subprocess.PIPE
    house = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.house", str(folder), str(ami_port), str(portal_port), stdin=pipe, stdout=pipe
    )
    try:
        if house.stdout is None or await house.stdout.readline() != b"ready\n":
            raise RuntimeError("Ringbridge did not start; what it said is above")
        yield house
    finally:
        if house.stdin:
            house.stdin.close()
        await house.wait()


async def play(pbx: Server, moments: Sequence[Moment]) -> dict[str, float]:
    """Says each moment at its time. Returns when each client's call rang: just before its bytes were handed to the
    socket (`time.perf_counter`)."""
    rang: dict[str, float] = {}
    began = time.perf_counter()
    for moment in moments:
        wait = began + moment.after - time.perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        if moment.rings:
            rang[moment.client] = time.perf_counter()
        for session in pbx.sessions:
            session.write(moment.data)
    return rang
