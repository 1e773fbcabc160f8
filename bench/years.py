"""Years of an office's calls, written in minutes.

One week is written and counted call by call, as `ringbridge stats rebuild` counts it. Every other week is a copy of it
by SQL (`bench.copies`), calls and sums alike, of other clients.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench import names
from bench.copies import copy_week
from ringbridge.store import calls, schema
from ringbridge.store.calls import PbxId
from ringbridge.store.database import Database, insert
from ringbridge.store.statistics import marks, stats
from ringbridge.telephony.model import Call, CallId, Direction, Disposition, Extension, Leg, LegResult, Talk

WEEK = timedelta(days=7)
A_WEEK = 38_400  # calls: two million a year
UNTIL = datetime(2026, 11, 2, tzinfo=UTC)  # a Monday
OFFICE = PbxId("office")
TRUNKS = ("mango", "mtt", "rostelecom", "gsm1", "gsm2")
NUMBERS = tuple(f"7495{number:07}" for number in range(1000, 1030))
EXTENSIONS = tuple(str(number) for number in range(101, 141))
QUEUES = (None, "700", "701")
CLIENTS, FREQUENT = 2_000_000, 100_000  # half of the calls are those of the frequent ones
STRIDES = 61_813, 1_298_291  # how many frequent and other clients a week goes on
AT_ONCE = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Years:
    """What was written. Of the week that was written call by call: how many calls a second."""

    first: datetime
    calls: int
    disk: int  # bytes
    journalled: float
    counted: float


def number_of(client: int) -> str:
    return f"79{client * 7919 % 10**9:09}"


def client_of(number: str) -> int:
    return int(number[2:]) * pow(7919, -1, 10**9) % 10**9


def moved(number: str, week: int) -> str:
    """Who calls in that week where this client called in the last."""
    client = client_of(number)
    if client < FREQUENT:
        return number_of((client + week * STRIDES[0]) % FREQUENT)
    return number_of(FREQUENT + (client - FREQUENT + week * STRIDES[1]) % (CLIENTS - FREQUENT))


def call_at(number: int, chance: random.Random, a_week: int = A_WEEK) -> Call:
    """The number-th call of the last week, in working hours."""
    start = UNTIL - WEEK + WEEK * (number / a_week)
    start = start.replace(hour=6 + int(12 * chance.betavariate(2, 2)))
    client = chance.randrange(FREQUENT) if chance.random() < 0.5 else chance.randrange(FREQUENT, CLIENTS)
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


async def written(path: Path, total: int, a_week: int = A_WEEK) -> Years:
    """Make a database with whole weeks of calls up to `UNTIL`, `total` or a few more."""
    weeks = -(-total // a_week)
    async with await Database.open(f"sqlite:///{path}") as database:
        journalled = await filled(database, a_week)
        counted = await counted_anew(database)
        await names.mirror(database, range(FREQUENT), map(number_of, range(FREQUENT)))
    copy_week(path, weeks, moved, lambda number: names.told_of(client_of(number)))
    return Years(
        first=UNTIL - weeks * WEEK,
        calls=weeks * a_week,
        disk=size_of(path),
        journalled=a_week / journalled,
        counted=a_week / counted,
    )


def size_of(file: Path) -> int:
    return file.stat().st_size


async def filled(database: Database, a_week: int) -> float:
    """Seconds it took."""
    chance = random.Random(20261125)
    told = [call_at(number, chance, a_week) for number in range(a_week)]
    began = time.perf_counter()
    for first in range(0, a_week, AT_ONCE):
        rows = [calls.columns(OFFICE, call) for call in told[first : first + AT_ONCE]]
        async with database.transaction() as tx:
            await tx.execute(insert(schema.calls), rows)
            await marks.put(tx, rows)
    return time.perf_counter() - began


async def counted_anew(database: Database) -> float:
    """Seconds it took."""
    began = time.perf_counter()
    async with database.transaction() as tx:
        await stats.begin_anew(tx)
    while (await stats.count_piece(database, AT_ONCE)).upto is not None:
        pass
    return time.perf_counter() - began
