"""Calls taken over from the PBX's own records."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.stateful.sample_calls import NOON, PBX, a_call, key_of

from ringbridge.service.config import ConfigError, office_of
from ringbridge.service.journal.importing import IMPORTED, days_of, import_day, read_pbxs
from ringbridge.store import calls
from ringbridge.store.database import Database
from ringbridge.telephony.model import Call, CallId

TOMORROW = NOON + timedelta(days=1)


class Records:
    is_kept = True

    def __init__(self, *told: Call) -> None:
        self.told = told

    async def between(self, since: datetime, until: datetime) -> list[Call]:
        return [call for call in self.told if call.end and since <= call.end <= until]


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with await Database.open(f"sqlite:///{tmp_path}/calls.db") as opened:
        yield opened


def over(n: int, **more: object) -> Call:
    start = NOON + timedelta(hours=n)
    return a_call(n, start, end=start + timedelta(minutes=1), client_channels=(f"1700000000.{n}",), **more)


async def journal(database: Database) -> list[str]:
    async with database.reading() as tx:
        return [entry.call.id for entry in (await calls.page(tx)).entries]


async def test_calls_that_the_journal_does_not_know_are_taken_over_once(database: Database) -> None:
    records = Records(over(1), over(2))
    assert await import_day(database, PBX, records, NOON, TOMORROW) == 2
    assert await import_day(database, PBX, records, NOON, TOMORROW) == 0
    assert await journal(database) == [over(2).id, over(1).id]
    async with database.reading() as tx:
        assert [line.text for line in await calls.story(tx, key_of(1))] == [IMPORTED]


async def test_a_call_that_the_journal_has_is_left_as_it_is_also_under_another_id_or_open(database: Database) -> None:
    heard, open_call = over(1, external_name="Иван"), replace(over(2), end=None)
    async with database.transaction() as tx:
        await calls.record(tx, PBX, [heard, open_call])
    renamed = replace(over(1), id=CallId("1700000000.99"))
    assert await import_day(database, PBX, Records(renamed, over(2)), NOON, TOMORROW) == 0
    async with database.reading() as tx:
        entry = await calls.get(tx, key_of(1))
    assert entry is not None
    assert entry.call.external_name == "Иван"


async def test_what_ended_a_moment_ago_is_left_to_the_service_that_runs(database: Database) -> None:
    now = datetime.now(UTC)
    fresh = a_call(1, now - timedelta(minutes=2), end=now - timedelta(minutes=1))
    assert await import_day(database, PBX, Records(fresh), now - timedelta(days=1), now) == 0


def test_a_period_is_read_day_by_day_to_its_very_end() -> None:
    days = list(days_of(NOON, TOMORROW + timedelta(hours=3)))
    assert days == [(NOON, TOMORROW), (TOMORROW, TOMORROW + timedelta(hours=3))]


def test_records_that_are_not_named_or_cannot_be_read_are_complained_of_in_words(tmp_path: Path) -> None:
    def office(**records: str):
        return office_of({"pbx": [{"name": "office", "username": "r", "secret": "s", **records}]})

    with pytest.raises(ConfigError, match="No records are named"):
        read_pbxs(office())
    with pytest.raises(ConfigError, match="No PBX is named other"):
        read_pbxs(office(), "other")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_pbxs(office(cdr=str(tmp_path / "Master.csv")))
    (tmp_path / "Master.csv").touch()
    assert [pbx.name for pbx in read_pbxs(office(cdr=str(tmp_path / "Master.csv")))] == ["office"]
