"""Keeping a portal's mirror: filled once, page by page, then by what the CRM tells of changes, and swept now and then.

One thing is done at a time, so nothing older is ever written over something newer: what is gone is forgotten first,
then what changed is read, then the reading goes on by a page. A change that is told and not read before a crash is
found by the next sweep; so is everything that happened while we were away: a sweep is due after each start.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog

from ringbridge.crm.contract import CrmError, Receipt, Step
from ringbridge.crm.mirroring import MirrorFound, MirrorPage, MirrorSource, MirrorTeacher, Ref
from ringbridge.routing.intents import PortalId
from ringbridge.service.patience import Steps
from ringbridge.service.waiting import Waiting
from ringbridge.store.database import Database
from ringbridge.store.mirror import Mirror, Reading
from ringbridge.telephony.numbers import Number

log = structlog.get_logger(__name__)

SETTLE = timedelta(seconds=10)
"""For so long changes are gathered: an import or a busy manager costs a request, not hundreds."""

MOST_AT_ONCE = 1000  # changed things that are asked for together
MOST_WAITING = 100_000  # beyond that many changes a sweep is cheaper
LONGEST_BREATH = 5.0  # seconds between two pages at most
LOOK = 600.0  # seconds between two looks for a quiet hour


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorState:
    """How a mirror stands, for people."""

    whole: bool  # everything was read once
    reading: bool  # it is being filled or swept
    read: int = 0  # things of this reading, else of the last
    total: int | None = None
    finished: datetime | None = None  # when everything had last been read
    drift: int | None = None  # what the last sweep found to be otherwise; None: there was none yet
    heard: datetime | None = None  # when the CRM last told of a change, since the start
    waiting: int = 0  # changes that are not read yet
    trouble: str | None = None  # why it does not go on
    again: datetime | None = None  # when it is tried again


class Follower(Protocol):
    """Who wants to know as well what the CRM tells."""

    def changed(self, refs: Iterable[Ref]) -> None:
        """These are new, or otherwise than they were."""
        ...

    def gone(self, refs: Iterable[Ref]) -> None:
        """These were deleted."""
        ...


class MirrorKeeper:
    """One portal's. `quiet` tells whether now is a good time for a sweep; every `every` one is due."""

    def __init__(
        self,
        portal: PortalId,
        source: MirrorSource,
        database: Database,
        *,
        region: str,
        every: timedelta,
        quiet: Callable[[], Awaitable[bool]],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.portal = portal
        self._source = source
        self._mirror = Mirror(database, portal, region)
        self._every = every
        self._quiet = quiet
        self._clock = clock
        self._started = clock()
        self._reading = Reading(region=region)
        self._changed = Waiting()
        self._settled = self._started  # when they may be read
        self._gone = Waiting()
        self._missed = False  # more was told than could be remembered
        self._woken = asyncio.Event()
        self._heard: datetime | None = None
        self._steps = Steps("mirror", portal, clock, database)
        self._log = log.bind(portal=portal)
        self.followers: list[Follower] = []

    async def recall(self) -> None:
        """How far it was when we stopped. Raises `StoreError`."""
        self._reading = await self._mirror.recall()

    # For those who ask

    async def find(self, number: Number | str) -> tuple[MirrorFound, ...]:
        """Who has this number: contacts, then companies, then leads; a few at most. Raises `StoreError`."""
        return await self._mirror.find(number)

    async def phones(self, clients: Iterable[Ref]) -> dict[Ref, tuple[str, ...]]:
        """The numbers of those of these clients that are known, as written. Raises `StoreError`."""
        return await self._mirror.phones(clients)

    @property
    def whole(self) -> bool:
        return self._reading.finished is not None

    @property
    def knows_all(self) -> bool:
        """Who is not found is nobody. That needs a CRM that tells what is new: before it ever did, it may be one whose
        events do not reach us."""
        return self.whole and self._heard is not None

    def state(self) -> MirrorState:
        reading = self._reading
        return MirrorState(
            whole=self.whole,
            reading=reading.begun is not None,
            read=reading.read,
            total=reading.total,
            finished=reading.finished,
            drift=reading.drift,
            heard=self._heard,
            waiting=len(self._changed) + len(self._gone),
            trouble=self._steps.trouble,
            again=self._steps.again,
        )

    # What the CRM tells

    def changed(self, refs: Iterable[Ref]) -> None:
        """These are new, or otherwise than they were: they are read soon."""
        self._heard = self._clock()
        self._look_at(refs)

    def gone(self, refs: Collection[Ref]) -> None:
        """These were deleted."""
        self._gone.add(refs)
        self._changed.discard(refs)
        for follower in self.followers:
            follower.gone(refs)
        self._heard = self._clock()
        self._woken.set()

    def carried_out(self, steps: Sequence[Step], answers: Sequence[Receipt | CrmError]) -> None:
        """What our own calls made is read soon, whether or not the CRM tells of it."""
        if isinstance(self._source, MirrorTeacher):
            made: list[Ref] = []
            for step, answer in zip(steps, answers, strict=True):
                made += self._source.mirror_made(step, answer) if isinstance(answer, Receipt) else ()
            if made:
                self._look_at(made)

    def _look_at(self, refs: Iterable[Ref]) -> None:
        refs = tuple(refs)
        for follower in self.followers:
            follower.changed(refs)
        if not self._changed:
            self._settled = self._clock() + SETTLE
        self._changed.add(refs)
        if len(self._changed) > MOST_WAITING:
            self._changed.clear()
            self._missed = True
        self._woken.set()

    # The work

    async def run(self) -> None:
        """Until cancelled."""
        await self._steps.run(self._wakeful_step, self._rest)

    async def _wakeful_step(self) -> float:
        self._woken.clear()
        return await self.step()

    async def _rest(self, seconds: float) -> None:
        """For so long, or until there is news to act upon."""
        if self._changed:
            seconds = min(seconds, max(0.0, (self._settled - self._clock()).total_seconds()))
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()

    async def step(self) -> float:
        """Does what is next; gives the seconds after which there may be more to do. Raises `CrmError`, `StoreError`."""
        if self._gone:
            await self._forget_gone()
        if self._changed and self._clock() >= self._settled:
            await self._read_changed()
            return 0.0
        if self._reading.begun is not None:
            return await self._read_page()
        if (due := self._seconds_to_reading()) > 0:
            return due
        if self.whole and not self._overdue() and not await self._quiet():
            return LOOK
        await self._begin()
        return 0.0

    async def _forget_gone(self) -> None:
        with self._gone.taken(MOST_WAITING) as refs:
            await self._mirror.remove(refs)

    async def _read_changed(self) -> None:
        with self._changed.taken(MOST_AT_ONCE) as refs:
            await self._keep(await self._source.mirror_changed(refs))

    # The reading

    def _seconds_to_reading(self) -> float:
        """Until the next is due."""
        finished = self._reading.finished
        if finished is None or finished < self._started or self._missed:
            return 0.0
        return (finished + self._every - self._clock()).total_seconds()

    def _overdue(self) -> bool:
        finished = self._reading.finished
        return finished is not None and self._clock() >= finished + 2 * self._every

    async def _begin(self) -> None:
        reading = self._reading
        await self._keep_reading(
            replace(
                reading,
                generation=reading.generation + 1,
                begun=self._clock(),
                cursor=None,
                read=0,
                total=None,
                differing=0,
            )
        )
        self._missed = False
        self._log.info("mirror_reading_begun", sweep=self.whole)

    async def _read_page(self) -> float:
        """Gives a pause as long as the page took: the portal works for us half of the time at most."""
        loop = asyncio.get_running_loop()
        asked = loop.time()
        page = await self._source.mirror_page(self._reading.cursor)
        took = loop.time() - asked
        differing = await self._keep(page)
        reading = replace(
            self._reading,
            cursor=page.cursor,
            read=self._reading.read + len(page.clients) + len(page.deals),
            total=self._reading.total if page.total is None else page.total,
            differing=self._reading.differing + differing,
        )
        if page.cursor is None:
            await self._finish(reading)
        else:
            await self._keep_reading(reading)
        return min(took, LONGEST_BREATH)

    async def _finish(self, reading: Reading) -> None:
        """What the whole reading did not see is there no more."""
        differing = reading.differing + await self._mirror.remove_unseen(reading.generation)
        self._log.info("mirror_read", things=reading.read, differing=differing, sweep=self.whole)
        drift = differing if self.whole else None
        await self._keep_reading(replace(reading, begun=None, differing=differing, finished=self._clock(), drift=drift))

    async def _keep(self, page: MirrorPage) -> int:
        """Tells how much was otherwise."""
        differing = await self._mirror.keep((*page.clients, *page.deals), self._reading.generation)
        return differing + await self._mirror.remove(page.gone)

    async def _keep_reading(self, reading: Reading) -> None:
        await self._mirror.keep_reading(reading)
        self._reading = reading
