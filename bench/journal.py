"""How soon the journal's searches and the pages of analytics answer when there are millions of calls."""

from __future__ import annotations

import asyncio
import os
import random
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx2

from bench.figure import Figure, milliseconds, percentile
from ringbridge.pbx.recordings import LinkSigner, SoundFile
from ringbridge.routing.intents import RecordKey
from ringbridge.store import calls, schema, stats
from ringbridge.store.calls import Cursor, Filters, PbxId
from ringbridge.store.database import Database, insert
from ringbridge.store.schema import EPOCH, MICROSECOND
from ringbridge.telephony.model import Call, CallId, Direction, Disposition, Extension, Leg, LegResult, Talk
from ringbridge.web.app import create_app
from ringbridge.web.live import LiveFeed
from ringbridge.web.pages.analytics import VIEWS
from ringbridge.web.recordings import Recordings
from ringbridge.web.services import Services, Status

CALLS = int(os.environ.get("RINGBRIDGE_BENCH_CALLS", "1000000"))
A_YEAR = 2_000_000
UNTIL = datetime(2026, 11, 1, tzinfo=UTC)
FIRST = UNTIL - CALLS / A_YEAR * timedelta(days=365)
MONTH = timedelta(days=30)
AT_ONCE = 5000
OFFICE = PbxId("office")
TRUNKS = ("mango", "mtt", "rostelecom", "gsm1", "gsm2")
NUMBERS = tuple(f"7495{number:07}" for number in range(1000, 1030))
EXTENSIONS = tuple(str(number) for number in range(101, 141))
QUEUES = (None, "700", "701")
CLIENTS = 2_000_000
ASKED = 20

METHOD = f"""\
A journal of {CALLS:,} calls ({A_YEAR:,} a year, so that a month has as many however many years there are;
RINGBRIDGE_BENCH_CALLS says how many calls) by {len(TRUNKS)} trunks and {len(NUMBERS)} numbers, of {CLIENTS:,} clients
and {len(EXTENSIONS)} employees, drawn by a fixed seed, seven of ten incoming, eight of ten answered, is written in
order and then counted, as a journal from before the summaries is. Each search is made {ASKED} times with other values,
every second time for a page in the midst of the journal; each page of analytics is asked for {ASKED} times by a browser
in the same process, and a quarter as often for all time, with the period before for comparison. The clock runs until
the page is whole and compressed."""


def number_of(client: int) -> str:
    return f"79{client * 7919 % 10**9:09}"


