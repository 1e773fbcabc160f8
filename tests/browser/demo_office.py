"""The demonstration with something on every page of it, and a browser whose pages tell what went wrong in them.

There are calls of weeks and of today, one of them refused by the portal, a call that was asked for, and an account.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx2
from playwright.async_api import Browser, BrowserContext, Page, StorageState, async_playwright, expect
from tests.browser.conftest import FLAGS
from tests.ports import free_port

from ringbridge.demo import PBX, ZONE, Demo, playing
from ringbridge.emulators.asterisk import Script
from ringbridge.service.bootstrap import Bootstrap
from ringbridge.service.passwords import hashed
from ringbridge.store import users
from ringbridge.store.database import Database
from ringbridge.store.users import Role, User

DESK, PHONE = (1280, 800), (390, 844)
NAME, PASSWORD = "anna", "a long enough password"
SCRIPT = Script(zone=ZONE, gap=4.0, speed=2.0, seed=7)
REFUSED = {
    "kind": "refuse",
    "method": "telephony.externalcall.finish",
    "code": "ERROR_CORE",
    "text": "Call is not found",
    "status": 400,
}


@dataclass(kw_only=True)
class DemoOffice:
    """`answered`, `refused`, `dialled`: addresses of two calls' pages, and of a click's."""

    demo: Demo
    browser: Browser
    answered: str = ""
    refused: str = ""
    dialled: str = ""
    login: StorageState | None = None
    complaints: list[str] = field(default_factory=list)

    async def context(self, *, locale: str, theme: str, known: bool = True) -> BrowserContext:
        """A browser of somebody who is logged in, unless they are to be unknown."""
        context = await self.browser.new_context(
            base_url=self.demo.page,
            locale=locale,
            color_scheme="dark" if theme == "dark" else "light",
            reduced_motion="reduce",
            viewport={"width": DESK[0], "height": DESK[1]},
            storage_state=self.login if known else None,
        )
        context.on(
            "console", lambda said: self.note(said.page, said.text) if said.type in ("error", "warning") else None
        )
        context.on("weberror", lambda error: self.note(error.page, str(error.error)))
        context.on("requestfailed", lambda request: self.note_failed(request.url, request.failure))
        context.on("request", lambda request: self.note_foreign(request.url))
        return context

    def note(self, page: Page | None, text: str) -> None:
        self.complaints.append(f"{page.url if page else ''}: {text}")

    def note_failed(self, url: str, failure: str | None) -> None:
        if failure != "net::ERR_ABORTED":  # what a page that is left had still under way, such as its push
            self.complaints.append(f"{url}: {failure}")

    def note_foreign(self, url: str) -> None:
        if not url.startswith((self.demo.page, "data:")):
            self.complaints.append(f"a foreign host was asked: {url}")


@asynccontextmanager
async def demo_office(folder: Path) -> AsyncIterator[DemoOffice]:
    async with (
        # The page's port is known beforehand, as in an office, where the dialplan asks it.
        playing(data=folder, port=free_port(), portal_port=0, script=SCRIPT) as demo,
        async_playwright() as playwright,
    ):
        async with await Database.open(Bootstrap(data=folder).database) as database, database.transaction() as tx:
            await users.add(tx, User(name=NAME, role=Role.ADMIN), hashed(PASSWORD), by=PBX, now=datetime.now(UTC))
        async with httpx2.AsyncClient(trust_env=False) as http:
            (await http.post(f"{demo.portal}/_emulator/faults", json=REFUSED)).raise_for_status()
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(FLAGS))
        office = DemoOffice(demo=demo, browser=browser)
        await until_there_is_something_to_see(office)
        yield office
        await browser.close()


async def until_there_is_something_to_see(office: DemoOffice) -> None:
    context = await office.context(locale="en-GB", theme="light")
    page = await context.new_page()
    await page.goto("/login")
    await page.get_by_label("Name").fill(NAME)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/live")
    office.login = await context.storage_state()
    await expect(page.locator(".people-board .name").first).to_be_visible()
    answered = page.locator(".ended .call", has_text="Answered").locator("a").first
    office.answered = await answered.get_attribute("href", timeout=60_000) or ""
    await page.goto("/delivery")
    refused = page.locator(".refusal a").first
    office.refused = await refused.get_attribute("href", timeout=60_000) or ""
    await page.goto("/live")
    await page.get_by_label("Number", exact=True).fill("+79125551122")
    await page.get_by_label("Phone that rings first").select_option("101")
    await page.get_by_role("button", name="Call", exact=True).click()
    await page.wait_for_url("**/dials/*")
    office.dialled = page.url.removeprefix(office.demo.page)
    await context.close()
