from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.stateful.sample_calls import NOON, PBX, PORTAL, SECOND, Record, a_call, claimed, decide_on, key_of

from ringbridge.store import calls, deliveries
from ringbridge.store.calls import Cursor, Filters, StoryKind, StoryLine
from ringbridge.store.database import Database
from ringbridge.store.documents import dump_call, load_call
from ringbridge.store.outcome import Done, GiveUp, Retry
from ringbridge.telephony.model import Call, CallId, Direction, Disposition, Extension, Leg, LegResult, Talk

RING = Leg(extension=Extension("102"), channel="1.2", ring_start=NOON, result=LegResult.NO_ANSWER)
TALK = Talk(extension=Extension("101"), start=NOON, end=NOON + 61.7 * SECOND)


async def journal(database: Database, *journalled: Call, pbx: calls.PbxId = PBX) -> None:
    async with database.transaction() as tx:
        await calls.record(tx, pbx, journalled)


async def shown(database: Database, filters: Filters) -> set[str]:
    async with database.reading() as tx:
        found = await calls.page(tx, filters=filters)
        assert await calls.count(tx, filters) == len(found.entries)
    return {entry.call.id.partition(".")[2] for entry in found.entries}


@given(st.from_type(Call))
def test_a_call_comes_back_from_the_journal_as_it_went_in(call: Call) -> None:
    assert load_call(dump_call(call)) == call


async def test_a_later_snapshot_takes_the_place_of_the_earlier(database: Database) -> None:
    ended = a_call(end=NOON + 60 * SECOND, disposition=Disposition.MISSED)
    await journal(database, a_call())
    await journal(database, a_call(did="74950001122"), ended)
    async with database.reading() as tx:
        entry = await calls.get(tx, key_of(1))
        assert await calls.count(tx) == 1
    assert entry is not None
    assert entry.call == ended


async def test_an_unknown_call_is_none(database: Database) -> None:
    async with database.reading() as tx:
        assert await calls.get(tx, key_of(1)) is None
        assert await calls.story(tx, key_of(1)) == []


async def test_the_calls_that_had_not_ended_are_given_back_to_the_tracker_of_their_pbx(database: Database) -> None:
    going_on = [a_call(2, NOON + SECOND, legs=(RING,)), a_call(3, NOON)]
    await journal(database, *going_on, a_call(1, end=NOON))
    await journal(database, a_call(4), pbx=calls.PbxId("branch"))
    async with database.reading() as tx:
        assert await calls.open_calls(tx, PBX) == [going_on[1], going_on[0]]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 50])
