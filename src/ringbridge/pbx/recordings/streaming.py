"""Handing out a part of a file over HTTP, as players ask for it when somebody moves the slider.

Source: RFC 9110 section 14 (Range, Content-Range, 206, 416).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

ONE_RANGE = re.compile(r"\s*bytes\s*=\s*(?P<first>\d{0,19})\s*-\s*(?P<last>\d{0,19})\s*", re.IGNORECASE | re.ASCII)
CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What to answer: `length` bytes from `start` on, with this status and these headers."""

    status: int  # 200, 206 or 416
    start: int
    length: int
    headers: dict[str, str]


def part_of(requested: str | None, size: int) -> Part:
    """Which part of a file of `size` bytes a Range header asks for.

    A header that makes no sense is ignored, and so are several ranges in one: the answer is the whole file, which
    the RFC allows and every player takes.
    """
    match = ONE_RANGE.fullmatch(requested or "")
    if match is None or not (match["first"] or match["last"]):
        return _whole(size)
    if not match["first"]:
        start, end = max(0, size - int(match["last"])), size
    else:
        start = int(match["first"])
        end = min(size, int(match["last"]) + 1) if match["last"] else size
        if match["last"] and int(match["last"]) < start:
            return _whole(size)
    return _slice(start, end, size) if start < end else _unsatisfiable(size)


def _whole(size: int) -> Part:
    headers = {"Accept-Ranges": "bytes", "Content-Length": str(size)}
    return Part(status=200, start=0, length=size, headers=headers)


def _slice(start: int, end: int, size: int) -> Part:
    headers = {
        "Accept-Ranges": "bytes",
        "Content-Length": str(end - start),
        "Content-Range": f"bytes {start}-{end - 1}/{size}",
    }
    return Part(status=206, start=start, length=end - start, headers=headers)


def _unsatisfiable(size: int) -> Part:
    headers = {"Accept-Ranges": "bytes", "Content-Length": "0", "Content-Range": f"bytes */{size}"}
    return Part(status=416, start=0, length=0, headers=headers)


async def stream(path: Path, part: Part) -> AsyncIterator[bytes]:
    """The bytes of the part, in pieces of 64 KiB; ends early if the file got shorter. Raises OSError."""
    left = part.length
    if left == 0:
        return
    with await asyncio.to_thread(path.open, "rb") as file:
        file.seek(part.start)
        while left and (piece := await asyncio.to_thread(file.read, min(CHUNK, left))):
            left -= len(piece)
            yield piece
