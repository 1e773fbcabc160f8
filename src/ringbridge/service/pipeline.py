"""One PBX's way through the house: what arrived -> calls -> what the portals are told -> one transaction.

Everything that has arrived is one batch and one commit. A call's journal row and the deliveries that follow from it
are written together, or neither. While the database cannot be written, what was heard waits in memory, in order, and
is written when it can; nothing is told to a portal that is not in the journal.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog

from ringbridge.ami.errors import AmiError
from ringbridge.ami.message import Action
from ringbridge.ami.protocol import Answer
from ringbridge.delivery.policy import DeliveryId
from ringbridge.pbx.inbox import Item, Lost, Received, Resync
from ringbridge.routing.intents import Intent, PortalId, idempotency_key
from ringbridge.routing.office import Portal
from ringbridge.routing.records import dealt_to, intents_of
from ringbridge.routing.rules import CallbackPlan, asks_for_client
from ringbridge.service.absence import Absence, Past
from ringbridge.service.dialing.orders import Orders
from ringbridge.service.hooks.advice import NO_ADVICE, Advice, Advisers, NoAdvisers, advise_all
from ringbridge.store import calls, deliveries
from ringbridge.store.calls import CallKey, PbxId, StoryKind, StoryLine, call_key
from ringbridge.store.database import Database, Transaction
from ringbridge.store.errors import StoreError
from ringbridge.telephony.events import CallAnswered, CallEnded, CallEvent
from ringbridge.telephony.model import Call, CallId
from ringbridge.telephony.numbers import masked
from ringbridge.telephony.tracker import CallTracker

log = structlog.get_logger(__name__)

LONGEST_PAUSE = timedelta(seconds=10)


class Source(Protocol):
    """The link to the PBX, as far as the pipeline needs it."""

    async def take(self) -> list[Item]: ...

    async def action(self, action: Action) -> Answer: ...


class Crms(Protocol):
    """The portals, as far as the pipeline needs them."""

    def portals(self) -> Sequence[Portal]:
        """As they are configured now."""
        ...

    async def knows(self, portal: PortalId, number: str) -> bool | None:
        """Whether the portal knows this client; None where it did not answer in time."""
        ...

    async def dealt(self, tx: Transaction, portal: PortalId, extension: str) -> None:
        """A missed call went to this phone's holder because it was their turn."""
        ...


class Announcer(Protocol):
    """Who is told, inside the transaction, that deliveries wait."""

    async def announce(self, tx: Transaction, deliveries: Sequence[DeliveryId]) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """An event, and what each portal is to be told because of it."""

    event: CallEvent
    wanted: tuple[tuple[PortalId, tuple[Intent, ...]], ...]
    lines: tuple[StoryLine, ...]
    dealt: tuple[tuple[PortalId, str], ...] = ()  # whose turn it was
    missed: tuple[PortalId, CallbackPlan] | None = None  # by whose rules a missed call is called back


