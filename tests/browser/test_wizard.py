"""Somebody new sets Ringbridge up in a real browser, from an empty folder, against a real Asterisk and an emulated
portal, and makes a first call: as it is in an office on the first day."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect
from tests.office.office import MANAGER, PROVIDERS, Office, Reach, open_office, running_pbx
from tests.office.scenarios import converse

from ringbridge.emulators.bitrix24.portal import Portal
from ringbridge.emulators.bitrix24.server import serve
from ringbridge.serve import running
from ringbridge.service.bootstrap import Bootstrap

pytestmark = pytest.mark.browser

CLIENT = "79125551122"
PASSWORD = "a long password"
UNNAMED = """
[...document.querySelectorAll('main input:not([type=hidden]), main select, main textarea')]
    .filter(one => !one.labels.length && !one.ariaLabel).map(one => one.name)
"""


@dataclass(frozen=True, slots=True)
class FirstDay:
    page: Page
    office: Office
    portal: Portal
    recordings: Path
    complaints: list[str]

    async def fill(self, **given: str) -> None:
        for name, text in given.items():
            await self.page.locator(f'[name="{name}"]').first.fill(text)

    async def go_on(self, to: str, button: str = "Save and go on") -> None:
        await self.page.get_by_role("button", name=button).first.click()
        await self.page.wait_for_url(f"**/config/master/{to}")


@pytest.fixture
async def first_day(tmp_path: Path, chromium: Browser) -> AsyncIterator[FirstDay]:
    portal = Portal.demo()
    with running_pbx(tmp_path) as pbx:
        async with (
            open_office(*pbx, recordings=tmp_path / "recordings") as office,
            serve(portal),
            running(Bootstrap(data=tmp_path / "data", port=0)) as address,
        ):
            page = await chromium.new_page(locale="en-GB")
            complaints: list[str] = []
            page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            await page.goto(f"{address}/config/master")
            yield FirstDay(page, office, portal, tmp_path / "recordings", complaints)


@pytest.mark.asterisk
async def test_newcomer_makes_a_first_call_that_is_in_the_crm(first_day: FirstDay) -> None:
    page = first_day.page
    await first_day.fill(name="boss", new=PASSWORD, again=PASSWORD)
    await first_day.go_on("asterisk")

    name, secret = MANAGER
    await first_day.fill(host=first_day.office.address, username=name, secret="wrong")
    await page.get_by_role("button", name="Test and save").click()
    await expect(page.get_by_role("alert")).to_contain_text("refused the login")
    await first_day.fill(secret=secret, recordings=str(first_day.recordings), context="from-phones")
    await page.get_by_role("button", name="Test and save").click()
    found = page.locator("#found")
    await expect(found).to_contain_text("Connected: Asterisk 22.")
    for each in ("101", "106", *PROVIDERS, "sales"):
        await expect(found.get_by_text(each, exact=True)).to_be_visible()
    await expect(found).to_contain_text("can be read from here")
    await page.get_by_role("link", name="Go on").click()

    await page.get_by_text("Bitrix24, by an incoming webhook").click()
    way = page.locator("#way-webhook")
    await expect(way.locator("svg.where")).to_have_count(3)
    await way.locator("[name=webhook]").fill(first_day.portal.webhook_url)
    await way.get_by_label("The CRM is in our own network").check()
    await way.get_by_role("button", name="Save and go on").click()
    await expect(page.locator("main")).to_contain_text("is not dialled by a webhook")
    await page.get_by_role("link", name="Go on").click()

    people = page.get_by_label("Anna Smirnova")
    await expect(people).to_have_value("102")
    await first_day.go_on("trunks")
    for trunk in PROVIDERS:
        await expect(page.get_by_role("cell", name=trunk, exact=True)).to_be_visible()
    await first_day.go_on("rules")
    await page.get_by_label("Shall a missed call make a task").check()
    await first_day.go_on("test")

    lights = page.locator(".light")
    await expect(lights.filter(has_text="Asterisk is connected")).to_have_class(re.compile(r"\bon\b"))
    outside = first_day.office.call_in(Reach.EMPLOYEE_102, client=CLIENT)
    (inside,) = await first_day.office.ring_of("102")
    await expect(lights.filter(has_text="A phone rings")).to_have_class(re.compile(r"\bon\b"))
    inside.answer()
    await outside.until_answered()
    await converse(outside, inside, seconds=2)
    await outside.hangup()
    await inside.until_ended()
    await expect(page.locator(".light.on")).to_have_count(6)
    (record,) = first_day.portal.telephony.finished.values()
    assert record.call.phone.lstrip("+") == CLIENT
    assert record.user_id == 2, "Anna's"

    await page.get_by_role("link", name="The whole story of this call").click()
    await expect(page.locator("main")).to_contain_text("Anna Smirnova")
    assert [each for each in first_day.complaints if "422" not in each] == []


async def test_steps_are_reached_and_filled_in_by_keys_alone(tmp_path: Path, chromium: Browser) -> None:
    page = await chromium.new_page(locale="en-GB")
    async with running(Bootstrap(data=tmp_path, port=0)) as address:
        await page.goto(f"{address}/config/master")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")  # skips to the content
        while await page.evaluate("document.activeElement.name") != "name":
            await page.keyboard.press("Tab")
        for text in ("boss", PASSWORD, PASSWORD):
            await page.keyboard.type(text)
            await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await page.wait_for_url(re.compile("/config/master/asterisk"))
        for step in ("asterisk", "crm", "employees", "trunks", "rules"):
            await page.goto(f"{address}/config/master/{step}")
            assert await page.evaluate(UNNAMED) == [], f"{step}: every input has a name to be read out"
