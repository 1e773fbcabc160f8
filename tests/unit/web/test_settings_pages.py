"""Every part of the office is changed on the page, judged as a whole, kept with who did it, and put back."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field, replace
from html import unescape
from pathlib import Path
from typing import Any, get_args, get_origin

import httpx2
import pytest
from pydantic import BaseModel, SecretStr
from tests.unit.web.office_page import client, read, services

from ringbridge.crm.contract import CrmUser
from ringbridge.routing.intents import PortalId, UserId
from ringbridge.service.config import Office, document_of, office_of
from ringbridge.service.editing import OfficeEditor
from ringbridge.service.settings import load_office, save_office
from ringbridge.service.settings_desk import SettingsDesk
from ringbridge.store import directory, portals
from ringbridge.store.database import Database
from ringbridge.store.vault import Vault
from ringbridge.web.app import create_app
from ringbridge.web.language import translations
from ringbridge.web.rule_words import FIELDS
from ringbridge.web.settings import form as forms
from ringbridge.web.settings.fields import Field, fields_of
from ringbridge.web.settings.sections import SECTIONS

WHOLE: dict[str, Any] = {
    "region": "KZ",
    "pbx": [{"name": "office", "host": "10.0.0.5", "username": "ringbridge", "secret": "s3cret", "port": 5039}],
    "trunk": [
        {
            "name": "mango",
            "lead": {"pipeline": "1", "tags": ["new"]},
            "numbers": ["73432723033"],
            "dial_variables": {"OUT": "1"},
            "hours": {"days": ["mon"]},
        },
        {"name": "mtt", "hours": {}, "new_clients": {"extensions": ["101", "102"], "order": "random"}},
    ],
    "number": [{"number": "+7 495 000-11-22", "title": "Radio", "trunk": "mtt", "lead": {"source": "RADIO"}}],
    "portal": [
        {"name": "acme", "default_user": "1", "webhook": "https://acme.example/rest/1/abcdefghijklmnop/"},
        {
            "name": "other",
            "kind": "amocrm",
            "default_user": "2",
            "amocrm": {"address": "https://a.amocrm.ru", "token": "t"},
        },
    ],
    "employee": [{"name": "Анна", "extensions": ["101"], "users": {"acme": "7"}, "absent_from": "2026-12-01"}],
    "hours": {"opens": "08:30:00", "holidays": ["2027-01-01"]},
    "dialing": {"callback_retries": [60, 300], "callback_countries": [], "working_hours_only": True},
    "distribution": {"enabled": True, "vip": [{"numbers": ["8123456XXXX"], "extensions": ["101"]}], "agi": False},
    "hooks": {"settings": {"list": [1, 2]}, "secrets": {"key": "0paque"}},
    "api_token": [{"name": "site", "secret": "a" * 24, "may": ["callback"], "origins": ["https://www.example.com"]}],
}


@dataclass(slots=True)
class Settings:
    browser: httpx2.AsyncClient
    database: Database
    vault: Vault
    looks: list[None] = field(default_factory=list)

    async def office(self) -> Office:
        return await load_office(self.database, self.vault) or Office()

    async def open(self, place: str) -> dict[str, str]:
        """What stands in the inputs of a page, as a browser would send them."""
        answer = await self.browser.get(f"/config/settings/{place}")
        assert answer.status_code == 200, place
        return dict(sent(answer.text))

    async def send(self, place: str, given: dict[str, str], act: str = "save") -> httpx2.Response:
        return await self.browser.post(f"/config/settings/{place}", data=given | {"act": act})


def sent(html: str) -> Iterable[tuple[str, str]]:
    for tag, attributes in read(html).tags:
        name, value = attributes.get("name") or "", attributes.get("value") or ""
        off = attributes.get("type") == "checkbox" and "checked" not in attributes
        if tag == "input" and name and not off:
            yield name, value
    for name, inside in re.findall(r'<select[^>]* name="([^"]+)".*?>(.*?)</select>', html, re.DOTALL):
        chosen = re.search(r'value="([^"]*)"[^>]* selected', inside)
        yield name, chosen[1] if chosen else ""
    for name, inside in re.findall(r'<textarea[^>]* name="([^"]+)".*?>(.*?)</textarea>', html, re.DOTALL):
        yield name, inside.replace("&#34;", '"')


@pytest.fixture
async def page(database: Database, tmp_path: Path) -> AsyncIterator[Settings]:
    vault = Vault.open(tmp_path / "key")

    async def changed(office: Office) -> None:
        pass

    looks: list[None] = []
    desk = SettingsDesk(OfficeEditor(database, vault, changed), vault, lambda: looks.append(None))
    async with client(create_app(replace(services(database), settings=desk))) as browser:
        yield Settings(browser, database, vault, looks)


def every_field(fields: Iterable[Field]) -> Iterable[Field]:
    for each in fields:
        yield each
        yield from every_field(each.fields)


def settings_in(model: type[BaseModel], prefix: str = "") -> Iterable[str]:
    """The name of every setting's input: in a list of parts, of the first one."""
    for name, info in model.model_fields.items():
        place = f"{prefix}{info.alias or name}"
        inner = next(models_in(info.annotation), None)
        if inner is None or issubclass(inner, SecretStr):
            yield place
        else:
            yield from settings_in(inner, f"{place}.0." if get_origin(info.annotation) is tuple else f"{place}.")


