"""The demonstration on a bad day: somebody breaks the portal on its page, mends it, and finds every call there once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from playwright.async_api import Browser, Page, expect

from ringbridge.demo import Demo, playing
from ringbridge.emulators.asterisk import Script

pytestmark = pytest.mark.browser

CALLS = ("ast22_inbound_answered", "ast22_outbound_answered", "ast22_inbound_caller_hangup_ringing")


@pytest.fixture
async def demo(tmp_path: Path) -> AsyncIterator[Demo]:
    async with playing(data=tmp_path, port=0, portal_port=0, script=Script(calls=CALLS, gap=2.0), past=False) as demo:
        yield demo


async def broken(chromium: Browser, demo: Demo, how: str, button: str) -> Page:
    """The bad day's page, after this button of this mishap."""
    page = await chromium.new_page(locale="en-GB")
    await page.goto(f"{demo.portal}/bad-day/")
    await page.locator(f"#{how}").get_by_role("button", name=button).click()
    await expect(page.locator("#said")).to_have_text("Broken. Now watch Ringbridge.")
    return page


async def ended_calls(chromium: Browser, demo: Demo, count: int) -> set[str]:
    """The first calls that Ringbridge shows as ended, so many or more."""
    page = await chromium.new_page()
    await page.goto(f"{demo.page}/live")
    rows = page.locator("[id^=ended-]")
    await expect(rows.nth(count - 1)).to_be_visible(timeout=60_000)
    ids = await rows.evaluate_all("rows => rows.map(row => row.id)")
    await page.close()
    return {one.removeprefix("ended-") for one in ids}


async def are_all_there_once(page: Page, demo: Demo, calls: set[str]) -> None:
    async with httpx2.AsyncClient(trust_env=False) as http, asyncio.timeout(60):
        while True:
            state = (await http.get(f"{demo.portal}/_emulator/state")).json()
            there = Counter(call["external_call_id"] for call in state["finished"])
            if calls <= set(there):
                break
            async with page.expect_response(lambda response: response.url.startswith(demo.portal)):
                pass  # a second later it looks again
    assert set(there.values()) == {1}
    await page.get_by_role("link", name="Office").click()
    await expect(page.locator("#calls tr").nth(len(calls) - 1)).to_be_visible()


async def test_portal_that_was_down_gets_every_call_once_when_it_is_mended(chromium: Browser, demo: Demo) -> None:
    page = await broken(chromium, demo, "unavailable", "Until mended")
    calls = await ended_calls(chromium, demo, 2)
    await expect(page.locator(".alarm", has_text="503")).to_be_visible()
    await page.locator("#unavailable").get_by_role("button", name="Mend", exact=True).click()
    await are_all_there_once(page, demo, calls)


async def test_answers_that_get_lost_double_no_call(chromium: Browser, demo: Demo) -> None:
    page = await broken(chromium, demo, "lose_answer", "The next 5")
    calls = await ended_calls(chromium, demo, 2)
    await expect(page.locator("#lose_answer")).to_contain_text("well", timeout=60_000)
    await are_all_there_once(page, demo, calls)
