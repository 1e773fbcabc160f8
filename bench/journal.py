"""How soon the journal's searches and the pages of analytics answer when there are millions of calls."""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx2

from bench import names
from bench.figure import Figure, milliseconds, percentile
from bench.years import (
    CLIENTS,
    EXTENSIONS,
    FREQUENT,
    NUMBERS,
    OFFICE,
    TRUNKS,
    UNTIL,
    Years,
    call_at,
    number_of,
    written,
)
from ringbridge.pbx.recordings import LinkSigner, SoundFile
from ringbridge.routing.intents import RecordKey
from ringbridge.store import calls, words
from ringbridge.store.calls import Cursor, Filters
from ringbridge.store.database import Database
from ringbridge.store.schema import EPOCH, MICROSECOND
from ringbridge.telephony.model import CallId, Disposition
from ringbridge.web.app import create_app
from ringbridge.web.live import LiveFeed
from ringbridge.web.pages.analytics import VIEWS
from ringbridge.web.recordings import Recordings
from ringbridge.web.services import Services, Status

CALLS = 1_000_000
MONTH = timedelta(days=30)
NAME = "a client's name"
SPANS = ("a month", "a year", "all time")
ASKED = 20
ENDED = 300

METHOD = f"""\
A journal of so many calls, two million a year (so a month has as many however many years there are), by {len(TRUNKS)}
trunks and {len(NUMBERS)} numbers, of {CLIENTS:,} clients, a twentieth of whom call half of the time, and
{len(EXTENSIONS)} employees, drawn by a fixed seed, seven of ten incoming, eight of ten answered; every tenth incoming
call brings a deal, and of each a line of its story tells a client's name. The frequent clients are mirrored with their
names. One week is written and counted call by call, the others are copies of it by SQL, of other
clients; a test holds the sums against those of counting every call. Each search is made {ASKED} times with other
values, every second time for a page in the midst of the journal; each page of analytics is asked for {ASKED} times by
a browser in the same process, and a quarter as often for longer than a month, with the period before for comparison.
The clock runs until the page is whole and compressed;
beside it stands the processor time of all threads. In the end {ENDED} calls are written as the service writes them,
once when they have begun and once when they have ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """Seconds of each turn: by the clock, and of the processor."""

    clock: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        clock, processor = time.perf_counter(), time.process_time()
        yield
        self.clock.append(time.perf_counter() - clock)
        self.processor.append(time.process_time() - processor)


Turns = dict[tuple[str, str], Took]
PAGES = {**{view: f"{view}?" for view in VIEWS}, "deals by employee": "deals?by=employee&"}


def searches(chance: random.Random) -> dict[str, Filters]:
    """What is asked of the journal, anew each time."""
    client = chance.randrange(CLIENTS)
    number, name = number_of(client), names.name_of(client)
    return {
        "the newest": Filters(),
        NAME: Filters(),
        "a whole number": Filters(number=number),
        "the last four digits": Filters(number=number[-4:]),
        "the last two digits": Filters(number=number[-2:]),
        "a trunk": Filters(trunk=chance.choice(TRUNKS)),
        "a number called": Filters(trunk=chance.choice(NUMBERS)),
        "an employee": Filters(extension=chance.choice(EXTENSIONS)),
        "an employee's own, of two phones": Filters(own=(chance.choice(EXTENSIONS), "999")),
        "an employee's missed calls": Filters(extension=chance.choice(EXTENSIONS), disposition=Disposition.MISSED),
        "an employee's of a number called": Filters(extension=chance.choice(EXTENSIONS), trunk=chance.choice(NUMBERS)),
        "a word of few calls' story": Filters(text=name.split()[0]),
        "words of few calls' story": Filters(text=f"{name} {names.EVERY_CALLS[:-2]}"),
        "a word of every call's story": Filters(text=names.EVERY_CALLS),
        "what is not there: a word": Filters(text="ничего"),
        "what is not there: a trunk": Filters(trunk="none"),
        "what is not there: an employee": Filters(extension="999"),
        "what is not there: a result": Filters(disposition=Disposition.FAILED),
    }


async def searched(database: Database, first: datetime) -> Turns:
    """Each search, for a month, a year and all time; every second one is of a page in the midst."""
    chance, took = random.Random(7), defaultdict[tuple[str, str], Took](Took)
    for turn in range(ASKED):
        month = first + chance.random() * (UNTIL - first - MONTH)
        year = month - MONTH / 2 - timedelta(days=150)
        for name, filters in searches(chance).items():
            asked = {
                "a month": replace(filters, since=month, until=month + MONTH),
                "a year": replace(filters, since=year, until=year + timedelta(days=365)),
                "all time": filters,
            }
            deep = Cursor(f"{(month + MONTH / 2 - EPOCH) // MICROSECOND}~") if turn % 2 else None
            who = names.name_of(chance.randrange(FREQUENT)) if name == NAME else ""
            for span in SPANS:
                async with took[name, span].turn(), database.reading() as tx:
                    theirs = (await words.named(tx, who, names.REGION)).numbers if who else None
                    await calls.page(tx, deep, 50, replace(asked[span], numbers=theirs))
    return took


async def asked_for(database: Database, first: datetime) -> tuple[Turns, int]:
    """Each page of analytics, as a browser waits for it without the network, and the largest in bytes."""
    chance, took, largest = random.Random(7), defaultdict[tuple[str, str], Took](Took), 0
    app = create_app(page_services(database))
    transport = httpx2.ASGITransport(app=app, client=("127.0.0.1", 40000))
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost:8077") as browser:
        for turn in range(ASKED):
            day = (first + MONTH + chance.random() * (UNTIL - first - 2 * MONTH)).date()
            queries = {"a month": f"from={day}&to={day + MONTH}"}
            if turn < ASKED // 4:
                queries |= {"a year": f"from={day}&to={day + timedelta(days=364)}", "all time": "period=all"}
            for view, address in PAGES.items():
                for span, query in queries.items():
                    asked = browser.stream("GET", f"/analytics/{address}{query}")
                    async with took[view, span].turn(), asked as answer:
                        size = sum([len(part) async for part in answer.aiter_raw()])
                    if answer.status_code != 200:
                        raise RuntimeError(f"{view} answered {answer.status_code}")
                    largest = max(largest, size)
    return took, largest


async def ended(database: Database) -> tuple[Took, float]:
    """Each commit, of a call that begins or ends, and the bytes that a call writes to the disk."""
    chance, took = random.Random(8), Took()
    told = [call_at(number * 100, chance) for number in range(ENDED)]
    told = [replace(call, id=CallId(f"{call.id}.new"), start=call.start + 7 * timedelta(days=1)) for call in told]
    before = bytes_written()
    for call in told:
        for stage in (replace(call, end=None, disposition=None, talks=()), call):
            async with took.turn(), database.transaction() as tx:
                await calls.record(tx, OFFICE, [stage])
    return took, (bytes_written() - before) / ENDED


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


def measure(size: int = CALLS) -> Figure:
    """`size`: how many calls."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(measured(Path(folder) / "journal.db", size))


