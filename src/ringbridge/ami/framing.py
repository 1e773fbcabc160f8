"""Cuts the stream into blocks. A block ends with an empty line; three things make it harder than a split.

* Asterisk before 14 answers ``Command`` with ``Response: Follows`` and the raw output, empty lines included, up to
  ``--END COMMAND--``.
* A block that never ends must not eat the memory: past the limit it is skipped up to the next empty line.
* Asterisk sends an extra empty line now and then: that is no block.
"""

from __future__ import annotations

_END = b"\r\n\r\n"
_FOLLOWS = b"Response: Follows\r\n"
_FOLLOWS_END = b"--END COMMAND--"
_STARTS = (b"Event: ", b"Response: ")


class Framer:
    """Bytes in any portions in, whole blocks out: how they were portioned makes no difference to the blocks.

    ``limit`` is in bytes; ``oversized`` counts the blocks that were skipped for being longer.
    """

    __slots__ = ("_buffer", "_limit", "_output", "_searched", "_skipping", "oversized")

    def __init__(self, *, limit: int) -> None:
        self.oversized = 0
        self._limit = limit
        self._buffer = bytearray()
        self._searched = 0  # the buffer holds no end before this place
        self._skipping = False  # in the middle of an oversized block
        self._output = b""  # an old Command answer whose end has not come yet

    @property
    def pending(self) -> int:
        """Bytes that wait for the end of their block."""
        return len(self._buffer) + len(self._output)

    def feed(self, data: bytes) -> list[bytes]:
        begun = self._buffer or self._output or self._skipping
        if begun or not data.endswith(_END) or len(data) > self._limit or _FOLLOWS in data:
            return self._pieced(data)
        return [block for piece in data.split(_END) if (block := piece.lstrip(b"\r\n"))]  # nearly always

    def _pieced(self, data: bytes) -> list[bytes]:
        self._buffer += data
        blocks: list[bytes] = []
        if self._buffer.find(_END, self._searched) >= 0:
            *pieces, rest = bytes(self._buffer).split(_END)
            self._buffer = bytearray(rest)
            for piece in pieces:
                self._take(piece, blocks)
        self._guard_memory()
        return blocks

    def _take(self, piece: bytes, blocks: list[bytes]) -> None:
        if self._skipping:
            self._skipping = False
        elif len(piece) + len(self._output) > self._limit:
            self.oversized += 1
            self._output = b""
        elif self._output:
            self._continue_output(piece, blocks)
        elif block := piece.lstrip(b"\r\n"):
            if block.startswith(_FOLLOWS) and not block.endswith(_FOLLOWS_END):
                self._output = block
            else:
                blocks.append(block)

    def _continue_output(self, piece: bytes, blocks: list[bytes]) -> None:
        if piece.startswith(_STARTS):  # its end was lost: do not swallow what follows
            blocks.append(self._output)
            self._output = b""
            self._take(piece, blocks)
            return
        self._output += _END + piece
        if piece.endswith(_FOLLOWS_END):
            blocks.append(self._output)
            self._output = b""

    def _guard_memory(self) -> None:
        tail = len(_END) - 1  # the end may have come in part
        if len(self._buffer) > self._limit + tail:
            self.oversized += not self._skipping
            self._skipping = True
            self._output = b""
        if self._skipping:
            del self._buffer[:-tail]
        self._searched = max(0, len(self._buffer) - tail)
