"""The mirror: whom a number belongs to, as it was last read from each portal, and how far the reading is.

A number is looked up by digits in which all its spellings meet (`telephony.numbers.comparable`). A look-up is one
statement by primary keys, made where it is asked for (`Database.glance`): it costs less than a thread's turn, and a
million numbers take room in the file and none in memory. Measured in docs/reference/figures.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnCollection,
    ColumnElement,
    Select,
    and_,
    bindparam,
    case,
    delete,
    func,
    literal_column,
    select,
)

from ringbridge.routing.clients import MirrorClient, MirrorDeal, MirrorFound, Ref
from ringbridge.routing.intents import PortalId
from ringbridge.store import mirrored, schema
from ringbridge.store.database import Database, Transaction, insert
from ringbridge.store.pieces import pieces
from ringbridge.telephony.numbers import Number, comparable

KINDS = ("contact", "company", "lead")  # in this order one is chosen where several have a number
MOST_FOUND = 10
MOST_UNSEEN = 1000

THINGS, KEYS = schema.mirror_things.c, schema.mirror_keys.c
READINGS = schema.mirror_readings.c


async def find(database: Database, portal: PortalId, number: Number | str, region: str) -> tuple[MirrorFound, ...]:
    """Who has this number, however it is written: contacts, then companies, then leads, the oldest first; at most
    `MOST_FOUND`. Raises `StoreError`."""
    key = comparable(number, region)
    if not key:
        return ()
    with database.glance() as tx:
        rows = (await tx.execute(SEARCH, {"portal": portal, "number": key})).mappings().all()
    return tuple(MirrorFound(**row) for row in rows)


def _search() -> Select[Any]:
    company, deal = schema.mirror_things.alias("company"), schema.mirror_things.alias("deal")
    rank = case({kind: rank for rank, kind in enumerate(KINDS)}, value=THINGS.kind, else_=len(KINDS))
    return (
        select(
            THINGS.kind,
            THINGS.id,
            THINGS.name,
            THINGS.responsible,
            func.coalesce(company.c.name, THINGS.company_name).label("company"),
            company.c.responsible.label("company_responsible"),
            deal.c.name.label("deal"),
            deal.c.responsible.label("deal_responsible"),
        )
        .select_from(schema.mirror_keys)
        .join(schema.mirror_things, _is(THINGS, KEYS.kind, KEYS.id))
        .outerjoin(company, _is(company.c, literal_column("'company'"), THINGS.company))
        .outerjoin(deal, _is(deal.c, literal_column("'deal'"), _latest_deal()))
        .where(KEYS.portal == bindparam("portal"), KEYS.key == bindparam("number"))
        .order_by(rank, func.length(THINGS.id), THINGS.id)
        .limit(MOST_FOUND)
    )


def _is(
    things: ColumnCollection[str, Any], kind: ColumnElement[str], number: ColumnElement[str]
) -> ColumnElement[bool]:
    return and_(things.portal == KEYS.portal, things.kind == kind, things.id == number)


def _latest_deal() -> ColumnElement[str]:
    """Of the client's: ids count up, and the longer of two is the higher."""
    held = schema.mirror_keys.alias("held").c
    return (
        select(held.id)
        .where(held.portal == KEYS.portal, held.key == KEYS.kind + " " + KEYS.id, held.kind == literal_column("'deal'"))
        .order_by(func.length(held.id).desc(), held.id.desc())
        .limit(1)
        .correlate(schema.mirror_keys)
        .scalar_subquery()
    )


SEARCH = _search()


