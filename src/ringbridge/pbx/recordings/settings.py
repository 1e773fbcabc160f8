"""Where one office's recordings are and how long they are waited for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta, tzinfo
from pathlib import Path, PurePosixPath

from ringbridge.pbx.recordings.names import LAYOUTS

MONITOR = PurePosixPath("/var/spool/asterisk/monitor")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingFolder:
    """One folder of recordings: the PBX's name for it, and ours when it is mounted elsewhere."""

    pbx: PurePosixPath = MONITOR
    here: Path = Path(MONITOR)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingSettings:
    """Files outside `folders` are never touched, whatever a path or a symlink says."""

    folders: tuple[RecordingFolder, ...] = (RecordingFolder(),)
    layouts: tuple[str, ...] = LAYOUTS["any"]
    zone: tzinfo | None = None  # the PBX's; None: this machine's
    cache: Path = Path("/var/cache/ringbridge/recordings")  # for converted files
    mp3: bool = False  # convert where a program for it is installed
    # A file that has not changed for so long is complete. Asterisk writes 32 KiB at a time: of WAV every 2 s, of GSM
    # every 20 s, and only WAV has a header that tells the end.
    settle: timedelta = timedelta(seconds=3)
    settle_other: timedelta = timedelta(seconds=30)
    patience: timedelta = timedelta(seconds=180)  # after which what is not there will not come
