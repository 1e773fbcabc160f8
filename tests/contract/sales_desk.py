"""A keeper of leads and deals before an emulated CRM, with one clock for both."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select
from tests.unit.service.mirror_twins import DAY, MAIN, Hours

from ringbridge.service.mirror.keeper import MirrorKeeper
from ringbridge.service.sales.keeper import EVERY, SalesKeeper, Source, Terms
from ringbridge.store import calls
from ringbridge.store.database import Database
from ringbridge.store.keys import PbxId
from ringbridge.store.statistics import summaries
from ringbridge.telephony.model import Call, CallId, Direction, Disposition, Extension, Talk

TERMS = Terms(account="portal.example", region="RU", history=365 * DAY, within=90 * DAY)
MINUTE = timedelta(minutes=1)


@dataclass
class SalesDesk:
    crm: Source
    hours: Hours
    database: Database
    keeper: SalesKeeper
    mirror: MirrorKeeper | None = None

    async def read_whole(self) -> None:
        """Begins a reading that is due, and ends it."""
        await self.keeper.step()
        while self.keeper.state().reading:
            await self.keeper.step()

    async def read_changes(self) -> None:
        """Of the last minute."""
        self.hours.now += EVERY
        begun = self.keeper.state().checked
        while self.keeper.state().checked == begun:
            await self.keeper.step()

    async def restarted(self, terms: Terms = TERMS) -> None:
        self.keeper = keeper_of(self.crm, self.hours, self.database, self.mirror, terms)
        await self.keeper.recall()

    async def deals(self) -> dict[str, dict[str, Any]]:
        """What is kept, by "deal 1"."""
        async with self.database.reading() as tx:
            rows = (await tx.execute(select(summaries.stats_deals))).mappings().all()
        return {f"{row['kind']} {row['id']}": dict(row) for row in rows}

    async def called(self, number: str, before: timedelta) -> str:
        """A client called so long ago, by the trunk mango, and spoke with 101."""
        start = self.hours.now - before
        spoken = Talk(extension=Extension("101"), start=start, end=start + MINUTE)
        call = Call(
            id=CallId(f"{start.timestamp():.6f}"),
            direction=Direction.INBOUND,
            start=start,
            external=number,
            trunk="mango",
            talks=(spoken,),
            end=start + MINUTE,
            disposition=Disposition.ANSWERED,
        )
        async with self.database.transaction() as tx:
            await calls.record(tx, PbxId("office"), [call])
        return calls.call_key(PbxId("office"), call.id)


def keeper_of(
    crm: Source, hours: Hours, database: Database, mirror: MirrorKeeper | None, terms: Terms = TERMS
) -> SalesKeeper:
    keeper = SalesKeeper(MAIN, crm, database, terms=terms, every=DAY, quiet=hours.is_quiet, mirror=mirror, clock=hours)
    if mirror is not None:
        mirror.followers[:] = [keeper]
    return keeper


@asynccontextmanager
async def sales_desk(crm: Source, hours: Hours, folder: Path, *, mirrored: bool = False) -> AsyncIterator[SalesDesk]:
    """`mirrored`: beside a mirror that is read whole."""
    async with await Database.open(f"sqlite:///{folder}/ringbridge.db") as database:
        mirror = None
        if mirrored:
            mirror = MirrorKeeper(MAIN, crm, database, region="RU", every=DAY, quiet=hours.is_quiet, clock=hours)
            await mirror.step()
            while mirror.state().reading:
                await mirror.step()
        yield SalesDesk(
            crm=crm,
            hours=hours,
            database=database,
            keeper=keeper_of(crm, hours, database, mirror),
            mirror=mirror,
        )


def later(terms: Terms = TERMS, **changes: timedelta) -> Terms:
    return replace(terms, **changes)
