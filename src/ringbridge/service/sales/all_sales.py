"""The leads and deals of all portals: which calls bring money."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import timedelta
from typing import TypeGuard
from urllib.parse import urlsplit

from ringbridge.crm.mirroring import MirrorSource
from ringbridge.crm.sales import SalesSource
from ringbridge.routing.intents import PortalId
from ringbridge.service.config import Office
from ringbridge.service.config.portal import Portal
from ringbridge.service.keepers import Keepers
from ringbridge.service.mirror.mirrors import Mirrors, quiet_time
from ringbridge.service.portals.office import OfficePortal
from ringbridge.service.sales.keeper import SalesKeeper, SalesState, Source, Terms
from ringbridge.store.database import Database
from ringbridge.store.sales import kept as sales

SWEEP = timedelta(days=1)  # after which all are read again, for what was deleted


class AllSales(Keepers[SalesKeeper]):
    """All portals' whose leads and deals are read."""

    def __init__(self, keepers: Iterable[SalesKeeper], database: Database) -> None:
        super().__init__(keepers, database, what="sales", strangers=sales.strangers, forget=sales.forget)

    def states(self) -> dict[PortalId, SalesState]:
        """Of each portal whose leads and deals are read."""
        return {portal: keeper.state() for portal, keeper in self._keepers.items()}


def terms_of(config: Portal, office: Office) -> Terms:
    return Terms(
        account=account_of(config),
        region=office.region,
        history=timedelta(days=config.deals_history_days),
        within=timedelta(days=config.deals_attribution_days),
    )


def account_of(config: Portal) -> str:
    """What stays the same while it is the same portal, and tells no secret."""
    if config.webhook is not None:
        return urlsplit(config.webhook.get_secret_value()).hostname or ""
    if config.oauth is not None:
        return config.oauth.client_id
    return (config.amocrm.address or config.amocrm.client_id) if config.amocrm else ""


def can_be_read(crm: object) -> TypeGuard[Source]:
    return isinstance(crm, SalesSource) and isinstance(crm, MirrorSource)


async def open_sales(
    office: Office,
    portals: Sequence[OfficePortal],
    *,
    database: Database,
    mirrors: Mirrors,
    is_busy: Callable[[], Awaitable[bool]],
) -> AllSales:
    """Of those portals whose deals are to be read and can be; what their mirrors are told, they hear too. Raises
    `StoreError`."""
    quiet = quiet_time(office, is_busy)
    keepers: list[SalesKeeper] = []
    for config, portal in zip(office.portal, portals, strict=True):
        if config.deals and can_be_read(portal.crm):
            mirror = mirrors.of(portal.id)
            keeper = SalesKeeper(
                portal.id,
                portal.crm,
                database,
                terms=terms_of(config, office),
                every=SWEEP,
                quiet=quiet,
                mirror=mirror,
            )
            if mirror is not None:
                mirror.followers.append(keeper)
            await keeper.recall()
            keepers.append(keeper)
    return AllSales(keepers, database)
