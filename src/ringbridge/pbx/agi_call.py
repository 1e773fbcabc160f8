"""Asks a FastAGI server as Asterisk's dialplan does, and tells what it would set: for checks and figures."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping


async def asked_by_agi(host: str, port: int, channel: Mapping[str, str], *, patience: float) -> dict[str, str]:
    """The variables that the server sets for this channel (``callerid``, ``uniqueid``, ``arg_1``, …). Raises `OSError`,
    and `TimeoutError` after so many seconds."""
    async with asyncio.timeout(patience):
        reader, writer = await asyncio.open_connection(host, port)
        try:
            lines = (f"agi_{name}: {value}\n" for name, value in ({"network": "yes"} | dict(channel)).items())
            writer.write("".join((*lines, "\n")).encode())
            told: dict[str, str] = {}
            while line := (await reader.readline()).decode():
                told |= set_by(line.removesuffix("\n"))
                writer.write(b"200 result=0\n")
            return told
        finally:
            writer.close()


def set_by(command: str) -> dict[str, str]:
    """What an ``EXEC MSet "…"`` sets, read as Asterisk reads it (see `ringbridge.agi`); nothing for other commands."""
    name, application, argument = (*split(command, " "), "", "")[:3]
    if (name, application) != ("EXEC", "MSet"):
        return {}
    pairs = (pair.partition("=") for pair in split(argument, ","))
    return {name: value for name, separator, value in pairs if separator}


def split(text: str, separator: str) -> list[str]:
    """At the separators that stand in no quotes and behind no backslash; both are taken off."""
    return list(_split(text, separator))


def _split(text: str, separator: str) -> Iterator[str]:
    word, in_quotes, letters = "", False, iter(text)
    for letter in letters:
        if letter == "\\":
            word += next(letters, "")
        elif letter == '"':
            in_quotes = not in_quotes
        elif letter == separator and not in_quotes:
            yield word
            word = ""
        else:
            word += letter
    yield word
