"""What only a browser can tell: that the pushed page changes, the policy holds, a phone and a keyboard are enough."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect
from tests.ports import free_port
from tests.unit.web import sample_calls
from tests.unit.web.office_page import OFFICE, journal, services, serving, told_to_the_crm

from ringbridge.store.database import Database
from ringbridge.store.keys import call_key
from ringbridge.telephony.model import Call, CallId, LegResult
from ringbridge.web.app import create_app
from ringbridge.web.live import LiveFeed

pytestmark = pytest.mark.browser

DESK = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}


@dataclass
class Office:
    """An office whose page runs, at the present time."""

    address: str
    feed: LiveFeed
    now: datetime
    database: Database
    complaints: list[str] = field(default_factory=list)  # of the browser's console

    async def visit(self, browser: Browser, path: str, **settings: Any) -> Page:
        page = await browser.new_page(**({"viewport": DESK, "locale": "en-GB"} | settings))
        page.on("console", lambda message: self.complaints.append(f"{path}: {message.text}"))
        page.on("pageerror", lambda error: self.complaints.append(f"{path}: {error}"))
        page.on("request", lambda request: self.note_foreign(request.url))
        await page.goto(self.address + path)
        return page

    def note_foreign(self, url: str) -> None:
        if not url.startswith((self.address, "data:")):
            self.complaints.append(f"asked {url}")


@pytest.fixture
async def office(database: Database) -> AsyncIterator[Office]:
    async with running(database) as office:
        await told_to_the_crm(database, told_call(office))
        yield office


@asynccontextmanager
async def running(database: Database, port: int = 0) -> AsyncIterator[Office]:
    now = datetime.now(UTC)
    live = [sample_calls.ringing(now), sample_calls.talking(now), sample_calls.waiting(now)]
    past = list(sample_calls.past(now))
    await journal(database, [*live, *past])
    given = services(database, live=[*live, *past[:8]], now=None)
    async with serving(create_app(given), given.live, port) as address:
        yield Office(address=address, feed=given.live, now=now, database=database)


def told_call(office: Office) -> Call:
    """The one whose story goes as far as the CRM."""
    return sample_calls.answered(office.now - timedelta(minutes=5))


def address_of(call: Call) -> str:
    return f"/calls/{call_key(OFFICE, call.id)}"


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize(("locale", "scheme"), [("ru-RU", "light"), ("en-GB", "dark")])
async def test_every_page_fits_the_screen_and_the_console_stays_empty(
    chromium: Browser, office: Office, viewport: dict[str, int], locale: str, scheme: str
) -> None:
    settings = {"viewport": viewport, "locale": locale, "color_scheme": scheme}
    story = address_of(told_call(office))
    for path in ("/live", "/journal?trunk=mango", story, "/delivery", "/status", "/status/log"):
        page = await office.visit(chromium, path, **settings)
        await expect(page.locator("html")).to_have_attribute("data-bs-theme", scheme)
        assert await page.evaluate("document.documentElement.scrollWidth") <= viewport["width"], path
        await page.close()
    assert office.complaints == []


async def test_call_moves_over_the_live_page_without_a_reload(chromium: Browser, office: Office) -> None:
    page = await office.visit(chromium, "/live")
    await expect(page.get_by_text("updates by itself")).to_be_visible()
    call = replace(sample_calls.ringing(office.now + timedelta(seconds=2)), external="79990001122")
    row = page.locator(f"[id='live-{call_key(OFFICE, call.id)}']")

    office.feed.tell(OFFICE, call)
    await expect(row).to_contain_text("rings")
    await expect(row).to_contain_text("+7 999 000-11-22")

    answered = replace(call.legs[1], answer=office.now, result=LegResult.ANSWERED)
    talk = replace(sample_calls.talk_of(answered), start=office.now)
    office.feed.tell(OFFICE, replace(call, legs=(answered,), talks=(talk,)))
    await expect(row).to_contain_text("talks")

    office.feed.tell(OFFICE, replace(sample_calls.answered(call.start), id=call.id))
    await expect(row).to_have_count(0)
    await expect(page.locator(f"[id='ended-{call_key(OFFICE, call.id)}']")).to_contain_text("Answered")
    assert office.complaints == []


async def test_clock_of_a_call_runs_between_pushes(chromium: Browser, office: Office) -> None:
    page = await office.visit(chromium, "/live")
    clock = page.locator(".phase-ringing time")
    shown = await clock.inner_text()
    await expect(clock).not_to_have_text(shown)


async def test_broken_push_is_said_and_mends_itself(chromium: Browser, database: Database) -> None:
    port = free_port()
    async with running(database, port) as office:
        page = await office.visit(chromium, "/live")
        await expect(page.get_by_text("updates by itself")).to_be_visible()
    await expect(page.get_by_text("no connection to Ringbridge")).to_be_visible()
    async with running(database, port) as again:
        await expect(page.get_by_text("updates by itself")).to_be_visible()
        again.feed.tell(OFFICE, replace(sample_calls.ringing(again.now), id=CallId("9.9"), external="79990001122"))
        await expect(page.get_by_text("+7 999 000-11-22")).to_be_visible()


async def test_page_that_draws_itself_again_leaves_open_what_was_opened(chromium: Browser, office: Office) -> None:
    page = await office.visit(chromium, address_of(told_call(office)))
    await page.get_by_text("telephony.externalcall.register").first.click()
    request = page.locator("details[open] pre")
    await expect(request).to_be_visible()
    for _ in range(2):  # when the second answer comes, the first is on the page
        async with page.expect_response(lambda response: "/calls/" in response.url):
            pass
    assert await request.is_visible()
    assert office.complaints == []


async def test_keyboard_alone_reaches_the_calls(chromium: Browser, office: Office) -> None:
    page = await office.visit(chromium, "/live")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the content")).to_be_in_viewport()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await expect(page.locator(".call a").first).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Timeline")).to_be_visible()


async def test_without_javascript_the_pages_still_tell_everything(chromium: Browser, office: Office) -> None:
    page = await office.visit(chromium, "/live", java_script_enabled=False)
    await expect(page.locator(".phase-ringing")).to_contain_text("+7 912 555-99-88")
    await page.get_by_role("link", name="Journal").click()
    await page.get_by_text("Search", exact=True).click()
    await page.get_by_label("Trunk").fill("mtt")
    await page.get_by_role("button", name="Find").click()
    await expect(page.locator("tbody .client").first).to_contain_text("+7 ")
    assert "mango" not in await page.locator("tbody").inner_text()
    await page.locator("[value=ru]").click()
    await expect(page.get_by_role("heading", name="Журнал")).to_be_visible()
    await expect(page).to_have_url(re.compile("trunk=mtt"))


async def test_theme_button_changes_the_theme_and_it_stays(chromium: Browser, office: Office) -> None:
    page = await office.visit(chromium, "/live", color_scheme="light")
    await page.get_by_role("button", name="Theme: as the system has it").click()
    await page.get_by_role("button", name="Theme: light").click()
    await expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    await page.goto(office.address + "/status")
    await expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
