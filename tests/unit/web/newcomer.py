"""Somebody who sets the service up with a browser and no manual: each act is a request to the pages of the set-up."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
from tests.unit.service.test_office_changes_while_running import MANAGER, Service

from ringbridge.emulators.asterisk.server import Server
from ringbridge.emulators.bitrix24.portal import Portal
from ringbridge.emulators.bitrix24.server import serve
from ringbridge.service.config import Office
from ringbridge.service.runtime import Runtime
from ringbridge.service.settings import load_office

PHONES = ("101", "102", "103", "104", "105", "106")


@dataclass(slots=True)
class Newcomer:
    """Somebody with a browser and no manual."""

    browser: httpx2.AsyncClient
    service: Service
    server: Server
    portal: Portal
    runtime: Runtime = field(init=False)

    async def see(self, step: str, query: str = "") -> str:
        answer = await self.browser.get(f"/config/master/{step}{query}")
        assert answer.status_code == 200, answer.text
        return answer.text

    async def until_seen(self, words: str, step: str, query: str = "") -> str:
        async with asyncio.timeout(60):
            while words not in (shown := await self.see(step, query)):
                pass  # each look is a whole request
        return shown

    async def say(self, step: str, act: str = "save", **given: str) -> httpx2.Response:
        named = {name.replace("__", " "): value for name, value in given.items()}
        return await self.browser.post(f"/config/master/{step}", data=named | {"act": act})

    async def asterisk(self) -> httpx2.Response:
        return await self.say("asterisk", port=str(self.server.port), username=MANAGER.name, secret=MANAGER.secret)

    async def reopened(self) -> None:
        self.runtime = await self.service.opened.get()

    async def office(self) -> Office:
        return await load_office(self.runtime.database, self.runtime.vault) or Office()


@asynccontextmanager
async def newcomer_at(folder: Path) -> AsyncIterator[Newcomer]:
    """With nothing configured; an emulated PBX and an emulated portal are there to be connected."""
    service, portal = Service(folder), Portal.demo()
    server = Server([MANAGER], phones=PHONES, trunks=("mango",), refusal_delay=0)
    async with server.listen(), serve(portal), service.running() as address:
        headers = {"Accept": "text/html", "Accept-Language": "en"}
        async with httpx2.AsyncClient(base_url=address, trust_env=False, headers=headers, timeout=30) as browser:
            one = Newcomer(browser, service, server, portal)
            await one.reopened()
            yield one


def goes_to(answer: httpx2.Response) -> str:
    return answer.headers["location"].rpartition("/")[2]


def lit(html: str) -> list[str]:
    return re.findall(r'<li class="light on">.*?<span>([^<]+)<', html, re.DOTALL)
