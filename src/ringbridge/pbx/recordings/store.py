"""Finds the recording of a call, waits until the PBX has finished it, and makes it fit to be sent.

    ask ──► where is it? ──► is it whole? ──► mp3 wanted? ──► SoundFile
              │ nowhere         │ growing
              ▼                 ▼
            NotYet, until 180 s after it was first asked for; then Absent

Nothing here sleeps: whoever asks is told when to ask again. A file that still grows is waited for longer, because a
conversation may go on that we no longer follow. A header without sound (FreePBX opens a file for every call that
rings, and for every agent of a queue) is no recording.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

import structlog

from ringbridge.pbx.audio import ConversionFailed, Encoder, installed_encoders, make_mp3, mend_wav
from ringbridge.pbx.recordings.file import SoundFile
from ringbridge.pbx.recordings.links import LinkSigner
from ringbridge.pbx.recordings.looks import (
    FirstTimes,
    Look,
    Missing,
    Whole,
    judge,
    look_at,
    unchanged_since,
    without_file,
)
from ringbridge.pbx.recordings.names import belongs_to, day_folders, day_of, days_around, other_formats
from ringbridge.pbx.recordings.settings import RecordingSettings
from ringbridge.routing.intents import AttachRecording, RecordKey
from ringbridge.routing.recordings import Absent, NotYet

log = structlog.get_logger(__name__)

LONG_AGO = timedelta(days=1)  # a call that old has its recording or never will
NONE_MADE = "The PBX has made no recording of this call"
CACHED_FOR = timedelta(days=30)


def _now() -> datetime:
    return datetime.now(UTC)


class RecordingStore:
    """The recordings of one office."""

    def __init__(
        self,
        settings: RecordingSettings,
        *,
        signer: LinkSigner | None = None,
        now: Callable[[], datetime] = _now,
        encoders: Sequence[Encoder] | None = None,
    ) -> None:
        self._settings = settings
        self._signer = signer
        self._now = now
        self._encoders = installed_encoders() if encoders is None else tuple(encoders)
        self._first_times = FirstTimes()
        self._converting = asyncio.Lock()  # one at a time: the PBX needs its processor for voices

    async def fetch(self, intent: AttachRecording, *, mp3: bool = False) -> SoundFile | NotYet | Absent:
        """The recording of one CRM record, if it is complete. `mp3`: as such, where one can be made, whatever the
        settings say. Never raises for the file's sake."""
        now = self._now()
        look = await asyncio.to_thread(self.find, intent)
        late = self._late(intent, now)
        if isinstance(look, Missing):
            return without_file(look, now=now, late=late)
        since = unchanged_since(look, self._first_times, now)
        verdict = judge(look, now=now, unchanged_since=since, late=late, settings=self._settings)
        if isinstance(verdict, Whole):
            return await self._ready(intent.record, look, verdict, mp3=mp3 or self._settings.mp3, now=now)
        return verdict

    def _late(self, intent: AttachRecording, now: datetime) -> bool:
        asked = self._first_times.of(f"asked {intent.record}", now)
        ended = intent.started + timedelta(seconds=intent.duration)
        return now - asked >= self._settings.patience or now - ended >= LONG_AGO

    # Where it is

    def find(self, intent: AttachRecording) -> Look | Missing:
        """Looks by path, then by the recorded channel's Uniqueid."""
        try:
            return self._by_path(intent) or self._by_channel(intent) or Missing(reason=NONE_MADE)
        except PermissionError as error:
            return Missing(reason=f"{error.filename} cannot be read: {error.strerror}. Who runs us needs the right to")

    def _by_path(self, intent: AttachRecording) -> Look | None:
        looks = (look_at(place) for place in self._places(intent) if self._is_ours(place))
        return next((look for look in looks if look), None)

    def _places(self, intent: AttachRecording) -> Iterator[Path]:
        given = PurePosixPath(intent.path)
        if given.name in {"", ".."} or "\0" in intent.path:
            return
        folders = self._settings.folders
        if given.is_absolute():
            places = [f.here / given.relative_to(f.pbx) for f in folders if given.is_relative_to(f.pbx)]
            places += [Path(given) for f in folders if given.is_relative_to(f.here)]
        else:
            places = [folder.here / given for folder in folders]
        places += [folder / given.name for folder in self._day_folders(intent, given.name)]
        for place in dict.fromkeys(places):
            yield from other_formats(place)

    def _by_channel(self, intent: AttachRecording) -> Look | None:
        """A blind transfer leaves two files of one channel: the one whose sound begins nearest to the talk is meant."""
        if not intent.channel:
            return None
        paths = [path for folder in self._day_folders(intent) for path in _sounds_of(folder, intent.channel)]
        looks = [look for path in paths if self._is_ours(path) and (look := look_at(path))]
        return min(looks, key=lambda look: (look.empty, abs(look.began - intent.started)), default=None)

    def _day_folders(self, intent: AttachRecording, name: str = "") -> Iterator[Path]:
        day = day_of(name)
        days = ((day,) if day else ()) + days_around(intent.started, self._settings.zone)
        for folder in self._settings.folders:
            yield from day_folders(folder.here, self._settings.layouts, days)

    def _is_ours(self, path: Path) -> bool:
        """Whether the file really lies in a folder of recordings, once `..` and symlinks are followed."""
        try:
            real = path.resolve()
            return any(real.is_relative_to(folder.here.resolve()) for folder in self._settings.folders)
        except (OSError, RuntimeError):  # a name too long, a loop of symlinks
            return False

    # Making it fit

    async def _ready(
        self, record: RecordKey, look: Look, whole: Whole, *, mp3: bool, now: datetime
    ) -> SoundFile | NotYet:
        try:
            path = await self._mended(look) if whole.mend else look.path
            if mp3 and path.suffix.lower() != ".mp3":
                path = await self._mp3_of(look, path)
            size = (await asyncio.to_thread(path.stat)).st_size
        except FileNotFoundError:
            return NotYet(until=now + self._settings.settle, reason=f"{look.path.name} was just moved away")
        name = look.path.with_suffix(path.suffix).name
        return SoundFile(record=record, path=path, name=name, size=size, seconds=look.seconds, signer=self._signer)

    async def _mended(self, look: Look) -> Path:
        try:
            target = self._cached(look, ".wav")
            async with self._converting:
                if not target.exists():
                    await asyncio.to_thread(mend_wav, look.path, target)
        except (OSError, ValueError) as error:
            log.warning("recording_not_mended", file=look.path.name, error=str(error))
            return look.path  # many players take it as it is
        return target

    async def _mp3_of(self, look: Look, source: Path) -> Path:
        try:
            target = self._cached(look, ".mp3")
            async with self._converting:
                if not target.exists():
                    await make_mp3(source, target, self._encoders)
        except (OSError, ConversionFailed) as error:
            log.warning("recording_not_converted", file=look.path.name, error=str(error))
            return source  # a WAV in the CRM is better than no recording
        return target

    def _cached(self, look: Look, suffix: str) -> Path:
        identity = f"{look.path}\0{look.size}\0{look.modified.isoformat()}"
        name = hashlib.sha256(identity.encode(errors="surrogateescape")).hexdigest()[:32]
        self._settings.cache.mkdir(parents=True, exist_ok=True)
        return self._settings.cache / f"{name}{suffix}"

    def prune(self) -> int:
        """Removes converted files older than 30 days, which can be made again; how many. Raises OSError."""
        oldest = (self._now() - CACHED_FOR).timestamp()
        old = [path for path in self._settings.cache.glob("*.*") if path.stat().st_mtime < oldest]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)


def _sounds_of(folder: Path, channel: str) -> list[Path]:
    """The files of one folder that a channel left. Raises PermissionError."""
    try:
        with os.scandir(folder) as entries:
            return [Path(entry.path) for entry in entries if belongs_to(entry.name, channel)]
    except (FileNotFoundError, NotADirectoryError):
        return []
