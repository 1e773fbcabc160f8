"""The emulated account's pages in a browser: what changes while an employee looks."""

from __future__ import annotations

import httpx2
import pytest
from playwright.async_api import Browser, expect
from tests.contract.amocrm_desk import ADMIN, ANTON, CONTACT, STRANGER, call
from tests.contract.test_amocrm_emulator_incoming import incoming

from ringbridge.emulators.amocrm import Account, serve

pytestmark = pytest.mark.browser


async def test_what_happens_in_the_account_appears_by_itself(chromium: Browser) -> None:
    account, complaints = Account.demo(), []
    async with serve(account) as address:
        token, _ = account.issue(account.access.integrations[0], ADMIN)
        page = await chromium.new_page(viewport={"width": 390, "height": 844})
        page.on("console", lambda said: complaints.append(said.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.goto(f"{address}/?user={ANTON}&lang=en")
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx2.AsyncClient(base_url=address, headers=headers, trust_env=False) as api:
            ring = {"add": [{"type": "phone_call", "phone_number": CONTACT, "users": [ANTON]}]}
            await api.post("/api/v2/events", json=ring)
            await expect(page.locator("#rings .ring")).to_contain_text("Андрей Волков")
            await api.post("/api/v4/calls", json=[call(created_by=ANTON, link=f"{address}/none.mp3")])
            await expect(page.locator("#calls li")).to_contain_text("Conversation took place")
            await expect(page.locator("#calls audio")).to_have_count(1)
            await api.post("/api/v4/leads/unsorted/sip", json=[incoming()])
            await expect(page.locator("#unsorted li")).to_contain_text(STRANGER)
        await page.get_by_role("button", name="Accept").click()
        await page.locator("#leads").get_by_role("link", name="Call of a stranger").click()
        await expect(page.locator("#sheet")).to_contain_text("Первичный контакт")
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert complaints == []
