"""A number on the portal's page is clicked in a real browser, and real phones of a real Asterisk ring."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect
from tests.office.clicking import GROUP, Clicking, clicking
from tests.office.line import Line
from tests.office.office import Reach, open_office, running_pbx
from tests.office.scenarios import converse

pytestmark = [pytest.mark.browser, pytest.mark.asterisk]

ADMIN, ANNA = 1, 2  # ids of users; Anna sits at 102
CONTACT = "+7 912 555-11-22"  # Андрей Волков, contact 1
DIGITS = "79125551122"
STRANGER = "79036667788"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clicked")


@pytest.fixture
async def company(folder: Path, tmp_path: Path) -> AsyncIterator[Clicking]:
    with running_pbx(folder) as pbx:
        async with (
            open_office(*pbx, recordings=folder / "recordings") as office,
            clicking(office, tmp_path, events="online") as company,
        ):
            yield company


async def visit(chromium: Browser, company: Clicking, path: str, *, user: int = ANNA) -> Page:
    page = await chromium.new_page(locale="en-GB")
    await page.goto(f"{company.portal.address}{path}?as={user}")
    return page


async def talk(inside: Line, outside: Line) -> None:
    await converse(inside, outside, seconds=2)
    await outside.hangup()
    await inside.until_ended()


async def test_click_on_a_number_rings_the_employee_then_the_client_and_the_call_is_on_the_client_s_page(
    chromium: Browser, company: Clicking
) -> None:
    page = await visit(chromium, company, "/crm/contact/details/1/")
    await page.get_by_label("Call by line").select_option("Volga")
    await page.get_by_role("button", name=f"Call {CONTACT}").click()
    card = page.locator("#dock .card")
    await expect(card).to_contain_text("outgoing · Line Volga")
    inside, outside = await company.dialled("102", by="volga")
    assert outside.dialled == DIGITS
    await talk(inside, outside)
    await expect(card).to_have_count(0)
    call = page.locator(".timeline .call_out")
    await expect(call).to_contain_text("Anna Smirnova · Line Volga · answered (200)")
    await expect(call.locator("audio")).to_be_visible()


async def test_missed_client_is_called_back_by_a_click_and_waits_no_more(chromium: Browser, company: Clicking) -> None:
    page = await visit(chromium, company, "/")
    outside = company.office.call_in(Reach.EMPLOYEE_102, client=DIGITS)
    await company.office.ring_of("102")
    await expect(page.locator(f"#screen-{ANNA} .card")).to_contain_text("Андрей Волков")
    await outside.hangup()
    await expect(page.locator("#my-missed")).to_have_text("to call back 1")
    await page.locator(f"#screen-{ANNA} .missed").get_by_role("button", name=f"Call {CONTACT}").click()
    await talk(*await company.dialled("102"))
    await expect(page.locator("#my-missed")).to_have_text("to call back 0")
    await expect(page.locator("#calls tr")).to_have_count(2)


async def test_application_installed_on_the_page_hears_an_order_that_rings_the_office_then_the_visitor(
    chromium: Browser, company: Clicking
) -> None:
    page = await visit(chromium, company, "/telephony/", user=ADMIN)
    await page.get_by_label("Installation address").fill(f"{company.connector.address}/bitrix24/bitrix/events")
    await page.get_by_role("button", name="Install", exact=True).click()
    delivery = page.locator("#deliveries tr", has_text="ONAPPINSTALL")
    await expect(delivery).to_contain_text("200")
    await page.get_by_role("link", name="Office").click()
    form = page.locator("form", has=page.get_by_role("button", name="Call me back"))
    await form.get_by_label("Number").fill(f"+{STRANGER}")
    await form.get_by_role("button").click()
    await expect(page.locator("#said")).to_have_text("The callback is ordered.")
    inside, outside = await company.dialled(GROUP)
    assert outside.dialled == STRANGER
    await talk(inside, outside)
    await expect(page.locator("#calls tr")).to_contain_text(["callback"])
