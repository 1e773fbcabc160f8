"""The journal's search, compared with looking at every call."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest
from sqlalchemy import delete
from tests.stateful.sample_calls import NOON, PBX
from tests.unit.store.test_stats import answered, marked_anew, missed

from ringbridge.store import calls
from ringbridge.store.calls import Cursor, Filters, employees
from ringbridge.store.database import Database
from ringbridge.store.statistics import marks, summaries, walks
from ringbridge.store.statistics.counting import HOUR
from ringbridge.store.statistics.walks import Walk
from ringbridge.telephony.model import Call, CallId, Direction, Disposition, Extension

DAYS = 40


def an_office() -> list[Call]:
    """Weeks of calls, of which a few are rare ones; some go on, some are among ourselves."""
    chance = random.Random(7)
    made = []
    for n in range(160):
        more: dict[str, object] = {
            "external": chance.choice(("+79161234567", "84951112233", "74951112244", "112", "anonymous", None)),
            "trunk": "gsm" if n in {3, 90} else chance.choice(("mango", "mtt")),
            "did": "74950001122" if n in {3, 4, 150} else None,
        }
        if n % 9 == 0:
            more |= {"direction": Direction.OUTBOUND, "caller": Extension("107" if n == 81 else "103")}
        if n % 17 == 0:
            more |= {"direction": Direction.INTERNAL, "caller": Extension("105")}
        if n % 40 == 0:
            more |= {"end": None, "disposition": None}
        kind = answered if chance.random() < 0.7 else missed
        made.append(kind(n, chance.randrange(DAYS * 24) * HOUR, **more))
    return made


async def found(database: Database, filters: Filters, limit: int = 7) -> list[str]:
    """Ids of the calls, page by page."""
    seen: list[str] = []
    before: Cursor | None = None
    while True:
        async with database.reading() as tx:
            page = await calls.page(tx, before, limit, filters)
        seen += [entry.call.id for entry in page.entries]
        if (before := page.older) is None:
            return seen


def fits(call: Call, filters: Filters) -> bool:
    digits = "".join(c for c in call.external or "" if c.isdecimal())
    asked = "".join(c for c in filters.number if c.isdecimal())[-10:]
    return all(
        (
            filters.since is None or call.start >= filters.since,
            filters.until is None or call.start < filters.until,
            filters.direction in {None, call.direction},
            filters.disposition in {None, call.disposition},
            not filters.extension or filters.extension in employees(call),
            filters.own is None or not set(filters.own).isdisjoint(employees(call)),
            not filters.trunk or filters.trunk in {call.trunk, call.did},
            not filters.number or (digits.endswith(asked) if asked else call.external == filters.number),
        )
    )


def questions() -> Iterator[Filters]:
    spans = ({}, {"since": NOON + 10 * timedelta(days=1), "until": NOON + 20 * timedelta(days=1, minutes=1)})
    rest: tuple[dict[str, object], ...] = (
        {},
        {"trunk": "gsm"},
        {"trunk": "74950001122"},
        {"trunk": "none"},
        {"extension": "107"},
        {"extension": "105", "direction": Direction.INTERNAL},
        {"own": ("107", "105")},
        {"own": ()},
        {"disposition": Disposition.MISSED, "trunk": "mtt"},
        {"disposition": Disposition.FAILED},
        {"number": "3"},
        {"number": "33", "extension": "101"},
        {"number": "2233"},
        {"number": "89161234567", "disposition": Disposition.MISSED},
        {"number": "anonymous"},
        {"pbx": calls.PbxId("office"), "direction": Direction.OUTBOUND},
    )
    for span, more in product(spans, rest):
        yield Filters(**span | more)  # type: ignore[arg-type]


@pytest.mark.parametrize("marked", ["with each call", "not yet", "later"])
async def test_every_search_finds_what_looking_at_every_call_finds(
    database: Database, marked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(marks, "FIRST_LOOK", 2)
    monkeypatch.setattr(marks, "RARE", 5)
    told = an_office()
    async with database.transaction() as tx:
        await calls.record(tx, PBX, told)
    if marked == "not yet":  # as after an update from a version without marks
        async with database.transaction() as tx:
            await tx.execute(delete(summaries.call_marks))
            await walks.begin(tx, Walk.MARKS)
    elif marked == "later":
        await marked_anew(database)
    newest = sorted(told, key=lambda call: (call.start, f"{PBX}-{call.id}"), reverse=True)
    for filters in questions():
        assert await found(database, filters) == [call.id for call in newest if fits(call, filters)], filters


async def test_a_call_that_was_corrected_is_found_as_it_is_and_not_as_it_was(database: Database) -> None:
    first = answered(1, trunk="gsm")
    async with database.transaction() as tx:
        await calls.record(tx, PBX, [first, answered(2, HOUR, trunk="mango")])
        await calls.record(tx, PBX, [replace(first, trunk="mtt")])
    assert [await found(database, Filters(trunk=trunk)) for trunk in ("gsm", "mtt")] == [[], [CallId(first.id)]]


async def test_what_is_common_is_looked_up_for_what_is_rare_and_not_the_other_way_round(database: Database) -> None:
    often = [answered(n, n * HOUR, trunk="mango", disposition=Disposition.ANSWERED) for n in range(1, 700)]
    async with database.transaction() as tx:
        await calls.record(tx, PBX, [*often, answered(0, trunk="gsm")])
    kinds = [["is answered"], ["by mango", "by mtt"], ["by gsm"]]
    async with database.reading() as tx:
        assert (await marks.rarest_first(tx, kinds, None))[0] == ["by gsm"]
        assert [found async for found in marks.moments(tx, [["is answered"], ["by gsm"]], None, None)] == [[NOON]]
