"""What calls brought in, over deals that were read and calls that were written as the service does."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import ColumnElement, Select, text, true
from sqlalchemy.dialects import sqlite
from tests.stateful.sample_calls import NOON, key_of
from tests.unit.store.test_stats import MINUTE, answered, journal, missed

from ringbridge.routing.clients import Ref
from ringbridge.routing.intents import PortalId
from ringbridge.routing.sales import Sale, SaleState
from ringbridge.store.database import Database
from ringbridge.store.sales.kept import Sales
from ringbridge.store.statistics import analytics, callers, conversion, summaries
from ringbridge.store.statistics.conversion import Takings, Which
from ringbridge.store.statistics.counting import Lane
from ringbridge.store.statistics.spans import Span

PORTAL = PortalId("acme")
HOUR = timedelta(hours=1)
AT_NOON = Span(since=NOON, until=NOON + HOUR)
IVAN, OLGA, PETR, NEW = "+79161234567", "+74951112233", "+78121112233", "+79990001122"


def sale(number: int, phone: str, at: datetime, **more: object) -> Sale:
    values = {"ref": Ref(kind="deal", id=str(number)), "state": SaleState.OPEN, "created": at, "changed": at}
    return Sale(**values | {"phones": (phone,), "currency": "RUB"} | more)  # type: ignore[arg-type]


def won(number: int, phone: str, at: datetime, amount: int, **more: object) -> Sale:
    return sale(number, phone, at, state=SaleState.WON, amount=amount, closed=at + 10 * HOUR, **more)


async def read(database: Database, *sales: Sale) -> None:
    kept = Sales(database, PORTAL, region="RU", within=timedelta(days=90), terms="")
    await kept.keep(sales, {}, 1)


@pytest.fixture
async def office(database: Database) -> Database:
    """Ivan buys twice, Olga asks by two numbers and buys once, Petr does not buy; somebody never called."""
    await journal(
        database,
        answered(1, did="74950001122", external=IVAN),
        answered(2, MINUTE, did="74950001122", external=OLGA, by="102"),
        missed(3, 2 * MINUTE, trunk="mtt", external=PETR),
        answered(4, 30 * MINUTE, trunk="mtt", external=OLGA),
        answered(5, 2 * HOUR, external=IVAN),
    )
    await read(
        database,
        won(1, IVAN, NOON + MINUTE, 150_000),
        won(2, IVAN, NOON + 5 * MINUTE, 50_050),
        won(3, OLGA, NOON + HOUR, 9_900, currency="EUR"),
        sale(4, OLGA, NOON + 3 * MINUTE),
        sale(5, PETR, NOON + HOUR, state=SaleState.LOST),
        sale(6, PETR, NOON + HOUR, ref=Ref(kind="lead", id="6"), state=SaleState.WON),
        won(7, NEW, NOON + MINUTE, 777_00),
        won(8, IVAN, NOON + 3 * HOUR, 100),
    )
    return database


async def lanes(database: Database) -> dict[Lane, int]:
    async with database.reading() as tx:
        return {lane: id_ for id_, lane in (await analytics.lanes(tx)).items()}


async def test_deals_stand_by_the_source_of_the_call_that_brought_them_and_each_client_counts_once(
    office: Database,
) -> None:
    known = await lanes(office)
    mango, mtt = known[Lane(trunk="mango", did="74950001122")], known[Lane(trunk="mtt", did="")]
    async with office.reading() as tx:
        found = await conversion.by_source(tx, AT_NOON, {})
        one = await conversion.by_source(tx, AT_NOON, {mango: mango, mtt: mango})
        clients = await callers.in_all(tx, AT_NOON)
        total = await conversion.in_all(tx, AT_NOON)
    assert found[mango] == Takings(deals=3, won=2, money={"RUB": 200_050}, with_deal=2, with_won=1)
    assert found[mtt] == Takings(leads=1, deals=2, won=1, money={"EUR": 9_900}, with_deal=2, with_won=1)
    assert found[None] == Takings(deals=1, won=1, money={"RUB": 777_00}, with_deal=1, with_won=1)
    assert one[mango] == total
    assert (total.with_deal, total.with_won, clients) == (3, 2, 3)
    assert total.money == {"RUB": 200_050, "EUR": 9_900}


async def test_deals_stand_by_who_spoke_first_in_that_call(office: Database) -> None:
    async with office.reading() as tx:
        found = await conversion.by_employee(tx, AT_NOON)
    assert {
        extension: (one.leads, one.deals, one.won, one.with_deal, one.with_won) for extension, one in found.items()
    } == {
        "101": (0, 3, 3, 2, 2),
        "102": (0, 1, 0, 1, 0),
        None: (1, 1, 0, 1, 0),
    }


async def test_a_deal_belongs_to_the_period_of_its_call_and_its_money_to_the_day_of_closing(office: Database) -> None:
    async with office.reading() as tx:
        later = await conversion.in_all(tx, Span(since=NOON + HOUR))
        ever = await conversion.in_all(tx, Span())
        closed = await conversion.closed(tx, NOON + 10 * HOUR, NOON + 10 * HOUR + 5 * MINUTE)
    assert (later.deals, later.money) == (1, {"RUB": 100})
    assert ever.deals == 6
    assert (closed.won, closed.money) == (1, {"RUB": 150_000})


async def test_each_number_of_deals_has_its_list_with_the_calls_that_brought_them(office: Database) -> None:
    mtt = (await lanes(office))[Lane(trunk="mtt", did="")]
    async with office.reading() as tx:
        listed = {which: await conversion.sold(tx, AT_NOON, which, 10) for which in Which}
        of_mtt = await conversion.sold(tx, Span(sources=[mtt]), Which.DEALS, 10)
        latest = await conversion.sold(tx, Span(), Which.DEALS, 1)
    assert {which: [sold.id for sold in found] for which, found in listed.items()} == {
        Which.LEADS: ["6"],
        Which.DEALS: ["3", "5", "4", "1", "2"],
        Which.WON: ["3", "1", "2"],
    }
    assert [(sold.id, sold.external, sold.extension, sold.call_key) for sold in of_mtt] == [
        ("3", OLGA, "101", key_of(4)),
        ("5", PETR, None, key_of(3)),
    ]
    assert [sold.id for sold in latest] == ["8"]


@pytest.mark.parametrize(
    ("by", "each", "condition"),
    [
        (conversion.DEALS.source, conversion.DEALS.client, true()),
        (conversion.DEALS.extension, conversion.DEALS.call_key, summaries.BROUGHT),
        (None, conversion.DEALS.client, conversion.BROUGHT),
    ],
    ids=["by source", "by employee", "in all"],
)
async def test_all_time_is_counted_in_the_order_of_an_index_that_has_everything(
    database: Database, by: ColumnElement[int] | None, each: ColumnElement[str], condition: ColumnElement[bool]
) -> None:
    """However many deals there are, none is sorted, and no long row is read."""
    *counted, money = conversion.statements([condition], by, each)
    plans = [await plan_of(database, statement) for statement in (*counted, money)]
    assert all(len(plan) == 1 for plan in plans[:-1]), plans
    assert all("USING COVERING INDEX" in plan[0] for plan in plans), plans


async def test_what_was_won_in_a_week_is_found_by_its_index(database: Database) -> None:
    closed = conversion.DEALS.closed
    found = conversion.statements(
        [conversion.BROUGHT, closed >= NOON, closed < NOON + HOUR], None, conversion.DEALS.client
    )
    for statement in found:
        assert "ix_stats_deals_closed (closed>? AND closed<?)" in "\n".join(await plan_of(database, statement))


async def plan_of(database: Database, statement: Select[Any]) -> list[str]:
    compiled = statement.compile(dialect=sqlite.dialect())
    async with database.reading() as tx:
        plan = await tx.execute(text(f"EXPLAIN QUERY PLAN {compiled}".replace("?", "0")))
        return [row.detail for row in plan]
