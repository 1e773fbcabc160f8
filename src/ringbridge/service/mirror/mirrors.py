"""The mirrors of all portals: whom a caller's number belongs to, while the CRM is away too."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta

from ringbridge.crm.contract import CrmError, Receipt, Step
from ringbridge.crm.mirroring import MirrorFound, MirrorSource
from ringbridge.routing.intents import PortalId
from ringbridge.service.config import Office
from ringbridge.service.config.portal import Portal
from ringbridge.service.keepers import Keepers
from ringbridge.service.mirror.keeper import MirrorKeeper
from ringbridge.service.portals.office import OfficePortal
from ringbridge.store import mirror
from ringbridge.store.database import Database
from ringbridge.telephony.numbers import Number


class Mirrors(Keepers[MirrorKeeper]):
    """All portals' that are mirrored."""

    def __init__(self, keepers: Iterable[MirrorKeeper], database: Database) -> None:
        super().__init__(keepers, database, what="mirror", strangers=mirror.strangers, forget=mirror.forget)

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
