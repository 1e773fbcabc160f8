"""The summaries of a journal that is older than they are, counted beside the work of the day."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog

from ringbridge.store import stats
from ringbridge.store.database import Database
from ringbridge.store.errors import StoreError

log = structlog.get_logger(__name__)

PAUSE = timedelta(minutes=1)  # after which a database that took nothing is tried again


async def count_older_calls(database: Database) -> None:
    """Until all are counted; at once where they are."""
    told = False
    while True:
        try:
            progress = await stats.count_piece(database)
        except StoreError as error:
            log.error("older_calls_not_counted", reason=str(error))
            await asyncio.sleep(PAUSE.total_seconds())
            continue
        if progress.upto is None:
            break
        if not told:
            log.info("older_calls_being_counted", calls=progress.total)
            told = True
    if told:
        log.info("older_calls_counted", calls=progress.counted)
