from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from tests.stateful.sample_calls import NOON, PBX, a_call, key_of

from ringbridge.ami.errors import ActionRefused, AmiError, NotConnected
from ringbridge.ami.message import Action, Message
from ringbridge.ami.protocol import Answer
from ringbridge.service.dialing.hanging_up import NO_RIGHT, OVER, HangingUp
from ringbridge.store import calls, settings
from ringbridge.store.calls import JournalEntry
from ringbridge.store.database import Database

CALL = replace(a_call(), channels=("1.1", "1.2"), client_channels=("1.1",))
ENTRY = JournalEntry(key=key_of(1), pbx=PBX, call=CALL)


class Link:
    """A PBX that does what it is told, or refuses."""

    def __init__(self, refusal: AmiError | None = None) -> None:
        self.refusal = refusal
        self.hung_up: list[str] = []

    async def action(self, action: Action) -> Answer:
        assert action.name == "Hangup"
        if self.refusal:
            raise self.refusal
        self.hung_up.append(dict(action.headers)["Channel"])
        return Answer(action_id=action.action_id, response=Message((("Response", "Success"),)))  # type: ignore[arg-type]


class Channels:
    def __init__(self, **up: str) -> None:
        self.up = {uniqueid.replace("_", "."): name for uniqueid, name in up.items()}

    def channels_up(self, uniqueids: Sequence[str]) -> list[str]:
        return [self.up[uniqueid] for uniqueid in uniqueids if uniqueid in self.up]


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with await Database.open(f"sqlite:///{tmp_path}/calls.db") as opened:
        async with opened.transaction() as tx:
            await calls.record(tx, PBX, [CALL])
        yield opened


BOTH = Channels(**{"1_1": "PJSIP/mango-1", "1_2": "PJSIP/101-2"})


def hanging_up(database: Database, link: Link, up: Channels = BOTH) -> HangingUp:
    return HangingUp({PBX: link}, {PBX: up}, database, clock=lambda: NOON)


async def test_the_clients_channel_is_hung_up_and_who_did_it_is_kept(database: Database) -> None:
    link = Link()
    assert await hanging_up(database, link).hang_up(ENTRY, by="head") == ""
    assert link.hung_up == ["PJSIP/mango-1"]
    async with database.reading() as tx:
        assert [line.text for line in await calls.story(tx, ENTRY.key)] == ["hung up from the page (head)"]
        assert [change.by for change in await settings.changes(tx, f"call {ENTRY.key}")] == ["head"]


async def test_a_call_without_a_clients_channel_yet_ends_with_the_phones_that_are_up(database: Database) -> None:
    link = Link()
    assert await hanging_up(database, link, Channels(**{"1_2": "PJSIP/101-2"})).hang_up(ENTRY, by="head") == ""
    assert link.hung_up == ["PJSIP/101-2"]


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (ActionRefused("Hangup", "Permission denied", missing_right="call"), NO_RIGHT),
        (ActionRefused("Hangup", "No such channel"), "The PBX refused: No such channel"),
        (NotConnected("Hangup: no link to the PBX (connecting)"), "no link to the PBX"),
    ],
)
async def test_why_it_was_not_hung_up_is_said_and_nothing_is_claimed(
    database: Database, refusal: AmiError, words: str
) -> None:
    assert words in await hanging_up(database, Link(refusal)).hang_up(ENTRY, by="head")
    async with database.reading() as tx:
        assert await calls.story(tx, ENTRY.key) == []


async def test_a_call_that_is_over_is_not_hung_up(database: Database) -> None:
    link = Link()
    over = replace(ENTRY, call=replace(CALL, end=NOON))
    assert await hanging_up(database, link).hang_up(over, by="head") == OVER
    assert await hanging_up(database, link, Channels()).hang_up(ENTRY, by="head") == OVER
    assert link.hung_up == []
