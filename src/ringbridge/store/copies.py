"""Copies of the database: made while it is written to, looked at before they are trusted, put in its place.

Source: SQLite documentation, "SQLite Backup API", "Write-Ahead Logging".
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path

from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from ringbridge.store.database import BUSY_TIMEOUT
from ringbridge.store.errors import Damaged, NotWritable, in_plain_words
from ringbridge.store.migration import known, revision_of

PAGES = 1024  # copied between two looks whether to go on


def never() -> None:
    """Nobody breaks it off."""


def copy(source: Path, target: Path, look: Callable[[], None] = never) -> None:
    """One file, of one moment. The source is held by a reading transaction: writers go on, and what they write is not
    in the copy. `look` is called again and again, and breaks the copy off by raising. Raises `StoreError`."""
    if not source.is_file():
        raise NotWritable(f"There is no database at {source}: nothing can be copied.")
    with (
        in_plain_words(target),
        closing(sqlite3.connect(source, timeout=BUSY_TIMEOUT, isolation_level=None)) as live,
        closing(sqlite3.connect(target, isolation_level=None)) as fresh,
    ):
        live.execute("BEGIN")
        live.execute("SELECT count(*) FROM sqlite_master").fetchone()  # from here on it is this moment
        live.backup(fresh, pages=PAGES, progress=lambda *_: look())
        fresh.execute("PRAGMA journal_mode=DELETE")  # nothing of it in a file beside it


def examined(path: Path) -> str:
    """The revision of its schema. Raises `Damaged`, `SchemaTooNew`."""
    with in_plain_words(path), closing(sqlite3.connect(path)) as database:
        (said,) = database.execute("PRAGMA quick_check(1)").fetchone()
    if said != "ok":
        raise Damaged(f"{path} is damaged: {said}")
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)
    with in_plain_words(path), engine.connect() as connection:
        revision = revision_of(connection)
    if revision is None:
        raise Damaged(f"{path} is not a Ringbridge database.")
    known(revision)
    return revision


def made_harmless(path: Path, now: datetime) -> int:
    """For a copy that comes back after a while: what was to happen meanwhile, and may have happened, does not happen
    again. Open steps are looked up in the CRM before they are done; orders of calls that were due are ended, and gives
    how many; everybody logs in anew. Raises `StoreError`."""
    microseconds = int(now.timestamp() * 1_000_000)
    with in_plain_words(path), closing(sqlite3.connect(path, isolation_level=None)) as database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        database.execute("BEGIN IMMEDIATE")
        ended = 0
        if "orders" in tables:
            ended = database.execute(
                "UPDATE orders SET state = 'ended', ended = ?, reason = ? WHERE state IN ('waiting', 'dialling') "
                "AND due <= ?",
                (microseconds, RESTORED, microseconds),
            ).rowcount
        if "deliveries" in tables:
            database.execute("UPDATE deliveries SET uncertain = 1 WHERE state IN ('waiting', 'sending')")
        if "sessions" in tables:
            database.execute("DELETE FROM sessions")
        database.execute("COMMIT")
    return ended


RESTORED = "The database was restored from a backup: the call may have been made before."


def put_in_place(fresh: Path, path: Path, aside: Path) -> bool:
    """`fresh` becomes the database at `path`; the one before stays as `aside`. False where there was none before.
    Nobody has it open. Power that fails in the middle leaves one of the two there. Raises `OSError`."""
    there_was_one = path.is_file() and path.stat().st_size > 0
    if there_was_one:
        settle(path)
        os.link(path, aside)
        for ending in ("-wal", "-shm"):  # of one that could not be settled: it belongs to the one before
            beside = path.with_name(path.name + ending)
            if beside.exists():
                beside.rename(aside.with_name(aside.name + ending))
    durable(fresh)
    fresh.replace(path)
    durable(path.parent)
    return there_was_one


def settle(path: Path) -> None:
    """What stands in the file beside it goes into it, where it is whole enough."""
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.DatabaseError:
        pass  # damaged: it is kept as it is, with what is beside it


def durable(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
