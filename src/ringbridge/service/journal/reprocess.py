"""Calls of the journal decided anew, and sent: after the rules or employees were changed, or a portal was away.

What a portal has is not done again: a step has a name, and one that is on its way or done is left alone. What was given
up goes out once more, what nobody wanted before is added. Cards are not opened for a call that is over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ringbridge.routing.intents import HideCard, Intent, PortalId, ShowCard
from ringbridge.routing.office import Portal
from ringbridge.routing.records import intents_of
from ringbridge.routing.rules import asks_for_client
from ringbridge.service.hooks.advice import NO_ADVICE, Advice, Advisers
from ringbridge.service.pipeline import Crms, told
from ringbridge.store import calls, deliveries, interventions
from ringbridge.store.calls import JournalEntry, StoryKind, StoryLine
from ringbridge.store.database import Database
from ringbridge.store.keys import CallKey
from ringbridge.telephony.events import CallEnded


@dataclass(frozen=True, slots=True, kw_only=True)
class Resent:
    """How much went out again."""

    calls: int = 0  # looked at
    steps: int = 0  # that will be sent

    def __add__(self, other: Resent) -> Resent:
        return Resent(calls=self.calls + other.calls, steps=self.steps + other.steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What one portal is to have of a call."""

    portal: PortalId
    intents: Sequence[Intent]
    lines: Sequence[StoryLine]


class Reprocess:
    """`wake` is called when there is something to send."""

    def __init__(
        self,
        database: Database,
        crms: Crms,
        advisers: Advisers,
        wake: Callable[[], None],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database, self._crms, self._advisers = database, crms, advisers
        self._wake, self._clock = wake, clock

    async def again(self, keys: Iterable[CallKey], only: PortalId | None = None) -> Resent:
        """These calls, one after the other; a call that is not in the journal is passed over. `only` this portal.
        Raises `StoreError`."""
        resent = Resent()
        for key in keys:
            resent += await self._call(key, only)
        return resent

    async def _call(self, key: CallKey, only: PortalId | None) -> Resent:
        async with self._database.reading() as tx:
            entry = await calls.get(tx, key)
            knowing = await interventions.knowing(tx, key)
        if entry is None:
            return Resent()
        portals = [portal for portal in self._crms.portals() if only in {None, portal.id}]
        wishes = await self._wishes(entry, portals, knowing) if is_whole(entry) else []
        return Resent(calls=1, steps=await self._write(entry, portals, wishes))

    async def _wishes(self, entry: JournalEntry, portals: Sequence[Portal], knowing: frozenset[PortalId]) -> list[Wish]:
        event = CallEnded(call=entry.call, at=entry.call.end or entry.call.start)
        advice = await self._advisers.advise(event, entry.pbx, portals, knowing)
        return [await self._wish(event, entry, portal, advice.get(portal.id, NO_ADVICE)) for portal in portals]

    async def _wish(self, event: CallEnded, entry: JournalEntry, portal: Portal, advice: Advice) -> Wish:
        if not advice.register and portal.adopted_as(entry.call) is None:
            return Wish(portal=portal.id, intents=(), lines=advice.lines)
        number = advice.number or entry.call.external
        asks = asks_for_client(portal.rules) and entry.call.concerns_client and number
        known = await self._crms.knows(portal.id, number) if asks and number else None
        intents, _ = intents_of(advice.of_event(event), advice.of_portal(portal), entry.pbx, known)
        lasting = [intent for intent in intents if not isinstance(intent, ShowCard | HideCard)]
        return Wish(portal=portal.id, intents=lasting, lines=advice.lines)

    async def _write(self, entry: JournalEntry, portals: Sequence[Portal], wishes: Sequence[Wish]) -> int:
        now, steps = self._clock(), 0
        lines: list[StoryLine] = []
        async with self._database.transaction() as tx:
            for portal in portals:
                steps += sum((await interventions.try_again(tx, portal.id, [entry.key], now)).values())
            for wish in wishes:
                if new := await deliveries.enqueue(tx, wish.portal, wish.intents, entry.key, now):
                    steps += len(new)
                    lines += [*wish.lines, decided(wish, now)]
            if lines:
                await calls.record(tx, entry.pbx, [], {entry.call.id: lines})
            tx.after_commit(self._wake)
        return steps


def is_whole(entry: JournalEntry) -> bool:
    """Over, and not told in another call."""
    return entry.call.end is not None and entry.call.merged_into is None


def decided(wish: Wish, now: datetime) -> StoryLine:
    return StoryLine(at=now, kind=StoryKind.DECIDED, text=told(wish.portal, wish.intents, {}))
