"""`ringbridge route try`: an incoming call on the stored office, its mirror and its journal."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ringbridge.cli import main
from ringbridge.routing.clients import MirrorClient, MirrorDeal, Ref
from ringbridge.routing.intents import PortalId, UserId
from ringbridge.service.bootstrap import read_bootstrap
from ringbridge.store import calls, directory
from ringbridge.store.database import Database
from ringbridge.store.directory import DirectoryUser
from ringbridge.store.keys import PbxId
from ringbridge.store.mirror import Mirror
from ringbridge.telephony.model import Call, CallId, Direction, Disposition, Extension, Talk

MAIN = PortalId("main")
OFFICE = """
[[pbx]]
name = "office"
username = "ringbridge"
secret = "pbx-secret"
[[trunk]]
name = "mango"
title = "Advertising"
new_clients = { extensions = ["700"] }
[[portal]]
name = "main"
webhook = "https://example.bitrix24.ru/rest/1/hook-secret/"
default_user = "1"
[[employee]]
name = "Ivan"
extensions = ["101"]
deputy = "102"
users = { main = "5" }
[[employee]]
name = "Anna"
extensions = ["102"]
[distribution]
enabled = true
group = "600"
caller_name = ["client", "trunk"]
choices = { 1 = "", 2 = "602" }
"""
IVANOV = MirrorClient(
    ref=Ref(kind="contact", id="7"), name="Пётр Кузнецов", responsible=UserId("5"), phones=("8 912 555-11-22",)
)
DEAL = MirrorDeal(ref=Ref(kind="deal", id="3"), title="Roof", responsible=UserId("9"), clients=(IVANOV.ref,))
OLEG = DirectoryUser(id=UserId("9"), name="Oleg", active=True, extensions=("103",))
SPOKEN = datetime.now(UTC) - timedelta(days=1)
TALK = Call(
    id=CallId("1.1"),
    direction=Direction.INBOUND,
    start=SPOKEN,
    end=SPOKEN + timedelta(minutes=1),
    external="79125551133",
    talks=(Talk(extension=Extension("102"), start=SPOKEN, end=SPOKEN + timedelta(minutes=1)),),
    disposition=Disposition.ANSWERED,
)


async def fill() -> None:
    async with await Database.open(read_bootstrap().database) as database:
        await Mirror(database, MAIN, "RU").keep([IVANOV, DEAL], generation=1)
        async with database.transaction() as tx:
            await directory.replace(tx, MAIN, [OLEG])
            await calls.record(tx, PbxId("office"), [TALK], {})


@pytest.fixture
def tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("RINGBRIDGE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("RINGBRIDGE_CONFIG", str(tmp_path / "none.toml"))

    def invoke(*arguments: str, office: str = OFFICE) -> str:
        file = tmp_path / "office.toml"
        file.write_text(office, encoding="utf-8")
        taken = CliRunner().invoke(main, ["config", "import", str(file)])
        assert taken.exit_code == 0, taken.output
        asyncio.run(fill())
        done = CliRunner().invoke(main, ["route", "try", *arguments])
        assert done.exit_code == 0, done.output
        return done.output

    return invoke


def test_it_says_who_would_ring_for_a_client_and_why_not_the_others(tried: Any) -> None:
    said = tried("--number", "+7 912 555-11-22", "--trunk", "mango", "--absent", "103")
    assert "Пётр Кузнецов: contact 7 of main, responsible Ivan, for the deal Oleg" in said
    assert "passed over: 103, Oleg: not registered" in said
    assert "1. 600, 60 s: group" in said
    assert "The phone shows: Пётр Кузнецов - Advertising" in said


def test_a_choice_and_a_time_are_tried_as_well(tried: Any) -> None:
    assert "1. 602, 60 s: group" in tried("--number", "89125551122", "--choice", "2")
    open_on_weekdays = OFFICE.replace('title = "Advertising"', 'hours = { opens = "09:00", closes = "18:00" }')
    sunday = tried(
        "--number", "89125551122", "--trunk", "mango", "--at", "2026-11-29T12:00:00", office=open_on_weekdays
    )
    assert "Decision: Outside of working hours: normal route." in sunday


def test_a_new_client_takes_the_lines_way_and_one_who_was_spoken_to_the_last_speakers(tried: Any) -> None:
    assert "1. 700, 60 s: new_client" in tried("--number", "89990000000", "--trunk", "mango")
    sticky = OFFICE.replace("enabled = true", 'enabled = true\nsteps = ["last_spoke"]')
    said = tried("--number", "8 912 555 11 33", office=sticky)
    assert "Last talk: 102 (Anna)" in said
    assert "1. 102 (Anna), 20 s: last_spoke" in said


def test_where_distribution_is_off_it_says_so_and_tries_all_the_same(tried: Any) -> None:
    said = tried("--number", "89125551122", office=OFFICE.replace("enabled = true", "enabled = false"))
    assert said.startswith("Distribution is switched off")
    assert "1. 103 (Oleg), 20 s: responsible" in said
