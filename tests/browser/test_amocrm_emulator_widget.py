"""The emulated account's page that hosts a widget, in a browser: what a widget may lean on there."""

from __future__ import annotations

import json
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from tests.contract.amocrm_desk import ADMIN, ANTON

from ringbridge.emulators.amocrm import Account, Kind, Settings, Widget, deskwork, jwt, serve
from ringbridge.emulators.common.server import serve_app

pytestmark = pytest.mark.browser

MANIFEST = {
    "widget": {"name": "widget.name", "version": "1.2.3", "init_once": True, "locale": ["ru", "en"]},
    "locations": ["everywhere", "settings"],
    "settings": {
        "server": {"name": "settings.server", "type": "text", "required": True},
        "users": {"name": "settings.users", "type": "users", "required": False},
    },
}
WORDS = {"widget": {"name": "Sample"}, "settings": {"server": "Server", "users": "Extensions"}}
SCRIPT = """define(["jquery", "./js/part.js"], function ($, part) {
  return function () {
    const self = this;
    this.callbacks = {
      render() {
        self.render_template({ caption: { class_name: "sample" }, body: "<p id='said'></p>", render: "" });
        return true;
      },
      init() { window.inits = (window.inits || 0) + 1; return true; },
      bind_actions() {
        self.add_action("phone", (clicked) => {
          self.$authorizedAjax({ url: self.get_settings().server + "/click", method: "POST",
            data: { phone: clicked.value, id: clicked.element.id } })
            .done((answer) => $("#said").text(answer.said))
            .fail((xhr) => $("#said").text("refused " + xhr.status));
        });
        return true;
      },
      settings($modal) {
        $modal.find("[name=server]").after("<i class='hint'>" + self.i18n("settings.server") + "</i>");
        return true;
      },
      onSave(told) { window.saved = told; return told.fields.server !== "no"; },
      destroy() {},
    };
    window.part = part;
    return this;
  };
});
"""


@dataclass
class Backend:
    """A widget's own server on another origin."""

    address: str = ""
    heard: list[tuple[dict[str, Any], dict[str, Any]]] = field(default_factory=list)  # claims, form

    async def click(self, http: Request) -> Response:
        token = http.headers.get("x-auth-token", "")
        self.heard.append((jwt.claims_of(token), dict(await http.form())))
        return JSONResponse({"said": "ringing"})


@dataclass
class Company:
    account: Account
    backend: Backend
    complaints: list[str] = field(default_factory=list)

    async def visit(self, browser: Browser, query: str = "") -> Page:
        page = await browser.new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        await page.goto(f"{self.account.address}/_emulator/widget?user={ANTON}&lang=en{query}")
        await expect(page.locator("body[data-ready]")).to_be_attached()
        return page

    def card(self, kind: Kind = Kind.CONTACTS) -> str:
        return f"/{kind.value}/detail/{next(iter(self.account.entities.rows[kind]))}"


