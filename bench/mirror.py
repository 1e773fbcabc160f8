"""How soon a mirror of a million numbers answers, what it takes, and what filling it costs a portal."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import structlog

from bench.figure import Figure, mebibytes, milliseconds, percentile
from ringbridge.crm.bitrix24.auth import Credentials, Webhook
from ringbridge.crm.bitrix24.portal import Bitrix24
from ringbridge.crm.bitrix24.settings import Settings
from ringbridge.crm.contract import Absent
from ringbridge.crm.reach import Reach
from ringbridge.emulators.bitrix24 import Portal, serve
from ringbridge.emulators.bitrix24 import Settings as PortalSettings
from ringbridge.emulators.bitrix24.fields import Kind
from ringbridge.routing.clients import MirrorClient, MirrorDeal, Ref
from ringbridge.routing.intents import AttachRecording, PortalId, UserId
from ringbridge.service.mirror.keeper import MirrorKeeper
from ringbridge.store.database import Database
from ringbridge.store.mirror import Mirror

NUMBERS = 1_000_000
ASKED = 20_000
CONTACTS = 100_000
QUOTA = 2  # requests per second
PAGE, BATCH = 50, 50
MAIN, REGION = PortalId("main"), "RU"

METHOD = f"""\
A mirror of {NUMBERS:,} contacts, each with a number of its own, every tenth with a deal at work and every second with
a company, is written as the service writes it. Then {ASKED:,} numbers are asked for, one after the other, in this
process: nine of ten are somebody's, in four spellings, all drawn by a fixed seed, so that hardly one has been parsed or
read before. A look-up is everything from the number as the PBX has it to the clients with company and deal. Beside the
time on the clock stands processor time: on a machine that others use as well, the clock also counts their turns. Memory
is what the process is resident with after the filling, and how much more after the look-ups; the disk's is the file
after a checkpoint. While it is filled another task asks for every turn of the loop: how long it waited at most is how
long a call would have.

Then an emulated portal with {CONTACTS:,} contacts is filled from, over HTTP, without a quota, so that requests are
counted and not waited for. The time that a portal's quota makes of them is arithmetic: requests by {QUOTA} a second;
the share of the quota that calls leave is another matter. A list gives {PAGE} rows and a batch takes {BATCH} lists:
fewer requests than the contacts by {PAGE * BATCH:,} cannot be."""


def number_of(client: int) -> str:
    """Ten digits behind +7, spread over what mobile operators have."""
    return f"9{client * 7919 % 10**9:09}"


SPELLINGS = ("+7{}", "8{}", "7{}", "{}")


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds, by the clock and of this thread's processor time."""

    clock: float
    processor: float

    @classmethod
    def now(cls) -> Spent:
        return cls(time.perf_counter(), time.thread_time())

    def __sub__(self, earlier: Spent) -> Spent:
        return Spent(self.clock - earlier.clock, self.processor - earlier.processor)


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUps:
    found: list[Spent]
    unknown: list[Spent]
    filling: float  # seconds
    turns: Spent  # the longest of each
    resident: int  # bytes, after the filling
    more: int  # bytes, after the look-ups
    disk: int


def things() -> Iterator[MirrorClient | MirrorDeal]:
    for number in range(NUMBERS):
        one = Ref(kind="contact", id=str(number))
        yield MirrorClient(
            ref=one,
            name=f"Иванова Мария {number}",
            responsible=UserId(str(number % 40)),
            phones=(f"+7{number_of(number)}",),
            company=Ref(kind="company", id=str(number % 50_000)) if number % 2 else None,
        )
        if number % 10 == 0:
            deal = Ref(kind="deal", id=str(number))
            yield MirrorDeal(ref=deal, title="Забор 40 м", responsible=UserId("7"), clients=(one,))


async def look_ups(folder: Path) -> LookUps:
    async with await Database.open(f"sqlite:///{folder}/mirror.db") as database:
        mirror = Mirror(database, MAIN, REGION)
        turns = list[Spent]()
        watch = asyncio.create_task(watching(turns))
        began = Spent.now()
        await mirror.keep(things(), 1)
        filling = (Spent.now() - began).clock
        watch.cancel()
        resident = resident_bytes()
        found, unknown = await asked(mirror)
        more = resident_bytes() - resident
    return LookUps(
        found=found,
        unknown=unknown,
        filling=filling,
        turns=turns[0],
        resident=resident,
        more=more,
        disk=bytes_in(folder),
    )


def bytes_in(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())


async def watching(turns: list[Spent]) -> None:
    """Holds the longest turn, by each measure."""
    turns[:] = [Spent(0.0, 0.0)]
    while True:
        before = Spent.now()
        await asyncio.sleep(0)
        turn, longest = Spent.now() - before, turns[0]
        turns[0] = Spent(max(longest.clock, turn.clock), max(longest.processor, turn.processor))


