"""Work beside the calls that goes on step by step, and what it waits for when a step fails."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta

import structlog

from ringbridge.crm.contract import CrmError, Rejected, Throttled, Unauthorized
from ringbridge.routing.intents import PortalId
from ringbridge.store import waits
from ringbridge.store.database import Database
from ringbridge.store.errors import StoreError
from ringbridge.store.waits import Wait

QUICKEST, SLOWEST = 5.0, 300.0  # seconds after a failure
PATIENCE = 60.0  # seconds until a portal that does not open, or a disk that is full, is tried again
REFUSED = 3600.0  # seconds until a portal that refused is asked again

log = structlog.get_logger(__name__)


def pause_after(error: CrmError | StoreError, *, failures: int, now: datetime) -> float:
    """Seconds."""
    match error:
        case Throttled(until=until):
            return max(0.0, (until - now).total_seconds())
        case Unauthorized() | StoreError():
            return PATIENCE
        case Rejected():
            return REFUSED
    return min(QUICKEST * (1 << min(failures - 1, 10)), SLOWEST)


class Steps:
    """One portal's work. `what` names it in the log. Why it does not go on is kept in the database too."""

    def __init__(self, what: str, portal: PortalId, clock: Callable[[], datetime], database: Database) -> None:
        self.wait: Wait | None = None  # None: it goes on
        self._what = what
        self._clock = clock
        self._portal = portal
        self._database = database
        self._is_kept = False  # what an earlier life left is there until then

    @property
    def trouble(self) -> str | None:
        """Why it does not go on, for people."""
        return self.wait.why if self.wait else None

    @property
    def again(self) -> datetime | None:
        """When it is tried again."""
        return self.wait.until if self.wait else None

    async def run(self, step: Callable[[], Awaitable[float]], rest: Callable[[float], Awaitable[None]]) -> None:
        """`step` does what is next and gives the seconds after which there may be more to do; it raises `CrmError`,
        `StoreError`. `rest` waits so long, or until there is news. Until cancelled."""
        failures = 0
        while True:
            try:
                pause = await step()
            except (CrmError, StoreError) as error:
                failures += not isinstance(error, Throttled)
                pause = pause_after(error, failures=failures, now=self._clock())
                if str(error) != self.trouble:
                    log.warning(f"{self._what}_waits", portal=self._portal, reason=str(error), seconds=round(pause))
                await self._stands(str(error), pause)
                await asyncio.sleep(pause)
            except Exception as error:
                # An adapter that breaks on some client's row must not take the calls with it.
                log.exception(f"{self._what}_failed", portal=self._portal)
                why = f"The copy failed ({type(error).__name__}: {error}): the log has the details."
                await self._stands(why, REFUSED)
                await asyncio.sleep(REFUSED)
            else:
                failures = 0
                await self._goes_on()
                await rest(pause)

    async def _stands(self, why: str, pause: float) -> None:
        self.wait = Wait(why=why, until=self._clock() + timedelta(seconds=pause))
        await self._keep()

    async def _goes_on(self) -> None:
        if self.wait is not None or not self._is_kept:
            self.wait = None
            await self._keep()

    async def _keep(self) -> None:
        """A database that does not take it is told of elsewhere."""
        with suppress(StoreError):
            async with self._database.transaction() as tx:
                await waits.keep(tx, self._portal, self._what, self.wait)
            self._is_kept = True
