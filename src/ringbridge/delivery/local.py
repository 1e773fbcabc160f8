"""The engine for one machine: rows in the local database, one process that sends them."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime

import structlog

from ringbridge.delivery.policy import DeliveryId
from ringbridge.delivery.portal_queue import Deliver, Pace, PortalQueue
from ringbridge.routing.intents import PortalId
from ringbridge.store import deliveries, portals
from ringbridge.store.database import Database, Transaction

log = structlog.get_logger(__name__)


class LocalEngine:
    """Serves `portals`, each by a queue of its own: one that is parked or slow holds no other back.

    Only one engine may run on a database (`Database.open(…, sole=True)`).
    """

    def __init__(self, database: Database, portals: Collection[PortalId], pace: Pace | None = None) -> None:
        self._database = database
        self._pace = pace or Pace()
        self._queues = {portal: PortalQueue(database, portal, self._pace) for portal in portals}

    async def announce(self, tx: Transaction, deliveries: Sequence[DeliveryId]) -> None:
        """Let what may leave at once leave when it is durable; inside the transaction that wrote the rows."""
        for queue in self._queues.values() if deliveries else ():
            await queue.take(tx)

    def wake(self) -> None:
        for queue in self._queues.values():
            queue.wake()

    async def run(self, deliver: Deliver) -> None:
        """First take up what the last process left half sent, then serve every portal until cancelled."""
        async with self._database.transaction() as tx:
            uncertain = await deliveries.recover(tx, self._pace.now(), self._pace.request_limit)
        if uncertain:
            log.warning("deliveries_left_uncertain", rows=uncertain)
        async with asyncio.TaskGroup() as serving:
            for queue in self._queues.values():
                serving.create_task(queue.run(deliver))

    async def park(self, portal: PortalId, until: datetime | None, reason: str = "parked by hand") -> None:
        """Send nothing to the portal until then (None: until `unpark`). What is on its way comes back as usual."""
        async with self._database.transaction() as tx:
            await portals.park(tx, portal, reason=reason, until=until, now=self._pace.now())
        self.wake()

    async def unpark(self, portal: PortalId) -> None:
        """A person has mended what was wrong: everything that waited goes out."""
        async with self._database.transaction() as tx:
            await portals.unpark(tx, portal)
        self.wake()

    def is_down(self, portal: PortalId) -> bool:
        """Nothing has been heard of the portal lately but failures, or nothing at all."""
        return self._queues[portal].down

    async def waits_for_a_person(self, portal: PortalId) -> bool:
        """Parked, and not for a time only."""
        async with self._database.reading() as tx:
            parked = await portals.parked(tx, portal)
        return parked is not None and parked.until is None

    async def reconsider(self, portal: PortalId) -> None:
        """Try a portal again that waits for a person, as they may have mended it. If not, the first answer parks it
        again and nothing is lost. A portal that is left alone for a time stays so. What failed while the portal was
        down, and waits for its next try, is tried now."""
        await self._queues[portal].answers()
        if await self.waits_for_a_person(portal):
            log.info("parked_portal_tried_again", portal=portal)
            await self.unpark(portal)