class Pipeline:
    """Set `show` to be told each call's new snapshot, once it is in the journal; `overhear` to be told before that;
    `remarks` to add to its story."""

    def __init__(
        self,
        pbx: PbxId,
        *,
        tracker: CallTracker,
        source: Source,
        database: Database,
        announcer: Announcer,
        crms: Crms,
        history: Past,
        orders: Orders | None = None,
        configured: datetime | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._pbx = pbx
        self._tracker = tracker
        self._source = source
        self._database = database
        self._announcer = announcer
        self._crms = crms
        self._orders = orders
        self.show: Callable[[PbxId, Call], None] = lambda pbx, call: None
        self.overhear: Callable[[PbxId, Call], None] = lambda pbx, call: None
        self.remarks: Callable[[Call], Sequence[StoryLine]] = lambda call: ()
        self.advisers: Advisers = NoAdvisers()
        self._clock = clock
        self._known: dict[CallId, dict[PortalId, bool | None]] = {}  # of open calls, where a rule wants to know
        self._asked: dict[CallId, set[tuple[PortalId, str]]] = {}  # steps already wanted of each open call
        self._absence = Absence(pbx, history=history, database=database, clock=clock, configured=configured)
        self._unnamed: asyncio.Queue[str] = asyncio.Queue()  # recorded channels whose file is not known
        self.trouble: str | None = None  # why nothing can be written at the moment
        self._log = log.bind(pbx=pbx)

    def channels_up(self, uniqueids: Sequence[str]) -> list[str]:
        """The names of those of these channels that are up."""
        return [name for uniqueid in uniqueids if (name := self._tracker.channel_name(uniqueid))]

    async def run(self) -> None:
        async with self._database.reading() as tx:
            known = await calls.open_calls(tx, self._pbx)
        self._tracker.restore(known)
        for call in known:
            self.overhear(self._pbx, call)
        await self._absence.recall()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow())
            group.create_task(self._ask_for_recordings())

    async def _follow(self) -> None:
        while True:
            items = await self._arrived()
            events = await self._catch_up([item for item in items if isinstance(item, Resync)])
            events += self._understand(items)
            await self._decide_and_keep(events)

    async def _decide_and_keep(self, events: Sequence[CallEvent]) -> None:
        if not events:
            return
        advice = await advise_all(events, self._advice)
        await self._get_to_know(events, advice)
        await self._keep([self._decide(event, advised) for event, advised in zip(events, advice, strict=True)])

    async def _advice(self, event: CallEvent) -> Mapping[PortalId, Advice]:
        told = {portal for portal, _ in self._asked.get(event.call.id, ())}
        return await self.advisers.advise(event, self._pbx, self._crms.portals(), told)

    async def _get_to_know(self, events: Sequence[CallEvent], advice: Sequence[Mapping[PortalId, Advice]]) -> None:
        """Where a rule asks whether the client is known, the portal is asked once a call."""
        asking = [portal for portal in self._crms.portals() if asks_for_client(portal.rules)]
        numbers = {event.call.id: advised for event, advised in zip(events, advice, strict=True)}
        for call in {event.call.id: event.call for event in events if event.call.concerns_client}.values():
            known = self._known.setdefault(call.id, {})
            number = call.external
            unasked = [portal for portal in asking if portal.id not in known]
            if number is None or not unasked:
                continue
            asked = {one.id: numbers[call.id].get(one.id, NO_ADVICE).number or number for one in unasked}
            answers = await asyncio.gather(*(self._crms.knows(portal, of) for portal, of in asked.items()))
            known.update(zip((portal.id for portal in unasked), answers, strict=True))

    async def _catch_up(self, resyncs: Iterable[Resync]) -> list[CallEvent]:
        """Calls that ended while nobody listened."""
        late = await self._absence.found_late(self._tracker.vanished)
        missed = list(late.calls) if late else []
        missed += [call for resync in resyncs for call in await self._absence.ended(resync)]
        events: list[CallEvent] = []
        for call in missed:
            events += self._guarded("record", lambda: self._tracker.ended_unheard(call))  # noqa: B023
        if events:
            self._log.info("calls_recovered_from_records", calls=len(missed))
        if late:
            events += self._guarded("vanished", lambda: self._tracker.give_up_vanished(late.until))
        return events

    async def _arrived(self) -> list[Item]:
        """What has come; nothing when something else is due first."""
        deadlines = (self._tracker.next_deadline(), self._absence.next_look)
        deadline = min(filter(None, deadlines), default=None)
        patience = None if deadline is None else max(0.0, (deadline - self._clock()).total_seconds())
        try:
            async with asyncio.timeout(patience):
                return await self._source.take()
        except TimeoutError:
            return []

    # Understanding and deciding: no waiting in here

    def _understand(self, items: Iterable[Item]) -> list[CallEvent]:
        events: list[CallEvent] = []
        for item in items:
            match item:
                case Received(messages=messages, at=at):
                    self._absence.heard(at)
                    for message in messages:
                        events += self._guarded(message.event, lambda: self._tracker.feed(message, at))  # noqa: B023
                case Resync():
                    events += self._guarded("resync", lambda: self._resync(item))  # noqa: B023
                case Lost(at=at, heard=heard):
                    self._tracker.disconnected(heard=heard, lost=at)
        return events + self._guarded("expire", lambda: self._tracker.expire(self._clock()))

    def _guarded(self, what: str, understand: Callable[[], list[CallEvent]]) -> list[CallEvent]:
        """A mistake of ours about one message must not take the other calls with it: it is told loudly, and the rest
        goes on."""
        try:
            return understand()
        except Exception:  # noqa: BLE001 - the boundary between one message and all other calls
            self._log.exception("message_not_understood", message=what)
            return []

    def _resync(self, item: Resync) -> list[CallEvent]:
        members = {
            state.bridge.get("BridgeUniqueid"): [channel.get("Uniqueid") for channel in state.channels]
            for state in item.bridges
        }
        self._tracker.connected()
        return self._tracker.resync(
            item.channels, item.at, members, complete=item.complete, records=self._absence.records
        )

    def _decide(self, event: CallEvent, advised: Mapping[PortalId, Advice]) -> Heard:
        call = event.call
        asked = self._asked.setdefault(call.id, set())
        wanted: list[tuple[PortalId, tuple[Intent, ...]]] = []
        lines = [StoryLine(at=event.at, kind=StoryKind.HEARD, text=line) for line in event.heard]
        lines += self.remarks(call)
        self.overhear(self._pbx, call)
        dealt: list[tuple[PortalId, str]] = []
        missed: tuple[PortalId, CallbackPlan] | None = None
        for portal in self._crms.portals():
            known, advice = self._known.get(call.id, {}).get(portal.id), advised.get(portal.id, NO_ADVICE)
            lines += advice.lines
            if not advice.register and portal.adopted_as(call) is None:
                continue
            intents, decision = intents_of(advice.of_event(event), advice.of_portal(portal), self._pbx, known)
            new = tuple(i for i in intents if (portal.id, idempotency_key(i)) not in asked)
            asked.update((portal.id, idempotency_key(intent)) for intent in new)
            if new:
                wanted.append((portal.id, new))
            if decision is not None and (new or (not decision.register and isinstance(event, CallEnded))):
                lines.append(
                    StoryLine(at=event.at, kind=StoryKind.DECIDED, text=told(portal.id, new, decision.because))
                )
            if decision and new and isinstance(event, CallEnded) and (phone := dealt_to(call, portal, decision)):
                dealt.append((portal.id, phone))
            if missed is None and decision and decision.register and decision.callback:
                missed = (portal.id, decision.callback)
        if isinstance(event, CallEnded):
            self._asked.pop(call.id, None)
            self._known.pop(call.id, None)
        elif isinstance(event, CallAnswered):
            self._name_recordings(call)
        return Heard(event=event, wanted=tuple(wanted), lines=tuple(lines), dealt=tuple(dealt), missed=missed)

    # Keeping

    async def _keep(self, heard: Sequence[Heard]) -> None:
        pause = timedelta(seconds=1)
        while True:
            try:
                async with self._database.transaction() as tx:
                    await self._write(tx, heard)
                self.trouble = None
                break
            except StoreError as error:
                self.trouble = str(error)
                self._log.error("journal_not_written", reason=str(error), events=len(heard))
                await asyncio.sleep(pause.total_seconds())
                pause = min(pause * 2, LONGEST_PAUSE)
        for each in heard:
            self._tell(each.event)

    def _tell(self, event: CallEvent) -> None:
        """What is in the journal may be shown and logged."""
        call = event.call
        self.show(self._pbx, call)
        if isinstance(event, CallEnded) and call.concerns_client and call.disposition:
            said = {"direction": str(call.direction), "result": str(call.disposition)}
            self._log.info("call_ended", call=call.id, number=masked(call.external or ""), trunk=call.trunk, **said)

    async def _write(self, tx: Transaction, heard: Sequence[Heard]) -> None:
        lines: dict[CallId, list[StoryLine]] = {}
        for each in heard:
            lines.setdefault(each.event.call.id, []).extend(each.lines)
        await calls.record(tx, self._pbx, [each.event.call for each in heard], lines)
        wanted: dict[tuple[PortalId, CallKey], list[Intent]] = {}
        for each in heard:
            for portal, told_now in each.wanted:
                wanted.setdefault((portal, call_key(self._pbx, each.event.call.id)), []).extend(told_now)
        for each in heard:
            for portal, phone in each.dealt:
                await self._crms.dealt(tx, portal, phone)
            if self._orders is not None and isinstance(each.event, CallEnded):
                await self._orders.call_ended(tx, self._pbx, each.event.call, each.missed)
        new: list[DeliveryId] = []
        for (portal, key), intents in wanted.items():
            new += await deliveries.enqueue(tx, portal, intents, key, self._clock())
        if new:
            await self._announcer.announce(tx, new)

    # Recordings whose name only the channel knows

    def _name_recordings(self, call: Call) -> None:
        for recording in call.recordings:
            if not recording.path and (name := self._tracker.channel_name(recording.channel)):
                self._unnamed.put_nowait(f"{recording.channel} {name}")

    async def _ask_for_recordings(self) -> None:
        """Where the manager user does not read the dialplan class, the file is asked for while the channel lives."""
        while True:
            uniqueid, _, channel = (await self._unnamed.get()).partition(" ")
            headers = (("Channel", channel), ("Variable", "MIXMONITOR_FILENAME"))
            try:
                answer = await self._source.action(Action(name="Getvar", headers=headers))
            except AmiError as error:
                # The file is then looked for on disk by the channel's Uniqueid.
                self._log.info("recording_not_asked", reason=str(error))
                continue
            events = self._tracker.recording_path(uniqueid, answer.response.get("Value"), self._clock())
            await self._decide_and_keep(events)


def told(portal: PortalId, intents: Sequence[Intent], because: Mapping[str, str]) -> str:
    """One line for the story: what this portal is to be told."""
    if not intents:
        return f"{portal}: not registered, by the rule {because['register']!r}"
    steps = ", ".join(describe(intent) for intent in intents)
    return f"{portal}: {steps}"


def describe(intent: Intent) -> str:
    users = getattr(intent, "users", None) or ((intent.user,) if hasattr(intent, "user") else ())
    for_whom = f" (user {', '.join(users)})" if users else ""
    return f"{type(intent).__name__}{for_whom}"
