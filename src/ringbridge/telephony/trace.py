"""Recorded AMI conversations: what a PBX sent, and when.

A trace is ``NAME.ami`` (the raw bytes; ``.ami.gz`` too) and beside it ``NAME.times`` with a line ``offset epoch
[length]`` for each portion that came: from which byte on, at what second. Without it the ``Timestamp:`` headers tell
the time (``timestampevents=yes``), else the epoch that each Uniqueid begins with.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


class BadTrace(ValueError):
    """A trace that cannot be read. The text names the file and the line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Portion:
    """Bytes that came together."""

    at: datetime
    data: bytes


def read_trace(path: Path) -> Iterator[Portion]:
    """The portions of one connection, in order. Raises `BadTrace` or `OSError`."""
    data = _read(path)
    times = _times_path(path)
    if times is not None:
        yield from _by_index(data, times)
    else:
        yield from _by_content(data)


def _read(path: Path) -> bytes:
    data = path.read_bytes()
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError) as error:
        raise BadTrace(f"{path}: a gzip file that ends too early or is damaged ({error})") from error


def _times_path(path: Path) -> Path | None:
    stem = path.name.removesuffix(".gz").removesuffix(".ami")
    candidates = (path.with_name(f"{stem}.times{ending}") for ending in ("", ".gz"))
    return next((candidate for candidate in candidates if candidate.exists()), None)


def _by_index(data: bytes, times: Path) -> Iterator[Portion]:
    index: list[tuple[int, float]] = []
    for number, line in enumerate(_read(times).decode("ascii", "replace").splitlines(), start=1):
        fields = line.split()
        if not fields:
            continue
        try:
            index.append((int(fields[0]), float(fields[1])))
        except (ValueError, IndexError) as error:
            raise BadTrace(f"{times}: line {number} is not 'offset epoch [length]': {line[:60]!r}") from error
    ends = [offset for offset, _ in index[1:]] + [len(data)]
    for (start, epoch), end in zip(index, ends, strict=True):
        if start < end:
            yield Portion(at=datetime.fromtimestamp(epoch, UTC), data=data[start:end])


_CLOCKS = re.compile(rb"\r\n(?:Timestamp|Uniqueid): (\d{9,11}(?:\.\d+)?)", re.IGNORECASE)


def _by_content(data: bytes) -> Iterator[Portion]:
    """Block by block, at the latest time any header has named so far."""
    latest = 0.0
    for block in re.findall(rb".*?\r\n\r\n|.+\Z", data, re.DOTALL):
        if clock := _CLOCKS.search(block):
            latest = max(latest, float(clock[1]) if b"Timestamp" in clock[0] else float(clock[1].partition(b".")[0]))
        yield Portion(at=datetime.fromtimestamp(latest, UTC), data=block)
