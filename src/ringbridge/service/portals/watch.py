"""Portals are looked at while we run: who works there, what the connection can do, whether they answer again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import structlog

from ringbridge.crm.contract import CrmError
from ringbridge.delivery.local import LocalEngine
from ringbridge.routing.distribution import Unreachable
from ringbridge.service.config import Office
from ringbridge.service.portals.office import OfficePortal
from ringbridge.store.directory import DirectoryUser
from ringbridge.store.errors import StoreError

log = structlog.get_logger(__name__)

USERS_EVERY = timedelta(hours=1)
SHIFTS_EVERY = timedelta(minutes=5)  # where a working day that begins or ends decides who rings
LOOK_EVERY = timedelta(minutes=1)


async def refresh(portal: OfficePortal, engine: LocalEngine) -> bool:
    """A portal that answers and was parked until a person mends it is tried again: perhaps it is mended."""
    try:
        await portal.refresh()
        await engine.reconsider(portal.id)
    except (CrmError, StoreError) as error:
        portal.unread = str(error)
        log.warning("portal_users_not_read", portal=portal.id, reason=str(error))
        return False
    return True


async def ask_again(portal: OfficePortal, engine: LocalEngine) -> None:
    """A portal that was down is asked whether it answers: what waits for its next try need not wait then."""
    try:
        await portal.crm.check()
        await engine.reconsider(portal.id)
    except (CrmError, StoreError) as error:
        log.info("portal_still_down", portal=portal.id, reason=str(error))


async def look_after(portal: OfficePortal, engine: LocalEngine, office: Office) -> None:
    """Who works there and on which phone changes while we run. And nobody tells us that a permission, a plan or a
    webhook was mended on the portal, so a portal that waits for a person is asked every minute; so is one that is
    down."""
    read: datetime | None = None
    while True:
        stale = read is None or datetime.now(UTC) - read >= users_every(portal.users, office)
        if stale or await waits_for_a_person(portal, engine):
            read = datetime.now(UTC) if await refresh(portal, engine) else None
        elif engine.is_down(portal.id):
            await ask_again(portal, engine)
        await asyncio.sleep(LOOK_EVERY.total_seconds())


def users_every(users: Iterable[DirectoryUser], office: Office) -> timedelta:
    """How old what is known of a portal's users may become."""
    shifts_decide = office.distribution.enabled and office.distribution.off_shift is Unreachable.SKIP
    told = any(user.working_day for user in users)
    return SHIFTS_EVERY if shifts_decide and told else USERS_EVERY


async def waits_for_a_person(portal: OfficePortal, engine: LocalEngine) -> bool:
    try:
        return await engine.waits_for_a_person(portal.id)
    except StoreError:
        return False  # a disk that cannot be read is told of by everything that writes
