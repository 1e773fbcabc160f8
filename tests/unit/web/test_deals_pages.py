"""The page of leads, deals and money, and its files."""

from __future__ import annotations

import csv
import io
import zipfile
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from xml.etree import ElementTree

import pytest
from tests.unit.store.test_conversion import read as read_sales
from tests.unit.store.test_conversion import sale, won
from tests.unit.web import sample_calls
from tests.unit.web.office_page import NOW, OFFICE, client, journal, read, services
from tests.unit.web.visitors import HEAD, VICTOR, accounts, session

from ringbridge.routing.clients import Ref
from ringbridge.routing.intents import PortalId
from ringbridge.service.sales.keeper import SalesState
from ringbridge.store.database import Database
from ringbridge.store.keys import call_key
from ringbridge.telephony.model import CallId
from ringbridge.web.analytics.report import Kind, Tile
from ringbridge.web.app import create_app
from ringbridge.web.pages.analytics import changed, shown
from ringbridge.web.rendering import call_address
from ringbridge.web.services import Services

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
IVAN, OLGA = "+79125551122", "+74951112233"
WHOLE = SalesState(whole=True, reading=False)


@pytest.fixture
async def office(database: Database) -> Services:
    """Two clients of two numbers, one of whom bought; a month before, one who bought for more."""
    calls = [
        replace(sample_calls.answered(NOW - DAY, number=number), id=CallId(f"7.{place}"), did=did)
        for place, (number, did) in enumerate(((IVAN, "73432723033"), (OLGA, "73432723033"), (OLGA, "74993508890")))
    ]
    await journal(database, [*calls, replace(sample_calls.answered(NOW - 40 * DAY, number=IVAN), id=CallId("6.1"))])
    await read_sales(
        database,
        won(1, IVAN, NOW - DAY + MINUTE, 150_000_50),
        won(2, IVAN, NOW - DAY + 2 * MINUTE, 900_00, currency="EUR"),
        sale(3, OLGA, NOW - DAY + MINUTE),
        sale(4, OLGA, NOW - DAY + MINUTE, ref=Ref(kind="lead", id="4")),
        won(5, "+79990001122", NOW - DAY, 500_00),
        won(6, IVAN, NOW - 39 * DAY, 300_000_00),
    )
    return replace(services(database), sales=lambda: {PortalId("acme"): WHOLE})


def links(html: str) -> set[str]:
    return {attrs["href"] or "" for tag, attrs in read(html).tags if tag == "a" and "href" in attrs}


async def table(office: Services, query: str = "") -> list[list[str]]:
    async with client(create_app(office)) as page:
        answer = await page.get(f"/analytics/deals?format=csv{query}")
    assert answer.status_code == 200
    return list(csv.reader(io.StringIO(answer.text.lstrip("\ufeff"))))


async def test_conversion_and_money_stand_by_what_brought_the_calls(office: Services) -> None:
    rows = await table(office)
    assert rows[0][-2:] == ["Sum of deals won, EUR", "Sum of deals won, RUB"]
    assert [row[1:] for row in rows[1:]] == [
        ["2", "0", "2", "0.5000", "2", "0.5000", "900.00", "150000.50"],
        ["1", "1", "1", "1.0000", "0", "0.0000", "0.00", "0.00"],
        ["", "0", "1", "", "1", "", "0.00", "500.00"],
    ]
    assert rows[3][0] == "No call before it"


async def test_deals_stand_by_employee_too(office: Services) -> None:
    rows = await table(office, "&by=employee")
    assert [row[0] for row in rows[1:]] == ["Борис Орлов · 102"]
    assert rows[1][1:] == ["3", "1", "3", "0.6667", "2", "0.3333", "900.00", "150000.50"]


async def test_a_number_of_deals_leads_to_their_list_and_each_of_them_to_its_call(office: Services) -> None:
    async with client(create_app(office)) as page:
        (address,) = {link for link in links((await page.get("/analytics/deals")).text) if "deals=won" in link}
        listed = (await page.get(address)).text
    assert call_address(call_key(OFFICE, CallId("7.0"))) in links(listed)
    assert {"Deal 1", "+7 912 555-11-22", "RUB", "won"} <= set(read(listed).found)
    assert {"deals=won" in link for link in links(listed) if "format=" in link} == {True}


