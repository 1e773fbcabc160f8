"""Bytes to text, as PBXs really send them.

Asterisk passes the names of callers on as they came. Most are UTF-8; some phones send CP1251, and Asterisk 16 hands
those bytes through as they are; and a name cut to the length of a buffer may end in the middle of a letter.
"""

from __future__ import annotations


def decode(block: bytes) -> tuple[str, int]:
    """The text, and how many lines of it could only be read with a replacement sign."""
    try:
        return block.decode(), 0
    except UnicodeDecodeError:
        lines = [_decode_line(line) for line in block.split(b"\r\n")]
        return "\r\n".join(text for text, _ in lines), sum(bad for _, bad in lines)


def _decode_line(line: bytes) -> tuple[str, bool]:
    try:
        return line.decode(), False
    except UnicodeDecodeError as error:
        if _is_cut(line, error):
            return line[: error.start].decode(), False
    try:
        return line.decode("cp1251"), False
    except UnicodeDecodeError:
        return line.decode(errors="replace"), True


def _is_cut(line: bytes, error: UnicodeDecodeError) -> bool:
    """UTF-8 all along, only its last letter is not whole (and it is not CP1251 that looks so: letters stood before)."""
    return error.reason == "unexpected end of data" and not line[: error.start].isascii()
