"""What passed while nobody listened, from the PBX's own records.

They are looked at as soon as there is a link again, and once more a little later: a record may be written some time
after its call's end, and a call may end while the live channels are being listed. A process that was killed may not
have lived to look again, so the next one begins with a time that its predecessor had known already. What the journal
knows to have ended is no news, by whatever id the records call it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from ringbridge.pbx.inbox import Resync
from ringbridge.store import calls
from ringbridge.store.calls import PbxId
from ringbridge.store.database import Database
from ringbridge.telephony.model import Call

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

    async def between(self, since: datetime, until: datetime) -> list[Call]:
        """The calls that ended between the two."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One more look that is due."""

    due: datetime
    since: datetime


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

    async def ended(self, resync: Resync) -> list[Call]:
        """The calls that ended before these channels were listed, and whose end nobody heard."""
        if self._since is None:
            self._since = resync.at
            return []
        since, now = self._since - WHOLE_SECONDS, self._clock()
        self._since = resync.at
        self._looks.append(Look(due=now + LATE, since=since))
        # The records of a queue's phones that nobody answered are written while its caller still waits.
        alive = {channel.get(name) for channel in resync.channels for name in ("Uniqueid", "Linkedid")}
        told = await self._history.between(since, now)
        over = [call for call in told if alive.isdisjoint({call.id, *call.channels})]
        return unheard(over, await self._journal(since))

    async def found_late(self) -> list[Call]:
        """Calls of which nothing at all is known; empty while no look is due."""
        now = self._clock()
        due = [look for look in self._looks if look.due <= now]
        if not due:
            return []
        self._looks = [look for look in self._looks if look.due > now]
        since = min(look.since for look in due)
        told = await self._history.between(since, now - LIVE)
        journal = await self._journal(since)
        known = {call.id for call in journal}
        return [call for call in unheard(told, journal) if call.id not in known]

    async def _journal(self, since: datetime) -> list[Call]:
        async with self._database.reading() as tx:
            return await calls.open_or_ended_since(tx, self._pbx, since - CLOCKS)


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
