"""Asks a FastAGI server as Asterisk's dialplan does, and tells what it would set: for checks and figures."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping

SET = re.compile(r'SET VARIABLE (\S+) "(.*)"')


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
                if match := SET.match(line):
                    told[match[1]] = re.sub(r"\\(.)", r"\1", match[2])
                writer.write(b"200 result=1\n")
            return told
        finally:
            writer.close()
