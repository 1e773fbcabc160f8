"""The emulated portal's pages in a browser: what changes while one looks, what a mouse and a key can do."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
from playwright.async_api import Browser, Locator, Page, expect
from tests.contract.bitrix24_desk import Listener, listener
from tests.ports import free_port

from ringbridge.emulators.bitrix24 import Portal, Settings, serve
from ringbridge.emulators.bitrix24.bus import Handler
from ringbridge.emulators.bitrix24.settings import Language

pytestmark = pytest.mark.browser

DESK = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
CONTACT, STRANGER = "+7 912 555-11-22", "+7 999 000-11-22"
CLICK = "ONEXTERNALCALLSTART"
PAGES = ("/", "/crm/", "/crm/contact/details/1/", "/tasks/", "/telephony/", "/bad-day/")


@dataclass
class Company:
    """A portal on a port, an application that connected to it, and everything a browser complained of."""

    portal: Portal
    rest: httpx2.AsyncClient
    complaints: list[str] = field(default_factory=list)

    async def visit(self, browser: Browser, path: str, **settings: Any) -> Page:
        page = await browser.new_page(**({"viewport": DESK, "locale": "en-GB"} | settings))
        page.on("console", lambda message: self.complaints.append(f"{path}: {message.text}"))
        page.on("pageerror", lambda error: self.complaints.append(f"{path}: {error}"))
        page.on("request", lambda request: self.note_foreign(request.url))
        await page.goto(self.portal.address + path)
        return page

    def note_foreign(self, url: str) -> None:
        if not url.startswith((self.portal.address, "data:")):
            self.complaints.append(f"asked {url}")

    async def call(self, method: str, /, **params: Any) -> Any:
        answer = await self.rest.post(method, json=params)
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]

    async def ring(self, number: str = STRANGER, user: int = 2, **more: Any) -> str:
        call = {"USER_ID": user, "PHONE_NUMBER": number, "TYPE": 2, "LINE_NUMBER": "100", **more}
        call_id: str = (await self.call("telephony.externalCall.register", **call))["CALL_ID"]
        return call_id

    async def end(self, call_id: str, duration: int = 73, user: int = 2) -> None:
        await self.call("telephony.externalCall.finish", CALL_ID=call_id, USER_ID=user, DURATION=duration)

    async def record(self, call_id: str) -> None:
        sound = {"CALL_ID": call_id, "FILENAME": "a.wav", "FILE_CONTENT": "UklGRg=="}
        await self.call("telephony.externalCall.attachRecord", **sound)

    def listen(self, application: Listener) -> Handler:
        return self.portal.bus.bind(CLICK, application_id=1, url=f"{application.address}/event")


@pytest.fixture
async def company() -> AsyncIterator[Company]:
    portal = Portal.demo(settings=Settings(language=Language.EN, rate_limit=False))
    async with serve(portal), httpx2.AsyncClient(base_url=portal.webhook_url, trust_env=False) as rest:
        yield Company(portal, rest)


@pytest.fixture
async def application() -> AsyncIterator[Listener]:
    async with listener() as heard:
        yield heard


def screen(page: Page, name: str) -> Locator:
    return page.locator(".screen", has=page.get_by_role("heading", name=name))


def number(page: Page, written: str) -> Locator:
    return page.get_by_role("button", name=f"Call {written}").first


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize(("language", "scheme"), [("ru", "light"), ("en", "dark")])
async def test_every_page_fits_the_screen_and_the_console_stays_empty(
    chromium: Browser, company: Company, viewport: dict[str, int], language: str, scheme: str
) -> None:
    await company.end(await company.ring(CONTACT), duration=0)
    await company.ring(CONTACT)
    task = {"TITLE": "Call back", "RESPONSIBLE_ID": 2, "UF_CRM_TASK": ["C_1"]}
    await company.call("tasks.task.add", fields=task)
    settings: dict[str, Any] = {"viewport": viewport, "color_scheme": scheme}
    for path in PAGES:
        page = await company.visit(chromium, f"{path}?as=2&lang={language}", **settings)
        await expect(page.locator("html")).to_have_attribute("lang", language)
        assert await page.evaluate("document.documentElement.scrollWidth") <= viewport["width"], path
        await page.close()
    assert company.complaints == []


async def test_card_opens_and_closes_while_one_looks_and_leaves_a_call_that_leads_to_the_client(
    chromium: Browser, company: Company
) -> None:
    page = await company.visit(chromium, "/", viewport=PHONE)
    await expect(page.locator(".screen")).to_have_count(6)
    call = await company.ring(CRM_CREATE=1)
    await company.call("telephony.externalCall.show", CALL_ID=call, USER_ID=[3])
    card = screen(page, "Anna Smirnova").locator(".card")
    await expect(card).to_contain_text(f"{STRANGER} - Incoming call")
    await expect(card).to_contain_text("incoming · Line 100")
    await expect(card).to_contain_text("also on the screens of Олег Сидоров")
    await company.call("telephony.externalCall.hide", CALL_ID=call, USER_ID=[3])
    await company.end(call)
    await company.record(call)
    await expect(page.locator(".card")).to_have_count(0)
    row = page.locator("#calls tr")
    await expect(row).to_contain_text("1:13")
    await expect(row.locator("audio")).to_be_visible()
    await row.get_by_role("link").click()
    await expect(page.locator(".timeline .call_in")).to_contain_text("1:13")
    await expect(page.locator(".timeline audio")).to_be_visible()
    assert company.complaints == []


async def test_clicked_number_is_told_with_its_line_and_the_card_of_the_outgoing_call_appears(
    chromium: Browser, company: Company, application: Listener
) -> None:
    company.listen(application)
    access, _ = company.portal.access.issue(company.portal.access.applications[0], 1, company.portal.clock())
    await company.call("telephony.externalLine.add", NUMBER="100", NAME="Old office")  # of the webhook: not offered
    await company.rest.post(
        f"{company.portal.address}/rest/telephony.externalLine.add",
        json={"auth": access, "NUMBER": "200", "NAME": "Advertising"},
    )
    page = await company.visit(chromium, "/crm/contact/details/1/")
    await page.get_by_label("I am").select_option(label="Олег Сидоров 103")
    await page.get_by_role("button", name="Choose").click()
    assert await page.get_by_label("Call by line").locator("option").all_inner_texts() == [
        "the default one",
        "Advertising",
    ]
    await page.get_by_label("Call by line").select_option(label="Advertising")
    await number(page, CONTACT).click()
    card = page.locator("#dock .card")
    await expect(card).to_contain_text("Андрей Волков")
    await expect(card).to_contain_text("outgoing · Line Advertising")
    await expect(page.locator("#said")).to_have_text("The portal has told the application to dial.")
    await expect(page.get_by_label("Call by line")).to_have_value("200")
    await card.get_by_role("link", name="Open client").click()
    await expect(page.get_by_role("heading", name="Андрей Волков").first).to_be_visible()
    await expect(page.get_by_label("I am")).to_have_value("3")
    (call,) = company.portal.telephony.active.values()
    assert (call.user_id, call.line and call.line.number) == (3, "200")
    await page.get_by_role("link", name="Telephony").click()
    await expect(page.locator("#deliveries tr")).to_contain_text([CLICK])
    assert f"data%5BCALL_ID%5D={call.call_id}" in application.heard[0][1].decode()
    assert company.complaints == []


async def test_keyboard_alone_calls_a_client(chromium: Browser, company: Company, application: Listener) -> None:
    company.listen(application)
    page = await company.visit(chromium, "/crm/contact/details/1/?as=2")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the content")).to_be_in_viewport()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await expect(number(page, CONTACT)).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("#dock .card")).to_contain_text("outgoing")
    assert company.complaints == []


async def test_missed_client_is_called_back_from_the_counter(
    chromium: Browser, company: Company, application: Listener
) -> None:
    company.listen(application)
    await company.end(await company.ring(CONTACT), duration=0)
    page = await company.visit(chromium, "/?as=2")
    await expect(page.locator("#my-missed")).to_have_text("to call back 1")
    await screen(page, "Anna Smirnova").locator(".missed").get_by_role("button").click()
    await expect(screen(page, "Anna Smirnova").locator(".card")).to_contain_text("outgoing")
    (call,) = company.portal.telephony.active
    await company.end(call)
    await expect(page.locator("#my-missed")).to_have_text("to call back 0")
    await expect(page.locator(".missed")).to_have_count(0)
    assert company.complaints == []


async def test_what_plays_and_what_is_typed_outlives_the_changes_around_it(chromium: Browser, company: Company) -> None:
    call = await company.ring()
    await company.end(call)
    await company.record(call)
    page = await company.visit(chromium, "/")
    await page.evaluate("document.querySelector('audio').mine = true")
    field = page.get_by_label("Message")
    await field.fill("about win")
    await company.end(await company.ring(CONTACT), duration=5)
    await expect(page.locator("#calls tr")).to_have_count(2)
    await field.press_sequentially("dows")
    await expect(field).to_have_value("about windows")
    await expect(field).to_be_focused()
    assert await page.evaluate("document.querySelector('#calls tr:last-child audio').mine")


async def test_portal_is_broken_and_mended_by_buttons(chromium: Browser, company: Company) -> None:
    page = await company.visit(chromium, "/bad-day/", viewport=PHONE)
    row = page.locator("#unavailable")
    await expect(row.get_by_role("button", name="Mend", exact=True)).to_be_disabled()
    await row.get_by_role("button", name="Until mended").click()
    await expect(row).to_contain_text("broken")
    assert (await company.rest.post("profile")).status_code == 503
    await expect(page.locator(".alarm", has_text="503")).to_be_visible()
    await row.get_by_role("button", name="Mend", exact=True).click()
    await expect(row).to_contain_text("well")
    assert (await company.rest.post("profile")).status_code == 200
    await expect(page.locator("#commands")).to_contain_text("profile")
    assert company.complaints == []


async def test_lost_answer_is_one_whose_work_was_done(chromium: Browser, company: Company) -> None:
    page = await company.visit(chromium, "/bad-day/")
    await page.locator("#lose_answer").get_by_role("button", name="The next 5").click()
    await expect(page.locator("#lose_answer")).to_contain_text("requests more: 5")
    with pytest.raises(httpx2.RemoteProtocolError):
        await company.call("crm.lead.add", fields={"TITLE": "Once"})
    await page.goto(f"{company.portal.address}/crm/")
    await expect(page.locator("#lead li")).to_have_count(1)
    assert company.complaints == []


async def test_without_javascript_a_number_is_called_and_it_is_said(
    chromium: Browser, company: Company, application: Listener
) -> None:
    company.listen(application)
    page = await company.visit(chromium, "/crm/?as=2", java_script_enabled=False)
    await number(page, CONTACT).click()
    await expect(page.get_by_text("The portal has told the application to dial.")).to_be_visible()
    await expect(page.locator("#dock .card")).to_contain_text("outgoing")
    await expect(page).to_have_url(re.compile(r"/crm/\?as=2&said=clicked$"))


async def test_callback_is_ordered_on_the_website(chromium: Browser, company: Company, application: Listener) -> None:
    company.portal.bus.bind("ONEXTERNALCALLBACKSTART", application_id=1, url=f"{application.address}/event")
    page = await company.visit(chromium, "/", viewport=PHONE)
    form = page.locator("form", has=page.get_by_role("button", name="Call me back"))
    await form.get_by_label("Number").fill(STRANGER)
    await form.get_by_label("Message").fill("about windows")
    await form.get_by_role("button").click()
    await expect(page.locator("#said")).to_have_text("The callback is ordered.")
    await expect(form.get_by_label("Number")).to_have_value("")
    await page.get_by_role("link", name="Telephony").click()
    await expect(page.locator("#deliveries tr")).to_contain_text(["ONEXTERNALCALLBACKSTART"])
    assert company.complaints == []


async def test_application_is_removed_and_installed_again(
    chromium: Browser, company: Company, application: Listener
) -> None:
    company.listen(application)
    page = await company.visit(chromium, "/telephony/")
    box = page.locator("#application-1")
    await expect(box).to_contain_text(CLICK)
    await box.get_by_role("button", name="Uninstall").click()
    await expect(box).to_contain_text("not installed")
    await expect(box).not_to_contain_text(CLICK)
    await box.get_by_label("Installation address").fill(f"{application.address}/install")
    await box.get_by_role("button", name="Install", exact=True).click()
    await expect(page.locator("#deliveries")).to_contain_text("ONAPPINSTALL")
    await expect(box).not_to_contain_text("not installed")
    assert company.complaints == []


async def test_page_of_a_client_who_was_deleted_says_so(chromium: Browser, company: Company) -> None:
    page = await company.visit(chromium, "/crm/contact/details/1/")
    await expect(number(page, CONTACT)).to_be_visible()
    await company.call("crm.contact.delete", id=1)
    await expect(page.get_by_role("heading", name="404")).to_be_visible()


async def test_portal_that_is_gone_is_said_and_comes_back_by_itself(chromium: Browser) -> None:
    portal, port = Portal.demo(), free_port()
    async with serve(portal, port=port):
        page = await Company(portal, httpx2.AsyncClient(trust_env=False)).visit(chromium, "/?lang=en")
        await expect(page.locator("#lost")).to_be_hidden()
    await expect(page.get_by_text("The portal does not answer.")).to_be_visible()
    async with serve(portal, port=port):
        await expect(page.locator("#lost")).to_be_hidden()
