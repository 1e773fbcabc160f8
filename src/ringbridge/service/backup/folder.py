"""The backups of the folder: made when a person wants one, and every day where that is set; the oldest go."""

from __future__ import annotations

import asyncio
import re
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import structlog

from ringbridge.service.backup.archive import Manifest, NoBackup, Premises, in_words, make
from ringbridge.service.bootstrap import Bootstrap
from ringbridge.service.config import Office
from ringbridge.service.config.backup import BackupConfig
from ringbridge.store import settings
from ringbridge.store.database import Database
from ringbridge.store.errors import StoreError

log = structlog.get_logger(__name__)

SECTION = "last backup"
LOOK_EVERY = timedelta(minutes=1)
AFTER_TROUBLE = timedelta(minutes=15)
DAY = timedelta(days=1)
NAME = re.compile(r"ringbridge-(\d{8}T\d{6})Z\.tar\.gz")
STAMP = "%Y%m%dT%H%M%S"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One of the folder."""

    path: Path
    made: datetime
    bytes: int

    @property
    def name(self) -> str:
        return self.path.name


class Stopped(Exception):
    """Nobody waits for this backup any more."""


class Backups:
    def __init__(
        self,
        config: BackupConfig,
        premises: Premises,
        database: Database,
        *,
        folder: Path,
        zone: tzinfo,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.config, self.folder = config, folder
        self._premises, self._database = premises, database
        self._zone, self._clock = zone, clock
        self._making = asyncio.Lock()

    def kept(self) -> list[Kept]:
        """Newest first. Raises `OSError` where the folder cannot be read."""
        return kept_in(self.folder)

    async def make(self) -> Kept:
        """One more, and the oldest go. One at a time. Raises `StoreError`, `NoBackup`."""
        async with self._making:
            now = self._clock().replace(microsecond=0)
            target = self.folder / f"ringbridge-{now.astimezone(UTC):{STAMP}}Z.tar.gz"
            await self._in_thread(target, now)
            await note(self._database, target, now)
            log.info("backup_made", file=str(target), bytes=target.stat().st_size)
            for old in self.kept()[self.config.keep :]:
                old.path.unlink(missing_ok=True)
                log.info("old_backup_removed", file=str(old.path))
        return Kept(path=target, made=now, bytes=target.stat().st_size)

    async def _in_thread(self, target: Path, now: datetime) -> Manifest:
        stopped = threading.Event()

        def look() -> None:
            if stopped.is_set():
                raise Stopped

        def made() -> Manifest:
            prepared(self.folder)
            return make(self._premises, target, with_key=self.config.with_key, now=now, look=look)

        try:
            return await asyncio.to_thread(made)
        except asyncio.CancelledError:
            stopped.set()  # the thread ends at its next look
            raise

    async def run(self) -> None:
        """Until cancelled; at once where no backup is wanted by itself."""
        while self.config.daily:
            pause = LOOK_EVERY
            try:
                if self.is_due():
                    await self.make()
            except (StoreError, NoBackup, OSError) as error:
                log.error("backup_not_made", reason=str(error), hint="see [backup]: its folder, and the room there")
                pause = AFTER_TROUBLE
            await asyncio.sleep(pause.total_seconds())

    def is_due(self) -> bool:
        """Whether the last hour for one has come and none was made since."""
        local = self._clock().astimezone(self._zone)
        hour = datetime.combine(local.date(), self.config.at, self._zone)
        last_hour = hour if local >= hour else datetime.combine(local.date() - DAY, self.config.at, self._zone)
        newest = next(iter(self.kept()), None)
        return newest is None or newest.made < last_hour


def prepared(folder: Path) -> None:
    """There, for us only, and without what a backup that was killed left. Raises `StoreError`."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in folder.glob(".backup-*"):
            shutil.rmtree(left, ignore_errors=True)
    except OSError as error:
        raise in_words(error, folder) from error


def kept_in(folder: Path) -> list[Kept]:
    """Newest first; none where there is no such folder. Raises `OSError` where it cannot be read."""
    if not folder.is_dir():
        return []
    found = [
        Kept(path=path, made=datetime.strptime(name[1], STAMP).replace(tzinfo=UTC), bytes=path.stat().st_size)
        for path in folder.iterdir()
        if (name := NAME.fullmatch(path.name))
    ]
    return sorted(found, key=lambda one: one.made, reverse=True)


async def note(database: Database, file: Path, made: datetime) -> None:
    """That a backup was made, for whoever examines the installation: it may lie anywhere. Raises `StoreError`."""
    async with database.transaction() as tx:
        document = {"made": made.isoformat(), "file": str(file)}
        await settings.put(tx, SECTION, document, by="a backup", now=made)


async def last_made(database: Database) -> datetime | None:
    """Also of those that a command made. Raises `StoreError`."""
    async with database.reading() as tx:
        found = await settings.document_of(tx, SECTION)
    return datetime.fromisoformat(found["made"]) if found else None


def backups_of(office: Office, bootstrap: Bootstrap, database: Database) -> Backups:
    folder = office.backup.folder_in(bootstrap.data)
    return Backups(office.backup, Premises.of(bootstrap), database, folder=folder, zone=office.zone)
