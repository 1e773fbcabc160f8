"""What can be wrong with the database, in words for the person who looks after it.

StoreError
├── NotWritable   the folder or the file cannot be written
├── DiskFull      no space is left: nothing of what was stored is lost, nothing new can be stored
├── SchemaTooNew  a newer Ringbridge wrote this database
├── InUse         another process has the database, or holds it locked too long
├── Damaged       the file is not a database, or is broken
└── SecretsLocked the key file does not open the stored secrets
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError


class StoreError(Exception):
    pass


class NotWritable(StoreError):
    pass


class DiskFull(StoreError):
    pass


class SchemaTooNew(StoreError):
    pass


class InUse(StoreError):
    pass


class Damaged(StoreError):
    pass


class SecretsLocked(StoreError):
    pass


# Primary result codes, SQLite documentation, "Result and Error Codes". An extended code's low byte is its primary code.
BY_SQLITE_CODE: dict[int, tuple[type[StoreError], str]] = {
    sqlite3.SQLITE_FULL: (DiskFull, "The disk that holds {path} is full: free some space. What was stored is safe."),
    sqlite3.SQLITE_IOERR: (StoreError, "The disk that holds {path} does not read or write: {error}."),
    sqlite3.SQLITE_READONLY: (NotWritable, "{path} cannot be written: give the service's user write access to it."),
    sqlite3.SQLITE_CANTOPEN: (NotWritable, "{path} cannot be opened: the folder must exist and be writable."),
    sqlite3.SQLITE_PERM: (NotWritable, "{path} cannot be opened: the service's user has no access to it."),
    sqlite3.SQLITE_BUSY: (InUse, "Another program holds {path} locked: close it and try again."),
    sqlite3.SQLITE_LOCKED: (InUse, "Another program holds {path} locked: close it and try again."),
    sqlite3.SQLITE_NOTADB: (Damaged, "{path} is not a Ringbridge database."),
    sqlite3.SQLITE_CORRUPT: (Damaged, "{path} is damaged: restore it from a backup."),
}


@contextmanager
def in_plain_words(path: Path) -> Iterator[None]:
    """Raise what the database driver says about the file as a `StoreError`; programming errors pass as they are."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        told = translate(error, path)
        if told is None:
            raise
        raise told from error


def translate(error: BaseException, path: Path) -> StoreError | None:
    cause = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(cause, "sqlite_errorcode", None)
    known = BY_SQLITE_CODE.get(code & 0xFF) if code is not None else None
    if known is None:
        return None
    kind, text = known
    return kind(text.format(path=path, error=cause))
