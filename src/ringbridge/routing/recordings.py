"""What is known of a recording when a CRM is to be given it: there it is, not yet, or never."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingFile:
    """A complete file, to be uploaded or linked to."""

    path: Path  # on this machine
    name: str  # what to call it in the CRM
    media_type: str  # "audio/mpeg", "audio/wav"
    size: int  # bytes
    seconds: float | None = None  # how long it plays; None when the format does not tell
    link: str | None = None  # address at our server, signed and expiring; None when we have no public address


@dataclass(frozen=True, slots=True, kw_only=True)
class NotYet:
    """The PBX is still writing it, or has not begun."""

    again: datetime  # when to look again
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Absent:
    """There is no recording and there will be none: the step is done without it."""

    reason: str  # for people
