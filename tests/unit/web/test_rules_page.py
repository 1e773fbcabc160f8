"""The page of rules: what stands in the table, changed row by row, refused in words beside the field."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.web.office_page import client, read, services

from ringbridge.crm.contract import Choices
from ringbridge.routing.intents import PortalId
from ringbridge.routing.rules import Attach, ClientKnown, Create, Hours, Responsible, Spread
from ringbridge.service.config import Office, office_of
from ringbridge.service.config.rules import CallbackConfig, RuleRow, SpreadConfig, TaskConfig
from ringbridge.service.editing import OfficeEditor
from ringbridge.service.rules.desk import RuleDesk
from ringbridge.service.settings import load_office, save_office
from ringbridge.store import portals, settings
from ringbridge.store.database import Database
from ringbridge.store.vault import Vault
from ringbridge.telephony.model import Disposition
from ringbridge.web.app import create_app
from ringbridge.web.rule_form import document_of, values_of
from ringbridge.web.rule_words import FIELDS, PRESETS

CONFIG = {
    "trunk": [{"name": "mango"}],
    "portal": [{"name": "acme", "webhook": "https://acme.bitrix24.ru/rest/1/a-secret-of-ours/", "default_user": "1"}],
    "employee": [{"name": "Анна Смирнова", "extensions": ["101"], "users": {"acme": "5"}}],
    "rule": [
        {"name": "radio", "trunks": ["mango"], "source": "ADVERTISING"},
        {"name": "missed", "direction": "inbound", "results": ["missed"], "task": {"title": "Call {number}"}},
        {"name": "all", "create": "contact_and_deal"},
    ],
}


@dataclass
class Visit:
    page: httpx2.AsyncClient
    database: Database
    vault: Vault
    told: list[Office]
    desk: RuleDesk

    async def sees(self, path: str = "/rules") -> str:
        answer = await self.page.get(path)
        assert answer.status_code == 200, answer.text
        return " | ".join(read(answer.text).found)

    async def sends(self, path: str, **form: Any) -> httpx2.Response:
        return await self.page.post(path, data=form, headers={"Origin": "http://localhost:8077"})

    async def version(self) -> str:
        tags = read((await self.page.get("/rules/row?at=0")).text).tags
        return next(str(given["value"]) for tag, given in tags if tag == "input" and given.get("name") == "version")

    async def does(self, path: str, **form: Any) -> None:
        answer = await self.sends(path, version=await self.version(), **form)
        assert answer.status_code == 303, answer.text

    async def names(self) -> list[str]:
        office = await load_office(self.database, self.vault)
        assert office is not None
        return [row.name for row in office.rule]


@pytest.fixture
async def visit(tmp_path: Path, database: Database) -> AsyncIterator[Visit]:
    vault, told = Vault.open(tmp_path / "key"), []
    await save_office(database, vault, office_of(CONFIG), by="the test")

    async def changed(office: Office) -> None:
        told.append(office)

    desk = RuleDesk(OfficeEditor(database, vault, changed))
    async with client(create_app(replace(services(database), rules=desk))) as page:
        yield Visit(page=page, database=database, vault=vault, told=told, desk=desk)


async def test_the_table_says_of_each_row_which_calls_it_takes_and_what_it_answers(visit: Visit):
    text = await visit.sees()
    for words in (
        "radio | Trunks: | mango",
        "Source: | ADVERTISING",
        "Direction: | clients call",
        "Ended as: | missed",
    ):
        assert words in text
    assert "Of an unknown number make: | a contact and a deal" in text


async def test_rows_change_places_and_are_deleted_and_who_did_it_is_kept(visit: Visit):
    await visit.does("/rules", at="2", act="up")
    assert await visit.names() == ["radio", "all", "missed"]
    await visit.does("/rules", at="0", act="down")
    assert await visit.names() == ["all", "radio", "missed"]
    await visit.does("/rules", at="1", act="delete")
    assert await visit.names() == ["all", "missed"]
    async with visit.database.reading() as tx:
        assert [one.by for one in await settings.changes(tx)][:-1] == ["this machine"] * 3
    assert [row.name for row in visit.told[-1].rule] == ["all", "missed"], "what runs is told"


async def test_a_row_is_changed_in_its_form_and_the_others_stay(visit: Visit):
    form = await visit.sees("/rules/row?at=1")
    assert "Call {number}" in str(read((await visit.page.get("/rules/row?at=1")).text).tags)
    assert "Row 2" in form
    await visit.does("/rules/row", at="1", name="missed", results=["missed", "busy"], tags="hot, new", recording="no")
    office = await load_office(visit.database, visit.vault)
    assert office is not None
    row = office.rule[1]
    assert (set(row.results), row.tags, row.recording, row.task) == ({"missed", "busy"}, ("hot", "new"), False, None)
    assert [office.rule[0], office.rule[2]] == [office_of(CONFIG).rule[0], office_of(CONFIG).rule[2]]


async def test_a_new_row_stands_last(visit: Visit):
    await visit.does("/rules/row", at="new", name="spam", numbers="8912345XXXX, +7 999 111-22-33", register="no")
    office = await load_office(visit.database, visit.vault)
    assert office is not None
    assert office.rule[-1] == RuleRow(name="spam", numbers=("8912345XXXX", "+7 999 111-22-33"), register=False)


@pytest.mark.parametrize(
    ("form", "field", "words"),
    [
        ({"name": ""}, "name", "is missing"),
        ({"numbers": "8912X?"}, "numbers", "write digits and X"),
        ({"activity": "Waited {waited}"}, "activity", "{waited} is nothing that can be filled in"),
        ({"task": "yes", "task.within_minutes": "soon"}, "task.within_minutes", "write a whole number"),
        ({"spread.how": "random"}, "spread.extensions", "is missing"),
    ],
)
async def test_what_is_refused_is_told_beside_its_field_and_what_was_typed_stays(
    visit: Visit, form: dict[str, str], field: str, words: str
):
    typed = {"name": "a row", "title": "typed by me", **form}
    answer = await visit.sends("/rules/row", at="0", version=await visit.version(), **typed)
    assert answer.status_code == 422
    beside = answer.text.partition(f'id="about-{field}"')[2].partition("</div>\n")[0]
    assert words in beside
    assert 'value="typed by me"' in answer.text
    assert await visit.names() == ["radio", "missed", "all"]


async def test_a_tables_version_is_found_once_however_many_rows_show_it(visit: Visit):
    table = await visit.desk.read()
    assert table.version is table.version


async def test_a_table_that_somebody_else_changed_is_not_overwritten(visit: Visit):
    seen = await visit.version()
    await visit.does("/rules", at="0", act="delete")
    answer = await visit.sends("/rules", at="0", act="delete", version=seen)
    assert answer.status_code == 409
    assert "Somebody else has changed the rules" in answer.text
    assert await visit.names() == ["missed", "all"]


async def test_warnings_stand_with_their_rows_and_ids_are_suggested_by_name(visit: Visit):
    async with visit.database.transaction() as tx:
        choices = Choices(pipelines={"4": "Sales"}, sources={"CALL": "A call"})
        await portals.learn(tx, PortalId("acme"), {"choices": asdict(choices)})
    assert "No source has the id ADVERTISING. There are: CALL (A call)." in await visit.sees()
    assert "Sales" in await visit.sees("/rules/row?at=new")


async def test_each_row_to_begin_with_fills_the_form_and_is_sound(visit: Visit):
    for key, preset in PRESETS.items():
        text = (await visit.page.get(f"/rules/row?at=new&preset={key}")).text
        assert preset.name.replace("'", "&#39;") in text
        row = RuleRow.model_validate({"name": "row", **preset.row})
        assert RuleRow.model_validate(document_of(values_of(row))) == row


async def test_a_row_that_is_not_there_is_not_shown(visit: Visit):
    for at in ("3", "-1", "x"):
        assert (await visit.page.get(f"/rules/row?at={at}")).status_code == 404


async def test_a_form_of_another_site_changes_nothing(visit: Visit):
    form = {"at": "0", "act": "delete", "version": await visit.version()}
    answer = await visit.page.post("/rules", data=form, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
    assert await visit.names() == ["radio", "missed", "all"]


async def test_before_anything_is_configured_it_is_told_what_comes_first(database: Database, tmp_path: Path):
    async def changed(office: Office) -> None: ...

    desk = RuleDesk(OfficeEditor(database, Vault.open(tmp_path / "key"), changed))
    async with client(create_app(replace(services(database), rules=desk))) as page:
        assert "Describe the office first" in (await page.get("/rules")).text


words = st.text("abAB109 .", min_size=1, max_size=8).map(str.strip).filter(bool)
lists = st.lists(words, max_size=3, unique=True).map(tuple)
maybe = st.none() | words | st.just("")
rows = st.builds(
    RuleRow,
    name=words,
    direction=st.sampled_from([None, "inbound", "outbound"]),
    results=st.lists(st.sampled_from(Disposition), unique=True, max_size=3).map(tuple),
    trunks=lists,
    extensions=lists,
    queues=lists,
    numbers=st.sampled_from([(), ("8912345XXXX", "+7 912 555-11-22")]),
    client=st.none() | st.sampled_from(ClientKnown),
    hours=st.none() | st.sampled_from(Hours),
    register=st.none() | st.booleans(),
    create=st.none() | st.sampled_from(Create),
    source=maybe,
    title=maybe,
    pipeline=maybe,
    stage=maybe,
    tags=st.none() | lists,
    attach=st.none() | st.sampled_from(Attach),
    recording=st.none() | st.booleans(),
    new_to=st.none() | st.sampled_from([(Responsible.SPEAKER, Responsible.DEFAULT)]),
    missed_to=st.none() | st.sampled_from([(Responsible.SPREAD,), (Responsible.DEFAULT, Responsible.LAST_RUNG)]),
    spread=st.none() | st.builds(SpreadConfig, extensions=lists.filter(bool), how=st.sampled_from(Spread)),
    task=st.none() | st.booleans() | st.builds(TaskConfig, title=words, within_minutes=st.integers(1, 90)),
    callback=st.none() | st.booleans() | st.builds(CallbackConfig, to=st.sampled_from(["", "700"])),
    activity=maybe,
)


@given(rows)
def test_whatever_a_row_says_its_form_says_the_same(row: RuleRow):
    assert RuleRow.model_validate(document_of(values_of(row))) == row


def test_every_question_and_condition_of_a_row_has_its_field():
    settings_of = set(RuleRow.model_json_schema(by_alias=True)["properties"])
    assert {name.partition(".")[0] for name in FIELDS} == settings_of
    assert FIELDS["name"].kind == "text"
