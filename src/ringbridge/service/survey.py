"""A look at a PBX that is being set up: does the login work, which rights lack, what is there."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from ringbridge.ami.errors import AmiError
from ringbridge.pbx.devices import DeviceBoard
from ringbridge.pbx.discovery import Found, discover
from ringbridge.pbx.link import Link, LinkState
from ringbridge.pbx.rights import MissingRight
from ringbridge.pbx.settings import PbxAddress

PATIENCE = 20.0  # seconds for a PBX to answer at all

READ, WRITE = ("system", "call", "agent", "user", "cdr"), ("call", "originate", "reporting")


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """`trouble`: why there is no link, in words; nothing else is known then."""

    trouble: str = ""
    missing: tuple[MissingRight, ...] = ()
    found: Found = field(default_factory=Found)


async def survey(address: PbxAddress) -> Survey:
    """By a link of its own. Nothing is changed."""
    link = Link(address, phones=DeviceBoard(), needs_phones=False)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(link.run())
        try:
            async with asyncio.timeout(PATIENCE):
                status = await link.until(LinkState.READY, LinkState.REFUSED, LinkState.WAITING)
                if status.state is not LinkState.READY:
                    return Survey(trouble=status.reason)
                return Survey(found=await discover(link), missing=link.status.missing)
        except TimeoutError:
            where = f"{address.host}:{address.port}"
            return Survey(trouble=f"{where} does not answer: check the address, the port and the firewall between")
        except AmiError as error:
            return Survey(trouble=str(error))
        finally:
            running.cancel()


def manager_lines(username: str, secret: str, address: str, missing: Collection[MissingRight] = ()) -> str:
    """The lines of manager.conf for the user that is needed; `address`: from where it logs in."""
    read = [*READ, *sorted({right.name for right in missing if right.kind == "read"} - set(READ))]
    write = [*WRITE, *sorted({right.name for right in missing if right.kind == "write"} - set(WRITE))]
    lines = (
        f"[{username}]",
        f"secret = {secret}",
        "deny = 0.0.0.0/0.0.0.0",
        f"permit = {address}/255.255.255.255",
        f"read = {','.join(read)}",
        f"write = {','.join(write)}",
        "writetimeout = 5000",
    )
    return "\n".join(lines)


def is_readable(folder: str) -> bool:
    """Whether the service reads a folder of recordings on this machine."""
    return Path(folder).is_dir() and os.access(folder, os.R_OK | os.X_OK)
