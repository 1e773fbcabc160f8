"""One look at a recording's file, and what it means: take it, ask again, or there is none."""

from __future__ import annotations

import stat
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ringbridge.pbx.audio import Wav, read_wav
from ringbridge.pbx.recordings.settings import RecordingSettings
from ringbridge.routing.recordings import Absent, NotYet

HEADER_ONLY = 44  # bytes: what Asterisk leaves of a recording that never began
LOOK_AGAIN = timedelta(seconds=10)
CLOCKS_AGREE = timedelta(minutes=5)
REMEMBERED = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    path: Path
    size: int
    modified: datetime
    wav: Wav | None = None

    @property
    def empty(self) -> bool:
        return self.wav.present == 0 if self.wav else self.size <= HEADER_ONLY

    @property
    def closed(self) -> bool:
        return self.wav is not None and self.wav.closed

    @property
    def seconds(self) -> float | None:
        return self.wav.seconds if self.wav and self.wav.byte_rate else None

    @property
    def began(self) -> datetime:
        """About when the sound begins."""
        return self.modified - timedelta(seconds=self.seconds or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    reason: str  # for people


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    mend: bool  # the PBX died before it wrote the header's lengths


def look_at(path: Path) -> Look | None:
    """None where there is no such file. Raises PermissionError."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            return None
        wav = read_wav(path) if path.suffix.lower() == ".wav" else None
    except PermissionError:
        raise
    except OSError:  # not there, moved away meanwhile, a name too long
        return None
    modified = datetime.fromtimestamp(status.st_mtime, UTC)
    return Look(path=path, size=status.st_size, modified=modified, wav=wav)


def without_file(missing: Missing, *, now: datetime, late: bool) -> NotYet | Absent:
    """What to do while there is no file. `late`: what is not there by now will not come."""
    return Absent(reason=missing.reason) if late else NotYet(until=now + LOOK_AGAIN, reason=missing.reason)


def judge(
    look: Look, *, now: datetime, unchanged_since: datetime, late: bool, settings: RecordingSettings
) -> Whole | NotYet | Absent:
    """What to do about a file now."""
    again = now + settings.settle
    still = now - unchanged_since
    if still < settings.settle:
        return NotYet(until=unchanged_since + settings.settle, reason="The file was still growing")
    if look.empty:
        # The lengths of an empty file were written when it was closed: no sound will follow.
        if late or look.closed:
            return Absent(reason="The recording holds no sound")
        return NotYet(until=again, reason="The file holds no sound yet")
    if look.closed:
        return Whole(mend=False)
    if still < settings.settle_other or (look.wav and not late):
        return NotYet(until=again, reason="The PBX has not closed the file yet")
    return Whole(mend=look.wav is not None)


class FirstTimes:
    """When a thing was first seen so. The last few thousand things are remembered."""

    def __init__(self) -> None:
        self._times: OrderedDict[str, datetime] = OrderedDict()

    def of(self, thing: str, now: datetime) -> datetime:
        first = self._times.setdefault(thing, now)
        self._times.move_to_end(thing)
        if len(self._times) > REMEMBERED:
            self._times.popitem(last=False)
        return first


def unchanged_since(look: Look, first_times: FirstTimes, now: datetime) -> datetime:
    """By the file's own time; by what we saw ourselves where a PBX with a wrong clock could deceive us."""
    seen = first_times.of(f"{look.path} {look.size} {look.modified.timestamp()}", now)
    trusted = look.closed or now - look.modified > CLOCKS_AGREE
    return min(seen, look.modified) if trusted else seen
