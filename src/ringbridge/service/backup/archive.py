"""A backup: one file (tar, gzip) of all that Ringbridge has to have to be as it was.

In it are the database, of one moment though the service writes on; the office's own hooks; ``ringbridge.toml``, for a
person to compare; the key file where that is wanted; and first of all ``manifest.json``, which says what it is. Not in
it are recordings: they are the PBX's.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from pydantic import BaseModel, ConfigDict

from ringbridge import __version__
from ringbridge.service.bootstrap import Bootstrap, config_file
from ringbridge.service.config import ConfigError
from ringbridge.store import copies
from ringbridge.store.database import path_of
from ringbridge.store.errors import DiskFull, NotWritable

MANIFEST, DATABASE, KEY, CONFIG, HOOKS = "manifest.json", "ringbridge.db", "secret.key", "ringbridge.toml", "hooks"
CHUNK = 1024 * 1024
COMPRESSION = 6  # gzip's own default; Python's 9 takes much longer


class NoBackup(ConfigError):
    """A file that is no backup, or none that can be used. The text is for people."""


class Manifest(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    ringbridge: str  # the version that made it
    schema_revision: str
    made: datetime
    bytes: int  # of the database
    sha256: str
    with_key: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Premises:
    """Where what goes into a backup lies."""

    database: Path
    key: Path
    config: Path
    hooks: Path

    @classmethod
    def of(cls, bootstrap: Bootstrap) -> Premises:
        return cls(
            database=path_of(bootstrap.database),
            key=bootstrap.key,
            config=config_file(),
            hooks=bootstrap.data / HOOKS,
        )


def make(
    premises: Premises, target: Path, *, with_key: bool, now: datetime, look: Callable[[], None] = copies.never
) -> Manifest:
    """Writes `target` whole or not at all, in place of an earlier backup of that name. `look` is called again and
    again, and breaks it off by raising. Raises `StoreError`; `NoBackup` where something else has that name."""
    if target.exists() and not is_backup(target):
        raise NoBackup(f"{target} is there already, and is no backup: it is not overwritten.")
    try:
        with tempfile.TemporaryDirectory(prefix=".backup-", dir=target.parent) as folder:
            copied, packed = Path(folder) / DATABASE, Path(folder) / "packed"
            copies.copy(premises.database, copied, look)
            manifest = Manifest(
                ringbridge=__version__,
                schema_revision=copies.examined(copied),
                made=now,
                bytes=copied.stat().st_size,
                sha256=digest_of(copied, look),
                with_key=with_key,
            )
            with os.fdopen(os.open(packed, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "wb") as file:
                pack(file, manifest, premises, copied, look)
                file.flush()
                os.fsync(file.fileno())
            packed.replace(target)
            copies.durable(target.parent)
    except OSError as error:
        raise in_words(error, target) from error
    return manifest


def pack(file: IO[bytes], manifest: Manifest, premises: Premises, database: Path, look: Callable[[], None]) -> None:
    with tarfile.open(fileobj=file, mode="w:gz", compresslevel=COMPRESSION) as archive:
        text = manifest.model_dump_json(indent=2).encode()
        archive.addfile(member(MANIFEST, len(text), manifest.made), io.BytesIO(text))
        for name, path in parts_of(premises, database, with_key=manifest.with_key):
            with path.open("rb") as part:
                size = os.fstat(part.fileno()).st_size
                archive.addfile(member(name, size, manifest.made), Looking(part, look))


def parts_of(premises: Premises, database: Path, *, with_key: bool) -> Iterator[tuple[str, Path]]:
    yield DATABASE, database
    if with_key:
        yield KEY, premises.key
    if os.access(premises.config, os.R_OK):
        yield CONFIG, premises.config
    for path in sorted(premises.hooks.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield f"{HOOKS}/{path.relative_to(premises.hooks)}", path


def member(name: str, size: int, made: datetime) -> tarfile.TarInfo:
    """Readable by its owner only, whoever unpacks it."""
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size, 0o600, int(made.timestamp())
    return info


class Looking(io.RawIOBase):
    """A file that is read on only while nobody breaks it off."""

    def __init__(self, file: IO[bytes], look: Callable[[], None]) -> None:
        self._file, self._look = file, look

    def read(self, size: int = -1) -> bytes:
        self._look()
        return self._file.read(size)


def digest_of(path: Path, look: Callable[[], None] = copies.never) -> str:
    found = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            look()
            found.update(chunk)
    return found.hexdigest()


def manifest_of(file: Path) -> Manifest:
    """What a backup says of itself. Raises `NoBackup`."""
    try:
        with tarfile.open(file, "r:gz") as archive:
            first = archive.next()
            inside = archive.extractfile(first) if first and first.name == MANIFEST else None
            if inside is None:
                raise NoBackup(f"{file} is no backup of Ringbridge.")
            return Manifest.model_validate_json(inside.read(CHUNK))
    except FileNotFoundError as error:
        raise NoBackup(f"There is no file {file}.") from error
    except (OSError, EOFError, tarfile.TarError, ValueError) as error:
        raise NoBackup(f"{file} is no backup of Ringbridge, or is broken ({error}).") from error


def is_backup(file: Path) -> bool:
    try:
        manifest_of(file)
    except NoBackup:
        return False
    return True


def in_words(error: OSError, path: Path) -> NotWritable | DiskFull:
    if error.errno == errno.ENOSPC:
        return DiskFull(f"The disk that holds {path} is full: free some space. What was there before is untouched.")
    words = "look whose it is, and that the folder is there"
    return NotWritable(f"{error.filename or path} cannot be written or read ({error.strerror}): {words}.")
