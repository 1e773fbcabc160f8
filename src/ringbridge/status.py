"""How things stand, for the page: the link to each PBX, and what goes to each portal."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from ringbridge import __version__
from ringbridge.crm.bitrix24.auth import NOT_INSTALLED
from ringbridge.crm.contract import QuotaKeeper
from ringbridge.pbx.link import Link
from ringbridge.pbx.link import LinkState as Rung
from ringbridge.service.portals.events import PortalEvents, Sense
from ringbridge.service.portals.office import OfficePortal
from ringbridge.service.runtime import Runtime
from ringbridge.store import deliveries, portals
from ringbridge.store.keys import PbxId
from ringbridge.web.services import LinkState, PbxStatus, PortalStatus, Status

RUNGS = {
    Rung.STOPPED: LinkState.STOPPED,
    Rung.CONNECTING: LinkState.CONNECTING,
    Rung.WAITING: LinkState.CONNECTING,
    Rung.LOGGED_IN: LinkState.RESYNCING,
    Rung.READY: LinkState.UP,
    Rung.REFUSED: LinkState.REFUSED,
}


async def status_of(runtime: Runtime) -> Status:
    return Status(
        version=__version__,
        started=runtime.started,
        pbxs=tuple(
            pbx_status(runtime, name, link, pipeline.trouble)
            for (name, link), pipeline in zip(runtime.links.items(), runtime.pipelines, strict=True)
        ),
        portals=tuple([await portal_status(portal, runtime) for portal in runtime.portals]),
    )


def pbx_status(runtime: Runtime, name: PbxId, link: Link, trouble: str | None) -> PbxStatus:
    """`trouble`: why what this PBX says cannot be written down."""
    config = next(pbx for pbx in runtime.office.pbx if pbx.name == name)
    status = link.status
    return PbxStatus(
        name=name,
        state=RUNGS[status.state],
        since=status.since,
        address=f"{config.host}:{config.port}",
        detail=status.reason or (f"AMI {status.interface}" if status.interface else ""),
        missing=(*([trouble] if trouble else []), *(str(right) for right in status.missing)),
    )


async def portal_status(portal: OfficePortal, runtime: Runtime) -> PortalStatus:
    async with runtime.database.reading() as tx:
        parked = await portals.parked(tx, portal.id)
        waiting = await deliveries.waiting(tx, portal.id)
        failed = await deliveries.given_up(tx, portal.id)
        due = await deliveries.next_due(tx, portal.id)
    holds = parked is not None and parked.holds(datetime.now(UTC))
    mirror, sales = runtime.mirrors.of(portal.id), runtime.sales.of(portal.id)
    return PortalStatus(
        name=portal.id,
        parked=parked.reason if parked and holds else None,
        parked_until=parked.until if parked and holds else None,
        waiting=waiting,
        failed=failed,
        next_try=due,
        quota=portal.crm.quota.used if isinstance(portal.crm, QuotaKeeper) else None,
        mirror=mirror.state() if mirror else None,
        sales=sales.state() if sales else None,
        unread=portal.unread,
        missing=tuple(dict.fromkeys(missing_of(portal, runtime))),
    )


def missing_of(portal: OfficePortal, runtime: Runtime) -> Iterator[str]:
    events = runtime.events.get(portal.id)
    yield from waits_for(events)
    if runtime.mirrors.of(portal.id):
        yield from untold(events)
    if changes := runtime.changes.get(portal.id):
        yield from changes.missing
    if portal.unread:
        yield portal.unread
    yield from (*portal.missing, *portal.conflicts, *portal.lines.failures)


UNTOLD = (
    "The portal does not tell us what changes in it: that needs a local application, and events. The CRM is asked "
    "about new clients in each call; what else changed is known after the next full reading only (mirror_sweep_hours)."
)


def untold(events: PortalEvents | None) -> tuple[str, ...]:
    """What keeps changes of a mirrored Bitrix24 portal away, in words."""
    deaf = events is not None and (not events.installation.possible or events.sense is Sense.OFF)
    return (UNTOLD,) if deaf else ()


UNPROVEN = (
    "The secret of the portal's events is not known yet: it comes with the first click on a number, or enter it as "
    "application_token under oauth. Until then clients' orders are refused."
)


def waits_for(events: PortalEvents | None) -> tuple[str, ...]:
    """What keeps a portal's events away, in words."""
    if events is None or not events.installation.possible:
        return ()
    if not events.installation.done:
        return (NOT_INSTALLED,)
    if events.sense is Sense.POSTED and not events.installation.knows_token:
        return (UNPROVEN,)
    return (events.trouble,) if events.trouble else ()
