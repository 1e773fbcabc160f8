"""The widget in a real browser, and real phones of a real Asterisk: a number of the account is clicked and the phone
rings; a client calls and the card is there. Ringbridge is its own process, connected by the widget's installation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from playwright.async_api import Browser, Page, expect
from tests.browser.widget_pages import packed_widget
from tests.office.account import USERS, account_part, contacts, furnished
from tests.office.company import PATIENCE, until
from tests.office.connector import Connector, pbx_part
from tests.office.office import Office, Reach, open_office, running_pbx
from tests.office.scenarios import CLIENT, LONG, converse

from ringbridge.emulators.amocrm import Account, deskwork, serve
from ringbridge.emulators.amocrm.demo import ADMIN_ID
from ringbridge.emulators.amocrm.notes import CALLS

pytestmark = [pytest.mark.browser, pytest.mark.asterisk]

NUMBER = "+7 912 555-11-22"  # as the card of `CLIENT` shows it
DIALING = """
[dialing]
context = "from-phones"
number_format = "national"
"""


@dataclass(frozen=True, slots=True)
class Company:
    office: Office
    account: Account
    chromium: Browser

    async def page(self, extension: str) -> Page:
        """The client's card in the account, before the eyes of the employee of this phone."""
        (client,) = contacts(self.account, CLIENT)
        page = await self.chromium.new_page(locale="en-GB")
        address = f"{self.account.address}/_emulator/widget"
        await page.goto(f"{address}?user={USERS[extension]}&lang=en&card=/contacts/detail/{client.id}")
        return page

    async def written(self, kind: str) -> dict[str, object]:
        """The only call that the account holds."""
        await until(lambda: any(note["note_type"] in CALLS for note in self.account.notes.values()))
        (note,) = [note for note in self.account.notes.values() if note["note_type"] in CALLS]
        assert note["note_type"] == kind
        return note


@pytest.fixture
async def company(tmp_path: Path, chromium: Browser) -> AsyncIterator[Company]:
    account = furnished()
    integration = account.access.integrations[0]
    key = f'client_id = "{integration.client_id}"\nclient_secret = "{integration.client_secret}"'
    with running_pbx(tmp_path) as pbx:
        async with open_office(*pbx, recordings=tmp_path / "recordings") as office, serve(account):
            connector = Connector(tmp_path, host=office.address)
            server = f"{connector.address}/amocrm/amo"
            integration.redirect_uri = f"{server}/oauth"
            account.widget = packed_widget(tmp_path, server)
            settings = pbx_part(office, public_address=connector.address) + account_part(account, key=key) + DIALING
            await connector.configure(settings)
            async with connector.running(), httpx2.AsyncClient(trust_env=False) as http:
                deskwork.install(account, user_id=ADMIN_ID)
                page = {"Origin": account.address}
                async with asyncio.timeout(PATIENCE):
                    while not (await http.get(f"{server}/hello", headers=page)).json()["connected"]:
                        pass  # each look is a whole request
                yield Company(office, account, chromium)


async def test_a_click_rings_the_phone_and_the_call_is_written_once(company: Company) -> None:
    page = await company.page("101")
    await page.get_by_text(NUMBER).click()
    (inside,) = await company.office.ring_of("101")
    await expect(page.locator(".notification.message")).to_contain_text("Pick up your phone 101")
    inside.answer()
    outside = await company.office.providers["comtel"].rings()
    assert outside.dialled == CLIENT
    outside.answer()
    await converse(inside, outside, seconds=LONG)
    await outside.hangup()
    await inside.until_ended()
    note = await company.written("call_out")
    assert note["created_by"] == USERS["101"]


async def test_a_client_s_call_shows_its_card_follows_the_talk_and_closes(company: Company) -> None:
    page = await company.page("101")
    outside = company.office.call_in(Reach.EMPLOYEE_101, client=CLIENT)
    (inside,) = await company.office.ring_of("101")
    card = page.locator(".ringbridge-card")
    await expect(card.locator(".ringbridge-name")).to_have_text("Андрей Волков")
    await expect(card.locator(".ringbridge-state")).to_have_text("Incoming call")
    inside.answer()
    await expect(card.locator(".ringbridge-state")).to_have_text("Incoming, talking")
    await converse(outside, inside, seconds=LONG)
    await outside.hangup()
    await expect(card).to_have_count(0)
    note = await company.written("call_in")
    assert note["created_by"] == USERS["101"]
