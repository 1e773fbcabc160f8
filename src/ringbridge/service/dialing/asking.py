"""Who may ask for calls, put together: the office's dialling, and each portal's events before it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

from ringbridge.crm.bitrix24.portal import Bitrix24
from ringbridge.delivery.local import LocalEngine
from ringbridge.pbx.link import Link
from ringbridge.service.config import Office
from ringbridge.service.config.dialing import EventsBy
from ringbridge.service.config.portal import Portal
from ringbridge.service.dialing.dialing import Dialing, Prepare, as_decided
from ringbridge.service.mirror.keeper import MirrorKeeper
from ringbridge.service.portals.events import PortalEvents, Sense
from ringbridge.service.portals.office import OfficePortal
from ringbridge.store import calls
from ringbridge.store.calls import Filters
from ringbridge.store.database import Database
from ringbridge.store.keys import PbxId

LATELY = timedelta(minutes=15)
REMOVED = "Our application was removed from the portal: install it there again."


def open_dialing(
    office: Office,
    *,
    links: Mapping[PbxId, Link],
    portals: Sequence[OfficePortal],
    database: Database,
    engine: LocalEngine,
    prepare: Prepare = as_decided,
) -> Dialing | None:
    """None in an office without a PBX. `prepare` may change or refuse what was decided, before it is dialled."""
    if not links:
        return None
    numbers = [(one.own_line or one.number, one.trunk) for one in office.number]
    name = PbxId(office.dialing.pbx) if office.dialing.pbx else next(iter(links))
    return Dialing(
        office.dialing.plan(office.trunk, office.region, numbers),
        name=name,
        pbx=links[name],
        database=database,
        announcer=engine,
        portals={portal.id: portal for portal in portals},
        prepare=prepare,
    )


def open_events(
    config: Portal,
    portal: OfficePortal,
    office: Office,
    *,
    dialing: Dialing | None,
    database: Database,
    engine: LocalEngine,
    welcome: Callable[[], Awaitable[object]],
    mirror: MirrorKeeper | None = None,
) -> PortalEvents | None:
    """None for a CRM that has no events of this kind. `welcome` is awaited when the portal has become ours."""
    crm = portal.crm
    if not isinstance(crm, Bitrix24):
        return None

    async def connected() -> None:
        await engine.unpark(portal.id)

    async def removed() -> None:
        await engine.park(portal.id, None, REMOVED)

    sense = sense_of(config, office)
    return PortalEvents(
        portal.id,
        desk=crm.desk,
        installation=crm.installation,
        dialing=dialing,
        sense=sense,
        handler=f"{(office.public_address or '').rstrip('/')}/bitrix24/{config.name}/events",
        hours=office.hours.hours(office.zone),
        connected=connected,
        removed=removed,
        welcome=welcome,
        is_busy=partial(is_busy, database),
        mirror=mirror,
    )


async def is_busy(database: Database) -> bool:
    """Whether there have been calls lately. Raises `StoreError`."""
    async with database.reading() as tx:
        return await calls.count(tx, Filters(since=datetime.now(UTC) - LATELY)) > 0


def sense_of(config: Portal, office: Office) -> Sense:
    """A portal posts to https addresses that it can reach; where we have none, its queue is fetched."""
    match config.events:
        case EventsBy.OFF:
            return Sense.OFF
        case EventsBy.ONLINE:
            return Sense.POSTED
        case EventsBy.OFFLINE:
            return Sense.FETCHED
        case EventsBy.AUTO:
            reachable = (office.public_address or "").startswith("https://")
            return Sense.POSTED if reachable else Sense.FETCHED
