"""Turns go on where they were after a restart."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import pytest

from ringbridge.routing.distribution import Hop, Reason, Route
from ringbridge.service.distribution.dealt import Dealt
from ringbridge.store import dealt as stored
from ringbridge.store.database import Database

TODAY, TOMORROW = date(2026, 11, 25), date(2026, 11, 26)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with await Database.open(f"sqlite:///{tmp_path}/dealt.db") as opened:
        yield opened


def to(phone: str, reason: Reason = Reason.NEW_CLIENT) -> Route:
    return Route(hops=(Hop(extension=phone, seconds=20, reason=reason),))


async def written(database: Database, day: date) -> dict[str, int]:
    async with database.reading() as tx:
        return await stored.read(tx, day)


async def test_what_each_phone_got_today_outlives_a_restart(database: Database) -> None:
    before = Dealt()
    for phone in ("101", "102", "101"):
        before.note(to(phone), TODAY)
        await before.write(database)
    after = Dealt()
    await after.recall(database, TODAY)
    assert dict(after.on(TODAY)) == {"101": 2, "102": 1}


async def test_only_new_clients_count(database: Database) -> None:
    dealt = Dealt()
    dealt.note(to("101", Reason.RESPONSIBLE), TODAY)
    dealt.note(Route(), TODAY)
    assert not dealt.on(TODAY)


async def test_each_day_begins_anew_and_the_day_before_is_forgotten(database: Database) -> None:
    async with database.transaction() as tx:
        await stored.keep(tx, TODAY, {"101": 5})
    dealt = Dealt()
    await dealt.recall(database, TOMORROW)
    assert not dealt.on(TOMORROW)
    async with database.transaction() as tx:
        await stored.keep(tx, TOMORROW, {"102": 1})
    assert (await written(database, TODAY), await written(database, TOMORROW)) == ({}, {"102": 1})
