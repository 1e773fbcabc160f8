"""What it costs to push the live page of a busy office to those who look at it.

``python -m bench.live FOLDER`` is the page as a process of its own. It says its port; told how many changes a second
there shall be, it lets them happen for a while and says what that cost.
"""

from __future__ import annotations

import asyncio
import random
import resource
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import uvicorn

from bench.figure import Figure, kibibytes
from ringbridge.pbx.recordings import LinkSigner, SoundFile
from ringbridge.routing.distribution import Reach
from ringbridge.routing.intents import RecordKey
from ringbridge.store import users
from ringbridge.store.database import Database
from ringbridge.store.keys import PbxId
from ringbridge.store.users import Role, User
from ringbridge.telephony.model import Call, CallId, Direction, Disposition, Extension, Leg, LegResult, Talk
from ringbridge.web.app import create_app
from ringbridge.web.auth.accounts import COOKIE, digest
from ringbridge.web.live import LiveFeed
from ringbridge.web.recordings import Recordings
from ringbridge.web.services import Services, Status

CALLS, PHONES = 200, 200
PACES = (1, 10)  # changes a second
VIEWERS = (0, 1, 10)
SECONDS = 10.0
OFFICE = PbxId("office")
SESSION = "bench"

METHOD = f"""\
{CALLS} calls are in progress in an office of {PHONES} phones. At even distances something changes: by turns a new call
rings, one is answered, and one ends. The page is a process of its own, with its database; whoever looks is logged in as
an administrator, has a connection of their own and reads what comes. The share is the processor time of the page's
process in {SECONDS:.0f} seconds; without anybody who looks, it is what the changes themselves cost. A page is told of
changes twice a second at most."""


