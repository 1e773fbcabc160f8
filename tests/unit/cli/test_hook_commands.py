"""`ringbridge hooks`: what there is, and a trial on a past call with nothing sent."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.contract.hooked_office import journal_call
from tests.unit.cli.test_command_line import OFFICE

from ringbridge.cli import main
from ringbridge.store import calls
from ringbridge.store.calls import PbxId
from ringbridge.store.database import Database

KEY = "office-1764090000.1"


class Person:
    def __init__(self, folder: Path) -> None:
        self.folder = folder / "data" / "hooks"

    def types(self, *arguments: object) -> Result:
        return CliRunner().invoke(main, [str(argument) for argument in arguments])

    def says(self, *arguments: object) -> str:
        done = self.types(*arguments)
        assert done.exit_code == 0, done.output
        return done.output

    def writes(self, name: str, text: str) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(text, encoding="utf-8")


@pytest.fixture
def person(tmp_path: Path, monkeypatch: Any) -> Person:
    monkeypatch.setenv("RINGBRIDGE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("RINGBRIDGE_CONFIG", str(tmp_path / "none.toml"))
    (tmp_path / "office.toml").write_text(OFFICE, encoding="utf-8")
    somebody = Person(tmp_path)
    somebody.says("config", "import", tmp_path / "office.toml")

    async def journal() -> None:
        url = f"sqlite:///{tmp_path / 'data' / 'ringbridge.db'}"
        async with await Database.open(url) as database, database.transaction() as tx:
            await calls.record(tx, PbxId("office"), [journal_call(answered_by="101")])

    asyncio.run(journal())
    return somebody


def test_an_office_without_hooks_is_told_where_they_belong(person: Person):
    assert person.says("hooks", "list") == f"No hooks: {person.folder} holds none.\n"


def test_the_list_names_each_file_with_its_hooks_and_what_is_wrong_with_it(person: Person):
    person.writes("a.py", "def need_registration(result): return result\ndef proces_user_phone(phone): return phone")
    person.writes("b.py", "def broken(:")
    lines = person.says("hooks", "list").splitlines()
    assert lines[:3] == [
        "a.py: need_registration",
        "  proces_user_phone is no hook; process_user_phone is",
        "b.py: nothing that could be loaded",
    ]
    assert lines[3].startswith("  b.py, line 1:")


def test_a_trial_shows_what_goes_in_and_what_comes_out(person: Person):
    person.writes("a.py", "def process_client_phone(phone, call): return call.trunk + phone[-4:]")
    said = person.says("hooks", "try", "process_client_phone", "--call", KEY)
    assert '  phone goes in: "+79125551122"' in said
    assert '  comes out: "mango1122"' in said
    assert "Nothing was sent." in said


def test_a_trial_asks_no_crm_and_says_what_it_would_have_asked(person: Person):
    person.writes("a.py", "async def process_final_params(params, ctx): await ctx.crm.call('crm.lead.list', {'x': 1})")
    said = person.says("hooks", "try", "process_final_params", "--call", KEY, "--value", '{"USER_ID": 5}')
    assert 'a trial asks no CRM; it would have asked: crm.lead.list {"x": 1}' in said
    assert '  comes out: {"USER_ID": 5}' in said


def test_what_the_journal_does_not_know_has_to_be_given(person: Person):
    done = person.types("hooks", "try", "process_final_params", "--call", KEY)
    assert done.exit_code == 1
    assert "give --value" in done.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nothing", "--call", KEY), "is no hook"),
        (("process_final_params", "--call", KEY, "--value", "{"), "is no JSON"),
        (("process_call_params", "--call", KEY, "--value", "{}"), "asked at amocrm only"),
        (("need_registration", "--call", "other-1"), "The journal has no call other-1"),
    ],
)
def test_a_trial_that_cannot_be_made_is_refused_in_words(person: Person, arguments: tuple[str, ...], words: str):
    done = person.types("hooks", "try", *arguments)
    assert done.exit_code != 0
    assert words in done.output


def test_an_example_is_copied_once(person: Person):
    assert "waiting_time: How long the client waited" in person.says("hooks", "example")
    assert "it is asked from the next call on" in person.says("hooks", "example", "waiting_time")
    assert "waiting_time.py: customize_activity, process_call_params" in person.says("hooks", "list")
    assert "left as it is" in person.types("hooks", "example", "waiting_time").output


def test_without_a_hooks_name_rules_and_all_hooks_are_tried_together(person: Person):
    person.writes("a.py", "def process_client_phone(phone): return '+73432723044'")
    person.writes("b.py", "def process_final_params(params): pass")
    said = person.says("hooks", "try", "--call", KEY)
    assert "process_client_phone of a.py: +79125551122 -> +73432723044" in said
    assert "1. our shops: matches" in said
    assert "The portal would be told nothing." in said
    assert "nothing of the kind was sent of this call: process_final_params" in said