@asynccontextmanager
async def open_company(folder: Path, **settings: Any) -> AsyncIterator[Company]:
    account, backend = Account.demo(settings=Settings(**settings)), Backend()
    async with serve(account) as address:
        cors = Middleware(
            CORSMiddleware, allow_origins=[address], allow_headers=["X-Auth-Token"], allow_methods=["POST"]
        )
        app = Starlette(routes=[Route("/click", backend.click, methods=["POST"])], middleware=[cors])
        async with serve_app(lambda _: app) as there:
            backend.address = there
            account.access.integrations[0].redirect_uri = f"{there}/oauth"
            account.widget = Widget.load(folder)
            account.widget.active = True
            account.widget.values = {"server": there, "users": {str(ANTON): "101"}}
            company = Company(account, backend)
            yield company
            assert company.complaints == []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small widget."""
    for name, content in {
        "manifest.json": json.dumps(MANIFEST), "script.js": SCRIPT, "i18n/ru.json": json.dumps(WORDS),
        "i18n/en.json": json.dumps(WORDS), "js/part.js": "define([], () => 'a part');",
    }.items():  # fmt: skip
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    return tmp_path


async def test_a_click_on_a_number_reaches_the_widgets_server_with_a_one_time_token(
    folder: Path, chromium: Browser
) -> None:
    async with open_company(folder) as company:
        page = await company.visit(chromium, f"&card={company.card()}")
        await page.get_by_text("+7 912 555-11-22").click()
        await expect(page.locator(".sample #said")).to_have_text("ringing")
        ((claims, form),) = company.backend.heard
        assert form == {"phone": "+7 912 555-11-22", "id": company.card().rpartition("/")[2]}
        assert (claims["user_id"], claims["aud"], claims["is_admin"]) == (ANTON, company.backend.address, False)
        assert await page.evaluate("window.part") == "a part"


async def test_the_widget_is_initialised_once_however_many_cards_are_opened(folder: Path, chromium: Browser) -> None:
    async with open_company(folder) as company:
        page = await company.visit(chromium, f"&card={company.card()}")
        await page.locator("nav .js-navigate-link").nth(1).click()
        await expect(page.locator("#card h2")).to_have_text("Елена Морозова")
        await page.evaluate(f"APP.router.navigate('{company.card(Kind.COMPANIES)}')")
        await expect(page.locator("#card h2")).to_have_text("ООО «Ромашка»")
        await page.locator("#card").get_by_role("link", name="+7 812 309-00-11").click()
        await expect(page.locator("#said")).to_have_text("ringing")
        assert await page.evaluate("window.inits") == 1
        assert len(company.backend.heard) == 1


async def test_the_settings_window_keeps_what_the_widget_agrees_to(folder: Path, chromium: Browser) -> None:
    async with open_company(folder, widget_maps_as_text=True) as company:
        page = await company.visit(chromium, "&area=settings")
        await expect(page.locator(".hint")).to_have_text("Server")
        await expect(page.get_by_label("Антон Громов")).to_have_value("101")
        await page.locator("[name=server]").fill("")
        await page.get_by_role("button", name="Save").click()
        await expect(page.locator(".error [name=server]")).to_be_visible()
        await page.locator("[name=server]").fill("no")
        await page.get_by_role("button", name="Save").click()
        await expect(page.locator(".widget-settings")).to_be_visible()
        await page.locator("[name=server]").fill("https://pbx.example")
        await page.get_by_label("Ирина Павлова").fill("102")
        await page.get_by_role("button", name="Save").click()
        await expect(page.locator(".widget-settings")).to_have_count(0)
        assert (await page.evaluate("window.saved"))["active"] == "Y"
        assert company.account.widget is not None
        users = {str(ADMIN): "102", str(ANTON): "101"}
        assert company.account.widget.values == {"server": "https://pbx.example", "users": users}


async def test_the_page_of_the_account_may_ask_for_itself_as_its_user(folder: Path, chromium: Browser) -> None:
    async with open_company(folder) as company:
        page = await company.visit(chromium)
        found = await page.evaluate("$.getJSON('/api/v4/contacts', {query: '9125551122'})")
        assert found["_embedded"]["contacts"][0]["name"] == "Андрей Волков"
        made = await page.evaluate(
            """$.ajax({ url: "/api/v4/contacts", method: "POST", contentType: "application/json",
            data: JSON.stringify([{ name: "New" }]) })"""
        )
        number = made["_embedded"]["contacts"][0]["id"]
        assert company.account.entities.rows[Kind.CONTACTS][number].created_by == ANTON


async def test_notifications_and_pop_ups_are_seen_and_lead_to_their_cards(folder: Path, chromium: Browser) -> None:
    async with open_company(folder) as company:
        page = await company.visit(chromium)
        number = company.card().rpartition("/")[2]
        await page.evaluate(
            """(id) => AMOCRM.notifications.add_call({ from: "+7", to: "Anton", text: "<i>missed</i>",
            date: Date.now(), element: { id, type: "contact" } })""",
            number,
        )
        await expect(page.locator("#notifications i")).to_have_text("missed")
        token, _ = company.account.issue(deskwork.integration_of(company.account), ADMIN)
        ring = {"add": [{"type": "phone_call", "phone_number": "+79990001122", "users": [ANTON]}]}
        await page.request.post(
            f"{company.account.address}/api/v2/events", data=ring, headers={"Authorization": f"Bearer {token}"}
        )
        await page.locator("#rings a").click()
        await expect(page.locator("#card [name=PHONE]")).to_have_value("+79990001122")
        await page.locator("#notifications a").click()
        await expect(page.locator("#card h2")).to_have_text("Андрей Волков")


async def test_a_callback_that_does_not_say_true_is_complained_of(folder: Path, chromium: Browser) -> None:
    (folder / "script.js").write_text(
        SCRIPT.replace("init() { window.inits = (window.inits || 0) + 1; return true; }", "init() {}")
    )
    async with open_company(folder) as company:
        page = await company.visit(chromium)
        await expect(page.locator("#complaints")).to_have_text("callback init returned undefined, not true")


async def test_templates_and_modals_of_the_platform_work(folder: Path, chromium: Browser) -> None:
    async with open_company(folder) as company:
        page = await company.visit(chromium)
        source = "{% for one in all %}{{ one.name }}{% if not one.last %}, {% endif %}{% endfor %}"
        all_names = {"all": [{"name": "<a>"}, {"name": "b", "last": True}]}
        render = "([source, names]) => HOST.widget.render({ data: source }, names)"
        shown = await page.evaluate(render, [source, all_names])
        assert shown == "&#60;a&#62;, b"
        button = await page.evaluate(
            "HOST.widget.render({ ref: '/tmpl/controls/button.twig' }, { text: 'Go', class_name: 'x' })"
        )
        assert "button-input x" in button
        await page.evaluate(
            """require(["lib/components/base/modal"], (Modal) => new Modal({
            init: ($body) => $body.html('<b>Hi</b><a class="modal-body__close">x</a>') }))"""
        )
        await page.locator(".modal-body__close").click()
        await expect(page.locator(".modal")).to_have_count(0)


def test_a_widget_is_read_from_a_zip_too(folder: Path, tmp_path: Path) -> None:
    archive = tmp_path / "widget.zip"
    with zipfile.ZipFile(archive, "w") as made:
        for name in ("manifest.json", "script.js", "i18n/ru.json", "i18n/en.json"):
            made.write(folder / name, name)
    assert Widget.load(archive).version == "1.2.3"
