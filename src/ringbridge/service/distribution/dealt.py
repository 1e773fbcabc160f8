"""How many new clients each phone got today: by that, turns are taken. It is counted in memory, since a caller waits,
and written down behind the answer: a kill loses what was dealt in that moment."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import NoReturn

import structlog

from ringbridge.routing.distribution import Reason, Route
from ringbridge.store import dealt as stored
from ringbridge.store.database import Database
from ringbridge.store.errors import StoreError

log = structlog.get_logger(__name__)


class Dealt:
    """One day's; a day is the office's."""

    def __init__(self) -> None:
        self._day: date | None = None
        self._counts: Counter[str] = Counter()
        self._changed = asyncio.Event()

    def on(self, day: date) -> Mapping[str, int]:
        return self._counts if day == self._day else {}

    def _begin(self, day: date) -> None:
        if day != self._day:
            self._day = day
            self._counts.clear()

    def note(self, route: Route, day: date) -> None:
        """What became of a call. Of a list of new clients' phones the first counts: it was that one's turn."""
        if route.hops and route.hops[0].reason is Reason.NEW_CLIENT:
            self._begin(day)
            self._counts[route.hops[0].extension] += 1
            self._changed.set()

    async def recall(self, database: Database, day: date) -> None:
        """What was dealt on this day before we started. Raises `StoreError`."""
        async with database.reading() as tx:
            before = await stored.read(tx, day)
        self._begin(day)
        self._counts.update(before)

    async def keep(self, database: Database) -> NoReturn:
        """Until it is cancelled."""
        while True:
            try:
                await self.write(database)
            except StoreError as error:
                log.warning("dealt_clients_not_kept", reason=str(error))

    async def write(self, database: Database) -> None:
        """What changed, as soon as something did. Raises `StoreError`."""
        await self._changed.wait()
        self._changed.clear()
        async with database.transaction() as tx:
            if self._day is not None:
                await stored.keep(tx, self._day, self._counts)
