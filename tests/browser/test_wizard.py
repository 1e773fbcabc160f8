"""Somebody new sets Ringbridge up in a real browser, from an empty folder, against a real Asterisk and an emulated
CRM, and makes a first call: as it is in an office on the first day, by each way to connect."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlencode

import httpx2
import pytest
from playwright.async_api import Browser, Route, expect
from tests.browser.first_day import CLIENT, NAME, PASSWORD, Newcomer, browser_of, killable
from tests.office.account import USERS, furnished
from tests.office.asterisk import Asterisk, Network
from tests.office.office import PROVIDERS, Office, open_office, running_pbx

from ringbridge.emulators.amocrm import serve as serve_account
from ringbridge.emulators.bitrix24.portal import Portal
from ringbridge.emulators.bitrix24.server import serve
from ringbridge.serve import running
from ringbridge.service.bootstrap import Bootstrap

pytestmark = pytest.mark.browser

STEPS = ("asterisk", "crm", "employees", "trunks", "rules")
UNNAMED = """
[...document.querySelectorAll('main input:not([type=hidden]), main select, main textarea')]
    .filter(one => !one.labels.length && !one.ariaLabel).map(one => one.name)
"""


@pytest.fixture(scope="module")
def pbx_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("first-day")


@pytest.fixture(scope="module")
def pbx(pbx_folder: Path) -> Iterator[tuple[Asterisk, Network]]:
    with running_pbx(pbx_folder) as one:
        yield one


@pytest.fixture
async def office(pbx: tuple[Asterisk, Network], pbx_folder: Path) -> AsyncIterator[Office]:
    async with open_office(*pbx, recordings=pbx_folder / "recordings") as opened:
        yield opened


@asynccontextmanager
async def newcomer_at(office: Office, chromium: Browser, data: Path) -> AsyncIterator[Newcomer]:
    async with running(Bootstrap(data=data, port=0)) as address, browser_of(chromium) as context:
        newcomer = Newcomer(address, office, context)
        await newcomer.open()
        yield newcomer
    assert newcomer.complaints == []


@pytest.mark.asterisk
async def test_newcomer_makes_a_first_call_that_is_in_the_crm_by_a_webhook(
    office: Office, chromium: Browser, tmp_path: Path
) -> None:
    portal = Portal.demo()
    async with serve(portal), newcomer_at(office, chromium, tmp_path) as newcomer:
        page = newcomer.page
        assert newcomer.is_at("account"), "the page leads there by itself"
        await newcomer.account()

        await newcomer.fill(host=office.address, username="ringbridge", secret="wrong")
        await page.get_by_role("button", name="Test and save").click()
        await expect(page.get_by_role("alert")).to_contain_text("refused the login")
        await newcomer.asterisk()
        found = page.locator("#found")
        for each in ("101", "106", *PROVIDERS, "sales"):
            await expect(found.get_by_text(each, exact=True)).to_be_visible()
        await expect(found).to_contain_text("can be read from here")
        await newcomer.to_the_crm()

        await page.get_by_text("Bitrix24, by an incoming webhook").click()
        way = page.locator("#way-webhook")
        await expect(way.locator("svg.where")).to_have_count(3)
        await newcomer.fill(way, webhook=portal.webhook_url)
        await way.get_by_role("button", name="Save and go on").click()
        await expect(page.get_by_role("alert")).to_contain_text("in your own network, tick that")
        await way.get_by_label("The CRM is in our own network").check()
        await way.get_by_role("button", name="Save and go on").click()
        await expect(page.locator("main")).to_contain_text("is not dialled by a webhook")
        await page.get_by_role("link", name="Go on").click()

        await expect(page.get_by_label("Anna Smirnova")).to_have_value("102")
        await newcomer.go_on("trunks")
        await newcomer.trunks()
        await newcomer.rules()
        await newcomer.end(*await newcomer.call())
        (record,) = portal.telephony.finished.values()
        assert record.call.phone.lstrip("+") == CLIENT
        assert record.user_id == 2, "Anna's"
        await newcomer.reads_the_story()


@pytest.mark.asterisk
async def test_newcomer_makes_a_first_call_that_is_in_an_account_which_let_us_in(
    office: Office, chromium: Browser, tmp_path: Path
) -> None:
    account = furnished()
    integration = account.access.integrations[0]

    async def platforms_page(route: Route) -> None:
        """Where amoCRM asks an administrator is one address for all accounts."""
        query = route.request.url.partition("?")[2]
        await route.fulfill(status=302, headers={"Location": f"{account.address}/oauth?{query}"})

    async with serve_account(account), newcomer_at(office, chromium, tmp_path) as newcomer:
        page = newcomer.page
        await newcomer.context.route("https://www.amocrm.ru/oauth?**", platforms_page)
        await newcomer.account()
        await newcomer.asterisk()
        await newcomer.to_the_crm()

        await page.get_by_text("amoCRM, Kommo").click()
        way = page.locator("#way-amocrm")
        await newcomer.fill(
            way,
            amo_address=account.address,
            amo_client_id=integration.client_id,
            amo_client_secret=integration.client_secret,
            public_address=newcomer.address,
        )
        await way.get_by_label("The CRM is in our own network").check()
        await way.get_by_role("button", name="Save and go on").click()
        waits = page.locator("#portal-amocrm")
        await expect(waits).to_contain_text("not let in yet")
        integration.redirect_uri = await page.locator("#redirect-amocrm").inner_text()
        async with newcomer.context.expect_page() as asks:
            await waits.get_by_role("link", name="Let the account let us in").click()
        consent = await asks.value
        await consent.locator("button[value=allow]").click()
        await expect(consent.locator("body")).to_contain_text("Ringbridge is connected")
        await consent.close()
        await waits.get_by_role("link", name="Go on").click()  # the page has heard of it by itself

        await newcomer.fill(**{f"user {USERS['102']}": "102"})  # the account knows nobody's inner phone
        await page.get_by_label("Who gets calls of a phone").select_option(label="Reception")
        await newcomer.go_on("trunks")
        await newcomer.trunks()
        await newcomer.rules()
        await newcomer.end(*await newcomer.call())
        (note,) = [one for one in account.notes.values() if one["note_type"] == "call_in"]
        assert note["params"]["phone"].lstrip("+") == CLIENT
        assert note["created_by"] == USERS["102"], "Anna's"
        await newcomer.reads_the_story()


@pytest.mark.asterisk
async def test_newcomer_whose_machine_is_switched_off_after_each_step_goes_on_where_they_were(
    office: Office, chromium: Browser, tmp_path: Path
) -> None:
    portal = Portal.demo()
    application = portal.access.applications[0]
    async with serve(portal), killable(tmp_path) as service, browser_of(chromium) as context:
        newcomer = Newcomer(service.address, office, context)

        async def comes_back_to(step: str) -> None:
            await newcomer.page.close()
            await service.killed_and_started()
            await newcomer.open()
            await newcomer.page.goto(f"{service.address}/config/master")
            assert newcomer.is_at(step)

        await newcomer.open()
        await newcomer.fill(name=NAME, new=PASSWORD)
        await comes_back_to("account")
        await newcomer.account()

        lines = await newcomer.page.locator("#manager-lines").inner_text()
        await comes_back_to("asterisk")
        assert await newcomer.page.locator("#manager-lines").inner_text() == lines, "they may be in manager.conf by now"
        await newcomer.asterisk()
        await comes_back_to("crm")

        await newcomer.page.get_by_text("Bitrix24, as a local application").click()
        way = newcomer.page.locator("#way-bitrix24")
        await newcomer.fill(
            way,
            client_id=application.client_id,
            client_secret=application.client_secret,
            public_address=service.address,
        )
        await way.get_by_label("The CRM is in our own network").check()
        await way.get_by_role("button", name="Save and go on").click()
        await expect(newcomer.page.locator("#portal-bitrix24")).to_contain_text("not let in yet")
        await newcomer.tell_authorization_server(portal.address)
        await comes_back_to("crm")
        install = await newcomer.page.locator("#install-bitrix24").inner_text()
        await open_in_its_frame(portal, install)
        await newcomer.page.locator("#portal-bitrix24").get_by_role("link", name="Go on").click()
        await expect(newcomer.page.get_by_label("Anna Smirnova")).to_have_value("102")
        await comes_back_to("employees")
        await newcomer.go_on("trunks")
        await comes_back_to("trunks")
        await newcomer.trunks()
        await comes_back_to("rules")
        await newcomer.rules()

        outside, inside = await newcomer.call()
        await newcomer.sees("Somebody answers")
        here = newcomer.page.url
        await service.killed_and_started()
        await newcomer.page.goto(here)
        await newcomer.sees("Asterisk is connected", "The call is seen", "Somebody answers")
        await newcomer.end(outside, inside)
        (record,) = portal.telephony.finished.values()
        assert record.user_id == 2, "Anna's"
        await newcomer.page.get_by_role("button", name="The set-up is done").click()
        await newcomer.page.wait_for_url("**/live")


async def open_in_its_frame(portal: Portal, address: str) -> None:
    """As the portal opens an application's page for its administrator: with a form of keys."""
    access, refresh = portal.access.issue(portal.access.applications[0], 1, portal.clock())
    query = urlencode({"DOMAIN": portal.domain, "PROTOCOL": "0", "LANG": "en"})
    form = {"AUTH_ID": access, "REFRESH_ID": refresh, "member_id": portal.member_id, "PLACEMENT": "DEFAULT"}
    async with httpx2.AsyncClient(trust_env=False, headers={"Sec-Fetch-Site": "cross-site"}) as browser:
        answer = await browser.post(f"{address}?{query}", data=form)
    assert answer.status_code == 200, answer.text


async def test_steps_are_reached_and_filled_in_by_keys_alone(tmp_path: Path, chromium: Browser) -> None:
    page = await chromium.new_page(locale="en-GB")
    async with running(Bootstrap(data=tmp_path, port=0)) as address:
        await page.goto(f"{address}/config/master")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")  # skips to the content
        while await page.evaluate("document.activeElement.name") != "name":
            await page.keyboard.press("Tab")
        for text in (NAME, PASSWORD, PASSWORD):
            await page.keyboard.type(text)
            await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await page.wait_for_url(re.compile("/config/master/asterisk"))
        for step in STEPS:
            await page.goto(f"{address}/config/master/{step}")
            assert await page.evaluate(UNNAMED) == [], f"{step}: every input has a name to be read out"