def models_in(annotation: Any) -> Iterable[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inside in get_args(annotation):
        yield from models_in(inside)


async def test_every_setting_of_the_office_has_an_input_with_its_help_line_and_its_default(page: Settings) -> None:
    """Walks the configuration's model: a new setting that finds no place on the pages fails here."""
    inputs: set[str] = set()
    for key, section in SECTIONS.items():
        html = (await page.browser.get(f"/config/settings/{key}{'/new' if section.columns else ''}")).text
        inputs |= {f"{'' if key == 'general' else key + '.'}{name}" for name, _ in sent(html)}
        for each in section.fields:
            assert each.help in unescape(html), each.name
            assert not each.default or each.default in unescape(html), each.name
    inputs |= {f"rule.{name}" for name in FIELDS}
    every = {name.replace(f"{part}.0.", f"{part}.", 1) for name in settings_in(Office) for part in [name.split(".")[0]]}
    assert every - inputs == set()


@pytest.mark.parametrize("section", SECTIONS)
def test_every_setting_has_a_help_line_in_russian(section: str) -> None:
    say = translations("ru").gettext
    untold = [each.name for each in every_field(SECTIONS[section].fields) if say(each.help) == each.help]
    assert untold == []


@pytest.mark.parametrize("section", SECTIONS)
async def test_page_that_is_saved_as_it_stands_changes_nothing(page: Settings, section: str) -> None:
    before = office_of(WHOLE)
    await save_office(page.database, page.vault, before, by="the test")
    rows = [f"{section}/{n}" for n in range(len(getattr(before, section)))] if SECTIONS[section].columns else [section]
    for place in rows:
        answer = await page.send(place, await page.open(place))
        assert answer.status_code == 303, answer.text
    assert await page.office() == before


async def test_secrets_go_one_way(page: Settings) -> None:
    await save_office(page.database, page.vault, office_of(WHOLE), by="the test")
    for place in ("pbx/0", "portal/0", "portal/1", "hooks", "api_token/0"):
        shown = (await page.browser.get(f"/config/settings/{place}")).text
        assert not [each for each in ("s3cret", "abcdefghijklmnop", "0paque", "a" * 24) if each in shown]
    await page.send("pbx/0", await page.open("pbx/0") | {"secret": "another"})
    assert (await page.office()).pbx[0].secret.get_secret_value() == "another"
    history = (await page.browser.get("/config/history")).text
    assert "pbx[1].secret" in history
    assert "another" not in history


async def test_first_setting_of_an_empty_installation_is_kept(page: Settings) -> None:
    given = await page.open("pbx/new") | {"name": "office", "username": "ringbridge", "secret": "s"}
    assert (await page.send("pbx/new", given)).headers["location"] == "/config/settings/pbx"
    assert [pbx.name for pbx in (await page.office()).pbx] == ["office"]
    assert page.looks


async def test_mistakes_are_told_beside_their_inputs_and_nothing_is_lost(page: Settings) -> None:
    given = await page.open("pbx/new") | {"name": "Office!", "port": "many", "host": "10.0.0.5"}
    answer = await page.send("pbx/new", given)
    assert answer.status_code == 422
    assert "write a whole number" in beside(answer.text, "port")
    assert "is no name" in beside(answer.text, "name")
    assert dict(sent(answer.text))["host"] == "10.0.0.5"
    assert await load_office(page.database, page.vault) is None


async def test_nothing_that_was_typed_is_lost_where_it_is_refused(page: Settings) -> None:
    typed = {
        "name": "Acme!",  # the mistake
        "webhook": "https://acme.example/rest/1/abcdefghijklmnop/",
        "default_user": "1",
        "request_limit": "soon",
        "oauth.client_id": "local.1",
        "oauth.client_secret": "s3cret",
    }
    given = await page.open("portal/new") | typed
    assert "oauth!on" not in given
    answer = await page.send("portal/new", given)
    assert answer.status_code == 422
    shown = dict(sent(answer.text))
    assert {name: shown[name] for name in typed} == typed
    assert shown["oauth!on"], "what is filled in is meant"
    other = {"settings": '{"list": [1,}', "secrets": "key = 0paque", "deadline": "-1"}
    shown = dict(sent((await page.send("hooks", await page.open("hooks") | other)).text))
    assert {name: shown[name] for name in other} == other


async def test_what_was_typed_while_somebody_else_saved_stays_in_the_inputs(page: Settings) -> None:
    await save_office(page.database, page.vault, office_of(WHOLE), by="the test")
    mine, theirs = await page.open("distribution"), await page.open("distribution")
    await page.send("distribution", theirs | {"ring_seconds": "30"})
    answer = await page.send("distribution", mine | {"ring_seconds": "40", "vip.0.numbers": "8123456XXXX, 112"})
    assert answer.status_code == 409
    shown = dict(sent(answer.text))
    assert (shown["ring_seconds"], shown["vip.0.numbers"]) == ("40", "8123456XXXX, 112")


async def test_ids_of_the_crm_are_suggested_with_their_names(page: Settings) -> None:
    await save_office(page.database, page.vault, office_of(WHOLE), by="the test")
    async with page.database.transaction() as tx:
        await portals.learn(tx, PortalId("acme"), {"choices": {"sources": {"ADVERTISING": "Реклама"}}})
        await directory.replace(tx, PortalId("acme"), [CrmUser(id=UserId("7"), name="Анна Смирнова", active=True)])
    for place in ("trunk/0", "number/0"):
        html = (await page.browser.get(f"/config/settings/{place}")).text
        assert re.search(r'name="lead.source"[^>]* list="sources"', html)
        assert '<option value="ADVERTISING" translate="no">Реклама</option>' in html
    for place, name, option in (
        ("portal/0", "default_user", '<option value="7" translate="no">Анна Смирнова</option>'),
        ("employee/0", "deputy", '<option value="101" translate="no">Анна</option>'),
        ("number/0", "trunk", '<option value="mango" translate="no"></option>'),
    ):
        html = (await page.browser.get(f"/config/settings/{place}")).text
        assert re.search(rf'name="{name}"[^>]* list="\w+"', html), place
        assert option in html


async def test_what_does_not_fit_the_rest_of_the_office_is_told_on_top(page: Settings) -> None:
    given = await page.open("employee/new") | {"name": "Анна", "extensions": "101", "deputy": "999"}
    answer = await page.send("employee/new", given)
    assert "deputy&#39;s extension 999 stands with no employee" in answer.text
    twice = office_of({"trunk": [{"name": "mango"}]})
    await save_office(page.database, page.vault, twice, by="the test")
    answer = await page.send("trunk/new", await page.open("trunk/new") | {"name": "mango"})
    assert "trunk mango stands twice" in answer.text


async def test_nobody_overwrites_what_they_have_not_seen(page: Settings) -> None:
    await save_office(page.database, page.vault, office_of(WHOLE), by="the test")
    mine, theirs = await page.open("hours"), await page.open("hours")
    assert (await page.send("hours", theirs | {"opens": "07:00"})).status_code == 303
    assert (await page.send("hours", mine | {"opens": "10:00"})).status_code == 409
    assert (await page.office()).hours.opens.hour == 7


async def test_row_is_taken_out_and_the_history_puts_it_back(page: Settings) -> None:
    before = office_of(WHOLE)
    await save_office(page.database, page.vault, before, by="the test")
    assert (await page.send("trunk/0", await page.open("trunk/0"), act="delete")).status_code == 303
    assert [trunk.name for trunk in (await page.office()).trunk] == ["mtt"]
    history = (await page.browser.get("/config/history")).text
    assert "this machine" in history
    change = re.findall(r'name="change" value="(\d+)"', history)[0]
    await page.browser.post("/config/history", data={"change": change})
    assert await page.office() == before
    assert (await page.browser.post("/config/history", data={"change": "999999"})).status_code == 409


async def test_group_of_settings_is_taken_in_and_out_as_a_whole(page: Settings) -> None:
    await save_office(page.database, page.vault, office_of(WHOLE), by="the test")
    given = await page.open("trunk/0")
    assert given.pop("hours!on")
    await page.send("trunk/0", given)
    assert (await page.office()).trunk[0].hours is None
    await page.send("trunk/0", await page.open("trunk/0") | {"hours!on": "1"})
    assert (await page.office()).trunk[0].hours is not None


async def test_settings_are_for_administrators_only(page: Settings) -> None:
    for place in ("/config/settings", "/config/settings/pbx", "/config/history"):
        assert (await page.browser.get(place)).status_code == 200
    async with client(page.browser._transport.app, address="10.0.0.7") as stranger:  # type: ignore[attr-defined]
        assert (await stranger.get("/config/settings")).status_code == 403


@pytest.mark.parametrize(("place", "code"), [("nothing", 404), ("pbx/7", 404), ("pbx/-1", 404), ("trunk/x", 404)])
async def test_what_is_not_there_is_not_found(page: Settings, place: str, code: int) -> None:
    assert (await page.browser.get(f"/config/settings/{place}")).status_code == code
    assert (await page.send(place, {"version": ""})).status_code in {404, 409}


@pytest.mark.parametrize("model", [Office])
def test_form_of_a_whole_office_gives_the_same_office_back(model: type[BaseModel]) -> None:
    """But for the rules, whose page is made for them."""
    fields = tuple(each for each in fields_of(model) if each.name != "rule")
    document = document_of(office_of(WHOLE))
    inputs = forms.inputs_of(fields, document)
    assert office_of(forms.document_of(fields, dict(given(inputs)), document)) == office_of(WHOLE)


def given(inputs: Iterable[forms.Input]) -> Iterable[tuple[str, str]]:
    for each in inputs:
        if each.field.optional and not each.given:
            continue
        yield each.place, each.text
        if each.given:
            yield f"{each.place}{forms.ON}", "1"
        yield from given(each.inputs)
        for row in each.rows:
            yield from given(row)


def beside(html: str, place: str) -> str:
    found = re.search(rf'<div id="about-{re.escape(place)}">(.*?)<div class="sub">', html, re.DOTALL)
    assert found
    return found[1]
