"""The office is worked with by keys alone: what has the focus is always seen, and all is reached in a few steps."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, expect
from tests.browser.demo_office import NAME, PASSWORD, DemoOffice, demo_office

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

MOST_STEPS = 120

# Nothing at all, while the focus is on the page as a whole; else how it is shown where it is.
FOCUS = """() => {
  const at = document.activeElement;
  if (at === document.body || at.id === 'main') return null;
  const style = getComputedStyle(at);
  const box = at.getBoundingClientRect();
  const outlined = at.matches(':focus-visible') && style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
  return {
    element: at.outerHTML.slice(0, 120),
    shown: outlined || at.type === 'date', // which shows the focus on one of its own parts
    there: box.width > 0 && box.height > 0,
  };
}"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def office(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DemoOffice]:
    async with demo_office(tmp_path_factory.mktemp("office")) as opened:
        yield opened


async def go_to(page: Page, wanted: Locator) -> None:
    """By the Tab key, from wherever the focus is. At every step it is seen."""
    await expect(wanted).to_be_visible()
    for _ in range(MOST_STEPS):
        await page.keyboard.press("Tab")
        focus = await page.evaluate(FOCUS)
        assert focus is None or (focus["shown"] and focus["there"]), f"the focus is not seen: {focus['element']}"
        if await wanted.evaluate("wanted => wanted === document.activeElement"):
            return
    raise AssertionError(f"{wanted} is not reached by {MOST_STEPS} steps")


async def press(page: Page, wanted: Locator, key: str = "Enter") -> None:
    await go_to(page, wanted)
    await page.keyboard.press(key)


async def write(page: Page, wanted: Locator, text: str) -> None:
    await go_to(page, wanted)
    await page.keyboard.press("Control+A")
    await page.keyboard.type(text)


async def skip_to_the_content(page: Page) -> None:
    await press(page, page.get_by_role("link", name="Skip to the content"))


async def test_calls_are_found_opened_sent_again_and_asked_for(office: DemoOffice) -> None:
    context = await office.context(locale="en-GB", theme="light", known=False)
    page = await context.new_page()
    await page.goto("/login")
    await expect(page.get_by_label("Name")).to_be_focused()  # by itself
    await page.keyboard.type(NAME)
    await write(page, page.get_by_label("Password"), PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/live")

    await press(page, page.get_by_role("link", name="Journal"))
    await page.wait_for_url("**/journal")
    await skip_to_the_content(page)
    await press(page, page.locator("details.searching > summary"))
    await write(page, page.locator("[name=number], [name=client]").first, "1122")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**1122**")
    await skip_to_the_content(page)
    await press(page, page.locator("table.journal a").first)
    await page.wait_for_url("**/calls/*")

    await page.goto(office.refused)
    await skip_to_the_content(page)
    await press(page, page.get_by_role("button", name="Send again"), "Space")
    await expect(page.locator("#call")).not_to_contain_text("Refused", timeout=30_000)

    await page.goto("/live")
    await skip_to_the_content(page)
    await write(page, page.get_by_label("Number", exact=True), "+79125551122")
    await go_to(page, page.get_by_label("Phone that rings first"))
    await page.keyboard.type("102")
    await press(page, page.get_by_role("button", name="Call", exact=True))
    await page.wait_for_url("**/dials/*")
    await context.close()


async def test_a_setting_is_changed_and_put_back_and_the_set_up_gone_through(office: DemoOffice) -> None:
    context = await office.context(locale="en-GB", theme="dark")
    page = await context.new_page()
    await page.goto("/config/settings/dialing")
    await skip_to_the_content(page)
    phone = page.locator("[name=callback_to]")
    await write(page, phone, "103")
    await press(page, page.get_by_role("button", name="Save"), "Space")
    await page.wait_for_url(re.compile("/config/settings(#main)?$"))

    await page.goto("/config/history")
    await skip_to_the_content(page)
    await go_to(page, page.get_by_role("button", name="Put back").first)
    async with page.expect_response(lambda answer: answer.request.method == "POST"):
        await page.keyboard.press("Enter")
    await page.wait_for_url("**/config/history**")
    await page.goto("/config/settings/dialing")
    await expect(phone).to_have_value("102")

    await page.goto("/config/master/rules")
    await skip_to_the_content(page)
    await press(page, page.get_by_label("Shall a missed call make a task"), "Space")
    await press(page, page.get_by_role("button", name="Save and go on"))
    await page.wait_for_url("**/config/master/test**")
    await context.close()


async def test_places_that_a_phone_has_no_room_for_are_behind_one_button(office: DemoOffice) -> None:
    context = await office.context(locale="en-GB", theme="light")
    page = await context.new_page()
    await page.set_viewport_size({"width": 390, "height": 844})
    await page.goto("/live")
    settings = page.get_by_role("link", name="Settings")
    await expect(settings).to_be_hidden()
    await press(page, page.get_by_role("button", name="More"))
    await press(page, settings)
    await page.wait_for_url("**/config")
    await context.close()
