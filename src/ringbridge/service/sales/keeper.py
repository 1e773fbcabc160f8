"""Keeping a portal's leads and deals: read whole once, page by page, then what was changed every minute, and swept now
and then for what was deleted.

What was changed is asked for by time, from the latest change on that was known when it was asked for the time before:
a row that is changed while others are read is met again, whichever clock goes wrong. So it works with a webhook too,
which tells of nothing; what the CRM tells shortens the wait.

Source: `crm.sales`; the phones of clients come out of the mirror, else from the CRM.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog

from ringbridge.crm.mirroring import MirrorSource, Ref
from ringbridge.crm.sales import Sale, SalesPage, SalesSource, Wanted
from ringbridge.routing.intents import PortalId
from ringbridge.service.mirror.keeper import LONGEST_BREATH, MOST_AT_ONCE, MOST_WAITING, SETTLE, MirrorKeeper
from ringbridge.service.patience import Steps
from ringbridge.service.waiting import Waiting
from ringbridge.store.database import Database
from ringbridge.store.sales.kept import Reading, Sales

EVERY = timedelta(minutes=1)  # after which the CRM is asked for changes that it did not tell of
OVERLAP = timedelta(minutes=2)  # a change may be seen later than the time that stands in it
CLOCKS = timedelta(hours=1)  # by so much at most our clock goes before the CRM's
KINDS = frozenset({"lead", "deal"})
CLIENTS = frozenset({"contact", "company"})
NONE: Mapping[Ref, Sale] = {}

log = structlog.get_logger(__name__)


class Source(SalesSource, MirrorSource, Protocol):
    """A CRM whose leads and deals are read, and the phones of whose clients are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesState:
    """How the leads and deals of a portal stand, for people."""

    whole: bool  # all were read once
    reading: bool  # all are being read
    read: int = 0  # of this reading, else of the last
    total: int | None = None
    finished: datetime | None = None  # when all had last been read
    checked: datetime | None = None  # when changes had last been read, since the start
    trouble: str | None = None  # why it does not go on
    again: datetime | None = None  # when it is tried again


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is read, and what counts. Other terms need another reading."""

    account: str  # which portal it is: another one may get its name
    region: str  # the office's country: by it numbers are spelled
    history: timedelta  # what was made longer before the first reading is not read
    within: timedelta  # a call brings what is made so long after it

    def __str__(self) -> str:
        return f"{self.account} {self.region} {self.history.days} {self.within.days}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One reading of what was changed."""

    since: datetime
    newest: datetime | None  # the latest change that was known when it began
    cursor: str | None = None


