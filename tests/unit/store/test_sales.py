"""Leads and deals are kept with the call that brought each, in whatever order calls and deals become known."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select, text
from sqlalchemy.dialects import sqlite
from tests.stateful.sample_calls import NOON, PBX, key_of
from tests.unit.store.test_stats import answered, journal, missed, rows

from ringbridge.routing.clients import Ref
from ringbridge.routing.intents import PortalId, UserId
from ringbridge.routing.sales import Sale, SaleState
from ringbridge.store import calls, schema
from ringbridge.store.database import Database
from ringbridge.store.sales import brought
from ringbridge.store.sales import kept as sales
from ringbridge.store.sales.brought import CLOCKS
from ringbridge.store.sales.kept import Reading, Sales
from ringbridge.store.sales.sold import Spelling
from ringbridge.store.statistics import stats, summaries
from ringbridge.store.statistics.counting import client_of, ending, hour_of
from ringbridge.telephony.model import Call, CallId, Direction

MAIN, OTHER = PortalId("main"), PortalId("other")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ANNA, BORIS = "+79161234567", "+74951112233"
CONTACT, COMPANY = Ref(kind="contact", id="1"), Ref(kind="company", id="1")
MONTH = 30 * DAY


def deal(n: int = 1, at: timedelta = HOUR, *clients: Ref, kind: str = "deal", **more: Any) -> Sale:
    """Made so long after noon."""
    made = NOON + at
    values = {"state": SaleState.OPEN, "created": made, "changed": made, "clients": clients or (CONTACT,)}
    return Sale(ref=Ref(kind=kind, id=str(n)), **values | more)


def kept_in(database: Database, portal: PortalId = MAIN, *, terms: str = "RU") -> Sales:
    return Sales(database, portal, region="RU", within=MONTH, terms=terms)


async def keep(database: Database, *made: Sale, phones: Mapping[Ref, Iterable[str]] | None = None) -> None:
    """With Anna's number, unless others are given."""
    given = {CONTACT: [ANNA]} if phones is None else {client: list(some) for client, some in phones.items()}
    await kept_in(database).keep(made, given, 1)


async def of(database: Database, n: int = 1, kind: str = "deal") -> dict[str, Any]:
    (row,) = [one for one in await rows(database, summaries.stats_deals) if (one["kind"], one["id"]) == (kind, str(n))]
    return row


async def call_of(database: Database, n: int = 1) -> str | None:
    key: str | None = (await of(database, n))["call_key"]
    return key


async def test_the_clients_latest_call_before_it_brings_a_deal(database: Database) -> None:
    await journal(
        database,
        answered(1, external=ANNA, did="74993508890"),
        answered(2, HOUR / 2, external=ANNA, by="103"),
        answered(3, HOUR / 2 + timedelta(minutes=5), external=ANNA, direction=Direction.OUTBOUND),
        answered(4, HOUR / 2 + timedelta(minutes=6), external=BORIS),
        answered(5, HOUR + CLOCKS + timedelta(seconds=1), external=ANNA),
    )
    won = {"state": SaleState.WON, "closed": NOON + DAY, "amount": 150_050, "currency": "RUB"}
    await keep(database, deal(responsible=UserId("7"), **won))
    (mango,) = [
        one for one in await rows(database, summaries.stats_sources) if (one["trunk"], one["did"]) == ("mango", "")
    ]
    assert await of(database) == {
        "portal": "main",
        "kind": "deal",
        "id": "1",
        "client": client_of(ANNA),
        "responsible": "7",
        "created": NOON + HOUR,
        "hour": hour_of(NOON + HOUR / 2),
        "source": mango["id"],
        "call_key": key_of(2),
        "called": NOON + HOUR / 2,
        "extension": "103",
        **won,
        "changed": NOON + HOUR,
        "earliest": NOON + HOUR - MONTH,
        "found_by": f'{{"": [], "contact 1": ["{client_of(ANNA)}"]}}',
        "generation": 1,
    }


