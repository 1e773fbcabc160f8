"""Pages of the emulated account with our widget on them, in a real browser."""

from __future__ import annotations

import asyncio
import importlib.util
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from playwright.async_api import Browser, BrowserContext, Page, expect
from tests.unit.web.amocrm_company import ANTON, Company, open_company

from ringbridge.emulators.amocrm import Kind, Widget
from ringbridge.routing.intents import UserId

ROOT = Path(__file__).resolve().parents[2]
PICTURES = os.environ.get("RINGBRIDGE_PICTURES")  # a folder: then pictures for the docs are taken


def builder() -> ModuleType:
    """`scripts/build_widget.py`."""
    spec = importlib.util.spec_from_file_location("build_widget", ROOT / "scripts" / "build_widget.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@dataclass
class Pages:
    """Windows of one browser; complaints of the page and of the browser are collected."""

    company: Company
    browser: Browser
    complaints: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)  # of the account's own interface
    contexts: dict[tuple[UserId, str], BrowserContext] = field(default_factory=dict)

    async def context(self, user: UserId, language: str) -> BrowserContext:
        """One person's browser: its windows share what it keeps."""
        if (user, language) not in self.contexts:
            self.contexts[user, language] = await self.browser.new_context(
                locale="ru-RU" if language == "ru" else "en-GB", viewport={"width": 1000, "height": 640}
            )
        return self.contexts[user, language]

    async def visit(self, query: str = "", *, user: UserId = ANTON, language: str = "en") -> Page:
        page = await (await self.context(user, language)).new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda one: self.asked.append(one.url) if "/api/v4/" in one.url else None)
        address = self.company.account.address
        await page.goto(f"{address}/_emulator/widget?user={user}&lang={language}{query}")
        await expect(page.locator("body[data-ready]")).to_be_attached()
        return page

    async def open(self, query: str = "", *, user: UserId = ANTON, language: str = "en") -> Page:
        """The same, once the widget's line to the server is open, by this window or by another of the user's."""
        page = await self.visit(query, user=user, language=language)
        async with asyncio.timeout(30):
            while not self.company.board.watchers(user):  # noqa: ASYNC110 - the board tells nobody who has come
                await asyncio.sleep(0.01)
        return page

    def contact(self, at: int = 0) -> str:
        return f"/contacts/detail/{list(self.company.account.entities.rows[Kind.CONTACTS])[at]}"


def packed_widget(folder: Path, server: str) -> Widget:
    """As `make widget` packs it, switched on, with this server in its settings."""
    build = builder()
    build.pack(build.widget_files(), folder / "widget.zip")
    widget = Widget.load(folder / "widget.zip")
    widget.active = True
    widget.values = {"server_url": server}
    return widget


@asynccontextmanager
async def open_pages(
    folder: Path, browser: Browser, *, address: str = "", connected: bool = True
) -> AsyncIterator[Pages]:
    """An account whose pages have the widget."""
    async with open_company(folder, connected=connected) as company:
        company.account.widget = packed_widget(folder, address or company.address)
        pages = Pages(company, browser)
        try:
            yield pages
        finally:
            for context in pages.contexts.values():
                await context.close()
        assert pages.complaints == [], pages.complaints


async def picture(page: Page, name: str, *, of: str = "") -> None:
    if PICTURES:
        target = page.locator(of) if of else page
        await target.screenshot(path=f"{PICTURES}/widget-{name}.png")