def call_at(number: int, chance: random.Random) -> Call:
    """The number-th call of all: in working hours for the most part, half of them of clients who call often."""
    start = FIRST + (UNTIL - FIRST) * (number / CALLS)
    start = start.replace(hour=6 + int(12 * chance.betavariate(2, 2)))
    client = chance.randrange(CLIENTS // 20) if chance.random() < 0.5 else chance.randrange(CLIENTS)
    inbound, spoken = chance.random() < 0.7, chance.random() < 0.8
    which = chance.randrange(len(NUMBERS))
    phone = Extension(EXTENSIONS[int(len(EXTENSIONS) * chance.random() ** 2)])
    rung = (phone, Extension(EXTENSIONS[(which * 7) % len(EXTENSIONS)])) if inbound else ()
    taken = start + timedelta(seconds=chance.randrange(3, 40))
    end = taken + timedelta(seconds=chance.randrange(5, 300) if spoken else 0)
    legs = tuple(
        Leg(
            extension=extension,
            channel=f"{number}.{turn}",
            ring_start=start,
            answer=taken if spoken and not turn else None,
            end=end if spoken and not turn else taken,
            result=LegResult.ANSWERED if spoken and not turn else LegResult.NO_ANSWER,
        )
        for turn, extension in enumerate(rung)
    )
    unspoken = Disposition.MISSED if inbound else chance.choice((Disposition.NO_ANSWER, Disposition.BUSY))
    return Call(
        id=CallId(f"{int(start.timestamp())}.{number}"),
        direction=Direction.INBOUND if inbound else Direction.OUTBOUND,
        start=start,
        end=end,
        external=number_of(client),
        did=NUMBERS[which] if inbound else None,
        trunk=TRUNKS[which % len(TRUNKS)],
        caller=None if inbound else phone,
        disposition=Disposition.ANSWERED if spoken else unspoken,
        legs=legs,
        talks=(Talk(extension=phone, start=taken, end=end),) if spoken else (),
        queue=QUEUES[which % 3] if inbound else None,
        hangup_cause=16,
    )


async def filled(database: Database) -> float:
    """Seconds it took."""
    chance, began = random.Random(20261125), time.perf_counter()
    for first in range(0, CALLS, AT_ONCE):
        several = [call_at(number, chance) for number in range(first, min(CALLS, first + AT_ONCE))]
        async with database.transaction() as tx:
            await tx.execute(insert(schema.calls), [calls.columns(OFFICE, call) for call in several])
    return time.perf_counter() - began


async def counted(database: Database) -> float:
    """Seconds it took."""
    began = time.perf_counter()
    async with database.transaction() as tx:
        await stats.begin_anew(tx)
    while (await stats.count_piece(database, AT_ONCE)).upto is not None:
        pass
    return time.perf_counter() - began


def searches(chance: random.Random) -> dict[str, Filters]:
    """What is asked of the journal, anew each time."""
    number = number_of(chance.randrange(CLIENTS))
    return {
        "the newest": Filters(),
        "a whole number": Filters(number=number),
        "the last four digits": Filters(number=number[-4:]),
        "the last two digits": Filters(number=number[-2:]),
        "a trunk": Filters(trunk=chance.choice(TRUNKS)),
        "a number called": Filters(trunk=chance.choice(NUMBERS)),
        "an employee": Filters(extension=chance.choice(EXTENSIONS)),
        "an employee's own, of two phones": Filters(own=(chance.choice(EXTENSIONS), "999")),
        "an employee's missed calls": Filters(extension=chance.choice(EXTENSIONS), disposition=Disposition.MISSED),
        "an employee's of a number called": Filters(extension=chance.choice(EXTENSIONS), trunk=chance.choice(NUMBERS)),
        "what is not there: a trunk": Filters(trunk="none"),
        "what is not there: an employee": Filters(extension="999"),
        "what is not there: a result": Filters(disposition=Disposition.FAILED),
    }


async def searched(database: Database) -> dict[tuple[str, str], list[float]]:
    """Seconds of each search, for a month and for all time; every second one is of a page in the midst."""
    chance, took = random.Random(7), defaultdict[tuple[str, str], list[float]](list)
    for turn in range(ASKED):
        month = FIRST + chance.random() * (UNTIL - FIRST - MONTH)
        for name, filters in searches(chance).items():
            for span, asked in (("a month", replace(filters, since=month, until=month + MONTH)), ("all time", filters)):
                deep = Cursor(f"{(month + MONTH / 2 - EPOCH) // MICROSECOND}~") if turn % 2 else None
                began = time.perf_counter()
                async with database.reading() as tx:
                    await calls.page(tx, deep, 50, asked)
                took[name, span].append(time.perf_counter() - began)
    return took


async def asked_for(database: Database) -> tuple[dict[tuple[str, str], list[float]], int]:
    """Seconds of each page of analytics, as a browser waits for it without the network, and the largest in bytes."""
    chance, took, largest = random.Random(7), defaultdict[tuple[str, str], list[float]](list), 0
    app = create_app(page_services(database))
    transport = httpx2.ASGITransport(app=app, client=("127.0.0.1", 40000))
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost:8077") as browser:
        for turn in range(ASKED):
            first = (FIRST + MONTH + chance.random() * (UNTIL - FIRST - 2 * MONTH)).date()
            month = f"from={first}&to={first + MONTH}"
            for view in VIEWS:
                for span, query in (("a month", month), ("all time", "period=all")):
                    if span == "all time" and turn >= ASKED // 4:
                        continue
                    began = time.perf_counter()
                    async with browser.stream("GET", f"/analytics/{view}?{query}") as answer:
                        size = sum([len(part) async for part in answer.aiter_raw()])
                    if answer.status_code != 200:
                        raise RuntimeError(f"{view} answered {answer.status_code}")
                    took[view, span].append(time.perf_counter() - began)
                    largest = max(largest, size)
    return took, largest


def page_services(database: Database) -> Services:
    async def status() -> Status:
        return Status(version="", started=UNTIL)

    async def find(record: RecordKey, *, mp3: bool = False) -> SoundFile | None:
        return None

    return Services(
        database=database,
        live=LiveFeed(()),
        status=status,
        recordings=Recordings(signer=LinkSigner("https://calls.example", b"only for the figures" * 2), find=find),
        zone=ZoneInfo("Europe/Moscow"),
        now=lambda: UNTIL,
    )


def measure() -> Figure:
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(measured(Path(folder)))


async def measured(folder: Path) -> Figure:
    async with await Database.open(f"sqlite:///{folder}/journal.db") as database:
        filling, counting = await filled(database), await counted(database)
        found, (pages, largest) = await searched(database), await asked_for(database)
        disk = bytes_in(folder)
    rows = [(f"journal: {name}", *spans(found, name)) for name in searches(random.Random(0))]
    rows += [(f"analytics: {name}", *spans(pages, name)) for name in VIEWS]
    rows += [
        ("largest page of analytics, compressed", f"{largest / 1000:.0f} KB", ""),
        ("disk", f"{disk / 2**30:.1f} GiB, {disk / CALLS:.0f} bytes a call", ""),
        ("writing the journal", f"{CALLS / filling:,.0f} calls a second", ""),
        ("counting an older journal (`ringbridge stats rebuild`)", f"{CALLS / counting:,.0f} calls a second", ""),
    ]
    return Figure(
        title=f"The journal and analytics: {CALLS:,} calls",
        method=METHOD,
        columns=("", "a month, p95", "all time, p95"),
        rows=rows,
    )


def bytes_in(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())


def spans(took: Mapping[tuple[str, str], Sequence[float]], name: str) -> tuple[str, str]:
    month, ever = (milliseconds(percentile(took[name, span], 0.95)) for span in ("a month", "all time"))
    return month, ever
