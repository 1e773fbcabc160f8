"""The leads and deals of a portal as they were last read, and how far the reading is."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select

from ringbridge.routing.clients import Ref
from ringbridge.routing.intents import PortalId
from ringbridge.routing.sales import Sale
from ringbridge.store.database import Database, Transaction, insert
from ringbridge.store.pieces import pieces
from ringbridge.store.sales import sold
from ringbridge.store.sales.sold import Spelling
from ringbridge.store.statistics import summaries

AT_ONCE = 25  # deals whose calls are looked for in one transaction: it takes longer than writing them
MOST_UNSEEN = 1000
FOREVER = 2**31 - 1  # beyond every reading

READINGS = summaries.stats_deal_readings.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The first reading of a portal fills the table, later ones sweep it; between them what was changed is read."""

    terms: str  # what the kept deals depend upon: other terms need another reading
    since: datetime  # what was made before it is not read
    generation: int = 0  # number of the reading that goes on, else of the last
    begun: datetime | None = None  # None: not all is being read
    cursor: str | None = None  # where it goes on; None: at the beginning
    read: int = 0  # leads and deals so far
    total: int | None = None  # in all, where the CRM told
    finished: datetime | None = None  # when all had last been read; None: never yet
    seen: datetime | None = None  # what was changed before it has been read
    newest: datetime | None = None  # the latest change that was met


class Sales:
    """One portal's, written in small pieces, so that others write in between. Every method raises `StoreError`."""

    def __init__(self, database: Database, portal: PortalId, *, region: str, within: timedelta, terms: str) -> None:
        """`region` is the office's country, by which numbers are spelled; a call brings what is made `within` that
        time; `terms` names all that the kept deals depend upon."""
        self._database = database
        self._portal = portal
        self._spelling = Spelling(region=region)
        self._within = within
        self._terms = terms

    async def recall(self, since: datetime) -> Reading:
        """How far the reading was; a new one reads what was made `since`. What was kept on other terms stays until that
        is done."""
        async with self._database.reading() as tx:
            kept = await reading(tx, self._portal)
        if kept is not None and kept.terms == self._terms:
            return kept
        return Reading(terms=self._terms, since=since, generation=kept.generation if kept else 0)

    async def keep_reading(self, reading: Reading) -> None:
        row = asdict(reading)
        put = insert(summaries.stats_deal_readings)
        kept = put.on_conflict_do_update(index_elements=["portal"], set_={name: put.excluded[name] for name in row})
        async with self._database.transaction() as tx:
            await tx.execute(kept, {"portal": self._portal, **row})

    async def keep(self, sales: Iterable[Sale], phones: Mapping[Ref, Collection[str]], generation: int) -> None:
        """These are so now, and these are their clients' numbers, as written. Of two with one id the last counts."""
        for piece in pieces({sale.ref: sale for sale in sales}.values(), AT_ONCE):
            rows = {sale.ref: sold.row(self._portal, sale, phones, self._spelling, self._within) for sale in piece}
            async with self._database.transaction() as tx:
                await sold.replace(tx, self._portal, rows)
                await sold.mark(tx, self._portal, rows, generation)

    async def clients_changed(self, phones: Mapping[Ref, Collection[str]]) -> None:
        """These clients have these numbers now."""
        for piece in pieces(phones, AT_ONCE):
            async with self._database.transaction() as tx:
                held = await sold.of_clients(tx, self._portal, piece)
                rows = {ref: sold.with_numbers(row, phones, self._spelling) for ref, row in held.items()}
                await sold.replace(tx, self._portal, rows)

    async def with_deals(self, clients: Iterable[Ref]) -> list[Ref]:
        """Those of these clients that have a lead or a deal here."""
        found: list[Ref] = []
        async with self._database.reading() as tx:
            for piece in pieces(clients):
                found += await sold.with_deals(tx, self._portal, piece)
        return found

    async def remove(self, refs: Iterable[Ref]) -> None:
        """These are there no more."""
        for piece in pieces(refs):
            async with self._database.transaction() as tx:
                await sold.remove(tx, self._portal, piece)

    async def remove_unseen(self, generation: int) -> int:
        """What no reading has seen since this one began; tells how many."""
        removed = 0
        while True:
            async with self._database.reading() as tx:
                refs = await sold.unseen(tx, self._portal, generation, MOST_UNSEEN)
            if not refs:
                return removed
            await self.remove(refs)
            removed += len(refs)


async def reading(tx: Transaction, portal: PortalId) -> Reading | None:
    """None: nothing was ever read."""
    found = select(summaries.stats_deal_readings).where(READINGS.portal == portal)
    row = (await tx.execute(found)).mappings().first()
    return Reading(**{name: value for name, value in row.items() if name != "portal"}) if row else None


async def strangers(tx: Transaction, known: Collection[PortalId]) -> list[PortalId]:
    """Portals whose deals have been read and that are none of these."""
    found = select(READINGS.portal).where(READINGS.portal.not_in(known))
    return [PortalId(portal) for portal in (await tx.execute(found)).scalars()]


async def forget(database: Database, portal: PortalId) -> None:
    """All leads and deals of a portal. Raises `StoreError`."""
    await Sales(database, portal, region="", within=timedelta(0), terms="").remove_unseen(FOREVER)
    async with database.transaction() as tx:
        await tx.execute(delete(summaries.stats_deal_readings).where(READINGS.portal == portal))