async def test_a_deal_that_no_call_precedes_came_by_itself(database: Database) -> None:
    """Or none for so long that it has nothing to do with it; or its clients have no number."""
    await journal(database, answered(1, external=ANNA), answered(2, 40 * DAY, external=ANNA))
    phones = {CONTACT: [ANNA], COMPANY: []}
    await keep(database, deal(1, -HOUR), deal(2, MONTH + HOUR), deal(3, HOUR, COMPANY), phones=phones)
    nobody = [await of(database, n) for n in (1, 2, 3)]
    assert [(one["source"], one["call_key"], one["called"], one["extension"]) for one in nobody] == 3 * [4 * (None,)]
    assert [one["client"] for one in nobody] == [client_of(ANNA), client_of(ANNA), ""]
    assert nobody[0]["hour"] == hour_of(NOON - HOUR)
    await keep(database, deal(4, MONTH))
    assert await call_of(database, 4) == key_of(1)


async def test_a_deal_that_the_crm_makes_while_the_phone_rings_is_the_calls_though_the_clocks_differ(
    database: Database,
) -> None:
    await journal(database, missed(1, external=ANNA))
    await keep(database, deal(1, -CLOCKS), deal(2, timedelta(seconds=3)))
    assert [await call_of(database, n) for n in (1, 2)] == 2 * [key_of(1)]
    assert (await of(database, 1))["extension"] is None, "nobody spoke"


async def test_any_number_of_any_client_counts_and_a_leads_own(database: Database) -> None:
    await journal(
        database,
        answered(1, external="89161234567"),
        answered(2, timedelta(minutes=1), external="84951112233"),
        answered(3, timedelta(minutes=2), external="79990000001"),
        answered(4, timedelta(minutes=3), external=None),
        answered(5, timedelta(minutes=4), external="79163334455"),
    )
    phones = {CONTACT: ["+7 (916) 123-45-67", "8 495 111-22-33 доб. 5", "нет"], COMPANY: ["8 (999) 000-00-01"]}
    made = [deal(1), deal(2, HOUR, CONTACT, COMPANY), deal(3, HOUR, kind="lead", phones=("9163334455",), clients=())]
    await keep(database, *made, phones=phones)
    assert [await call_of(database, n) for n in (1, 2)] == [key_of(2), key_of(3)]
    assert (await of(database, 3, "lead"))["call_key"] == key_of(5)
    assert (await of(database, 1))["client"] == client_of("84951112233")


async def test_a_call_that_is_written_late_brings_what_was_known_before_it(database: Database) -> None:
    await keep(database, deal(1), deal(2, 2 * HOUR))
    await journal(database, answered(1, external=ANNA, end=None, disposition=None))
    assert await call_of(database) is None, "it goes on"
    await journal(database, answered(1, external=ANNA))
    assert [await call_of(database, n) for n in (1, 2)] == 2 * [key_of(1)]
    await journal(database, answered(2, HOUR * 1.5, external=ANNA), answered(3, -DAY, external=ANNA))
    assert [await call_of(database, n) for n in (1, 2)] == [key_of(1), key_of(2)]


async def test_a_corrected_call_gives_back_what_it_did_not_bring(database: Database) -> None:
    first, second = answered(1, external=ANNA), answered(2, HOUR / 2, external=ANNA, by="102")
    await journal(database, first, second)
    await keep(database, deal())
    await journal(database, answered(2, HOUR / 2, external=ANNA, by="104"))
    assert (await call_of(database), (await of(database))["extension"]) == (key_of(2), "104")
    await journal(database, replace(second, external=BORIS))
    assert await call_of(database) == key_of(1)
    await journal(database, replace(first, merged_into=CallId("1700000000.9")))
    row = await of(database)
    assert (row["call_key"], row["source"], row["hour"]) == (None, None, hour_of(NOON + HOUR))
    await journal(database, second, first)
    assert await call_of(database) == key_of(2)


async def test_a_client_whose_number_changes_brings_other_deals(database: Database) -> None:
    await journal(database, answered(1, external=ANNA), answered(2, external=BORIS))
    await keep(database, deal(1), deal(2, HOUR, CONTACT, COMPANY), phones={CONTACT: [ANNA], COMPANY: []})
    kept = kept_in(database)
    assert await kept.with_deals([CONTACT, Ref(kind="contact", id="7")]) == [CONTACT]
    await kept.clients_changed({CONTACT: [BORIS], Ref(kind="contact", id="7"): [ANNA]})
    assert [await call_of(database, n) for n in (1, 2)] == 2 * [key_of(2)]
    await kept.clients_changed({CONTACT: [], COMPANY: [ANNA]})
    assert [await call_of(database, n) for n in (1, 2)] == [None, key_of(1)]
    keys = {row["key"] for row in await rows(database, summaries.stats_deal_keys)}
    assert keys == {"contact 1", "company 1", client_of(ANNA)}


