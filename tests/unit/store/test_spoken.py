from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.dialects import sqlite
from tests.stateful.sample_calls import NOON, PBX, SECOND, a_call

from ringbridge.routing.distribution import LastTalk
from ringbridge.store import calls, spoken
from ringbridge.store.database import Database
from ringbridge.telephony.model import Call, Direction, Extension, Talk

NUMBER = "+79125551122"


def spoke(number: int, *extensions: str, after: float = 0.0, **more: object) -> Call:
    """A call of a minute with each of these."""
    start = NOON + after * SECOND
    talks = tuple(
        Talk(extension=Extension(one), start=start + 60 * place * SECOND, end=start + 60 * (place + 1) * SECOND)
        for place, one in enumerate(extensions)
    )
    return a_call(number, start, **{"external": NUMBER, "talks": talks, **more})


async def last(database: Database, *journalled: Call, number: str = NUMBER, since: float = -3600.0) -> LastTalk | None:
    async with database.transaction() as tx:
        await calls.record(tx, PBX, journalled)
    with database.glance() as tx:
        return await spoken.last_spoke(tx, number, NOON + since * SECOND)


async def test_the_last_of_the_latest_call_is_who_last_spoke(database: Database) -> None:
    found = await last(database, spoke(2, "102", "103", after=600), spoke(1, "101"))
    assert found == LastTalk(extension="103", at=NOON + 720 * SECOND)


async def test_a_call_that_nobody_answered_changes_nothing(database: Database) -> None:
    found = await last(database, spoke(1, "101"), spoke(2, after=600))
    assert found is not None
    assert found.extension == "101"


@pytest.mark.parametrize("written", ["89125551122", "8 (912) 555-11-22", "9125551122", "79125551122"])
async def test_the_number_may_be_written_in_any_way(database: Database, written: str) -> None:
    assert await last(database, spoke(1, "101", external=written))
    assert await last(database, number=written)


async def test_calls_that_we_made_count_and_other_clients_do_not(database: Database) -> None:
    found = await last(
        database,
        spoke(1, "101", direction=Direction.OUTBOUND),
        spoke(2, "102", after=600, external="+79990001122"),
    )
    assert found is not None
    assert found.extension == "101"


async def test_a_short_number_is_not_the_end_of_a_long_one_and_a_hidden_one_is_nobodys(database: Database) -> None:
    await last(database, spoke(1, "101"), spoke(2, "102", external="anonymous"), spoke(3, "103", external="2122"))
    assert [await last(database, number=number) for number in ("1122", "anonymous", "")] == [None, None, None]
    assert await last(database, number="2122") is not None


async def test_what_is_too_long_ago_does_not_count(database: Database) -> None:
    assert await last(database, spoke(1, "101"), since=1.0) is None


async def test_only_the_calls_of_that_number_are_read(database: Database) -> None:
    asked = spoken._calls_with(NUMBER, NOON)
    written = asked.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
    async with database.reading() as tx:
        plan = [row.detail for row in await tx.execute(text(f"EXPLAIN QUERY PLAN {written}"))]
    assert "ix_calls_number" in plan[0]
