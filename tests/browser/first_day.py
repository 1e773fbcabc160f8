"""Somebody new at the pages of the set-up: their browser, the office's phones, and Ringbridge, which may be killed."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path

from playwright.async_api import Browser, BrowserContext, Locator, Page, expect
from tests.office.line import Line
from tests.office.office import MANAGER, PROVIDERS, Office, Reach
from tests.office.scenarios import converse

NAME, PASSWORD = "boss", "a long password"
CLIENT = "79125551122"
STARTED = b"event=service_started"


@dataclass(slots=True)
class Newcomer:
    """`context` is their browser with its cookies."""

    address: str
    office: Office
    context: BrowserContext
    page: Page = field(init=False)
    complaints: list[str] = field(default_factory=list)

    async def open(self) -> None:
        """A new window, at the place where the set-up goes on."""
        self.page = await self.context.new_page()
        self.page.on("console", lambda said: self._complain(said.text) if said.type == "error" else None)
        self.page.on("pageerror", lambda error: self._complain(str(error)))
        await self.page.goto(f"{self.address}/")

    def _complain(self, text: str) -> None:
        """Of anything but a form that was refused, as it should be."""
        if "422" not in text:
            self.complaints.append(text)

    def is_at(self, step: str) -> bool:
        return f"/config/master/{step}" in self.page.url

    async def fill(self, within: Page | Locator | None = None, /, **given: str) -> None:
        for name, text in given.items():
            await (within or self.page).locator(f'[name="{name}"]').first.fill(text)

    async def go_on(self, to: str, button: str = "Save and go on", within: Locator | None = None) -> None:
        await (within or self.page).get_by_role("button", name=button).first.click()
        await self.page.wait_for_url(f"**/config/master/{to}*")

    # The steps

    async def account(self) -> None:
        await self.fill(name=NAME, new=PASSWORD, again=PASSWORD)
        await self.go_on("asterisk")

    async def asterisk(self) -> None:
        name, secret = MANAGER
        await self.page.get_by_text("only if it is not as usual").click()
        await self.fill(host=self.office.address, username=name, secret=secret)
        await self.fill(recordings=str(self.office.recordings), context="from-phones")
        await self.page.get_by_role("button", name="Test and save").click()
        await expect(self.page.locator("#found")).to_contain_text("Connected: Asterisk 22.")

    async def to_the_crm(self) -> None:
        await self.page.get_by_role("link", name="Go on").click()
        await self.page.wait_for_url("**/config/master/crm")

    async def tell_authorization_server(self, address: str) -> None:
        """Of an emulated portal, which is not Bitrix24's own: the set-up does not ask for it."""
        await self.page.goto(f"{self.address}/config/settings/portal/0")
        await self.fill(**{"oauth.authorization_server": address})
        await self.page.get_by_role("button", name="Save", exact=True).click()
        await self.page.wait_for_url("**/config/settings/portal")

    async def trunks(self) -> None:
        for trunk in PROVIDERS:
            await expect(self.page.get_by_role("cell", name=trunk, exact=True)).to_be_visible()
        await self.go_on("rules")

    async def rules(self) -> None:
        await self.page.get_by_label("Shall a missed call make a task").check()
        await self.go_on("test")

    # The test call

    @property
    def lights(self) -> Locator:
        return self.page.locator(".light")

    async def sees(self, *texts: str) -> None:
        for text in texts:
            await expect(self.lights.filter(has_text=text)).to_have_class(re.compile(r"\bon\b"))

    async def call(self) -> tuple[Line, Line]:
        """A client calls, and Anna Smirnova at 102 answers: their lines."""
        await self.sees("Asterisk is connected")
        outside = self.office.call_in(Reach.EMPLOYEE_102, client=CLIENT)
        (inside,) = await self.office.ring_of("102")
        await self.sees("The call is seen", "A phone rings")
        inside.answer()
        await outside.until_answered()
        return outside, inside

    async def end(self, outside: Line, inside: Line) -> None:
        """The conversation ends, and it is all over the page that it worked."""
        await converse(outside, inside, seconds=2)
        await outside.hangup()
        await inside.until_ended()
        await expect(self.page.locator("main")).to_contain_text("Everything works.")
        await expect(self.page.locator(".light:not(.on)")).to_have_count(0)

    async def reads_the_story(self) -> None:
        await self.page.get_by_role("link", name="The whole story of this call").click()
        await expect(self.page.locator("main")).to_contain_text("Anna Smirnova")


@asynccontextmanager
async def browser_of(chromium: Browser) -> AsyncIterator[BrowserContext]:
    context = await chromium.new_context(locale="en-GB")
    try:
        yield context
    finally:
        await context.close()


class Service:
    """`ringbridge run` as a process of its own, with nothing configured: it may be killed and started again."""

    def __init__(self, folder: Path) -> None:
        with closing(socket.create_server(("127.0.0.1", 0))) as free:
            port: int = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{port}"
        self._environment = {
            **os.environ,
            "RINGBRIDGE_DATA": str(folder),
            "RINGBRIDGE_PORT": str(port),
            "RINGBRIDGE_CONFIG": str(folder / "none.toml"),
        }
        self._process: asyncio.subprocess.Process | None = None
        self._said: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Returns when it says that it runs."""
        # setpriv: the kernel kills it when the tests die, however that happens.
        self._process = process = await asyncio.create_subprocess_exec(
            *("setpriv", "--pdeathsig", "KILL", sys.executable, "-m", "ringbridge.cli", "run"),
            stdin=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env=self._environment,
        )
        assert process.stderr is not None
        async with asyncio.timeout(60):
            while STARTED not in (line := await process.stderr.readline()):
                assert line, "it ended before it ran"
        self._said = asyncio.create_task(drained(process.stderr))

    async def kill(self) -> None:
        """As a power cut does it."""
        if self._process is not None and self._said is not None:
            self._process.kill()
            await self._process.wait()
            await self._said

    async def killed_and_started(self) -> None:
        await self.kill()
        await self.start()


async def drained(stream: asyncio.StreamReader) -> None:
    """Nobody's log fills the pipe."""
    while await stream.readline():
        pass


@asynccontextmanager
async def killable(folder: Path) -> AsyncIterator[Service]:
    service = Service(folder)
    await service.start()
    try:
        yield service
    finally:
        await service.kill()
