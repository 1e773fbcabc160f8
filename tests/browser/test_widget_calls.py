"""Our widget on the account's pages in a real browser: cards of calls, clicks, several windows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect
from tests.browser.widget_pages import Pages, open_pages, picture
from tests.unit.web.amocrm_company import ANTON, CLIENT, KATE, PBX, STRANGER, answered, changed, ended, inbound

from ringbridge.ami.errors import ActionRefused
from ringbridge.emulators.amocrm import Kind, deskwork
from ringbridge.telephony.model import Direction
from ringbridge.web.amocrm import CardBoard

pytestmark = pytest.mark.browser

NUMBER = "+7 912 555-11-22"


@pytest.fixture
async def pages(tmp_path: Path, chromium: Browser) -> AsyncIterator[Pages]:
    async with open_pages(tmp_path, chromium) as opened:
        yield opened


def furnish(pages: Pages) -> None:
    """The first contact has an open lead and a closed one, and a task."""
    account = pages.company.account
    contact = next(iter(account.entities.rows[Kind.CONTACTS].values()))
    main = account.pipelines.main
    for name, status in (("Delivery of 40 chairs", main.first.id), ("Lost long ago", 143)):
        lead = deskwork.add_client(account, Kind.LEADS, name=name, user_id=int(ANTON))
        lead.pipeline_id, lead.status_id, lead.price = main.id, status, 120_000
        account.entities.link(lead, contact)
    number = account.next_id()
    account.tasks[number] = {
        "id": number, "text": "Send the new price list", "entity_type": "contacts", "entity_id": contact.id,
        "is_completed": False, "complete_till": account.now() + 3600, "responsible_user_id": int(ANTON),
        "task_type_id": 1, "created_at": account.now(), "updated_at": account.now(), "created_by": int(ANTON),
        "updated_by": int(ANTON), "group_id": 0, "duration": 0, "account_id": account.id, "result": [],
    }  # fmt: skip


async def test_card_of_a_known_client_opens_with_the_ring_follows_the_call_and_closes(pages: Pages) -> None:
    furnish(pages)
    page, company = await pages.open(f"&card={pages.contact(1)}"), pages.company
    call = company.tell(inbound(company.clock(), "101", "102"))
    card = page.locator(".ringbridge-card")
    await expect(card.locator(".ringbridge-name")).to_have_text("Андрей Волков")
    await expect(card.locator(".ringbridge-state")).to_have_text("Incoming call")
    await expect(card.locator(".ringbridge-number")).to_have_text("+79125551122")
    await expect(card.locator(".ringbridge-line")).to_have_text("Volga")
    await expect(card.locator(".ringbridge-others")).to_have_text("Kate Miller")
    await expect(card.locator(".ringbridge-leads li")).to_have_count(1)
    await expect(card.locator(".ringbridge-leads")).to_contain_text("Delivery of 40 chairs")
    await expect(card.locator(".ringbridge-tasks")).to_contain_text("Send the new price list")
    await picture(page, "card")
    call = company.tell(answered(call, "101", company.clock()))
    await expect(card.locator(".ringbridge-state")).to_have_text("Incoming, talking")
    await expect(card.locator(".ringbridge-others")).to_have_count(0)
    await card.get_by_role("button", name="Open the card").click()
    await expect(page.locator("#card h2")).to_have_text("Андрей Волков")
    company.tell(ended(call, company.clock()))
    await expect(card).to_have_count(0)


async def test_colleague_s_card_closes_when_somebody_else_answers(pages: Pages) -> None:
    page, company = await pages.open(user=KATE), pages.company
    call = company.tell(inbound(company.clock(), "101", "102"))
    await expect(page.locator(".ringbridge-card")).to_have_count(1)
    company.tell(answered(call, "101", company.clock()))
    await expect(page.locator(".ringbridge-card")).to_have_count(0)


async def test_unknown_caller_becomes_a_contact_by_one_click_and_only_one(pages: Pages) -> None:
    page, company = await pages.open(), pages.company
    company.tell(inbound(company.clock(), number=STRANGER))
    card = page.locator(".ringbridge-card")
    await expect(card.locator(".ringbridge-unknown")).to_have_text("Not among the contacts yet")
    await picture(page, "unknown", of=".ringbridge-card")
    before = set(company.account.entities.rows[Kind.CONTACTS])
    await card.get_by_role("button", name="Create a contact").click()
    await expect(page.locator("#card .js-control-phone")).to_have_text(f"+{STRANGER}")
    (made,) = set(company.account.entities.rows[Kind.CONTACTS]) - before
    assert company.account.entities.rows[Kind.CONTACTS][made].created_by == int(ANTON)
    await expect(card.get_by_role("button", name="Open the card")).to_be_visible()


async def test_withheld_number_asks_the_account_nothing(pages: Pages) -> None:
    page, company = await pages.open(), pages.company
    company.tell(inbound(company.clock(), number=None))
    await expect(page.locator(".ringbridge-name")).to_have_text("Number withheld")
    await expect(page.locator(".ringbridge-buttons button")).to_have_count(0)
    assert pages.asked == []


async def test_client_who_calls_again_costs_the_account_nothing(pages: Pages) -> None:
    furnish(pages)
    page, company = await pages.open(), pages.company
    first = company.tell(inbound(company.clock()))
    await expect(page.locator(".ringbridge-tasks")).to_be_visible()
    cost = len(pages.asked)
    assert cost <= 4
    company.tell(ended(first, company.clock()))
    await expect(page.locator(".ringbridge-card")).to_have_count(0)
    company.tell(inbound(company.clock()))
    await expect(page.locator(".ringbridge-tasks")).to_be_visible()
    assert len(pages.asked) == cost


async def test_click_on_a_number_rings_the_employee_s_phone_once(pages: Pages) -> None:
    page, company = await pages.open(f"&card={pages.contact()}"), pages.company
    await page.get_by_text(NUMBER).click()
    await expect(page.locator(".notification.message")).to_contain_text("Pick up your phone 101")
    await company.pbx.dialled.wait()  # what is accepted is dialled a moment later
    (action,) = company.pbx.asked
    headers = dict(action.headers)
    assert (headers["Channel"], headers["Exten"]) == ("PJSIP/101", CLIENT)


async def test_click_that_cannot_be_dialled_says_why(pages: Pages) -> None:
    page, company = await pages.open(f"&card={pages.contact()}"), pages.company
    await page.get_by_text(NUMBER).click()
    await expect(page.locator(".notification.message")).to_have_count(1)
    await page.get_by_text(NUMBER).click()
    await expect(page.locator(".notification.error")).to_contain_text("the same number was asked for a moment ago")
    await company.pbx.dialled.wait()
    assert len(company.pbx.asked) == 1


async def test_click_that_the_pbx_did_not_dial_says_why_once_on_one_page(pages: Pages) -> None:
    page, company = await pages.open(f"&card={pages.contact()}"), pages.company
    company.pbx.fails = ActionRefused("Originate", "<b>Extension</b> does not exist.")
    await page.get_by_text(NUMBER).click()
    notice = page.locator(".notification.error")
    await expect(notice).to_contain_text("The call was not made. The PBX did not dial: ")
    await expect(notice).to_contain_text("<b>Extension</b> does not exist.")
    await page.reload()
    await expect(page.get_by_text(NUMBER)).to_be_visible()
    company.tell(inbound(company.clock()))
    await expect(page.locator(".ringbridge-card")).to_be_visible()
    await expect(notice).to_have_count(0)


async def test_missed_call_is_told_once(pages: Pages) -> None:
    page, company = await pages.open(), pages.company
    other = await pages.open()
    call = company.tell(inbound(company.clock(), external_name="<b>Ivan</b>"))
    await expect(other.locator(".ringbridge-card")).to_be_visible()
    company.tell(ended(call, company.clock()))
    notice = other.locator(".notification.error")
    await expect(notice).to_contain_text("<b>Ivan</b>, +79125551122 by Volga")
    await other.reload()
    await expect(other.locator("body[data-ready]")).to_have_count(1)
    company.tell(inbound(company.clock()))
    await expect(other.locator(".ringbridge-card")).to_have_count(1)
    await expect(other.locator(".notification")).to_have_count(0)
    await expect(page.locator(".notification")).to_have_count(0)


async def test_two_windows_share_one_line_and_one_card_in_the_window_looked_at_last(pages: Pages) -> None:
    company = pages.company
    first, second = await pages.open(), await pages.open()
    await second.bring_to_front()
    company.tell(inbound(company.clock()))
    await expect(second.locator(".ringbridge-card")).to_have_count(1)
    await expect(first.locator(".ringbridge-card")).to_have_count(0)
    assert company.board.watchers(ANTON) == 1
    await second.close()
    await expect(first.locator(".ringbridge-card")).to_have_count(1)


async def test_window_that_held_the_line_is_closed_and_another_takes_over(pages: Pages) -> None:
    company = pages.company
    first, second = await pages.open(), await pages.open()
    await first.close()
    company.tell(inbound(company.clock()))
    await expect(second.locator(".ringbridge-card")).to_have_count(1)


async def test_card_that_was_closed_by_hand_stays_closed_in_every_window(pages: Pages) -> None:
    company = pages.company
    page = await pages.open()
    call = company.tell(inbound(company.clock()))
    await page.get_by_role("button", name="Close").click()
    await expect(page.locator(".ringbridge-card")).to_have_count(0)
    other = await pages.open()
    company.tell(answered(call, "101", company.clock()))
    company.tell(changed(inbound(company.clock(), number=STRANGER), id="2.2"))
    await expect(other.locator(".ringbridge-card")).to_have_count(1)
    await expect(other.locator(".ringbridge-card")).to_contain_text(STRANGER)


async def test_card_is_there_after_the_page_is_loaded_anew_in_the_middle_of_a_call(pages: Pages) -> None:
    company = pages.company
    company.tell(inbound(company.clock()))
    page = await pages.open(language="ru")
    await expect(page.locator(".ringbridge-state")).to_have_text("Входящий звонок")


async def test_widget_comes_back_by_itself_after_the_server_has_restarted(pages: Pages) -> None:
    page, company = await pages.open(), pages.company
    company.tell(inbound(company.clock()))
    await expect(page.locator(".ringbridge-card")).to_have_count(1)
    stopped = company.board
    started = CardBoard(lambda: company.portal.routing, company.clock)
    company.desks["main"] = replace(company.desk, board=started)
    stopped.close()
    started.tell(PBX, inbound(company.clock(), number=STRANGER))
    await expect(page.locator(".ringbridge-card")).to_contain_text(STRANGER)
    await expect(page.locator(".ringbridge-card")).to_have_count(1)
    started.close()


async def test_outgoing_call_has_a_card_from_the_first_moment(pages: Pages) -> None:
    page, company = await pages.open(), pages.company
    now = company.clock()
    call = changed(inbound(now), direction=Direction.OUTBOUND, caller="101", legs=(), did=None)
    company.tell(call)
    await expect(page.locator(".ringbridge-state")).to_have_text("Calling")
    await expect(page.locator(".ringbridge-name")).to_have_text("Андрей Волков")
    company.tell(answered(call, "101", now))
    await expect(page.locator(".ringbridge-state")).to_have_text("Outgoing, talking")
