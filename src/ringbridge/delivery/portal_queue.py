"""One portal's queue: takes what is due, keeps several batches on their way, sleeps until something changes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import structlog

from ringbridge.delivery.policy import REQUEST_LIMIT, Delivery, DeliveryId, Outcome, is_down, utc_now
from ringbridge.routing.intents import PortalId, Priority
from ringbridge.store import deliveries, portals
from ringbridge.store.database import Database, Transaction, uninterrupted
from ringbridge.store.errors import StoreError

log = structlog.get_logger(__name__)

Deliver = Callable[[Sequence[Delivery]], Awaitable[Sequence[Outcome]]]

URGENT = (Priority.CARD, Priority.FINISH)
UNHURRIED = (Priority.RECORDING, Priority.REST)

LONGEST_SLEEP = timedelta(seconds=30)
"""Then we look all the same: the command line writes rows, and unparks portals, from a process of its own."""

STORE_RETRY = timedelta(seconds=5)
"""How soon a full or broken disk is tried again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How a portal is served."""

    batches: int = 3  # on their way at once
    size: int = 50  # steps in one
    request_limit: timedelta = REQUEST_LIMIT  # the longest a portal works on a request whose answer was lost
    grace: timedelta = timedelta(seconds=10)  # how long a stop waits for answers that are on their way
    now: Callable[[], datetime] = field(default=utc_now)


class PortalQueue:
    """Rows are taken in the very transaction that made them due: the one that decided them, or the one that settled
    what stood before them. So one commit stands between a cause and its request. The loop in `run` takes the rest: what
    waited for a moment, for a person, or was written by another process.

    Recordings and the rest never take the last free batch: a card that has to open finds a way.
    """

    def __init__(self, database: Database, portal: PortalId, pace: Pace) -> None:
        self.portal = portal
        self._database = database
        self._pace = pace
        self._changed = asyncio.Event()
        self._serving: tuple[Deliver, asyncio.TaskGroup] | None = None
        self._under_way: list[tuple[Priority, ...]] = []  # the kinds of the batches that the portal has
        self._not_begun: set[DeliveryId] = set()  # claimed, and certainly not sent yet
        self.down = True  # the portal took nothing lately; after a start nobody knows how long that has been so

    def wake(self) -> None:
        """Something changed: rows were added, a batch came back, the portal was parked or unparked."""
        self._changed.set()

    async def answers(self) -> None:
        """The portal was asked something else, and answered."""
        if self.down:
            async with self._database.transaction() as tx:
                await self._hasten(tx)
            self.down = False
            self.wake()

    async def _hasten(self, tx: Transaction) -> None:
        """A step that fails by itself, on a portal that is well, is thereby tried once in `request_limit` at most; one
        whose answer was lost not before the portal has done with it."""
        rows = await deliveries.hasten(tx, self.portal, self._pace.now(), self._pace.request_limit)
        if rows:
            log.info("portal_answers_again", portal=self.portal, hastened=rows)

    async def run(self, deliver: Deliver) -> None:
        """Serve the portal until cancelled; then wait a little for answers that are on their way."""
        try:
            async with asyncio.TaskGroup() as batches:
                self._serving = deliver, batches
                try:
                    while True:
                        self._changed.clear()
                        await self._sleep(await self._send_what_is_due())
                finally:
                    self._serving = None
        finally:
            await uninterrupted(self._give_back())

    async def take(self, tx: Transaction) -> None:
        """Claim what may leave now; it leaves once this transaction is durable."""
        if self._serving is None or await self._is_parked(tx):
            return
        taken: list[tuple[Priority, ...]] = []
        for priorities in (URGENT, UNHURRIED):
            while self._has_room(priorities, taken) and await self._is_due(tx, priorities):
                batch = await deliveries.claim(tx, self.portal, self._pace.now(), self._pace.size, priorities)
                if not batch:
                    break
                taken.append(priorities)
                self._not_begun |= {row.id for row in batch}
                tx.after_commit(partial(self._start, batch, priorities))

    async def _is_parked(self, tx: Transaction) -> bool:
        """A portal that was parked until a moment that has come is so no more."""
        parked = await portals.parked(tx, self.portal)
        if parked is None or parked.holds(self._pace.now()):
            return parked is not None
        await portals.unpark(tx, self.portal)
        return False

    def _has_room(self, priorities: tuple[Priority, ...], taken: Sequence[tuple[Priority, ...]] = ()) -> bool:
        batches = [*self._under_way, *taken]
        room = len(batches) < self._pace.batches
        return room and (priorities is URGENT or batches.count(UNHURRIED) < max(1, self._pace.batches - 1))

    async def _is_due(self, tx: Transaction, priorities: Collection[Priority]) -> bool:
        due = await deliveries.next_due(tx, self.portal, priorities)
        return due is not None and due <= self._pace.now()

    async def _send_what_is_due(self) -> datetime | None:
        """Returns when to look again, None when only a change can bring something."""
        try:
            while True:
                with self._database.glance() as tx:  # spares most transactions
                    parked = await portals.parked(tx, self.portal)
                    if parked and parked.holds(self._pace.now()):
                        return parked.until
                    room = [priority for each in (URGENT, UNHURRIED) if self._has_room(each) for priority in each]
                    due = await deliveries.next_due(tx, self.portal, room)
                    if not parked and (due is None or due > self._pace.now()):
                        return due
                async with self._database.transaction() as writing:
                    await self.take(writing)
        except StoreError as error:
            log.error("deliveries_not_read", portal=self.portal, reason=str(error))
            return self._pace.now() + STORE_RETRY

    def _start(self, batch: list[Delivery], priorities: tuple[Priority, ...]) -> None:
        if self._serving is None:
            return  # stopped since it was claimed: it is given back
        deliver, batches = self._serving
        self._under_way.append(priorities)
        task = batches.create_task(self._see_through(batch, priorities, deliver))
        task.add_done_callback(lambda _: self.wake())

    async def _see_through(self, batch: list[Delivery], priorities: tuple[Priority, ...], deliver: Deliver) -> None:
        """Deliver and settle. A cancellation waits for the grace: an answer that is lost makes the rows uncertain."""
        self._not_begun -= {row.id for row in batch}
        work = asyncio.ensure_future(self._deliver_and_settle(batch, priorities, deliver))
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            try:
                await asyncio.wait({work}, timeout=self._pace.grace.total_seconds())
            finally:
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)
            raise

    async def _deliver_and_settle(
        self, batch: list[Delivery], priorities: tuple[Priority, ...], deliver: Deliver
    ) -> None:
        outcomes = await deliver(batch)
        self._under_way.remove(priorities)
        settled = dict(zip((row.id for row in batch), outcomes, strict=True))
        down = is_down(outcomes)
        while True:
            try:
                async with self._database.transaction() as tx:
                    await deliveries.settle(tx, self.portal, settled, self._pace.now())
                    if self.down and down is False:
                        await self._hasten(tx)
                    await self.take(tx)
                self.down = self.down if down is None else down
                return
            except StoreError as error:
                # The portal has these: to forget it would be to send them twice. They are kept until they are written.
                log.error("outcomes_not_stored", portal=self.portal, rows=len(settled), reason=str(error))
                await asyncio.sleep(STORE_RETRY.total_seconds())

    async def _sleep(self, until: datetime | None) -> None:
        longest = LONGEST_SLEEP if until is None else min(until - self._pace.now(), LONGEST_SLEEP)
        try:
            async with asyncio.timeout(longest.total_seconds()):
                await self._changed.wait()
        except TimeoutError:
            return

    async def _give_back(self) -> None:
        if self._not_begun:
            async with self._database.transaction() as tx:
                await deliveries.release(tx, self._not_begun)
