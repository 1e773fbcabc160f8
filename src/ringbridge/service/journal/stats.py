"""What a new version keeps of every call, made of those that were there before it, beside the work of the day."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog

from ringbridge.store.database import Database
from ringbridge.store.errors import StoreError
from ringbridge.store.statistics import marks, stats
from ringbridge.store.statistics.walks import Progress

log = structlog.get_logger(__name__)

PAUSE = timedelta(minutes=1)  # after which a database that took nothing is tried again


async def count_older_calls(database: Database) -> None:
    """Until all are counted and marked; at once where they are."""
    await walk("marked", marks.mark_piece, database)
    await walk("counted", stats.count_piece, database)


async def walk(done: str, piece: Callable[[Database], Awaitable[Progress]], database: Database) -> None:
    """`done`: what has become of the calls in the end."""
    told = False
    while True:
        try:
            progress = await piece(database)
        except StoreError as error:
            log.error(f"older_calls_not_{done}", reason=str(error))
            await asyncio.sleep(PAUSE.total_seconds())
            continue
        if progress.upto is None:
            break
        if not told:
            log.info(f"older_calls_being_{done}", calls=progress.total)
            told = True
    if told:
        log.info(f"older_calls_{done}", calls=progress.counted)
