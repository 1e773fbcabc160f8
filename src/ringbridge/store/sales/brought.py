"""Which call brought a lead or a deal: the latest inbound one of any of its clients' numbers that began before it was
made, and not longer ago than the office wants to count.

However late a call is heard of or corrected, and however late a deal is read, what stands here is what the journal
says. A call that the journal has forgotten by age keeps what it brought.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, bindparam, literal_column, or_, select, tuple_, update

from ringbridge.store import schema
from ringbridge.store.database import Transaction
from ringbridge.store.documents import load_call
from ringbridge.store.keys import CallKey
from ringbridge.store.schema import MICROSECOND
from ringbridge.store.statistics import lanes, summaries
from ringbridge.store.statistics.counting import DIGITS, Ending, Lane, ending, hour_of, start_of_hour
from ringbridge.telephony.model import Direction

CALLS, CLIENTS = schema.calls.c, summaries.stats_clients.c
DEALS, KEYS = summaries.stats_deals.c, summaries.stats_deal_keys.c

CLOCKS = timedelta(minutes=2)
"""The clocks of a CRM and a PBX differ by so much at most: a deal that is made while the telephone rings may seem to be
older than its call."""

# The sign keeps SQLite from walking all calls of a number: one may have very many.
UNSORTED: ColumnElement[str] = literal_column("+calls.number_reversed", Text())
Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """The call that brought a deal."""

    client: str  # by which of the clients' numbers
    key: CallKey
    called: datetime
    source: int
    extension: str | None  # who spoke first; None: nobody did

    @property
    def place(self) -> tuple[datetime, str]:
        return self.called, self.key

    def columns(self) -> Row:
        return {
            "client": self.client,
            "hour": hour_of(self.called),
            "source": self.source,
            "call_key": self.key,
            "called": self.called,
            "extension": self.extension,
        }


def by_nobody(numbers: Iterable[str], created: datetime) -> Row:
    """The columns of a deal of these numbers that no call brought."""
    return {
        "client": next(iter(numbers), ""),
        "hour": hour_of(created),
        "source": None,
        "call_key": None,
        "called": None,
        "extension": None,
    }


def numbers_in(found_by: str) -> list[str]:
    """The numbers of all clients of a deal, as the summaries have them."""
    return list(dict.fromkeys(number for numbers in json.loads(found_by).values() for number in numbers))


def is_within(called: datetime, earliest: datetime, created: datetime) -> bool:
    """Whether a call that began then may have brought a deal."""
    return earliest <= called <= created + CLOCKS


# When calls come


async def put(tx: Transaction, endings: Mapping[CallKey, Ending], sources: Mapping[Lane, int]) -> None:
    """These calls count from now on: they may have brought deals that are known already."""
    claims = [_claim(key, ended, sources[ended.lane]) for key, ended in endings.items() if may_bring(ended)]
    if claims:
        await tx.execute(CLAIM, claims)


async def take_out(tx: Transaction, endings: Mapping[CallKey, Ending]) -> None:
    """What one of these calls brought was brought by another one, if at all."""
    for key, ended in endings.items():
        if may_bring(ended):
            rows = [dict(row) for row in (await tx.execute(BROUGHT_BY, {"the_key": key})).mappings()]
            for row in rows:
                await _bring_anew(tx, row, besides=endings)


async def forget_all(tx: Transaction) -> None:
    """No call brought anything; each says so again when it is counted."""
    await tx.execute(FORGET)


def may_bring(ended: Ending) -> bool:
    return ended.direction is Direction.INBOUND and bool(ended.client)


def _claim(key: CallKey, ended: Ending, source: int) -> Row:
    brought = _brought(key, ended, source)
    return {f"the_{name}": value for name, value in brought.columns().items()} | {"clocks": ended.start - CLOCKS}


def _brought(key: CallKey, ended: Ending, source: int) -> Brought:
    return Brought(client=ended.client, key=key, called=ended.start, source=source, extension=ended.by or None)


async def _bring_anew(tx: Transaction, row: Row, *, besides: Collection[str]) -> None:
    numbers = numbers_in(row["found_by"])
    found = await latest_call(tx, numbers, row["earliest"], row["created"], besides=besides)
    columns = found.columns() if found else by_nobody(numbers, row["created"])
    here = {f"this_{name}": row[name] for name in ("portal", "kind", "id")}
    await tx.execute(BRING, here | {f"the_{name}": value for name, value in columns.items()})


# When a deal comes


async def latest_call(
    tx: Transaction, numbers: Iterable[str], earliest: datetime, created: datetime, *, besides: Collection[str] = ()
) -> Brought | None:
    """That brought a deal of these numbers, as the journal has it. One that is not counted yet brings it when it is."""
    found = [one for number in numbers if (one := await _latest_of(tx, number, earliest, created, besides))]
    if not found:
        return None
    key, ended = max(found, key=lambda one: (one[1].start, one[0]))
    return _brought(key, ended, (await lanes.numbered(tx, [ended.lane]))[ended.lane])


async def _latest_of(
    tx: Transaction, number: str, earliest: datetime, created: datetime, besides: Collection[str]
) -> tuple[CallKey, Ending] | None:
    """By the hours in which the client called: however many calls a number has, those of few hours are looked at."""
    latest = created + CLOCKS
    asked = {"number": number, "first": hour_of(earliest), "last": hour_of(latest)}
    # A whole number may stand behind a country, a short one is all there is. After "9" comes ":", and "!" before "0".
    after = f"{number}:" if len(number) == DIGITS else f"{number}!"
    for hour in (await tx.execute(HOURS, asked)).scalars().all():
        since, until = max(earliest, start_of_hour(hour)), min(latest, start_of_hour(hour + 1) - MICROSECOND)
        rows = await tx.execute(IN_HOUR, {"number": number, "after": after, "since": since, "until": until})
        if found := next(_counted(rows.all(), number, besides), None):
            return found
    return None


def _counted(rows: Iterable[Any], number: str, besides: Collection[str]) -> Iterator[tuple[CallKey, Ending]]:
    for row in rows:
        ended = None if row.key in besides else ending(load_call(row.snapshot))
        if ended is not None and ended.client == number:
            yield CallKey(row.key), ended


# The last of them may be those of calls that began too late, or that the journal has forgotten.
HOURS = (
    select(CLIENTS.hour)
    .where(CLIENTS.client == bindparam("number"), CLIENTS.hour.between(bindparam("first"), bindparam("last")))
    .distinct()
    .order_by(CLIENTS.hour.desc())
    .limit(5)
)
IN_HOUR = (
    select(CALLS.key, CALLS.snapshot)
    .where(
        CALLS.started.between(bindparam("since"), bindparam("until")),
        UNSORTED.between(bindparam("number"), bindparam("after")),
        CALLS.direction == Direction.INBOUND,
        CALLS.ended.is_not(None),
    )
    .order_by(CALLS.started.desc(), CALLS.key.desc())
    .limit(20)
)
BROUGHT_BY = select(*(DEALS[name] for name in ("portal", "kind", "id", "found_by", "earliest", "created"))).where(
    DEALS.call_key == bindparam("the_key")
)
COLUMNS = ("client", "hour", "source", "call_key", "called", "extension")
VALUES: dict[str, Any] = {name: bindparam(f"the_{name}") for name in COLUMNS}
CLAIM = (
    update(summaries.stats_deals)
    .where(
        tuple_(DEALS.portal, DEALS.kind, DEALS.id).in_(
            select(KEYS.portal, KEYS.kind, KEYS.id).where(KEYS.key == bindparam("the_client"))
        ),
        DEALS.earliest <= bindparam("the_called"),
        DEALS.created >= bindparam("clocks"),
        or_(
            DEALS.called.is_(None),
            DEALS.called < bindparam("the_called"),
            and_(DEALS.called == bindparam("the_called"), DEALS.call_key < bindparam("the_call_key")),
        ),
    )
    .values(**VALUES)
)
BRING = (
    update(summaries.stats_deals)
    .where(*(DEALS[name] == bindparam(f"this_{name}") for name in ("portal", "kind", "id")))
    .values(**VALUES)
)
FORGET = update(summaries.stats_deals).values(
    hour=literal_column("created / 3600000000"), source=None, call_key=None, called=None, extension=None
)
