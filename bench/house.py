"""Ringbridge as a process of its own, with a quota that never holds it back.

It is the service as `ringbridge run` opens it. Lifted are the portal's 2 requests a second, which would hide our own
share of the time. ``python -m bench.house FOLDER AMI_PORT PORTAL_PORT`` says ``ready`` when the link is up, answers
questions about itself, and ends with its standard input.
"""

from __future__ import annotations

import asyncio
import gc
import resource
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from ringbridge.crm.bitrix24.settings import Settings
from ringbridge.pbx.link import LinkState
from ringbridge.service.bootstrap import Bootstrap
from ringbridge.service.config import Office, office_of
from ringbridge.service.config.portal import Portal
from ringbridge.service.garbage import spare_collections
from ringbridge.service.logs import configure_logs
from ringbridge.service.portals import adapters
from ringbridge.service.runtime import open_runtime
from ringbridge.service.settings import save_office
from ringbridge.store.database import Database
from ringbridge.store.vault import Vault

USER, SECRET = "ringbridge", "bench"
NO_LIMIT = 100_000  # requests per second

settings_of = adapters.bitrix_settings


def unlimited(config: Portal, office: Office) -> Settings:
    return replace(settings_of(config, office), rate=NO_LIMIT, burst=NO_LIMIT)


def office(ami_port: int, portal_port: int) -> Office:
    return office_of(
        {
            "pbx": [{"name": "office", "port": ami_port, "username": USER, "secret": SECRET}],
            "trunk": [{"name": "mango"}, {"name": "mtt"}],
            "rule": [{"name": "recordings are not measured", "recording": False}],
            "portal": [
                {
                    "name": "portal",
                    "webhook": f"http://127.0.0.1:{portal_port}/rest/1/bench0secret/",
                    "default_user": "1",
                    "allow_http": True,
                    "allow_private": True,
                }
            ],
        },
        "the figures",
    )


@asynccontextmanager
async def running(folder: Path, office: Office) -> AsyncIterator[None]:
    """The service, linked to its PBX, while the context lasts."""
    adapters.bitrix_settings = unlimited
    bootstrap = Bootstrap(data=folder)
    async with await Database.open(bootstrap.database) as database:
        await save_office(database, Vault.open(bootstrap.key), office, by="bench")
    async with open_runtime(bootstrap) as runtime, asyncio.TaskGroup() as group:
        task = group.create_task(runtime.run())
        for link in runtime.links.values():
            await link.until(LinkState.READY)
        spare_collections()  # as `serve` does
        yield
        task.cancel()


async def main(folder: Path, ami_port: int, portal_port: int) -> None:
    configure_logs("WARNING")
    async with running(folder, office(ami_port, portal_port)):
        print("ready", flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            print(answer(line.strip()), flush=True)


def answer(question: str) -> str:
    match question:
        case "memory":  # resident, of this process, in bytes
            gc.collect()
            pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
            return str(pages * resource.getpagesize())
        case "processor":  # seconds used so far
            used = resource.getrusage(resource.RUSAGE_SELF)
            return str(used.ru_utime + used.ru_stime)
    return "?"


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
