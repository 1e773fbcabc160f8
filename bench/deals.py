"""What it takes to find the call that brought each of many deals, and what a call's end pays for the deals."""

from __future__ import annotations

import asyncio
import gc
import random
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from bench.figure import Figure, milliseconds, percentile
from bench.mirror import Spent, microseconds, watching
from bench.years import CLIENTS, FREQUENT, OFFICE, UNTIL, call_at, number_of, written
from ringbridge.routing.clients import Ref
from ringbridge.routing.intents import PortalId
from ringbridge.routing.sales import Sale, SaleState
from ringbridge.store import calls
from ringbridge.store.database import Database
from ringbridge.store.sales.kept import AT_ONCE, Sales
from ringbridge.store.statistics import summaries
from ringbridge.telephony.model import CallId

CALLS = 1_000_000
DEALS = 100_000
PAGE = 2500  # that a portal gives at once
ENDED = 400
HALF_A_YEAR = timedelta(days=182)
MAIN = PortalId("main")

METHOD = f"""\
A journal of {CALLS:,} calls in half a year, as for the journal's own figures, gets {DEALS:,} deals of the same time,
each of a client with two numbers and of a company with one, drawn by a fixed seed: half of them are frequent callers.
They are kept as the service keeps them, {PAGE:,} that come with one request, {AT_ONCE} in one transaction, each with
the call that brought it; then all are kept once more, as a sweep does. While that is done another task asks for every
turn of the event loop: how long it waited at most is how long a call would have.

{ENDED} calls are written as the service writes them, once when they have begun and once when they have ended, before
there is a deal and afterwards; the time is that of the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    first: Spent
    again: Spent
    longest: Spent
    brought: int


def deals() -> Iterator[Sale]:
    chance = random.Random(20261126)
    for number in range(DEALS):
        made = UNTIL - HALF_A_YEAR * chance.random()
        yield Sale(
            ref=Ref(kind="deal", id=str(number)),
            state=chance.choice(list(SaleState)),
            created=made,
            changed=made,
            amount=chance.randrange(10**7),
            currency="RUB",
            clients=(Ref(kind="contact", id=str(number)), Ref(kind="company", id=str(number % 20_000))),
        )


def phones_of(number: int) -> dict[Ref, tuple[str, ...]]:
    """Of a deal's clients, as people write them."""
    chance = random.Random(number)
    caller = chance.randrange(FREQUENT) if chance.random() < 0.5 else chance.randrange(CLIENTS)
    numbers = (f"+{number_of(caller)}", f"8{number_of(chance.randrange(CLIENTS))[1:]}")
    firm = (f"+7495{number % 20_000:07}",)
    return {Ref(kind="contact", id=str(number)): numbers, Ref(kind="company", id=str(number % 20_000)): firm}


async def kept(database: Database) -> Kept:
    sales = Sales(database, MAIN, region="RU", within=timedelta(days=90), terms="")
    everything = list(deals())
    phones = {client: found for number in range(DEALS) for client, found in phones_of(number).items()}
    gc.freeze()  # as the service does: what this measurement holds is not looked through
    turns = list[Spent]()
    watch = asyncio.create_task(watching(turns))
    spent = []
    for generation in (1, 2):
        began = Spent.now()
        for start in range(0, DEALS, PAGE):
            await sales.keep(everything[start : start + PAGE], phones, generation)
        spent.append(Spent.now() - began)
    watch.cancel()
    async with database.reading() as tx:
        found = await tx.execute(summaries.stats_deals.select().where(summaries.stats_deals.c.call_key.is_not(None)))
        brought = len(found.all())
    return Kept(first=spent[0], again=spent[1], longest=turns[0], brought=brought)


async def ends(database: Database, named: str) -> list[Spent]:
    """Of calls of now."""
    chance = random.Random(ENDED)
    told = [replace(call_at(number * 90, chance), id=CallId(f"{named}.{number}")) for number in range(ENDED)]
    took = []
    for call in told:
        async with database.transaction() as tx:
            await calls.record(tx, OFFICE, [replace(call, end=None, disposition=None, talks=())])
        began = Spent.now()
        async with database.transaction() as tx:
            await calls.record(tx, OFFICE, [call])
        took.append(Spent.now() - began)
    return took


async def measured(path: Path) -> tuple[Kept, list[Spent], list[Spent]]:
    await written(path, CALLS)
    async with await Database.open(f"sqlite:///{path}") as database:
        async with database.transaction() as tx:
            for table in (summaries.stats_deals, summaries.stats_deal_keys):
                await tx.execute(table.delete())
        await ends(database, "warm")
        without = await ends(database, "without")
        there = await kept(database)
        return there, without, await ends(database, "beside")


def measure() -> Figure:
    with tempfile.TemporaryDirectory() as folder:
        there, without, beside = asyncio.run(measured(Path(folder) / "deals.db"))
    rows = [
        ("deals kept with their calls, each", *each(there.first)),
        ("the same once more, as a sweep does", *each(there.again)),
        (
            "longest turn of the loop meanwhile",
            milliseconds(there.longest.clock),
            milliseconds(there.longest.processor),
        ),
        ("brought by a call", f"{there.brought:,} of {DEALS:,}", ""),
        ("a call's end without deals, p50", *at(without, 0.5)),
        ("the same, p95", *at(without, 0.95)),
        (f"a call's end beside {DEALS:,} deals, p50", *at(beside, 0.5)),
        ("the same, p95", *at(beside, 0.95)),
    ]
    return Figure(
        title=f"Deals: {DEALS:,} beside {CALLS:,} calls",
        method=METHOD,
        columns=("", "by the clock", "processor time of the loop"),
        rows=rows,
    )


def each(spent: Spent) -> tuple[str, str]:
    return microseconds(spent.clock / DEALS), microseconds(spent.processor / DEALS)


def at(spent: list[Spent], share: float) -> tuple[str, str]:
    return (
        milliseconds(percentile([one.clock for one in spent], share)),
        milliseconds(percentile([one.processor for one in spent], share)),
    )