class Office:
    """Calls that come, are answered and end, drawn by a fixed seed."""

    def __init__(self, feed: LiveFeed) -> None:
        self._feed, self._chance = feed, random.Random(20261126)
        self._ringing: list[Call] = []
        self._talking: list[Call] = []
        self._number = 0
        for _ in range(CALLS // 2):
            self.ring()
        for _ in range(CALLS // 2):
            self.ring()
            self.answer()
        self._turns: tuple[Callable[[], None], ...] = (self.ring, self.answer, self.end)

    def change(self, turn: int) -> None:
        self._turns[turn % len(self._turns)]()

    def ring(self) -> None:
        self._number += 1
        now, number = datetime.now(UTC), self._number
        phones = [Extension(str(1000 + self._chance.randrange(PHONES))) for _ in range(3)]
        call = Call(
            id=CallId(f"{int(now.timestamp())}.{number}"),
            direction=Direction.INBOUND,
            start=now,
            external=f"7912{number * 7919 % 10**7:07}",
            external_name=f"Client {number}",
            did="74951112233",
            trunk="mango",
            group="600",
            legs=tuple(Leg(extension=phone, channel=f"{number}.{phone}", ring_start=now) for phone in phones),
        )
        self._ringing.append(call)
        self._feed.tell(OFFICE, call)

    def answer(self) -> None:
        now, call = datetime.now(UTC), self._ringing.pop(0)
        first, *others = call.legs
        won = replace(first, answer=now, result=LegResult.ANSWERED)
        lost = [replace(leg, end=now, result=LegResult.ANSWERED_ELSEWHERE) for leg in others]
        call = replace(call, legs=(won, *lost), talks=(Talk(extension=won.extension, start=now),))
        self._talking.append(call)
        self._feed.tell(OFFICE, call)

    def end(self) -> None:
        now, call = datetime.now(UTC), self._talking.pop(self._chance.randrange(len(self._talking)))
        talks = tuple(replace(talk, end=now) for talk in call.talks)
        self._feed.tell(OFFICE, replace(call, end=now, talks=talks, disposition=Disposition.ANSWERED))


async def serve(folder: Path) -> None:
    async with await Database.open(f"sqlite:///{folder}/page.db") as database:
        await admit(database)
        feed = LiveFeed()
        office = Office(feed)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            server = uvicorn.Server(uvicorn.Config(create_app(services(database, feed)), log_config=None))
            async with asyncio.TaskGroup() as group:
                running = group.create_task(server.serve(sockets=[listener]))
                print(listener.getsockname()[1], flush=True)
                while line := await asyncio.to_thread(sys.stdin.readline):
                    print(await used(office, int(line)), flush=True)
                feed.close()
                server.should_exit = True
                await running


async def used(office: Office, pace: int) -> float:
    """Seconds of processor time, while so many changes a second come."""
    loop = asyncio.get_running_loop()
    before, began = processor(), loop.time()
    for turn in range(int(SECONDS * pace)):
        await asyncio.sleep(max(0.0, began + turn / pace - loop.time()))
        office.change(turn)
    await asyncio.sleep(max(0.0, began + SECONDS - loop.time()))
    return processor() - before


def processor() -> float:
    spent = resource.getrusage(resource.RUSAGE_SELF)
    return spent.ru_utime + spent.ru_stime


async def admit(database: Database) -> None:
    now = datetime.now(UTC)
    async with database.transaction() as tx:
        await users.add(tx, User(name="bench", role=Role.ADMIN), "no password opens it", by="bench", now=now)
        await users.open_session(tx, "bench", digest(SESSION), now=now, ends=now + timedelta(hours=1))


def services(database: Database, feed: LiveFeed) -> Services:
    started = datetime.now(UTC)

    async def status() -> Status:
        return Status(version="bench", started=started)

    async def find(record: RecordKey, *, mp3: bool = False) -> SoundFile | None:
        return None

    phones = {str(1000 + n): f"Employee {n}" for n in range(PHONES)}
    return Services(
        database=database,
        live=feed,
        status=status,
        recordings=Recordings(signer=LinkSigner("https://calls.example", b"bench" * 8), find=find),
        employee=phones.get,
        phones=lambda: phones,
        reach=lambda phone: Reach.FREE,
    )


# Who looks


@dataclass(slots=True)
class Viewer:
    first: int = 0  # bytes
    events: int = 0
    later: int = 0

    async def look(self, port: int, there: asyncio.Event) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET /live/stream HTTP/1.0\r\nHost: localhost\r\nCookie: {COOKIE}={SESSION}\r\n\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
        self.first = await event_in(reader)
        there.set()
        while size := await event_in(reader):
            self.events, self.later = self.events + 1, self.later + size


async def event_in(reader: asyncio.StreamReader) -> int:
    """Bytes of one event; 0 at the end."""
    size = 0
    while line := await reader.readline():
        size += len(line)
        if line == b"\n":
            return size
    return 0


@asynccontextmanager
async def looking(port: int, count: int) -> AsyncIterator[list[Viewer]]:
    viewers = [Viewer() for _ in range(count)]
    async with asyncio.TaskGroup() as group:
        arrivals = [asyncio.Event() for _ in viewers]
        tasks = [group.create_task(one.look(port, there)) for one, there in zip(viewers, arrivals, strict=True)]
        for there in arrivals:
            await there.wait()
        yield viewers
        for task in tasks:
            task.cancel()


async def measured() -> list[tuple[str, ...]]:
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        page = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.live", folder),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert page.stdin
        assert page.stdout
        port = int(await page.stdout.readline())
        for pace in PACES:
            for count in VIEWERS:
                async with looking(port, count) as viewers:
                    page.stdin.write(b"%d\n" % pace)
                    spent = float(await page.stdout.readline())
                    rows.append(row(pace, viewers, spent))
        page.stdin.close()
        await page.wait()
    return rows


def row(pace: int, viewers: list[Viewer], spent: float) -> tuple[str, ...]:
    events = sum(one.events for one in viewers)
    size = kibibytes(sum(one.later for one in viewers) / events) if events else "-"
    first = kibibytes(viewers[0].first) if viewers else "-"
    a_second = f"{events / len(viewers) / SECONDS:.1f}" if viewers else "-"
    return (str(pace), str(len(viewers)), f"**{spent / SECONDS:.1%}**", a_second, size, first)


def measure() -> Figure:
    return Figure(
        title=f"The live page with {CALLS} calls",
        method=METHOD,
        columns=("changes a second", "pages that look", "of one core", "pushes a second", "a push", "the first one"),
        rows=asyncio.run(measured()),
    )


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