# How far the reading is


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The first reading of a portal fills the mirror, later ones sweep it."""

    region: str  # the office's country: by it the kept numbers are spelled
    generation: int = 0  # number of the reading that goes on, else of the last
    begun: datetime | None = None  # None: nothing is being read
    cursor: str | None = None  # where it goes on; None: at the beginning
    read: int = 0  # things so far
    total: int | None = None  # things in all, where the CRM told
    differing: int = 0  # things that it found to be otherwise than they were kept, so far
    finished: datetime | None = None  # when everything had last been read; None: never yet
    drift: int | None = None  # what the last sweep found to be otherwise; None: none was made yet


async def reading(tx: Transaction, portal: PortalId) -> Reading | None:
    """None: nothing was ever read."""
    row = (await tx.execute(select(schema.mirror_readings).where(READINGS.portal == portal))).mappings().first()
    return Reading(**{name: value for name, value in row.items() if name != "portal"}) if row else None


async def keep_reading(tx: Transaction, portal: PortalId, reading: Reading) -> None:
    put = insert(schema.mirror_readings)
    row = asdict(reading)
    await tx.execute(
        put.on_conflict_do_update(index_elements=["portal"], set_={name: put.excluded[name] for name in row}),
        {"portal": portal, **row},
    )


async def strangers(tx: Transaction, known: Collection[PortalId]) -> list[PortalId]:
    """Portals that have been read and are none of these."""
    found = select(READINGS.portal).where(READINGS.portal.not_in(known))
    return [PortalId(portal) for portal in (await tx.execute(found)).scalars()]


# One portal's


class Mirror:
    """One portal's, written in small pieces, so that others write in between. Every method raises `StoreError`."""

    def __init__(self, database: Database, portal: PortalId, region: str) -> None:
        """`region` is the office's country, by which numbers are spelled."""
        self._database = database
        self._portal = portal
        self._region = region

    async def find(self, number: Number | str) -> tuple[MirrorFound, ...]:
        return await find(self._database, self._portal, number, self._region)

    async def recall(self) -> Reading:
        """How far the reading was. What was kept by another country's spelling is forgotten."""
        async with self._database.reading() as tx:
            kept = await reading(tx, self._portal)
        if kept is None or kept.region == self._region:
            return kept or Reading(region=self._region)
        await forget(self._database, self._portal)
        return Reading(region=self._region)

    async def keep_reading(self, reading: Reading) -> None:
        async with self._database.transaction() as tx:
            await keep_reading(tx, self._portal, reading)

    async def phones(self, clients: Iterable[Ref]) -> dict[Ref, tuple[str, ...]]:
        """The numbers of those of these clients that are kept, as written."""
        found: dict[Ref, tuple[str, ...]] = {}
        async with self._database.reading() as tx:
            for piece in pieces(clients):
                found |= await mirrored.phones(tx, self._portal, piece)
        return found

    async def keep(self, things: Iterable[MirrorClient | MirrorDeal], generation: int) -> int:
        """These are so now; tells how many were kept otherwise or not at all."""
        differing = 0
        for piece in pieces(things):
            async with self._database.transaction() as tx:
                differing += await mirrored.replace(tx, self._portal, piece, generation=generation, region=self._region)
        return differing

    async def remove(self, refs: Iterable[Ref]) -> int:
        """Tells how many were kept."""
        removed = 0
        for piece in pieces(refs):
            async with self._database.transaction() as tx:
                removed += await mirrored.remove(tx, self._portal, piece, region=self._region)
        return removed

    async def remove_unseen(self, generation: int) -> int:
        """What no reading has seen since this one began; tells how many."""
        removed = 0
        while True:
            async with self._database.reading() as tx:
                refs = await mirrored.unseen(tx, self._portal, generation, MOST_UNSEEN)
            if not refs:
                return removed
            removed += await self.remove(refs)


async def forget(database: Database, portal: PortalId) -> None:
    """All of a portal's mirror. Raises `StoreError`."""
    async with database.reading() as tx:
        kept = await reading(tx, portal)
    if kept is not None:
        await Mirror(database, portal, kept.region).remove_unseen(kept.generation + 1)
        async with database.transaction() as tx:
            await tx.execute(delete(schema.mirror_readings).where(READINGS.portal == portal))
