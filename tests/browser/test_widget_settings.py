"""The widget's settings in a real browser: the check says in words what is wrong, and the table is the server's own."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from tests.browser.widget_pages import Pages, open_pages, picture
from tests.unit.web.amocrm_company import ADMIN, ANTON, SERGEY, inbound

from ringbridge.crm.amocrm import Application, LongLived
from ringbridge.emulators.common.server import serve_app
from ringbridge.service.settings import load_office

pytestmark = pytest.mark.browser


@pytest.fixture
async def pages(tmp_path: Path, chromium: Browser) -> AsyncIterator[Pages]:
    async with open_pages(tmp_path, chromium) as opened:
        yield opened


async def settings(pages: Pages, address: str = "", **who: str) -> Page:
    """The settings window; with an address, after a check of that one."""
    page = await pages.visit("&area=settings", user=ADMIN, **who)
    if address:
        await page.locator("[name=server_url]").fill(address)
        await page.locator(".ringbridge-settings .ringbridge-button").first.click()
    return page


async def complaint(pages: Pages, address: str = "") -> str:
    page = await settings(pages, address)
    wrong = page.locator(".ringbridge-steps [data-state=bad] .ringbridge-error")
    await expect(wrong).to_be_visible()
    return await wrong.inner_text()


async def test_good_connection_passes_every_step_and_says_whose_phone_is_whose(pages: Pages) -> None:
    page = await settings(pages)
    await expect(page.locator(".ringbridge-steps [data-state=good]")).to_have_count(5)
    await expect(page.locator(".ringbridge-steps [data-state=note]")).to_contain_text("No phone is named for you")
    await expect(page.locator(".ringbridge-table tbody tr")).to_have_count(5)
    await picture(page, "settings")


async def test_table_is_saved_in_the_office_s_configuration_and_cards_follow_it_at_once(pages: Pages) -> None:
    company = pages.company
    page = await settings(pages)
    await page.get_by_role("button", name="Use 103").click()
    await page.get_by_label("Антон Громов").fill("101, 121")
    await page.get_by_role("button", name="Save the table").click()
    await expect(page.locator(".ringbridge-said")).to_have_text("Saved.")
    office = await load_office(company.database, company.vault)
    assert office
    assert {one.name: one.extensions for one in office.employee} == {
        "Антон Громов": ("101", "121"), "Kate Miller": ("102",), "Зимин Сергей": ("103",), "Guard": ("110",),
    }  # fmt: skip
    assert next(one for one in office.employee if one.name == "Зимин Сергей").users == {"main": SERGEY}
    card_page = await pages.open(user=SERGEY)
    company.tell(inbound(company.clock(), "103"))
    await expect(card_page.locator(".ringbridge-card")).to_have_count(1)


async def test_extension_of_two_employees_is_refused_in_words_and_nothing_is_saved(pages: Pages) -> None:
    page = await settings(pages)
    await page.get_by_label("Kate Miller").fill("110")
    await page.get_by_role("button", name="Save the table").click()
    await expect(page.locator(".ringbridge-said")).to_have_text("Extension 110 stands with two employees.")
    office = await load_office(pages.company.database, pages.company.vault)
    assert office
    assert {phone for one in office.employee for phone in one.extensions} == {"101", "102", "103", "110"}


async def test_employee_who_is_no_administrator_sees_the_check_and_no_table(pages: Pages) -> None:
    page = await pages.visit("&area=settings", user=ANTON)
    await expect(page.locator(".ringbridge-steps [data-state=note]")).to_have_text("Your phone: 101")
    await expect(page.locator(".ringbridge-table")).to_be_empty()


async def test_own_page_of_the_settings_has_the_same(pages: Pages) -> None:
    page = await pages.visit("&area=advanced_settings", user=ADMIN, language="ru")
    await expect(page.locator(".work-area .ringbridge-table tbody tr")).to_have_count(5)
    await expect(page.locator(".ringbridge-steps")).to_contain_text("Сервер узнаёт сотрудников")


async def test_widget_works_from_the_moment_its_settings_are_saved(pages: Pages) -> None:
    company = pages.company
    assert company.account.widget
    company.account.widget.values, company.account.widget.active = {}, False
    page = await settings(pages, company.address)
    await page.get_by_label("Ирина Павлова").fill("130")
    await page.get_by_role("button", name="Save the table").click()
    await expect(page.locator(".ringbridge-said")).to_have_text("Saved.")
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.locator(".widget-settings")).to_have_count(0)
    company.tell(inbound(company.clock(), "130"))
    await expect(page.locator(".ringbridge-card")).to_have_count(1)
    await page.locator("#switch-off").click()
    await expect(page.locator(".ringbridge-card")).to_have_count(0)


async def test_token_taken_from_the_page_opens_nothing_a_second_time_nor_when_it_was_changed(pages: Pages) -> None:
    page = await pages.visit(user=ANTON)
    tried = await page.evaluate(TRIED, [f"{pages.company.address}/dial", ANTON])
    assert tried == [202, "token_replayed", "token_signature"]
    await pages.company.pbx.dialled.wait()
    assert len(pages.company.pbx.asked) == 1


TRIED = """async ([address, user]) => {
  const { token } = await (await fetch(`/_emulator/widget/token?user=${user}`)).json();
  const dial = (shown, click) => fetch(address, { method: "POST", headers: { "X-Auth-Token": shown },
    body: JSON.stringify({ number: "+79125551122", click }) });
  const [head, claims, signature] = token.split(".");
  const other = btoa(atob(claims.replace(/-/g, "+").replace(/_/g, "/")).replace('"is_admin":false', '"is_admin":true'));
  const forged = [head, other.replace(/=+$/, "").replace(/\\+/g, "-").replace(/\\//g, "_"), signature].join(".");
  const first = await dial(token, "aaaaaaaa");
  const [again, changed] = await Promise.all([dial(token, "bbbbbbbb"), dial(forged, "cccccccc")]);
  return [first.status, (await again.json()).error, (await changed.json()).error];
}"""


# What the check says


async def test_incomplete_address_is_told(pages: Pages) -> None:
    assert "must look like https://calls.example.com/amocrm/main" in await complaint(pages, pages.company.server)


async def test_address_where_nothing_answers_is_told_with_a_link_to_look_at(pages: Pages) -> None:
    page = await settings(pages, "https://127.0.0.1:9/amocrm/main")
    await expect(page.locator("[data-step=reach]")).to_contain_text("Nothing answers at this address")
    await expect(page.locator("[data-step=reach] a")).to_have_attribute("href", "https://127.0.0.1:9/amocrm/main/hello")


async def test_server_without_the_account_is_told(pages: Pages) -> None:
    told = await complaint(pages, f"{pages.company.server}/amocrm/other")
    assert told == "The server has no account of the name at the end of the address."


async def test_server_that_does_not_know_this_account_s_pages_is_told(pages: Pages) -> None:
    company = pages.company
    company.desks["other"] = replace(company.desk, crm=Elsewhere())
    assert "does not let this account's pages ask it" in await complaint(pages, f"{company.server}/amocrm/other")


class Elsewhere:
    """An adapter of another account."""

    connection = None

    @property
    def credentials(self) -> LongLived:
        return LongLived(address="https://elsewhere.amocrm.ru", token="t")


async def test_other_program_at_the_address_is_told(pages: Pages) -> None:
    async def hello(request: Request) -> Response:
        return HTMLResponse("<h1>It works!</h1>", headers={"Access-Control-Allow-Origin": "*"})

    app = Starlette(routes=[Route("/amocrm/main/hello", hello)])
    async with serve_app(lambda _: app) as there:
        told = await complaint(pages, f"{there}/amocrm/main")
    assert told == "Another program answers at this address, not Ringbridge."


async def test_proxy_that_keeps_the_token_s_question_to_itself_is_told(pages: Pages) -> None:
    async def hello(request: Request) -> Response:
        said = {"name": "ringbridge", "connected": True, "version": "1", "time": pages.company.clock().timestamp()}
        return JSONResponse(said, headers={"Access-Control-Allow-Origin": "*"})

    app = Starlette(routes=[Route("/amocrm/main/hello", hello)])
    async with serve_app(lambda _: app) as there:
        told = await complaint(pages, f"{there}/amocrm/main")
    assert "must pass on OPTIONS requests and the header X-Auth-Token" in told


async def test_wrong_secret_on_the_server_is_told(pages: Pages) -> None:
    company = pages.company
    wrong = Application(
        client_id=company.integration.client_id, client_secret="old", redirect_uri=company.integration.redirect_uri
    )
    company.desks["main"] = replace(company.desk, application=wrong)
    assert "The secret entered on the server is not this integration's" in await complaint(pages)


async def test_clocks_that_differ_are_told_and_the_rest_goes_on(pages: Pages) -> None:
    pages.company.clock.forward(minutes=5)
    page = await settings(pages)
    await expect(page.locator("[data-step=permission]")).to_contain_text(re.compile(r"differ by (29\d|30\d) s"))
    await expect(page.locator(".ringbridge-steps [data-state=good]")).to_have_count(5)


async def test_account_that_is_not_connected_is_told(tmp_path: Path, chromium: Browser) -> None:
    async with open_pages(tmp_path, chromium, connected=False) as pages:
        assert "The account is not connected to the server yet" in await complaint(pages)


async def test_proxy_without_websockets_is_told(tmp_path: Path, chromium: Browser) -> None:
    async with open_pages(tmp_path, chromium) as pages:
        context = await pages.context(ADMIN, "en")
        await context.route_web_socket("**/socket", lambda socket: socket.close())
        told = await complaint(pages)
    assert "a proxy before it must pass on upgrades" in told
