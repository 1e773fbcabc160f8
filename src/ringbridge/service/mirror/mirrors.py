"""The mirrors of all portals: whom a caller's number belongs to, while the CRM is away too."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta

import structlog

from ringbridge.crm.contract import CrmError, Receipt, Step
from ringbridge.crm.mirroring import MirrorFound, MirrorSource
from ringbridge.routing.intents import PortalId
from ringbridge.service.config import Office
from ringbridge.service.config.portal import Portal
from ringbridge.service.mirror.keeper import MirrorKeeper
from ringbridge.service.portals.office import OfficePortal
from ringbridge.store import mirror
from ringbridge.store.database import Database
from ringbridge.store.errors import StoreError
from ringbridge.telephony.numbers import Number

log = structlog.get_logger(__name__)


class Mirrors:
    """All portals' that are mirrored."""

    def __init__(self, keepers: Iterable[MirrorKeeper], database: Database) -> None:
        self._keepers = {keeper.portal: keeper for keeper in keepers}
        self._database = database

    def of(self, portal: PortalId) -> MirrorKeeper | None:
        """None: this portal is not mirrored."""
        return self._keepers.get(portal)

    def is_whole(self, portal: PortalId) -> bool:
        """A number that is not found there is nobody's."""
        keeper = self.of(portal)
        return keeper is not None and keeper.knows_all

    async def clients(self, portal: PortalId, number: Number | str) -> tuple[MirrorFound, ...]:
        """Who has this number, however it is written: contacts, then companies, then leads; a few at most. Nobody
        where the portal is not mirrored. Takes less than a millisecond. Raises `StoreError`."""
        keeper = self.of(portal)
        return await keeper.find(number) if keeper else ()

    def carried_out(self, portal: PortalId, steps: Sequence[Step], answers: Sequence[Receipt | CrmError]) -> None:
        """Clients that our own calls made, or gave to who spoke, are read soon: also where the CRM tells nothing."""
        if keeper := self.of(portal):
            keeper.carried_out(steps, answers)

    async def run(self) -> None:
        """Until cancelled."""
        await self._forget_strangers()
        async with asyncio.TaskGroup() as group:
            for keeper in self._keepers.values():
                group.create_task(keeper.run())

    async def _forget_strangers(self) -> None:
        """Nobody's names and numbers are kept of a portal that is mirrored no more."""
        try:
            async with self._database.reading() as tx:
                strangers = await mirror.strangers(tx, self._keepers)
            for portal in strangers:
                await mirror.forget(self._database, portal)
                log.info("mirror_forgotten", portal=portal)
        except StoreError as error:
            log.warning("mirror_not_forgotten", reason=str(error))


def is_mirrored(config: Portal, office: Office) -> bool:
    return office.distribution.enabled if config.mirror is None else config.mirror


def quiet_time(office: Office, is_busy: Callable[[], Awaitable[bool]]) -> Callable[[], Awaitable[bool]]:
    """Whether now is a good time for what can wait. `is_busy` tells whether there have been calls lately."""
    hours = office.hours.hours(office.zone)

    async def quiet() -> bool:
        return not hours.open_at(datetime.now(UTC)) or not await is_busy()

    return quiet


async def open_mirrors(
    office: Office,
    portals: Sequence[OfficePortal],
    *,
    database: Database,
    is_busy: Callable[[], Awaitable[bool]],
) -> Mirrors:
    """Of those portals that are to be mirrored and can be. Raises `StoreError`."""
    quiet = quiet_time(office, is_busy)
    keepers = [
        MirrorKeeper(
            portal.id,
            portal.crm,
            database,
            region=office.region,
            every=timedelta(hours=config.mirror_sweep_hours),
            quiet=quiet,
        )
        for config, portal in zip(office.portal, portals, strict=True)
        if is_mirrored(config, office) and isinstance(portal.crm, MirrorSource)
    ]
    for keeper in keepers:
        await keeper.recall()
    return Mirrors(keepers, database)
