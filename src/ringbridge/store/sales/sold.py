"""The rows of leads and deals, and the keys by which they are found: each number of each of their clients, as the
summaries of calls know a client, and the clients themselves ("contact 12"), whose numbers may change.

A deal carries the number of the reading that saw it last: what a whole reading did not see is there no more.
Everything here is written where it is asked for, so callers bring a hundred deals at a time.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from dataclasses import replace as changed
from datetime import timedelta
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, delete, select, update

from ringbridge.routing.clients import Ref
from ringbridge.routing.intents import PortalId
from ringbridge.routing.sales import Sale
from ringbridge.store.database import Transaction, insert
from ringbridge.store.keys import CallKey
from ringbridge.store.sales import brought
from ringbridge.store.sales.brought import COLUMNS, Brought, by_nobody, is_within, numbers_in
from ringbridge.store.statistics import summaries
from ringbridge.store.statistics.counting import DIGITS, client_of
from ringbridge.telephony.numbers import Number, comparable, country_code, parse_number, spellings

OWN = ""  # whose numbers stand in the lead itself

DEALS, KEYS = summaries.stats_deals.c, summaries.stats_deal_keys.c

Row = dict[str, Any]
Phones = Mapping[Ref, Collection[str]]
"""Of clients, as written."""

DECISIVE = ("created", "earliest", "found_by")  # for which call brought it
TOLD = ("portal", "kind", "id", "responsible", "state", "closed", "amount", "currency", "changed", *DECISIVE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelling:
    """How numbers are read: as in this country."""

    region: str

    def numbers(self, written: Iterable[str]) -> list[str]:
        """As the summaries may know whom they belong to, each once."""
        return list(dict.fromkeys(number for one in written for number in self._ways(one)))

    def _ways(self, written: str) -> list[str]:
        """A PBX writes countries in its own way. An extension behind a number is no part of it."""
        number = parse_number(written, self.region)
        if number is None:
            return []
        if number.e164 is None:
            ways: Collection[str] = {comparable(written, self.region), number.digits}
        elif self._is_short(number):
            ways = spellings(changed(number, given=number.e164), self.region)
        else:
            ways = [number.digits]
        return sorted({client_of(way) for way in ways} - {""})

    def _is_short(self, number: Number) -> bool:
        """Its national way to be written has not all the digits that tell a number apart."""
        code = country_code(self.region)
        return number.digits.startswith(code) and len(number.digits) < len(code) + DIGITS


def row(portal: PortalId, sale: Sale, phones: Phones, spelling: Spelling, within: timedelta) -> Row:
    """What is told of it, without the call; that one was made `within` this time before it."""
    clients = {name_of(client): spelling.numbers(phones.get(client, ())) for client in sale.clients}
    return {
        "portal": portal,
        "kind": sale.ref.kind,
        "id": sale.ref.id,
        "responsible": sale.responsible,
        "state": sale.state,
        "closed": sale.closed,
        "amount": sale.amount,
        "currency": sale.currency,
        "changed": sale.changed,
        "created": sale.created,
        "earliest": sale.created - within,
        "found_by": json.dumps({OWN: spelling.numbers(sale.phones), **clients}),
    }


def with_numbers(held: Row, phones: Phones, spelling: Spelling) -> Row:
    """The same, where its clients have these numbers now."""
    found_by: dict[str, list[str]] = json.loads(held["found_by"])
    now = {name_of(client): spelling.numbers(written) for client, written in phones.items()}
    found_by |= {name: numbers for name, numbers in now.items() if name in found_by}
    return {name: held[name] for name in TOLD} | {"found_by": json.dumps(found_by)}


def name_of(client: Ref) -> str:
    return f"{client.kind} {client.id}"


async def replace(tx: Transaction, portal: PortalId, rows: Mapping[Ref, Row]) -> None:
    """These are so now. The call that brought one is looked for where that may have changed."""
    held = await _held(tx, portal, rows)
    other = {ref: row for ref, row in rows.items() if ref not in held or not _same(held[ref], row, TOLD)}
    if not other:
        return
    old = {key for ref in other if ref in held for key in _keys(ref, held[ref])}
    new = {key for ref, row in other.items() for key in _keys(ref, row)}
    await _forget_keys(tx, portal, old - new)
    await _put_keys(tx, portal, new - old)
    put = [row | await _call(tx, held.get(ref), row) for ref, row in other.items()]
    await tx.execute(PUT, [{"generation": 0, **one} for one in put])


async def remove(tx: Transaction, portal: PortalId, refs: Iterable[Ref]) -> None:
    """These are there no more."""
    held = await _held(tx, portal, refs)
    await _forget_keys(tx, portal, {key for ref, row in held.items() for key in _keys(ref, row)})
    for these in _by_kind(portal, held):
        await tx.execute(delete(summaries.stats_deals).where(these))


async def mark(tx: Transaction, portal: PortalId, refs: Iterable[Ref], generation: int) -> None:
    """This reading has seen them."""
    for these in _by_kind(portal, refs):
        await tx.execute(update(summaries.stats_deals).where(these).values(generation=generation))


async def unseen(tx: Transaction, portal: PortalId, generation: int, limit: int) -> list[Ref]:
    """Some of those that no reading has seen since this one began."""
    found = select(DEALS.kind, DEALS.id).where(DEALS.portal == portal, DEALS.generation < generation).limit(limit)
    return [Ref(kind=row.kind, id=row.id) for row in await tx.execute(found)]


async def of_clients(tx: Transaction, portal: PortalId, clients: Iterable[Ref]) -> dict[Ref, Row]:
    names = [name_of(client) for client in clients]
    found = select(KEYS.kind, KEYS.id).where(KEYS.key.in_(names), KEYS.portal == portal).distinct()
    return await _held(tx, portal, [Ref(kind=row.kind, id=row.id) for row in await tx.execute(found)])


async def with_deals(tx: Transaction, portal: PortalId, clients: Iterable[Ref]) -> list[Ref]:
    """Those of these clients that have any."""
    named = {name_of(client): client for client in clients}
    found = select(KEYS.key).where(KEYS.key.in_(named), KEYS.portal == portal).distinct()
    return [named[name] for name in (await tx.execute(found)).scalars()]


async def _call(tx: Transaction, held: Row | None, row: Row) -> Row:
    """The columns that tell which call brought it."""
    if held and _same(held, row, DECISIVE):
        return {name: held[name] for name in COLUMNS}
    numbers = numbers_in(row["found_by"])
    found = await brought.latest_call(tx, numbers, row["earliest"], row["created"])
    known = _known_call(held, row, numbers) if held else None
    calls = [call for call in (found, known) if call]
    return max(calls, key=attrgetter("place")).columns() if calls else by_nobody(numbers, row["created"])


def _known_call(held: Row, row: Row, numbers: Collection[str]) -> Brought | None:
    """The one that was known before, if it may still be: the journal may have forgotten it by its age."""
    if held["call_key"] is None or held["client"] not in numbers:
        return None
    if not is_within(held["called"], row["earliest"], row["created"]):
        return None
    return Brought(
        client=held["client"],
        key=CallKey(held["call_key"]),
        called=held["called"],
        source=held["source"],
        extension=held["extension"],
    )


def _same(held: Row, row: Row, names: Iterable[str]) -> bool:
    return all(held[name] == row[name] for name in names)


async def _held(tx: Transaction, portal: PortalId, refs: Iterable[Ref]) -> dict[Ref, Row]:
    held: dict[Ref, Row] = {}
    for these in _by_kind(portal, refs):
        rows = (await tx.execute(select(summaries.stats_deals).where(these))).mappings()
        held |= {Ref(kind=row["kind"], id=row["id"]): dict(row) for row in rows}
    return held


def _by_kind(portal: PortalId, refs: Iterable[Ref]) -> Iterator[ColumnElement[bool]]:
    """What finds them by their primary key."""
    for kind, same in groupby(sorted(refs, key=attrgetter("kind")), key=attrgetter("kind")):
        yield and_(DEALS.portal == portal, DEALS.kind == kind, DEALS.id.in_([ref.id for ref in same]))


def _keys(ref: Ref, row: Row) -> Iterator[tuple[str, Ref]]:
    yield from ((number, ref) for number in numbers_in(row["found_by"]))
    yield from ((name, ref) for name in json.loads(row["found_by"]) if name != OWN)


async def _put_keys(tx: Transaction, portal: PortalId, keys: Collection[tuple[str, Ref]]) -> None:
    if keys:
        await tx.execute(PUT_KEY, _key_rows(portal, keys))


async def _forget_keys(tx: Transaction, portal: PortalId, keys: Collection[tuple[str, Ref]]) -> None:
    if keys:
        await tx.execute(FORGET_KEY, _key_rows(portal, keys))


def _key_rows(portal: PortalId, keys: Iterable[tuple[str, Ref]]) -> list[Row]:
    return [{"key": key, "portal": portal, "kind": ref.kind, "id": ref.id} for key, ref in keys]


_PUTTING = insert(summaries.stats_deals)
_CHANGED = {c.name: _PUTTING.excluded[c.name] for c in DEALS if not c.primary_key and c.name != "generation"}
PUT = _PUTTING.on_conflict_do_update(index_elements=["portal", "kind", "id"], set_=_CHANGED)
PUT_KEY = insert(summaries.stats_deal_keys).on_conflict_do_nothing()
FORGET_KEY = delete(summaries.stats_deal_keys).where(*(c == bindparam(c.name) for c in KEYS))
