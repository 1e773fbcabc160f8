"""A supervisor's button on the live page, in a browser: it asks first, says what came of it, and stays where it is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from playwright.async_api import Browser, Dialog, expect
from tests.unit.web import sample_calls
from tests.unit.web.office_page import NOW, entry, services, serving

from ringbridge.service.dialing.hanging_up import NO_RIGHT
from ringbridge.store.calls import JournalEntry
from ringbridge.store.database import Database
from ringbridge.web.app import create_app

pytestmark = pytest.mark.browser

CALL = sample_calls.talking(NOW)


@pytest.fixture
def asked() -> list[str]:
    return []


@pytest.fixture
async def address(database: Database, asked: list[str]) -> AsyncIterator[str]:
    async def hang_up(of: JournalEntry, *, by: str) -> str:
        asked.append(of.key)
        return NO_RIGHT

    given = replace(services(database, live=[CALL]), hang_up=hang_up)
    async with serving(create_app(given), given.live) as address:
        yield address


async def test_a_call_is_ended_only_when_that_was_meant_and_a_refusal_is_said(
    chromium: Browser, address: str, asked: list[str]
) -> None:
    page = await chromium.new_page(locale="ru")
    answers = [False, True]

    async def answer(dialog: Dialog) -> None:
        assert "+7 812 345-67-89" in dialog.message
        await (dialog.accept() if answers.pop(0) else dialog.dismiss())

    page.on("dialog", answer)
    await page.goto(f"{address}/live")
    await expect(page.locator("[data-connection=up]")).to_be_attached()
    button = page.get_by_role("button", name="Завершить звонок")
    await button.click()
    assert asked == []
    await button.click()
    await expect(page.locator("#hung-up")).to_contain_text("АТС не разрешает завершать звонки")
    assert asked == [entry(CALL).key]
    await expect(button).to_be_focused()
