"""Old calls are forgotten, day by day, where the office wants it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog

from ringbridge.store import retention
from ringbridge.store.database import Database
from ringbridge.store.errors import StoreError

log = structlog.get_logger(__name__)

A_DAY = timedelta(days=1)


async def forget_old_calls(
    database: Database, keep_days: int, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> None:
    """Until cancelled; at once where calls are kept for ever (0)."""
    while keep_days:
        try:
            forgotten = await forget_before(database, clock() - timedelta(days=keep_days))
        except StoreError as error:
            log.error("old_calls_not_forgotten", reason=str(error))
        else:
            log.info("old_calls_forgotten", calls=forgotten)
        await asyncio.sleep(A_DAY.total_seconds())


async def forget_before(database: Database, moment: datetime, most: int = retention.A_FEW) -> int:
    """A few at a time, each few in a transaction of their own; gives how many in all. Raises `StoreError`."""
    forgotten = 0
    while True:
        async with database.transaction() as tx:
            gone = await retention.forget(tx, moment, most)
        forgotten += gone
        if gone < most:
            return forgotten