async def measured(path: Path, size: int) -> Figure:
    years = await written(path, size)
    async with await Database.open(f"sqlite:///{path}") as database:
        found = await searched(database, years.first)
        pages, largest = await asked_for(database, years.first)
        ends, bytes_a_call = await ended(database)
    return Figure(
        title=f"The journal and analytics: {years.calls:,} calls",
        method=METHOD,
        columns=("p95 by the clock, and of the processor", *SPANS),
        rows=[
            *((f"journal: {name}", *spans(found, name)) for name in searches(random.Random(0))),
            *((f"analytics: {name}", *spans(pages, name)) for name in PAGES),
            ("largest page of analytics, compressed", f"{largest / 1000:.0f} KB", "", ""),
            *writing(years, ends, bytes_a_call),
        ],
    )


def writing(years: Years, ends: Took, bytes_a_call: float) -> list[tuple[str, ...]]:
    rows = {
        "disk": f"{years.disk / 2**30:.1f} GiB, {years.disk / years.calls:.0f} bytes a call",
        "a commit of a call's beginning or end, p50": at(ends, 0.5),
        "the same, p95": at(ends, 0.95),
        "written to the disk for a call, both commits": f"{bytes_a_call / 1024:.0f} KiB",
        "writing the journal": f"{years.journalled:,.0f} calls a second",
        "counting its first week (`ringbridge stats rebuild`)": f"{years.counted:,.0f} calls a second",
    }
    return [(name, figure, "", "") for name, figure in rows.items()]


def bytes_written() -> int:
    """To the disk, by this process (proc(5), io)."""
    told = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(told["write_bytes"])


def spans(took: Turns, name: str) -> tuple[str, ...]:
    return tuple(at(took[name, span], 0.95) for span in SPANS)


def at(took: Took, share: float) -> str:
    return f"{milliseconds(percentile(took.clock, share))}, {milliseconds(percentile(took.processor, share))}"
