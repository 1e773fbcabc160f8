"""Calls that somebody asks for: accepted or refused, dialled at most once, and followed until their end is told.

A request is decided and written in one transaction, before anything leaves for the PBX. From then on it is never
dialled again: not after a lost answer, not after a restart. A client's order may have several attempts; each of them
is a request of its own. What becomes of it the PBX tells, and the pipeline puts it
where it belongs by the name that we gave its channel. What the PBX will never tell of (a refusal, a request that got
lost on its way) ends here, under the same name, so that each request has exactly one end in the CRM.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import NoReturn, Protocol

import structlog

from ringbridge.ami.errors import ActionRefused, AmiError, NotConnected
from ringbridge.ami.message import Action
from ringbridge.ami.protocol import Answer
from ringbridge.routing.asked import call_in_vain, told_in_vain
from ringbridge.routing.dialing import (
    SAME_ORDER,
    TOO_OLD,
    DialKind,
    DialPlan,
    DialRequest,
    Originate,
    Refusal,
    channels_of,
    planned,
    too_often,
)
from ringbridge.routing.intents import PortalId
from ringbridge.routing.office import Portal, phone_key
from ringbridge.routing.results import CallStatus
from ringbridge.service.dialing.orders import TOO_LATE, Orders, new_order
from ringbridge.service.pipeline import Announcer
from ringbridge.store import calls, deliveries, dials
from ringbridge.store.calls import PbxId, StoryKind, StoryLine, call_key
from ringbridge.store.database import Database, Transaction
from ringbridge.store.dials import Dial, DialState
from ringbridge.store.errors import StoreError
from ringbridge.store.orders import Order
from ringbridge.telephony.dialling import OURS
from ringbridge.telephony.model import CallId
from ringbridge.telephony.numbers import masked

log = structlog.get_logger(__name__)

LOOK_EVERY = timedelta(seconds=10)
MARGIN = timedelta(seconds=60)
"""What a call may take to show itself after the longest ring."""

LOOKS = 3  # in a row without a sign of it, before a call is given up
REMEMBERED = timedelta(days=7)
FORGETS_EVERY = timedelta(hours=1)


class Pbx(Protocol):
    """The link to the PBX, as far as dialling goes."""

    async def action(self, action: Action) -> Answer: ...


class Asking(Protocol):
    """A portal, as far as dialling goes."""

    @property
    def routing(self) -> Portal: ...

    def expect(self, channels: tuple[str, ...], request: DialRequest) -> None:
        """A call on one of these channels is the one that was asked for."""
        ...

    def forget(self, channels: tuple[str, ...]) -> None: ...


Prepare = Callable[[DialRequest, Originate], Awaitable[Originate | Refusal]]


async def as_decided(request: DialRequest, originate: Originate) -> Originate | Refusal:
    return originate


class Dialing:
    """`prepare` may change what was decided, or refuse it, before it is written and dialled. It may take its time.
    Set `told` to be told of each accepted request that was not dialled after all, and why."""

    def __init__(
        self,
        plan: DialPlan,
        *,
        name: PbxId,
        pbx: Pbx,
        database: Database,
        announcer: Announcer,
        portals: Mapping[PortalId, Asking],
        prepare: Prepare = as_decided,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.told: Callable[[Dial, str], None] = lambda dial, reason: None
        self.orders = Orders(plan, database=database, portals=portals, clock=clock)
        self._plan = plan
        self._name = name
        self._pbx = pbx
        self._database = database
        self._announcer = announcer
        self._portals = portals
        self._prepare = prepare
        self._clock = clock
        self._accepted: asyncio.Queue[tuple[Dial, Originate]] = asyncio.Queue()
        self._open: dict[str, Dial] = {}  # sent, and nothing was heard of them yet
        self._forgets_next = clock() + FORGETS_EVERY
        self._unseen: dict[str, int] = {}  # how many looks have found nothing of them

    async def dial(self, request: DialRequest) -> Dial | None:
        """Take a request: its row says whether it is dialled or why not. None for one that has come before. Returns
        when that is durable; the phone rings a moment later. Raises `StoreError`: then nothing was accepted."""
        portal = self._portals[request.portal].routing
        decision = await self._decided(request, portal)
        async with self._database.transaction() as tx:
            if await dials.known(tx, request.portal, request.source):
                return None
            if isinstance(decision, Originate):
                decision = await self._too_many(tx, request, portal) or decision
            dial = self._written(request, decision, portal, self._clock())
            await dials.add(tx, dial)
            if isinstance(decision, Refusal):
                await self.orders.refused(tx, request, decision.reason)
                await self._conclude(tx, dial, decision)
            elif dial.request.order:
                await self.orders.attempted(tx, dial)
        seen = {"portal": request.portal, "dial": dial.id, "number": masked(request.number)}
        if isinstance(decision, Refusal):
            log.warning("dial_refused", **seen, user=request.caller, reason=decision.reason)
            return dial
        if request.line and request.line not in self._plan.lines:
            log.warning("dial_line_unknown", **seen, line=masked(request.line))
        log.info("dial_accepted", **seen, user=request.caller, extension=dial.extension)
        self._expect(dial)
        self._open[dial.id] = dial
        self._accepted.put_nowait((dial, decision))
        return dial

    async def order(self, request: DialRequest, due: datetime | None) -> Dial | Order | Refusal | None:
        """Take a client's order. It is dialled at once, or when it is due; where calls are made in working hours only,
        not before the office opens. One of which we hear late is dialled all the same: the client still waits. None
        for one that has come before. Raises `StoreError`."""
        now, hours = self._clock(), self._portals[request.portal].routing.hours
        is_late = TOO_OLD < now - request.at < TOO_LATE
        if due is None and not is_late and (hours.open_at(now) or not self._plan.working_hours_only):
            return await self.dial(request)
        placed = await self.orders.place(request, due or now)
        return await self.dial(request) if isinstance(placed, Refusal) and placed.told else placed

    async def _decided(self, request: DialRequest, portal: Portal) -> Originate | Refusal:
        async with self._database.reading() as tx:
            recent = await dials.earlier(tx, request, request.at - SAME_ORDER)
        decision = planned(request, self._plan, portal, recent, self._clock())
        return decision if isinstance(decision, Refusal) else await self._prepare(request, decision)

    async def _too_many(self, tx: Transaction, request: DialRequest, portal: Portal) -> Refusal | None:
        """Another request may have been accepted since this one was decided."""
        recent = await dials.earlier(tx, request, request.at - SAME_ORDER)
        if refusal := too_often(request, self._plan, portal, recent):
            return refusal
        return await self.orders.admits(tx, request) if request.kind is DialKind.CALLBACK else None

    async def run(self) -> NoReturn:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch())
            group.create_task(self.orders.run(self.dial))
            while True:
                dial, originate = await self._accepted.get()
                group.create_task(self._send(dial, originate))
        raise AssertionError("dialling ends by a cancellation")

    async def recall(self) -> None:
        """What was asked for before a restart: calls of it may be going on. To be done before the PBX is heard."""
        now = self._clock()
        async with self._database.transaction() as tx:
            await dials.forget(tx, now - REMEMBERED)
            known = await dials.since(tx, now - REMEMBERED)
        for dial in known:
            if dial.state is not DialState.REFUSED:
                self._expect(dial)
            if dial.state is DialState.SENT and dial.pbx == self._name:
                self._open.setdefault(dial.id, dial)

    def _written(self, request: DialRequest, decision: Originate | Refusal, portal: Portal, now: datetime) -> Dial:
        is_order = request.kind is DialKind.CALLBACK and isinstance(decision, Originate)
        return Dial(
            id=f"{OURS}{int(now.timestamp())}-{uuid.uuid4().hex[:16]}",
            request=replace(request, order=request.order or new_order()) if is_order else request,
            number=phone_key(request.number, portal.region),
            pbx=self._name,
            state=DialState.REFUSED if isinstance(decision, Refusal) else DialState.SENT,
            decided=now,
            extension="" if isinstance(decision, Refusal) else decision.extension,
            reason=decision.reason if isinstance(decision, Refusal) else "",
        )

    def _expect(self, dial: Dial) -> None:
        if portal := self._portals.get(dial.request.portal):
            portal.expect(channels_of(dial.id), dial.request)

    # To the PBX

    async def _send(self, dial: Dial, originate: Originate) -> None:
        try:
            await self._pbx.action(originate.action(dial.id))
        except ActionRefused as error:
            await self._failed(dial, f"The PBX did not dial: {error}.")
        except NotConnected as error:
            if error.sent:
                log.warning("dial_unanswered", dial=dial.id, reason=str(error))  # the watch finds out
            else:
                await self._failed(dial, "There is no connection to the PBX at the moment.")

    async def _failed(self, dial: Dial, reason: str) -> None:
        """It was not dialled, for certain."""
        log.warning("dial_failed", dial=dial.id, reason=reason)
        refusal = Refusal(status=CallStatus.UNAVAILABLE, reason=reason)
        try:
            async with self._database.transaction() as tx:
                await dials.settle(tx, dial.id, DialState.REFUSED, reason)
                await self._conclude(tx, dial, refusal, await self.orders.failed(tx, dial))
        except StoreError as error:
            log.error("dial_end_not_written", dial=dial.id, reason=str(error))  # the watch tries again
        else:
            self._drop(dial)
            self.told(dial, reason)

    async def _conclude(self, tx: Transaction, dial: Dial, refusal: Refusal, order: str = "") -> None:
        """Tell the end of a request of which the PBX will tell nothing. `order`: what becomes of the client's order."""
        request = dial.request
        portal = self._portals[request.portal].routing
        call = call_in_vain(request, dial.id, extension=dial.extension, at=dial.decided)
        intents = told_in_vain(request, call, refusal, portal, self._name)
        if not intents and request.kind is DialKind.CALLBACK:
            return
        said = filter(None, (f"{request.portal}: {refusal.reason}", order))
        lines = [StoryLine(at=dial.decided, kind=StoryKind.DECIDED, text=text) for text in said]
        await calls.record(tx, self._name, [call], {call.id: lines})
        key = call_key(self._name, call.id)
        if new := await deliveries.enqueue(tx, request.portal, intents, key, self._clock()):
            await self._announcer.announce(tx, new)

    # What became of it

    async def _watch(self) -> NoReturn:
        while True:
            await asyncio.sleep(LOOK_EVERY.total_seconds())
            try:
                await self.look()
                if self._clock() >= self._forgets_next:
                    await self._forget()
            except StoreError as error:
                log.error("dials_not_looked_at", reason=str(error))

    async def look(self) -> None:
        """Settle what is in the journal by now, give up what neither the journal nor the PBX knows of."""
        now = self._clock()
        overdue = [dial for dial in self._open.values() if dial.decided + self._plan.ring + MARGIN <= now]
        for dial in overdue:
            if await self._is_journalled(dial):
                async with self._database.transaction() as tx:
                    await dials.settle(tx, dial.id, DialState.SETTLED)
                self._drop(dial)
        lost = [dial for dial in overdue if dial.id in self._open]
        live = await self._live_channels() if lost else None
        if live is None:
            return
        for dial in lost:
            self._unseen[dial.id] = 0 if dial.id in live else self._unseen.get(dial.id, 0) + 1
            if self._unseen[dial.id] >= LOOKS:
                await self._failed(dial, "The PBX was told to dial, and nothing was heard of the call.")

    def _drop(self, dial: Dial) -> None:
        self._open.pop(dial.id, None)
        self._unseen.pop(dial.id, None)

    async def _is_journalled(self, dial: Dial) -> bool:
        async with self._database.reading() as tx:
            return await calls.get(tx, call_key(self._name, CallId(dial.id))) is not None

    async def _live_channels(self) -> set[str] | None:
        """Uniqueids of the channels that are up; None while the PBX cannot be asked."""
        try:
            answer = await self._pbx.action(Action(name="CoreShowChannels"))
        except ActionRefused:
            return set()
        except AmiError:
            return None
        return {row.get("Uniqueid") for row in answer.rows}

    async def _forget(self) -> None:
        now = self._clock()
        self._forgets_next = now + FORGETS_EVERY
        async with self._database.transaction() as tx:
            gone = await dials.forget(tx, now - REMEMBERED)
            await self.orders.forget(tx, now - REMEMBERED)
        for portal in self._portals.values():
            for dial in gone:
                portal.forget(channels_of(dial))