class SalesKeeper:
    """One portal's. `quiet` tells whether now is a good time for a sweep; every `every` one is due."""

    def __init__(
        self,
        portal: PortalId,
        source: Source,
        database: Database,
        *,
        terms: Terms,
        every: timedelta,
        quiet: Callable[[], Awaitable[bool]],
        mirror: MirrorKeeper | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.portal = portal
        self._source = source
        self._sales = Sales(database, portal, region=terms.region, within=terms.within, terms=str(terms))
        self._since = clock() - terms.history
        self._every = every
        self._quiet = quiet
        self._mirror = mirror
        self._clock = clock
        self._reading = self._kept = Reading(terms=str(terms), since=self._since)
        self._round: Round | None = None
        self._due = clock()  # when changes are read next
        self._clients = Waiting()  # whose phones may be others
        self._settled = clock()  # when they may be read
        self._gone = Waiting()
        self._lately: dict[Ref, Sale] = {}  # changes that were read, and are asked for once more
        self._checked: datetime | None = None
        self._woken = asyncio.Event()
        self._steps = Steps("sales", portal, clock, database)
        self._log = log.bind(portal=portal)

    async def recall(self) -> None:
        """How far it was when we stopped. Raises `StoreError`."""
        self._reading = self._kept = await self._sales.recall(self._since)

    def state(self) -> SalesState:
        reading = self._reading
        return SalesState(
            whole=reading.finished is not None,
            reading=reading.begun is not None,
            read=reading.read,
            total=reading.total,
            finished=reading.finished,
            checked=self._checked,
            trouble=self._steps.trouble,
            again=self._steps.again,
        )

    # What the CRM tells

    def changed(self, refs: Iterable[Ref]) -> None:
        """These are new, or otherwise than they were: they are read soon."""
        refs = tuple(refs)
        kinds = {ref.kind for ref in refs}
        if not self._clients:
            self._settled = self._clock() + SETTLE
        self._clients.add(ref for ref in refs if ref.kind in CLIENTS)
        if len(self._clients) > MOST_WAITING:
            self._clients.clear()  # the next whole reading asks for all phones
        if kinds & KINDS:
            self._due = min(self._due, self._clock() + SETTLE)
        if kinds & (KINDS | CLIENTS):
            self._woken.set()

    def gone(self, refs: Iterable[Ref]) -> None:
        """These were deleted."""
        self._gone.add(ref for ref in refs if ref.kind in KINDS)
        self._lately.clear()
        if self._gone:
            self._woken.set()

    # The work

    async def run(self) -> None:
        """Until cancelled."""
        await self._steps.run(self._wakeful_step, self._rest)

    async def _wakeful_step(self) -> float:
        self._woken.clear()
        return await self.step()

    async def _rest(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()

    async def step(self) -> float:
        """Does what is next; gives the seconds after which there may be more to do. Raises `CrmError`, `StoreError`."""
        if self._gone:
            await self._forget_gone()
        if self._reading.begun is not None:
            return await self._read_page()
        if await self._is_sweep_due():
            await self._begin()
            return 0.0
        if self._round is not None or self._clock() >= self._due:
            return await self._read_changes()
        if self._clients and self._clock() >= self._settled:
            # Behind the deals: what was kept of them may have had its phones out of a mirror that knew less.
            await self._read_clients()
            return 0.0
        next_at = min(self._due, self._settled) if self._clients else self._due
        return (next_at - self._clock()).total_seconds()

    async def _forget_gone(self) -> None:
        with self._gone.taken(MOST_WAITING) as refs:
            await self._sales.remove(refs)

    async def _read_clients(self) -> None:
        """Most clients have no deals."""
        with self._clients.taken(MOST_AT_ONCE) as refs:
            if having := await self._sales.with_deals(refs):
                await self._sales.clients_changed(await self._asked_phones(having))

    # All of them

    async def _is_sweep_due(self) -> bool:
        """Or the first reading. What was deleted while nobody told of it shows in whole readings only."""
        finished = self._reading.finished
        if finished is None:
            return True
        late = self._clock() - finished - self._every
        return late >= timedelta(0) and (late >= self._every or await self._quiet())

    async def _begin(self) -> None:
        reading = self._reading
        await self._keep_reading(
            replace(reading, generation=reading.generation + 1, begun=self._clock(), cursor=None, read=0, total=None)
        )
        self._log.info("sales_reading_begun", sweep=reading.finished is not None)

    async def _read_page(self) -> float:
        reading = self._reading
        page, breath = await self._page(Wanted(created_since=reading.since), reading.cursor)
        reading = replace(
            self._reading,
            cursor=page.cursor,
            read=reading.read + len(page.sales),
            total=reading.total if page.total is None else page.total,
        )
        if page.cursor is None:
            await self._finish(reading)
        else:
            await self._keep_reading(reading)
        return breath

    async def _finish(self, reading: Reading) -> None:
        """What the whole reading did not see is there no more."""
        gone = await self._sales.remove_unseen(reading.generation)
        seen = reading.seen or (reading.begun or self._clock()) - CLOCKS
        self._log.info("sales_read", things=reading.read, gone=gone, sweep=reading.finished is not None)
        await self._keep_reading(replace(reading, begun=None, finished=self._clock(), seen=seen))

    # What was changed

    async def _read_changes(self) -> float:
        """A page of the round, or of a new one."""
        reading = self._reading
        if self._round is None:
            self._due = self._clock() + EVERY
            self._round = Round(since=(reading.seen or reading.since) - OVERLAP, newest=reading.newest)
        here = self._round
        wanted = Wanted(created_since=reading.since, changed_since=here.since)
        page, breath = await self._page(wanted, here.cursor, besides=self._lately)
        lately = {sale.ref: sale for sale in page.sales}
        self._lately = lately if len(self._lately) > MOST_AT_ONCE else self._lately | lately
        if page.cursor is not None:
            self._round = replace(here, cursor=page.cursor)
            return breath
        self._round, self._checked = None, self._clock()
        seen = max(filter(None, (reading.seen, here.newest)), default=None)
        await self._keep_reading(replace(self._reading, seen=seen))
        return breath

    async def _page(
        self, wanted: Wanted, cursor: str | None, besides: Mapping[Ref, Sale] = NONE
    ) -> tuple[SalesPage, float]:
        """Kept, `besides` those that were just kept so. With a pause as long as it took: the portal works for us half
        of the time at most."""
        loop = asyncio.get_running_loop()
        asked = loop.time()
        page = await self._source.sales_page(wanted, cursor)
        fresh = [sale for sale in page.sales if besides.get(sale.ref) != sale]
        phones = await self._phones(fresh)
        took = loop.time() - asked
        await self._sales.keep(fresh, phones, self._reading.generation)
        # A clock that goes wrong, there or here, leads to no change being passed over.
        met = [sale.changed for sale in page.sales if sale.changed <= self._clock()]
        newest = max(filter(None, (self._reading.newest, *met)), default=None)
        self._reading = replace(self._reading, newest=newest)
        return page, min(took, LONGEST_BREATH)

    async def _phones(self, sales: Sequence[Sale]) -> dict[Ref, tuple[str, ...]]:
        """Of these deals' clients. Who is not in the mirror (yet) is asked for."""
        clients = dict.fromkeys(client for sale in sales for client in sale.clients)
        mirror = self._mirror
        known = await mirror.phones(clients) if mirror is not None and mirror.whole else {}
        return known | await self._asked_phones([client for client in clients if client not in known])

    async def _asked_phones(self, clients: Sequence[Ref]) -> dict[Ref, tuple[str, ...]]:
        """Of each of these; one who is there no more has none."""
        found: dict[Ref, tuple[str, ...]] = dict.fromkeys(clients, ())
        for start in range(0, len(clients), MOST_AT_ONCE):
            page = await self._source.mirror_changed(clients[start : start + MOST_AT_ONCE])
            found |= {client.ref: client.phones for client in page.clients}
        return found

    async def _keep_reading(self, reading: Reading) -> None:
        """Where nothing is new, nothing is written."""
        if reading != self._kept:
            await self._sales.keep_reading(reading)
        self._reading = self._kept = reading