async def test_what_a_call_brought_stays_when_the_journal_has_forgotten_it(database: Database) -> None:
    await journal(database, answered(1, external=ANNA))
    await keep(database, deal())
    async with database.transaction() as tx:
        await tx.execute(delete(schema.calls))
    later = deal(state=SaleState.WON, changed=NOON + 2 * HOUR)
    await keep(database, later)
    assert (await call_of(database), (await of(database))["state"]) == (key_of(1), "won")
    await keep(database, later, phones={CONTACT: [ANNA, BORIS]})
    assert await call_of(database) == key_of(1)
    await keep(database, later, phones={CONTACT: [BORIS]})
    assert await call_of(database) is None


async def test_what_is_gone_is_forgotten_and_another_portals_stays(database: Database) -> None:
    kept, other = kept_in(database), kept_in(database, OTHER)
    made = [deal(n) for n in range(1, 6)]
    await kept.keep([*made, deal(1, kind="lead")], {CONTACT: [ANNA]}, 1)
    await other.keep(made[:1], {CONTACT: [ANNA]}, 1)
    await kept.remove([made[4].ref, Ref(kind="deal", id="77")])
    await kept.keep(made[:2], {CONTACT: [ANNA]}, 2)
    await kept.keep([deal(9)], {CONTACT: [ANNA]}, 2)
    assert await kept.remove_unseen(2) == 3
    left = [(row["portal"], row["kind"], row["id"]) for row in await rows(database, summaries.stats_deals)]
    assert sorted(left) == [("main", "deal", "1"), ("main", "deal", "2"), ("main", "deal", "9"), ("other", "deal", "1")]
    found = {(row["portal"], row["id"]) for row in await rows(database, summaries.stats_deal_keys)}
    assert found == {("main", "1"), ("main", "2"), ("main", "9"), ("other", "1")}
    await kept.keep_reading(Reading(terms="RU", since=NOON))
    await sales.forget(database, MAIN)
    assert {row["portal"] for row in await rows(database, summaries.stats_deals)} == {"other"}
    assert await rows(database, summaries.stats_deal_readings) == []


async def test_on_other_terms_all_is_to_be_read_anew_as_by_a_later_reading(database: Database) -> None:
    reading = Reading(terms="RU", since=NOON, generation=3, cursor="7", begun=NOON, newest=NOON + HOUR)
    await kept_in(database).keep_reading(reading)
    assert await kept_in(database).recall(NOON + DAY) == reading
    other = Reading(terms="KZ", since=NOON + DAY, generation=3)
    assert await kept_in(database, terms="KZ").recall(NOON + DAY) == other


def oracle(journalled: Iterable[Call], made: Sale, numbers: set[str]) -> str | None:
    """Which call brings a deal, from the rule itself."""
    found = [
        (call.start, str(calls.call_key(PBX, call.id)))
        for call in journalled
        if (ended := ending(call))
        and call.direction is Direction.INBOUND
        and ended.client in numbers
        and made.created - MONTH <= call.start <= made.created + CLOCKS
    ]
    return max(found)[1] if found else None


