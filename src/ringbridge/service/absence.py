"""What passed while nobody listened, from the PBX's own records.

They are looked at as soon as there is a link again, and once more a little later: a record may be written some time
after its call's end, and a call may end while the live channels are being listed. Until then a call that is gone stays
open. A process that was killed may not have lived to look again, so the next one begins with a time that its
predecessor had known already, and with the first of the calls that are open. What the journal knows to have ended is no
news, by whatever id the records call it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from ringbridge.pbx.inbox import Resync
from ringbridge.store import calls
from ringbridge.store.calls import PbxId
from ringbridge.store.database import Database
from ringbridge.telephony.model import Call, CallId, Direction

LATE = timedelta(seconds=30)
"""How long after its call's end a record may be written."""

LIVE = timedelta(seconds=5)
"""A call that ended so recently may still be on its way to the journal."""

CLOCKS = timedelta(minutes=5)
"""How far the PBX's clock may be from ours for a call to be recognised."""

WHOLE_SECONDS = timedelta(seconds=2)
"""Records have no others, and are a moment later than the events."""


class Past(Protocol):
    """The PBX's own records of its calls."""

    @property
    def is_kept(self) -> bool:
        """Whether there are any."""
        ...

    async def between(self, since: datetime, until: datetime) -> list[Call]:
        """The calls that ended between the two."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One more look that is due."""

    due: datetime
    since: datetime
    at: datetime  # when the live channels were listed


@dataclass(frozen=True, slots=True, kw_only=True)
class Late:
    """What a second look has found."""

    calls: tuple[Call, ...]
    until: datetime  # of what was gone by then, nothing more will be told


class Absence:
    """`configured`: calls from before this moment concern nobody; None: those before the first one that is heard."""

    def __init__(
        self,
        pbx: PbxId,
        *,
        history: Past,
        database: Database,
        clock: Callable[[], datetime],
        configured: datetime | None = None,
    ) -> None:
        self._pbx = pbx
        self._history = history
        self._database = database
        self._clock = clock
        self._since = configured  # up to here the journal knows everything
        self._looks: list[Look] = []

    async def recall(self) -> None:
        """Where the last process stopped."""
        async with self._database.reading() as tx:
            heard = await calls.last_heard(tx, self._pbx)
        if heard is not None:
            self._since = heard - LATE

    def heard(self, at: datetime) -> None:
        """The PBX said something, and it is understood."""
        self._since = at

    @property
    def next_look(self) -> datetime | None:
        return min((look.due for look in self._looks), default=None)

    @property
    def records(self) -> bool:
        """Whether calls that are gone shall wait for the second look."""
        return self._history.is_kept

    async def ended(self, resync: Resync) -> list[Call]:
        """The calls that ended before these channels were listed, and whose end nobody heard."""
        known, now = self._since, self._clock()
        since = known - WHOLE_SECONDS if known else resync.at
        self._since = resync.at
        self._looks.append(Look(due=now + LATE, since=since, at=resync.at))
        if known is None:
            return []
        journal = await self._journal(since)
        told = await self._history.between(reaching_back(since, journal), now)
        # The records of a queue's phones that nobody answered are written while its caller still waits.
        alive = {channel.get(name) for channel in resync.channels for name in ("Uniqueid", "Linkedid")}
        over = [call for call in told if alive.isdisjoint({call.id, *call.channels})]
        return [call for call in news(over, journal, since) if not is_in_part(call, journal)]

    async def found_late(self, vanished: Collection[CallId]) -> Late | None:
        """None while no look is due. `vanished`: the calls that wait for it; other open calls go on."""
        now = self._clock()
        due = [look for look in self._looks if look.due <= now]
        if not due:
            return None
        self._looks = [look for look in self._looks if look.due > now]
        since = min(look.since for look in due)
        journal = await self._journal(since)
        told = await self._history.between(reaching_back(since, journal), now - LIVE)
        go_on = {call.id for call in journal}.difference(vanished)
        found = tuple(call for call in news(told, journal, since) if call.id not in go_on)
        return Late(calls=found, until=max(look.at for look in due))

    async def _journal(self, since: datetime) -> list[Call]:
        async with self._database.reading() as tx:
            return await calls.open_or_ended_since(tx, self._pbx, since - CLOCKS)


def reaching_back(since: datetime, journal: Iterable[Call]) -> datetime:
    """From when on records are read: an open call may have ended long ago, if lives were short since."""
    return min([since, *(call.start for call in journal if call.end is None)])


def news(told: Iterable[Call], journal: Sequence[Call], since: datetime) -> list[Call]:
    """What is to be told of these calls: the ends of those that are open, and those that are quite unknown."""
    known = {call.id for call in journal}
    return [call for call in unheard(told, journal) if call.id in known or (call.end and call.end >= since)]


def is_in_part(told: Call, journal: Iterable[Call]) -> bool:
    """The records are of some phones only: that of the client's own channel is still to be written."""
    known = next((call for call in journal if call.id == told.id), None)
    if known is None or known.direction is not Direction.INBOUND or not told.channels:
        return False
    return set(known.client_channels).isdisjoint(told.channels)


def unheard(told: Iterable[Call], journal: Sequence[Call]) -> list[Call]:
    """The calls whose end the journal does not have, under the ids by which it knows them."""
    found: list[Call] = []
    alike = list(journal)  # each stands for one call whose records do not say which
    for call in told:
        known = next((each for each in journal if is_same(call, each)), None)
        if known is None and not call.channels:
            known = next((each for each in alike if is_alike(call, each)), None)
            alike = [each for each in alike if each is not known]
        if known is None or known.end is None:
            found.append(call if known is None else replace(call, id=known.id))
    return found


def is_same(told: Call, known: Call) -> bool:
    """By the id, or by the client's own channel: after a transfer the records may name the call by another one."""
    return told.id == known.id or told.id in known.channels or bool({*told.client_channels} & {*known.client_channels})


def is_alike(told: Call, known: Call) -> bool:
    """Records without Uniqueids, as Asterisk writes them where loguniqueid is not set."""
    numbers = {(call.external or "")[-10:] for call in (told, known)}
    return told.direction is known.direction and len(numbers) == 1 and abs(told.start - known.start) <= WHOLE_SECONDS
