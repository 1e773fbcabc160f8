"""The recordings of all PBXs: each record's file is looked for on the PBX it came from."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath

import structlog
from sqlalchemy import select

from ringbridge.pbx.recordings import LinkSigner, RecordingFolder, RecordingSettings, RecordingStore, SoundFile
from ringbridge.routing.intents import AttachRecording, RecordKey
from ringbridge.routing.recordings import Absent, NotYet
from ringbridge.service.config import Office, Pbx
from ringbridge.store import schema
from ringbridge.store.database import Database
from ringbridge.store.documents import load_intent

log = structlog.get_logger(__name__)

A_DAY = timedelta(days=1)


async def as_named(intent: AttachRecording) -> AttachRecording:
    return intent


class OfficeRecordings:
    """What the adapters ask for files, and the page for what it plays. Set `path_of` to say where recordings are that
    are not where the PBX named them."""

    def __init__(self, office: Office, *, data: Path, signer: LinkSigner | None, database: Database) -> None:
        self._stores: Mapping[str, RecordingStore] = {
            pbx.name: RecordingStore(settings_of(pbx, office, data), signer=signer) for pbx in office.pbx
        }
        self._signer = signer
        self._public = bool(office.public_address)
        self._database = database
        self.path_of = as_named

    async def fetch(self, intent: AttachRecording, *, mp3: bool = False) -> SoundFile | NotYet | Absent:
        store = self._store_of(intent.record)
        if store is None:
            return Absent(reason=f"The PBX that {intent.record} came from is not configured any more")
        found = await store.fetch(intent, mp3=mp3)
        if isinstance(found, NotYet):
            return found  # a hook may make a file of this one: not before it is whole
        elsewhere = await self.path_of(intent)
        return found if elsewhere == intent else await store.fetch(elsewhere, mp3=mp3)

    def address(self, record: RecordKey, name: str, expires: datetime) -> str | None:
        """Where the record's recording will be, for a CRM that wants to know before there is a file; None without an
        address that can be reached from outside."""
        return self._signer.link(record, name, expires) if self._signer and self._public else None

    async def find(self, record: RecordKey, *, mp3: bool = False) -> SoundFile | None:
        """The complete file of a record, None where there is none (yet). `mp3`: as such, where one can be made."""
        intent = await self._intent_of(record)
        file = await self.fetch(intent, mp3=mp3) if intent else None
        return file if isinstance(file, SoundFile) else None

    async def keep_tidy(self) -> None:
        """Copies that were converted long ago are removed, day by day; they can be made again."""
        while True:
            for name, store in self._stores.items():
                try:
                    await asyncio.to_thread(store.prune)
                except OSError as error:
                    log.warning("old_copies_not_removed", pbx=name, file=error.filename, reason=error.strerror)
            await asyncio.sleep(A_DAY.total_seconds())

    async def _intent_of(self, record: RecordKey) -> AttachRecording | None:
        wanted = schema.deliveries.c
        query = select(wanted.kind, wanted.intent).where(
            wanted.call_key.in_(_calls_of(record)), wanted.record == record, wanted.kind == AttachRecording.__name__
        )
        async with self._database.reading() as tx:
            row = (await tx.execute(query)).first()
        intent = load_intent(row.kind, row.intent) if row else None
        return intent if isinstance(intent, AttachRecording) else None

    def _store_of(self, record: RecordKey) -> RecordingStore | None:
        names = [name for name in self._stores if record.startswith(f"{name}-")]
        return self._stores[max(names, key=len)] if names else None


def _calls_of(record: RecordKey) -> list[str]:
    """The call of a record: its own key, or that without the number of a later speaker."""
    head, dash, tail = record.rpartition("-")
    return [record, head] if dash and tail.isdigit() else [record]


def settings_of(pbx: Pbx, office: Office, data: Path) -> RecordingSettings:
    folders = tuple(
        RecordingFolder(pbx=PurePosixPath(folder.pbx), here=Path(folder.here or folder.pbx))
        for folder in pbx.recordings
    )
    return RecordingSettings(folders=folders, zone=office.zone_of(pbx), cache=data / "recordings", mp3=pbx.mp3)
