"""What a PBX said lately, byte for byte, in memory: a call that was told wrongly can be given away as a test case.

It is bounded by age and by size, and gone when the process ends. It is kept as it came; what must not leave the house
is taken out when a part of it is asked for (`telephony.excerpt`).
"""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from ringbridge.telephony.trace import Portion

SEGMENT = 64 * 1024  # bytes that are compressed together
LARGEST = 16 * 1024 * 1024  # compressed bytes of one PBX; some hundred thousand events
BLOCK_END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Segment:
    packed: bytes
    index: tuple[tuple[int, datetime], ...]  # from which byte on, when it came

    @property
    def until(self) -> datetime:
        return self.index[-1][1]

    def portions(self) -> Iterator[Portion]:
        data = zlib.decompress(self.packed)
        ends = [offset for offset, _ in self.index[1:]] + [len(data)]
        for (start, at), end in zip(self.index, ends, strict=True):
            yield Portion(at=at, data=data[start:end])


class Tape:
    """Of one PBX. `hours` 0 keeps nothing."""

    def __init__(self, hours: float, *, largest: int = LARGEST) -> None:
        self._kept = timedelta(hours=hours)
        self._largest = largest
        self._segments: deque[_Segment] = deque()
        self._size = 0
        self._data = bytearray()
        self._index: list[tuple[int, datetime]] = []

    def begin(self, at: datetime) -> None:
        """A new connection: what the last one left unfinished is no beginning of its first words."""
        if self._index and not self._data.endswith(BLOCK_END):
            self.record(BLOCK_END, at)

    def record(self, data: bytes, at: datetime) -> None:
        """These bytes came together."""
        if not self._kept:
            return
        self._index.append((len(self._data), at))
        self._data += data
        if len(self._data) >= SEGMENT:
            self._put_away(at)

    def portions(self, since: datetime, until: datetime) -> Iterator[Portion]:
        """What came between the two, as far as it is still there; it may begin in the middle of a block."""
        live = self._segment() if self._index else None
        for segment in (*self._segments, *((live,) if live else ())):
            if segment.until >= since and segment.index[0][1] <= until:
                yield from (each for each in segment.portions() if since <= each.at <= until)

    def reaches_back_to(self, moment: datetime) -> bool:
        """Whether it was running then and that is still there."""
        first = self._segments[0].index[0] if self._segments else self._index[0] if self._index else None
        return first is not None and first[1] <= moment

    def _segment(self) -> _Segment:
        return _Segment(packed=zlib.compress(bytes(self._data), level=1), index=tuple(self._index))

    def _put_away(self, now: datetime) -> None:
        segment = self._segment()
        self._segments.append(segment)
        self._size += len(segment.packed)
        self._data, self._index = bytearray(), []
        while self._segments and (self._size > self._largest or self._segments[0].until < now - self._kept):
            self._size -= len(self._segments.popleft().packed)
