"""Where recordings lie and how they are called.

FreePBX and its kin name a file ``{external|out|internal|rg|q|…}-{to}-{from}-YYYYMMDD-HHMMSS-{Uniqueid}.wav`` in a
folder a day, ``YYYY/MM/DD`` in the PBX's own time (FreePBX, core module, sub-record-check; the same in 15 to 17 and in
Issabel; older Elastix keeps one folder). The Uniqueid is that of the recorded channel, so a file can be found when its
path was never heard of. After a blind transfer two files carry the same Uniqueid and the same time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta, tzinfo
from pathlib import Path, PurePosixPath

from ringbridge.pbx.audio import MEDIA_TYPES

LAYOUTS = {
    "asterisk": ("",),
    "freepbx": ("%Y/%m/%d",),
    "issabel": ("%Y/%m/%d", ""),
    "any": ("%Y/%m/%d", ""),
}
"""Folders below the recordings folder, as strftime templates in the order of search."""

DATED = re.compile(r"(?:^|[-_])(?P<day>20\d{6})-\d{6}(?:[-_.]|$)")


def is_sound(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in MEDIA_TYPES


def belongs_to(name: str, channel: str) -> bool:
    """Whether a file's name says that it is the recording of this channel."""
    stem = PurePosixPath(name).stem
    return is_sound(name) and (stem == channel or stem.endswith((f"-{channel}", f"_{channel}")))


def day_of(name: str) -> date | None:
    """The day in a file's name, which is the day of its folder."""
    match = DATED.search(name)
    try:
        return datetime.strptime(match["day"], "%Y%m%d").date() if match else None  # noqa: DTZ007 - a local day
    except ValueError:
        return None


def days_around(started: datetime, zone: tzinfo | None) -> tuple[date, ...]:
    """The PBX's day, then its neighbours: a call over midnight, a PBX with another time zone."""
    day = started.astimezone(zone).date()
    return day, day - timedelta(days=1), day + timedelta(days=1)


def day_folders(root: Path, layouts: Iterable[str], days: Iterable[date]) -> Iterator[Path]:
    days = tuple(days)
    folders = (root / day.strftime(layout) if layout else root for layout in layouts for day in days)
    return iter(dict.fromkeys(folders))


def other_formats(path: Path) -> Iterator[Path]:
    """The file itself, then the same in other formats: many an office makes mp3 of its recordings by night."""
    stem = path.with_suffix("") if is_sound(path.name) else path
    yield path
    for suffix in (".wav", ".WAV", *MEDIA_TYPES):
        if (other := stem.with_name(stem.name + suffix)) != path:
            yield other
