"""Calls in progress, pushed to whoever looks.

The service tells the feed every new snapshot of a call; the feed keeps the calls in progress and the last few that
ended, and wakes the open pages. A page gets all of it once, and then what is new, at most twice a second however busy
the office is, all pages at the same beats: so all that see the same share one drawing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import suppress
from datetime import timedelta
from typing import Protocol

from ringbridge.store.calls import JournalEntry, open_calls, page
from ringbridge.store.database import Database
from ringbridge.store.keys import CallKey, PbxId, call_key
from ringbridge.telephony.model import Call
from ringbridge.web.picture import Picture

ENDED_SHOWN = 8
PACE = 0.5  # seconds
HEARTBEAT = timedelta(seconds=15)  # proxies close a silent stream; 30 s is the shortest limit in common use


class LiveFeed:
    """Not thread-safe: it belongs to the event loop."""

    def __init__(self, calls: Iterable[JournalEntry] = ()) -> None:
        """`calls` are those known at the start, in any order: the open ones and the last that ended."""
        self.version = 0
        self.closed = False
        self._open: dict[CallKey, JournalEntry] = {}
        self._ended: deque[JournalEntry] = deque(maxlen=ENDED_SHOWN)
        self._changed = asyncio.Event()
        for each in sorted(calls, key=lambda each: each.call.end or each.call.start):
            self._keep(each)

    @classmethod
    async def load(cls, database: Database, pbxs: Iterable[PbxId]) -> LiveFeed:
        """As the journal has it: what was in progress when it was last heard of, and the last that ended."""
        async with database.reading() as tx:
            known = list((await page(tx)).entries)
            for pbx in pbxs:
                calls = await open_calls(tx, pbx)
                known += [JournalEntry(key=call_key(pbx, call.id), pbx=pbx, call=call) for call in calls]
        return cls(known)

    def tell(self, pbx: PbxId, call: Call) -> None:
        """The call is now as this snapshot says. Every call may be told, also those that are not shown."""
        self._keep(JournalEntry(key=call_key(pbx, call.id), pbx=pbx, call=call))
        self._wake()

    def wake(self) -> None:
        """What else is shown with the calls may be otherwise now: the state of phones."""
        self._wake()

    def close(self) -> None:
        """End every stream, so that the server can stop."""
        self.closed = True
        self._wake()

    @property
    def calls(self) -> list[JournalEntry]:
        """In progress, the oldest first."""
        return sorted(self._open.values(), key=lambda each: each.call.start)

    @property
    def ended(self) -> list[JournalEntry]:
        """The last that ended, the newest first."""
        return list(reversed(self._ended))

    async def wait(self, seen: int, patience: timedelta) -> bool:
        """Until there is something newer than version `seen`: True. False when nothing came within `patience`."""
        changed = self._changed
        if self.version != seen or self.closed:
            return True
        with suppress(TimeoutError):
            await asyncio.wait_for(changed.wait(), patience.total_seconds())
        return self.version != seen

    def _keep(self, each: JournalEntry) -> None:
        self._open.pop(each.key, None)
        if not is_shown(each.call):
            return
        if each.call.end is None:
            self._open[each.key] = each
        else:
            self._ended.append(each)

    def _wake(self) -> None:
        self.version += 1
        self._changed.set()
        self._changed = asyncio.Event()


def is_shown(call: Call) -> bool:
    """Clients' calls only, and none that turned out to be part of another."""
    return call.concerns_client and call.merged_into is None


def event(html: str) -> bytes:
    """One unnamed server-sent event (HTML standard, section 9.2.6): each line of the data has its own field."""
    return "".join(f"data: {line}\n" for line in html.splitlines() if line.strip()).encode() + b"\n"


class Show(Protocol):
    """What one kind of visitor is shown."""

    def whole(self) -> tuple[Picture, bytes]:
        """As it is now, and the event that shows all of it."""
        ...

    def since(self, before: Picture) -> tuple[Picture, bytes]:
        """As it is now, and the event that makes the picture `before` into it: empty where it is the same."""
        ...


async def stream(feed: LiveFeed, show: Show, goes_on: Callable[[], Awaitable[bool]]) -> AsyncIterator[bytes]:
    """All of it now, what is new after every change, and a heartbeat while there is none, as long as it `goes_on`."""
    seen = feed.version
    picture, told = show.whole()
    yield told
    while not feed.closed:
        changed = await feed.wait(seen, HEARTBEAT)
        if not await goes_on():
            return
        if not changed:
            yield b": still here\n\n"
            continue
        seen = feed.version
        picture, told = show.since(picture)
        if told:
            yield told
        await asyncio.sleep(PACE - asyncio.get_running_loop().time() % PACE)
