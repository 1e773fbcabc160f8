from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright, expect
from tests.unit.web.office_page import open_database

from ringbridge.store.database import Database

# The browser asks nobody but us: without these flags it looks for updates and for its maker's hosts at every start.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Inputs of dates in the page's language: Debian's chromium brings no language but one.
    "--enable-blink-features=LangAttributeAwareFormControlUI",
)

expect.set_options(timeout=30_000)  # how long a busy machine may take; what comes at once is seen at once


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with await open_database(tmp_path) as opened:
        yield opened


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(FLAGS))
        yield browser
        await browser.close()
