"""A whole period sent again: one at a time, in the background, with its progress for whoever looks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import structlog

from ringbridge.routing.intents import PortalId
from ringbridge.service.journal.reprocess import Reprocess, Resent
from ringbridge.store import calls, settings
from ringbridge.store.calls import Filters
from ringbridge.store.database import Database
from ringbridge.store.errors import StoreError
from ringbridge.store.keys import CallKey

log = structlog.get_logger(__name__)

PAGE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    total: int | None = None  # calls; None: not counted yet
    done: Resent = field(default_factory=Resent)
    ended: datetime | None = None
    trouble: str = ""  # why it ended early


class Resending:
    """A restart ends it; asked for anew it goes through what was done in a moment, as nothing is done twice."""

    def __init__(
        self, database: Database, reprocess: Reprocess, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database, self._reprocess, self._clock = database, reprocess, clock
        self._asked: asyncio.Queue[tuple[Filters, PortalId | None, str]] = asyncio.Queue()
        self.progress: Progress | None = None  # of the last one; None: nobody asked yet

    @property
    def goes_on(self) -> bool:
        return self.progress is not None and self.progress.ended is None

    def ask(self, filters: Filters, only: PortalId | None = None, *, by: str) -> bool:
        """False where another one goes on."""
        if self.goes_on:
            return False
        self.progress = Progress()
        self._asked.put_nowait((filters, only, by))
        return True

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            filters, only, by = await self._asked.get()
            try:
                await self._send(filters, only, by)
            except StoreError as error:
                log.error("period_not_sent_again", reason=str(error))
                self.progress = replace(self._progress(), ended=self._clock(), trouble=str(error))

    async def _send(self, filters: Filters, only: PortalId | None, by: str) -> None:
        async with self._database.transaction() as tx:
            self.progress = Progress(total=await calls.count(tx, filters))
            asked = {"calls": self.progress.total, "portal": only or "all", "period": period(filters)}
            told = json.dumps({"sent again": asked}, ensure_ascii=False)
            await settings.note(tx, "delivery", None, told, by=by, now=self._clock())
        async for key in self._keys(filters):
            self.progress = replace(self._progress(), done=self._progress().done + await self._again(key, only))
        self.progress = replace(self._progress(), ended=self._clock())
        log.info("period_sent_again", calls=self.progress.done.calls, steps=self.progress.done.steps)

    async def _again(self, key: CallKey, only: PortalId | None) -> Resent:
        return await self._reprocess.again([key], only)

    async def _keys(self, filters: Filters) -> AsyncIterator[CallKey]:
        before: calls.Cursor | None = None
        while True:
            async with self._database.reading() as tx:
                page = await calls.page(tx, before, PAGE, filters)
            for entry in page.entries:
                yield entry.key
            if (before := page.older) is None:
                return

    def _progress(self) -> Progress:
        return self.progress or Progress()


def period(filters: Filters) -> list[str | None]:
    return [moment.isoformat() if moment else None for moment in (filters.since, filters.until)]