async def asked(mirror: Mirror) -> tuple[list[Spent], list[Spent]]:
    chance = random.Random(20261125)
    found, unknown = list[Spent](), list[Spent]()
    for turn in range(ASKED):
        known = turn % 10 != 0
        client = chance.randrange(NUMBERS) if known else chance.randrange(NUMBERS, 2 * NUMBERS)
        written = chance.choice(SPELLINGS).format(number_of(client))
        began = Spent.now()
        there = await mirror.find(written)
        (found if known else unknown).append(Spent.now() - began)
        if bool(there) is not known:
            raise RuntimeError(f"the mirror is wrong about {client}")
    return found, unknown


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


# The filling of a portal's


@dataclass(frozen=True, slots=True, kw_only=True)
class Filling:
    requests: int
    lists: int
    seconds: float
    whole: bool
    read: int


class NoRecordings:
    async def fetch(self, intent: AttachRecording) -> Absent:
        raise NotImplementedError  # no call is recorded here


async def nothing(credentials: Credentials) -> None:
    pass


async def always() -> bool:
    return True


def crowded() -> Portal:
    portal = Portal.demo(settings=PortalSettings(rate_limit=False, operating_limit=False))
    for number in range(CONTACTS - len(portal.clients.rows[Kind.CONTACT])):
        phone = [{"VALUE": f"8 9{number:09}", "VALUE_TYPE": "MOBILE"}]
        portal.clients.add(Kind.CONTACT, {"NAME": f"Client {number}", "PHONE": phone}, user_id=1, at="")
    return portal


async def filling(folder: Path) -> Filling:
    portal = crowded()
    async with serve(portal), await Database.open(f"sqlite:///{folder}/filled.db") as database:
        reach = Reach(allow_http=True, allow_private=True)
        crm = Bitrix24(
            Settings(portal=MAIN, reach=reach, rate=1000.0, burst=1000),
            Webhook.parse(portal.webhook_url),
            recordings=NoRecordings(),
            save=nothing,
        )
        keeper = MirrorKeeper(MAIN, crm, database, region=REGION, every=timedelta(days=1), quiet=always)
        before, began = portal.traffic.requests, time.perf_counter()
        await keeper.step()
        while keeper.state().reading:
            await keeper.step()
        seconds = time.perf_counter() - began
        await crm.aclose()
        state = keeper.state()
        lists = sum(count for name, count in portal.traffic.methods.items() if name.endswith(".list"))
        return Filling(
            requests=portal.traffic.requests - before, lists=lists, seconds=seconds, whole=state.whole, read=state.read
        )


def measure() -> Figure:
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING)
    )  # figures alone are printed
    with tempfile.TemporaryDirectory() as folder:
        there = asyncio.run(look_ups(Path(folder)))
        filled = asyncio.run(filling(Path(folder)))
    if not filled.whole or filled.read != CONTACTS:
        raise RuntimeError("the mirror was not filled")
    least = -(-CONTACTS // (PAGE * BATCH))
    rows = [
        ("look-up of a number that is somebody's, p50", *at(there.found, 0.5)),
        ("the same, p99 (aim: less than 1 ms)", *at(there.found, 0.99)),
        ("the same, longest", *at(there.found, 1.0)),
        ("look-up of a number that is nobody's, p99", *at(there.unknown, 0.99)),
        (
            "resident memory after filling, and more after the look-ups",
            f"{mebibytes(there.resident)}, {mebibytes(there.more)}",
        ),
        ("disk", f"{mebibytes(there.disk)}, {there.disk / NUMBERS:.0f} bytes a number"),
        ("writing", f"{NUMBERS / there.filling:,.0f} clients a second"),
        ("longest turn of the loop meanwhile", milliseconds(there.turns.clock), milliseconds(there.turns.processor)),
        (f"requests to fill from {CONTACTS:,} contacts", f"**{filled.requests}** (at least {least})"),
        (f"of these at {QUOTA} requests a second", f"{filled.requests / QUOTA:.0f} s"),
        ("lists in these requests", f"{filled.lists:,} (at least {CONTACTS // PAGE:,})"),
        ("filling without a quota, the emulator in the same process", f"{filled.seconds:.0f} s"),
    ]
    return Figure(
        title=f"The mirror: {NUMBERS:,} numbers, and a portal of {CONTACTS:,} contacts",
        method=METHOD,
        columns=("", "by the clock", "processor time"),
        rows=[(*row, *([""] * (3 - len(row)))) for row in rows],
    )


def at(spent: Sequence[Spent], share: float) -> tuple[str, str]:
    clock = percentile([one.clock for one in spent], share)
    return microseconds(clock), f"**{microseconds(percentile([one.processor for one in spent], share))}**"


def microseconds(seconds: float) -> str:
    return f"{seconds * 1e6:,.0f} µs"
