"""The emulated portal's page in a real browser: cards come and go while one looks."""

from __future__ import annotations

import httpx2
import pytest
from playwright.async_api import async_playwright, expect

from ringbridge.emulators.bitrix24 import Portal, Settings, serve
from ringbridge.emulators.bitrix24.settings import Language

pytestmark = pytest.mark.browser


async def test_a_card_opens_closes_and_leaves_a_call_with_a_player_and_a_link_to_its_lead() -> None:
    portal = Portal.demo(settings=Settings(language=Language.EN))
    errors: list[str] = []
    async with (
        serve(portal) as address,
        httpx2.AsyncClient(base_url=portal.webhook_url, trust_env=False) as http,
        async_playwright() as driver,
    ):
        browser = await driver.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = await browser.new_page(viewport={"width": 390, "height": 844})
        page.on("pageerror", lambda error: errors.append(str(error)))
        await page.goto(f"{address}/?lang=en")
        await expect(page.locator(".screen")).to_have_count(6)
        await expect(page.locator(".card")).to_have_count(0)
        registration = {"USER_ID": 2, "PHONE_NUMBER": "+79990001122", "TYPE": 2, "CRM_CREATE": 1}
        answer = await http.post("telephony.externalCall.register", json=registration)
        call_id = answer.json()["result"]["CALL_ID"]
        await expect(page.locator(".screen", has_text="Anna Smirnova").locator(".card")).to_contain_text(
            "+7 999 000-11-22"
        )
        await http.post("telephony.externalCall.finish", json={"CALL_ID": call_id, "USER_ID": 2, "DURATION": 73})
        recording = {"CALL_ID": call_id, "FILENAME": "a.wav", "FILE_CONTENT": "UklGRg=="}
        await http.post("telephony.externalCall.attachRecord", json=recording)
        await expect(page.locator(".card")).to_have_count(0)
        row = page.locator("#calls tr")
        await expect(row).to_contain_text("1:13")
        await expect(row.locator("audio")).to_have_count(1)
        await expect(row.locator("a")).to_have_attribute("href", "#lead-1")
        await expect(page.locator("#lead-1")).to_contain_text("Incoming call")
        width = await page.evaluate("document.documentElement.scrollWidth")
        await browser.close()
    assert width == 390
    assert not errors
