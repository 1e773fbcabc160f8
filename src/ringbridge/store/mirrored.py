"""What the mirror holds: clients and deals at work, and the keys by which they are found. A client is found by each of
their numbers and each word of their names (`words`), a deal by each of its clients.

A thing carries the number of the reading that saw it last: what a whole reading did not see is there no more.
Everything here is written where it is asked for, so callers bring a hundred things at a time.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, delete, func, select, update

from ringbridge.routing.clients import MirrorClient, MirrorDeal, Ref
from ringbridge.routing.intents import PortalId
from ringbridge.store import schema
from ringbridge.store.database import Transaction, insert
from ringbridge.store.words import keys_of
from ringbridge.telephony.numbers import comparable

DEAL = "deal"

THINGS, KEYS = schema.mirror_things.c, schema.mirror_keys.c

Row = dict[str, Any]
Key = tuple[str, Ref]


async def replace(
    tx: Transaction, portal: PortalId, things: Iterable[MirrorClient | MirrorDeal], *, generation: int, region: str
) -> int:
    """These are so, as the reading `generation` saw them; tells how many were kept otherwise or not at all. Of two
    with one id the last counts. `region` is the office's country: by it their numbers are spelled."""
    rows = {one.ref: _row(portal, one) for one in things}
    kept = await _kept(tx, portal, rows)
    other = {ref: row for ref, row in rows.items() if kept.get(ref) != row}
    old = {key for ref in other if ref in kept for key in _keys(ref, kept[ref], region)}
    new = {key for ref, row in other.items() for key in _keys(ref, row, region)}
    await _forget_keys(tx, portal, old - new)
    await _put_keys(tx, portal, new - old)
    await _put(tx, [{**row, "generation": generation} for row in other.values()])
    await _mark(tx, portal, rows.keys() - other.keys(), generation)
    return len(other)


async def remove(tx: Transaction, portal: PortalId, refs: Iterable[Ref], *, region: str) -> int:
    """These are there no more; tells how many were kept."""
    kept = await _kept(tx, portal, refs)
    await _forget_keys(tx, portal, {key for ref, row in kept.items() for key in _keys(ref, row, region)})
    for these in _by_kind(portal, kept):
        await tx.execute(delete(schema.mirror_things).where(these))
    return len(kept)


async def unseen(tx: Transaction, portal: PortalId, generation: int, limit: int) -> list[Ref]:
    """Some of the things that no reading has seen since this one began."""
    found = select(THINGS.kind, THINGS.id).where(THINGS.portal == portal, THINGS.generation < generation).limit(limit)
    return [Ref(kind=row.kind, id=row.id) for row in await tx.execute(found)]


async def phones(tx: Transaction, portal: PortalId, clients: Iterable[Ref]) -> dict[Ref, tuple[str, ...]]:
    """The numbers of those of these clients that are kept, as written."""
    return {ref: tuple(json.loads(row["found_by"])) for ref, row in (await _kept(tx, portal, clients)).items()}


async def count(tx: Transaction, portal: PortalId) -> int:
    counted = select(func.count()).select_from(schema.mirror_things).where(THINGS.portal == portal)
    return int((await tx.execute(counted)).scalar_one())


def _row(portal: PortalId, thing: MirrorClient | MirrorDeal) -> Row:
    match thing:
        case MirrorClient(company=company, company_name=company_name, phones=found_by):
            name, works_for = thing.name, company.id if company else None
        case MirrorDeal(clients=clients):
            name, works_for, company_name = thing.title, None, ""
            found_by = tuple(f"{client.kind} {client.id}" for client in clients)
    return {
        "portal": portal,
        "kind": thing.ref.kind,
        "id": thing.ref.id,
        "name": name,
        "responsible": thing.responsible,
        "company": works_for,
        "company_name": company_name,
        "found_by": json.dumps(found_by),
    }


def _keys(ref: Ref, row: Row, region: str) -> Iterator[Key]:
    for written in json.loads(row["found_by"]):
        key = written if ref.kind == DEAL else comparable(written, region)
        if key:
            yield key, ref
    if ref.kind != DEAL:
        yield from ((key, ref) for key in keys_of(row["name"], row["company_name"]))


async def _kept(tx: Transaction, portal: PortalId, refs: Iterable[Ref]) -> dict[Ref, Row]:
    kept: dict[Ref, Row] = {}
    for these in _by_kind(portal, refs):
        found = await tx.execute(select(*(column for column in THINGS if column.name != "generation")).where(these))
        kept |= {Ref(kind=row["kind"], id=row["id"]): dict(row) for row in found.mappings()}
    return kept


def _by_kind(portal: PortalId, refs: Iterable[Ref]) -> Iterator[ColumnElement[bool]]:
    """What finds them by their primary key."""
    for kind, same in groupby(sorted(refs, key=attrgetter("kind")), key=attrgetter("kind")):
        yield and_(THINGS.portal == portal, THINGS.kind == kind, THINGS.id.in_([ref.id for ref in same]))


async def _put(tx: Transaction, rows: list[Row]) -> None:
    if rows:
        put = insert(schema.mirror_things)
        changed = {column.name: put.excluded[column.name] for column in THINGS if not column.primary_key}
        await tx.execute(put.on_conflict_do_update(index_elements=["portal", "kind", "id"], set_=changed), rows)


async def _mark(tx: Transaction, portal: PortalId, refs: Iterable[Ref], generation: int) -> None:
    for these in _by_kind(portal, refs):
        await tx.execute(update(schema.mirror_things).where(these).values(generation=generation))


async def _put_keys(tx: Transaction, portal: PortalId, keys: Collection[Key]) -> None:
    if keys:
        await tx.execute(insert(schema.mirror_keys).on_conflict_do_nothing(), _key_rows(portal, keys))


async def _forget_keys(tx: Transaction, portal: PortalId, keys: Collection[Key]) -> None:
    if keys:
        here = [KEYS[name] == bindparam(name) for name in ("portal", "key", "kind", "id")]
        await tx.execute(delete(schema.mirror_keys).where(*here), _key_rows(portal, keys))


def _key_rows(portal: PortalId, keys: Iterable[Key]) -> list[Row]:
    return [{"portal": portal, "key": key, "kind": ref.kind, "id": ref.id} for key, ref in keys]