async def test_pages_hold_every_call_once_newest_first_though_many_began_at_one_moment(
    database: Database, limit: int
) -> None:
    await journal(database, *(a_call(n, NOON + (n // 5) * SECOND) for n in range(23)))
    seen: list[calls.JournalEntry] = []
    before: Cursor | None = None
    while True:
        async with database.reading() as tx:
            page = await calls.page(tx, before, limit)
        assert len(page.entries) <= limit
        seen += page.entries
        if (before := page.older) is None:
            break
    assert len({entry.key for entry in seen}) == 23
    assert all((newer.call.start, newer.key) > (older.call.start, older.key) for newer, older in pairwise(seen))


@pytest.mark.parametrize("text", ["", "x", "~", f"{10**30}~a", "-1.5~k"])
async def test_a_page_that_nobody_gave_is_refused(database: Database, text: str) -> None:
    async with database.reading() as tx:
        with pytest.raises(ValueError, match="not a page"):
            await calls.page(tx, Cursor(text))


async def test_a_search_finds_by_each_thing_it_asks_for(database: Database) -> None:
    await journal(
        database,
        a_call(1, external="+79161234567", talks=(TALK,), legs=(RING,), disposition=Disposition.ANSWERED),
        a_call(2, NOON + SECOND, external="anonymous", did="74950001122", trunk="mango"),
        a_call(3, NOON + 2 * SECOND, external="89161234567", direction=Direction.OUTBOUND, caller=Extension("1020")),
        a_call(4, NOON + 3 * SECOND, external=None),
    )
    assert await shown(database, Filters()) == {"1", "2", "3", "4"}
    assert await shown(database, Filters(since=NOON + SECOND, until=NOON + 3 * SECOND)) == {"2", "3"}
    assert await shown(database, Filters(number="8 (916) 123-45-67")) == {"1", "3"}
    assert await shown(database, Filters(number="4567")) == {"1", "3"}
    assert await shown(database, Filters(number="9161")) == set()
    assert await shown(database, Filters(number="anonymous")) == {"2"}
    assert await shown(database, Filters(extension="102")) == {"1"}
    assert await shown(database, Filters(extension="101")) == {"1"}
    assert await shown(database, Filters(extension="10%")) == set()
    assert await shown(database, Filters(trunk="mango")) == await shown(database, Filters(trunk="74950001122")) == {"2"}
    assert await shown(database, Filters(direction=Direction.OUTBOUND)) == {"3"}
    assert await shown(database, Filters(disposition=Disposition.ANSWERED, pbx=PBX)) == {"1"}
    assert await shown(database, Filters(pbx=calls.PbxId("branch"))) == set()
    assert await shown(database, Filters(own=("102", "103"))) == {"1"}
    assert await shown(database, Filters(own=("10%",))) == await shown(database, Filters(own=())) == set()


async def test_a_search_for_a_number_does_not_read_the_whole_journal(database: Database) -> None:
    wanted = calls.entries().where(*calls.conditions(Filters(number="9161234567")))
    sql = wanted.compile(dialect=database._readers.dialect, compile_kwargs={"literal_binds": True})
    with database._readers.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}").all()
    assert [row for row in plan if "USING INDEX ix_calls_number" in row[3]]


async def test_a_story_tells_what_was_heard_decided_sent_and_answered_in_order(database: Database) -> None:
    call, record = a_call(), Record()
    heard = StoryLine(at=NOON, kind=StoryKind.HEARD, text="a call from +79161234567 rings 101")
    decided = StoryLine(at=NOON, kind=StoryKind.DECIDED, text="register it")
    async with database.transaction() as tx:
        await calls.record(tx, PBX, [call], {call.id: [heard, decided]})
    steps = [record.register(), record.show("2"), record.finish(), record.attach()]
    await decide_on(database, 1, steps, NOON + SECOND)
    rows = await claimed(database, NOON + 2 * SECOND)
    outcomes = [
        Done(facts={"call_id": "x"}, sent="register", answered="x"),
        Done(note="not needed"),
        Retry(at=NOON + timedelta(minutes=1), reason="the portal is down", counts=True, sent="finish", answered="503"),
    ]
    async with database.transaction() as tx:
        settled = dict(zip((row.id for row in rows), outcomes, strict=True))
        await deliveries.settle(tx, PORTAL, settled, NOON + 3 * SECOND)
    async with database.reading() as tx:
        lines = await calls.story(tx, key_of(1))
    assert [(line.kind, line.text, line.step) for line in lines] == [
        (StoryKind.HEARD, heard.text, None),
        (StoryKind.DECIDED, decided.text, None),
        (StoryKind.SENT, "register", "RegisterCall"),
        (StoryKind.SENT, "finish", "FinishCall"),
        (StoryKind.ANSWERED, "x", "RegisterCall"),
        (StoryKind.DONE, "not needed", "ShowCard 1"),
        (StoryKind.ANSWERED, "503", "FinishCall"),
        (StoryKind.WAITING, "the portal is down", "FinishCall"),
    ]


async def test_a_story_says_why_a_step_was_given_up(database: Database) -> None:
    await decide_on(database, 1, [Record().register(), Record().finish()])
    first, second = await claimed(database)
    async with database.transaction() as tx:
        await deliveries.settle(
            tx,
            PORTAL,
            {first.id: GiveUp(reason="no such user"), second.id: Retry(at=NOON, reason="not tried", counts=False)},
            NOON,
        )
    async with database.reading() as tx:
        told = [line.text for line in await calls.story(tx, key_of(1)) if line.kind is StoryKind.GIVEN_UP]
    assert told == ["no such user", "not sent: its call could not be registered (no such user)"]


def test_the_length_of_talk_is_what_was_spoken_in_whole_seconds() -> None:
    assert calls.columns(PBX, a_call(talks=(TALK, TALK)))["talk"] == 123
    assert calls.columns(PBX, a_call(id=CallId("1"), talks=(Talk(extension=Extension("1"), start=NOON),)))["talk"] == 0
