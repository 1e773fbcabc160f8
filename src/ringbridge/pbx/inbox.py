"""What came from the PBX and waits for its reader, in order."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime

from ringbridge.ami.message import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """Events that came in one portion of bytes; ``at`` is when the portion came."""

    messages: tuple[Message, ...]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeState:
    """A bridge with channels in it. ``bridge`` has its Bridge* headers, ``channels`` a message per channel."""

    bridge: Message
    channels: tuple[Message, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resync:
    """The truth after a login: everything that lives now. What is not in it has ended meanwhile.

    ``channels`` are rows of CoreShowChannels, completed by the headers of Status (``Seconds``, ``DNID``, ``Variable``)
    where the rights allow both. The events that came since the login follow after it, those before the listing too:
    whoever reads them must bear to be told what it knows.

    ``complete`` is False when the rights allow no listing of channels: then only channels in bridges are here, and one
    that is missing may still live.
    """

    channels: tuple[Message, ...]
    bridges: tuple[BridgeState, ...]
    at: datetime
    complete: bool = True

    @property
    def members(self) -> dict[str, tuple[str, ...]]:
        """BridgeUniqueid -> the Uniqueids of the channels in it."""
        return {
            state.bridge.get("BridgeUniqueid"): tuple(channel.get("Uniqueid") for channel in state.channels)
            for state in self.bridges
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """The link broke; a Resync will come when it is back.

    ``at`` is when that was noticed; ``heard`` when something last came, which a half-open link had not for a while.
    """

    reason: str
    at: datetime
    heard: datetime


Item = Received | Resync | Lost


class Inbox:
    """A queue whose reader takes everything that waits at once, so that it can be written in one transaction.

    While it is held, what is put in waits in a second line: the Resync goes first. ``limit`` is in items.
    """

    def __init__(self, *, limit: int = 50_000) -> None:
        self._limit = limit
        self._items: list[Item] = []
        self._held: list[Item] | None = None
        self._filled = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    def put(self, item: Item) -> None:
        if self._held is not None:
            self._held.append(item)
            return
        self._items.append(item)
        self._filled.set()
        if len(self._items) >= self._limit:
            self._room.clear()

    def hold(self) -> None:
        self._held = []

    def release(self, first: Item | None = None) -> None:
        """Lets go what was held, behind ``first``."""
        held, self._held = self._held or [], None
        for item in [first, *held] if first is not None else held:
            self.put(item)

    @property
    def full(self) -> bool:
        return not self._room.is_set()

    async def room(self) -> None:
        """Returns when the reader keeps up."""
        await self._room.wait()

    async def take(self) -> list[Item]:
        """Everything that waits; waits for the first item if there is none."""
        await self._filled.wait()
        items, self._items = self._items, []
        self._filled.clear()
        self._room.set()
        return items