@pytest.mark.parametrize("seed", range(4))
async def test_in_whatever_order_calls_and_deals_come_and_change_what_stands_is_what_the_rule_says(
    database: Database, seed: int
) -> None:
    chance = random.Random(seed)
    numbers = [ANNA, BORIS, "+79990000001"]
    clients = [Ref(kind="contact", id=str(n)) for n in range(1, 4)]
    phones = {client: set(chance.sample(numbers, chance.randint(0, 2))) for client in clients}
    there: dict[str, Call] = {}
    made: dict[Ref, Sale] = {}
    kept = kept_in(database)
    for _ in range(60):
        match chance.randint(0, 5):
            case 0 | 1 | 2:
                n, at = chance.randint(1, 12), chance.randint(-40, 40) * DAY
                kind = chance.choice((answered, missed))
                way = chance.choice((Direction.INBOUND, Direction.INBOUND, Direction.OUTBOUND))
                call = kind(n, at, external=chance.choice([*numbers, None]), direction=way)
                call = replace(call, merged_into=CallId("1.1") if chance.random() < 0.1 else None)
                there[call.id] = call
                await journal(database, call)
            case 3 | 4:
                sale = deal(chance.randint(1, 8), chance.randint(-40, 40) * DAY, *chance.sample(clients, 2))
                made[sale.ref] = sale
                await kept.keep([sale], phones, 1)
            case 5:
                client = chance.choice(clients)
                phones[client] = set(chance.sample(numbers, chance.randint(0, 2)))
                await kept.clients_changed({client: phones[client]})

    async def right() -> bool:
        wanted = {
            (ref.kind, ref.id): oracle(
                there.values(), sale, {client_of(number) for client in sale.clients for number in phones[client]}
            )
            for ref, sale in made.items()
        }
        return wanted == {(r["kind"], r["id"]): r["call_key"] for r in await rows(database, summaries.stats_deals)}

    assert await right()
    before = await rows(database, summaries.stats_deals)
    async with database.transaction() as tx:
        await stats.begin_anew(tx)
    assert all(row["source"] is None for row in await rows(database, summaries.stats_deals))
    while (await stats.count_piece(database, 3)).upto is not None:
        await kept.clients_changed({client: phones[client] | {"112"} for client in clients})
        await kept.clients_changed({client: phones[client] for client in clients})
    assert await right()
    told = ("id", "hour", "source", "call_key", "called", "extension")
    after = await rows(database, summaries.stats_deals)
    assert [[row[name] for name in told] for row in after] == [[row[name] for name in told] for row in before]


@pytest.mark.parametrize(
    ("written", "numbers"),
    [
        ("8 (916) 123-45-67", [ANNA]),
        ("+7 916 123-45-67 доб. 12", [ANNA]),
        ("9161234567", [ANNA]),
        ("+49 30 1234567", ["49301234567"]),
        ("112", ["112"]),
        ("нет", []),
        ("", []),
    ],
)
def test_a_number_is_known_however_it_is_written(written: str, numbers: list[str]) -> None:
    assert Spelling(region="RU").numbers([written]) == [client_of(number) for number in numbers]


def test_a_country_that_is_written_in_several_ways_is_known_in_each() -> None:
    found = Spelling(region="DE").numbers(["030 1234567"])
    assert found == sorted(client_of(way) for way in ("301234567", "0301234567", "+49301234567"))


async def test_a_calls_end_looks_up_its_clients_deals_by_their_index(database: Database) -> None:
    """And walks neither all deals nor all calls."""
    async with database.reading() as tx:
        for statement, told in (
            (brought.CLAIM, ("stats_deals USING PRIMARY KEY", "stats_deal_keys USING PRIMARY KEY (key=?)")),
            (brought.BROUGHT_BY, ("ix_stats_deals_call (call_key=?)",)),
            (brought.HOURS, ("ix_stats_clients_client (client=? AND hour>? AND hour<?)",)),
            (brought.IN_HOUR, ("ix_calls_started (started>? AND started<?)",)),
        ):
            compiled = statement.compile(dialect=sqlite.dialect())
            plan = await tx.execute(text(f"EXPLAIN QUERY PLAN {compiled}".replace("?", "0")))
            steps = "\n".join(row.detail for row in plan)
            assert all(one in steps for one in told), steps
            assert "SCAN" not in steps, steps


async def test_keys_of_other_portals_are_left_alone(database: Database) -> None:
    other = kept_in(database, OTHER)
    await keep(database, deal())
    await other.keep([deal()], {CONTACT: [BORIS]}, 1)
    await kept_in(database).clients_changed({CONTACT: []})
    async with database.reading() as tx:
        keys = (await tx.execute(select(summaries.stats_deal_keys.c.key).order_by("key"))).scalars().all()
    assert list(keys) == [client_of(BORIS), "contact 1", "contact 1"]
