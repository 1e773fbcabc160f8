"""The whole service and a portal that waits for our application: configured by its id and secret alone, installed from
the portal's frame, connected from then on and after a restart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlencode

import httpx2
from tests.contract.bitrix24_entrance import tokens_of
from tests.contract.bitrix24_office import portal

from ringbridge.crm.bitrix24.auth import NOT_INSTALLED
from ringbridge.emulators.bitrix24 import Portal, demo, serve
from ringbridge.serve import running
from ringbridge.service.bootstrap import Bootstrap
from ringbridge.service.config import office_of
from ringbridge.service.settings import save_office
from ringbridge.store.database import Database
from ringbridge.store.vault import Vault

PAGE = {"Accept": "text/html"}  # programs that watch get figures at the same address


async def configure(bootstrap: Bootstrap, at: Portal) -> None:
    office = office_of(
        {
            "portal": [
                {
                    "name": "main",
                    "default_user": "1",
                    "allow_http": True,
                    "allow_private": True,
                    "events": "offline",
                    "oauth": {
                        "client_id": demo.CLIENT_ID,
                        "client_secret": demo.CLIENT_SECRET,
                        "authorization_server": at.address,
                    },
                }
            ]
        }
    )
    async with await Database.open(bootstrap.database) as database:
        await save_office(database, Vault.open(bootstrap.key), office, by="test")


@asynccontextmanager
async def page_of(bootstrap: Bootstrap) -> AsyncIterator[tuple[str, httpx2.AsyncClient]]:
    async with running(bootstrap) as address, httpx2.AsyncClient(trust_env=False) as http:
        yield address, http


async def until_bound(at: Portal) -> None:
    async with asyncio.timeout(60):
        while len(at.bus.handlers) < 2:  # noqa: ASYNC110 - the portal's own state
            await asyncio.sleep(0.02)


async def waits_for_its_installation(http: httpx2.AsyncClient, address: str) -> bool:
    """As the page of the state says."""
    return NOT_INSTALLED.partition(":")[0] in (await http.get(f"{address}/status", headers=PAGE)).text


async def test_a_portal_is_installed_from_its_frame_and_stays_connected(tmp_path: Path) -> None:
    at = portal()
    bootstrap = Bootstrap(data=tmp_path, port=0)
    async with serve(at):
        await configure(bootstrap, at)
        async with page_of(bootstrap) as (address, http):
            assert await waits_for_its_installation(http, address)
            offered = tokens_of(at)
            answer = await http.post(
                f"{address}/bitrix24/main/install?{urlencode({'DOMAIN': at.domain, 'PROTOCOL': '0'})}",
                content=urlencode({"AUTH_ID": offered.access, "REFRESH_ID": offered.refresh}),
                headers={"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "cross-site"},
            )
            assert answer.status_code == 200
            await until_bound(at)
            async with asyncio.timeout(60):
                while await waits_for_its_installation(http, address):
                    pass  # each look is a whole request
        at.bus.handlers.clear()
        async with page_of(bootstrap):
            await until_bound(at)