async def test_a_deal_leads_to_its_page_in_the_crm_in_another_tab(office: Services) -> None:
    known = replace(office, card=lambda portal, ref: f"https://{portal}.example/{ref.kind}/{ref.id}")
    async with client(create_app(known)) as page:
        found = read((await page.get("/analytics/deals?deals=leads")).text).tags
        nowhere = read((await page.get("/analytics/deals?deals=won")).text).tags
    abroad = {"href": "https://acme.example/lead/4", "target": "_blank", "rel": "noopener"}
    assert [attrs for tag, attrs in found if tag == "a" and "target" in attrs] == [abroad]
    assert len([attrs for tag, attrs in nowhere if tag == "a" and "target" in attrs]) == 2


async def test_what_is_listed_comes_as_a_file_too(office: Services) -> None:
    rows = await table(office, "&deals=deals")
    assert [(row[1], row[4], row[6], row[7], row[8]) for row in rows[1:]] == [
        ("+7 912 555-11-22", "Deal 1", "won", "150000.50", "RUB"),
        ("+7 912 555-11-22", "Deal 2", "won", "900.00", "EUR"),
        ("+7 495 111-22-33", "Deal 3", "open", "0.00", "RUB"),
    ]
    async with client(create_app(office)) as page:
        answer = await page.get("/analytics/deals?format=xlsx")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as book:
        sheet = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))
    assert "150000.5" in {cell.text for cell in sheet.iter() if cell.text}


async def test_the_period_before_stands_beside_the_money_of_each_currency(office: Services) -> None:
    async with client(create_app(office), "ru") as page:
        texts = read((await page.get("/analytics/deals")).text).found
    at = texts.index("Сумма успешных сделок", texts.index("Показать"))
    assert texts[at : at + 7] == [
        "Сумма успешных сделок",
        "900 EUR",
        "900 €",
        "Сумма успешных сделок",
        "150\xa0000 RUB",
        "150 000 ₽",
        "В предыдущем периоде: 300\xa0000\xa0₽",
    ]


def test_millions_are_written_in_short_beside_their_currency_and_whole_in_a_table() -> None:
    amount = Decimal("72879810.40")
    written = [shown(language, Kind.MONEY, amount, unit) for language in ("ru", "en") for unit in ("RUB", "")]
    assert written == ["72,9\xa0млн\xa0₽", "72\xa0879\xa0810", "72.9M\xa0RUB", "72,879,810"]
    assert shown("ru", Kind.MONEY, Decimal("999999.00"), "EUR") == "999\xa0999\xa0€"


def test_a_share_changes_by_points_and_a_number_by_per_cent() -> None:
    share = Tile(title="Share", kind=Kind.SHARE, value=0.8, before=0.83)
    number = Tile(title="Number", kind=Kind.COUNT, value=112, before=100)
    assert [changed("en", tile) for tile in (share, number)] == ["−3\xa0pp", "+12%"]
    assert changed("ru", share) == "−3\xa0п.\xa0п."


@pytest.mark.parametrize(
    ("states", "told"),
    [
        ({}, "no CRM is connected"),
        ({"acme": SalesState(whole=False, reading=True, read=50, total=1200)}, "50 of 1,200"),
        (
            {"acme": SalesState(whole=False, reading=False, trouble="It has no right to read deals.")},
            "no right to read",
        ),
        ({"acme": WHOLE}, None),
    ],
)
async def test_the_page_says_why_deals_are_not_read(office: Services, states: dict[str, SalesState], told: str) -> None:
    told_of = replace(office, sales=lambda: {PortalId(name): state for name, state in states.items()})
    async with client(create_app(told_of)) as page:
        deals, sources = (await page.get("/analytics/deals")).text, (await page.get("/analytics/sources")).text
    assert ("Leads and deals" in deals) is (told is not None)
    assert told is None or told in deals
    assert "Leads and deals" not in sources


async def test_money_is_for_supervisors(database: Database, office: Services) -> None:
    await accounts(database)
    async with client(create_app(office), address="10.0.0.9") as page:
        codes = [
            (await page.get("/analytics/deals", headers=await session(database, who))).status_code
            for who in (VICTOR, HEAD)
        ]
    assert codes == [404, 200]
