"""The pages of analytics, and their files, over the calls of an office."""

from __future__ import annotations

import asyncio
import csv
import io
import re
import zipfile
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest
from tests.unit.web import sample_calls
from tests.unit.web.office_page import NOW, client, journal, read, services
from tests.unit.web.visitors import HEAD, VICTOR, accounts, session

from ringbridge.store.database import READERS, Database
from ringbridge.store.statistics.counting import hour_of, start_of_hour
from ringbridge.telephony.model import CallId, Disposition
from ringbridge.web.analytics import hours
from ringbridge.web.analytics.question import read_question
from ringbridge.web.analytics.report import Column, Kind, Report, Row, Tile
from ringbridge.web.analytics.sheets import as_csv, as_xlsx
from ringbridge.web.app import create_app
from ringbridge.web.pages.analytics import VIEWS

DAY = timedelta(days=1)
SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


async def an_office(database: Database) -> None:
    """This month's calls of several kinds, and one answered call of the month before."""
    told = [kind(NOW - timedelta(minutes=7 + 75 * n)) for n, kind in enumerate(KINDS)]
    old = sample_calls.answered(NOW - 40 * DAY)
    late = replace(sample_calls.answered(NOW - timedelta(minutes=1), number="74951234567"), id=CallId("9.9"))
    await journal(database, [*told, old, late])


KINDS = (
    sample_calls.answered,
    sample_calls.transferred,
    sample_calls.missed_in_queue,
    sample_calls.outbound_unanswered,
    sample_calls.withheld,
)


async def table(database: Database, address: str) -> list[list[str]]:
    """The report of a page, without its head."""
    joint = "&" if "?" in address else "?"
    async with client(create_app(services(database))) as page:
        answer = await page.get(f"{address}{joint}format=csv")
    assert answer.status_code == 200
    return list(csv.reader(io.StringIO(answer.text.lstrip("\ufeff"))))[1:]


async def test_calls_stand_by_what_brought_them(database: Database) -> None:
    await an_office(database)
    assert await table(database, "/analytics/sources") == [
        ["mango · +7 343 272-30-33", "4", "3", "0.7500", "1", "3", "0:00:06", "0:05:46", "0", "0"],
        ["mtt · +7 499 350-88-90", "1", "0", "0.0000", "1", "1", "", "0:00:00", "0", "0"],
        ["mango", "0", "0", "", "0", "0", "", "0:00:00", "1", "0"],
    ]


async def test_ways_of_one_advertisement_stand_together_and_its_clients_once(database: Database) -> None:
    await an_office(database)
    app = create_app(replace(services(database), source=lambda trunk, did: "Radio" if did else ""))
    async with client(app) as page:
        text = (await page.get("/analytics/sources?format=csv")).text
        one = (await page.get("/analytics/hours?source=Radio&format=csv")).text
    assert next(row for row in csv.reader(io.StringIO(text)) if row[0] == "Radio")[1:6] == [
        "5",
        "3",
        "0.6000",
        "2",
        "3",
    ]
    assert sum(int(row[2]) for row in list(csv.reader(io.StringIO(one)))[1:]) == 5


async def test_employees_have_what_rang_with_them_and_what_they_took(database: Database) -> None:
    await an_office(database)
    rows = {row[0]: row[1:] for row in await table(database, "/analytics/employees")}
    assert rows["Борис Орлов · 102"][:5] == ["2", "2", "0", "0:00:06", "0:02:28"]
    assert rows["Анна Смирнова · 101"][:3] == ["5", "1", "2"]
    assert rows["103"][5:7] == ["1", "0"]


async def test_missed_calls_are_those_with_whom_nobody_spoke(database: Database) -> None:
    await an_office(database)
    rows = await table(database, "/analytics/missed")
    assert [(row[1], row[3], row[5], row[6]) for row in rows] == [
        ("+7 495 123-45-67", "700", "2:36:00", "Борис Орлов"),
        ("Number withheld", "", "", ""),
    ]
    async with client(create_app(services(database))) as page:
        html = (await page.get("/analytics/missed")).text
    assert "495 123-45-67" not in html  # on the page stands who still waits


async def test_hours_are_the_offices_and_queues_tell_how_well_they_serve(database: Database) -> None:
    await journal(database, [sample_calls.missed_in_queue(NOW.replace(hour=21, minute=30) - DAY)])
    assert await table(database, "/analytics/hours") == [["Tue", "00:00", "1", "0", "0.0000", "1"]]
    assert await table(database, "/analytics/queues") == [["700", "1", "0", "0.0000", "0.0000", "", "0:01:01", "1"]]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Kolkata", "America/St_Johns", "UTC"])
def test_an_hour_of_the_week_is_that_of_the_offices_clock_however_often_it_is_turned(zone: str) -> None:
    first, last = hour_of(datetime(2025, 3, 1, tzinfo=UTC)), hour_of(datetime(2026, 4, 2, 5, tzinfo=UTC))
    shifts = hours.shifts_of(ZoneInfo(zone), first, last)
    assert len(shifts) == (4 if zone.endswith(("Berlin", "Johns")) else 1)
    for hour in range(first, last + 1):
        at = start_of_hour(hour).astimezone(ZoneInfo(zone))
        (*_, shift) = (one.hours for one in shifts if one.since <= hour)
        assert divmod((hour + shift + 72) % 168, 24) == (at.weekday(), at.hour)


async def test_the_hours_of_a_day_on_which_the_clock_is_turned_are_the_offices(database: Database) -> None:
    turned = datetime(2026, 10, 25, tzinfo=UTC)
    told = [sample_calls.missed_in_queue(turned + n * timedelta(hours=1)) for n in (0, 2)]
    await journal(database, [replace(call, id=CallId(f"4.{n}")) for n, call in enumerate(told)])
    office = replace(services(database), zone=ZoneInfo("Europe/Berlin"))
    async with client(create_app(office)) as page:
        written = (await page.get("/analytics/hours?format=csv&from=2026-10-20&to=2026-10-30")).text
    rows = list(csv.reader(io.StringIO(written)))[1:]
    assert [row[:3] for row in rows] == [["Sun", "02:00", "1"], ["Sun", "03:00", "1"]]


async def test_the_period_before_stands_beside_the_figures(database: Database) -> None:
    await an_office(database)
    await journal(
        database, [replace(sample_calls.withheld(NOW - 40 * DAY), id=CallId("8.8"), disposition=Disposition.MISSED)]
    )
    async with client(create_app(services(database))) as page:
        texts = read((await page.get("/analytics/sources")).text).found
        alone = read((await page.get("/analytics/sources?period=all")).text).found
    at = texts.index("Incoming", texts.index("Show"))
    assert texts[at : at + 3] == ["Incoming", "5", "In the period before: 2"]
    assert texts[at + 3] == "+150%"
    assert not any(text.startswith("In the period before") for text in alone)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize(
    "query", ["", "?from=nonsense", "?from=9999-12-31&to=0001-01-01", "?period=all&queue=%27&employee=x"]
)
async def test_every_view_opens_whatever_stands_in_its_address(database: Database, view: str, query: str) -> None:
    await journal(database, [sample_calls.hostile(NOW - DAY)])
    async with client(create_app(services(database)), "ru") as page:
        answer = await page.get(f"/analytics/{view}{query}")
    assert answer.status_code == 200
    assert ("Дата, которую" in answer.text) is ("nonsense" in query)


async def test_employees_see_their_own_calls_alone_and_two_of_the_views(database: Database) -> None:
    await accounts(database)
    await an_office(database)
    app = create_app(services(database))
    async with client(app, address="10.0.0.9") as page:
        own, head = await session(database, VICTOR), await session(database, HEAD)
        assert (await page.get("/analytics", headers=own)).headers["location"] == "/analytics/employees"
        assert (await page.get("/analytics", headers=head)).headers["location"] == "/analytics/sources"
        codes = [(await page.get(f"/analytics/{view}", headers=own)).status_code for view in VIEWS]
        told = [
            (await page.get(f"/analytics/employees?format=csv{more}", headers=own)).text
            for more in ("", "&employee=101")
        ]
        hours = (await page.get("/analytics/hours?format=csv", headers=own)).text
    assert codes == [404, 200, 200, 404, 404, 404]
    assert [re.findall(r"^[^,\n]*\b(10\d)\b", text, re.MULTILINE) for text in told] == [["104"], []]
    assert [row[2] for row in csv.reader(io.StringIO(hours))][1:] == ["1"]


async def test_more_visitors_than_readers_get_their_pages(database: Database) -> None:
    await an_office(database)
    async with client(create_app(services(database))) as page, asyncio.timeout(60):
        answers = await asyncio.gather(*(page.get("/analytics/sources") for _ in range(2 * READERS)))
    assert {answer.status_code for answer in answers} == {200}


async def test_a_page_is_light_though_there_are_many_sources(database: Database) -> None:
    many = [
        replace(sample_calls.answered(NOW - n * timedelta(minutes=9)), id=CallId(f"5.{n}"), did=f"7495{n:07}")
        for n in range(200)
    ]
    await journal(database, many)
    async with client(create_app(services(database))) as page:
        sizes = []
        for view in VIEWS:
            async with page.stream("GET", f"/analytics/{view}") as answer:
                sizes.append(sum([len(part) async for part in answer.aiter_raw()]))
    assert max(sizes) < 150_000


def test_a_workbook_holds_numbers_as_numbers_and_texts_as_texts() -> None:
    columns = tuple(Column(title=kind, kind=kind) for kind in Kind)
    report = Report(
        columns=columns,
        rows=[
            Row(values=("=1+1", 7, 0.25, timedelta(hours=36), Decimal("1500.50"))),
            Row(values=("b", 0, *[None] * 3)),
        ],
    )
    with zipfile.ZipFile(io.BytesIO(as_xlsx(report, str.title, "Calls [1]/2"))) as book:
        strings = ["".join(one.itertext()) for one in ElementTree.fromstring(book.read("xl/sharedStrings.xml"))]
        sheet = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))
    cells = {cell.get("r"): (cell.get("t"), cell.findtext(f"{SHEET}v")) for cell in sheet.iter(f"{SHEET}c")}
    assert sheet.find(f".//{SHEET}f") is None
    assert strings[int(cells["A2"][1] or 0)] == "=1+1"
    assert [cells[f"{column}2"] for column in "BCDE"] == [(None, number) for number in ("7", "0.25", "1.5", "1500.50")]
    assert "C3" not in cells


def test_no_text_of_a_csv_file_is_taken_for_a_formula_and_numbers_stay_numbers() -> None:
    columns = tuple(Column(title=name, kind=Kind.TEXT) for name in "abc")
    report = Report(columns=columns, rows=[Row(values=("=HYPERLINK(1)", "+7 912 555-11-22", "@x"))])
    assert as_csv(report, str).decode("utf-8-sig").splitlines()[1] == "'=HYPERLINK(1),+7 912 555-11-22,'@x"


def test_a_share_changes_by_points_and_a_count_by_its_share() -> None:
    tiles = [
        Tile(title="", kind=Kind.SHARE, value=0.9, before=0.8),
        Tile(title="", kind=Kind.COUNT, value=30, before=20, more_is_better=False),
        Tile(title="", kind=Kind.TIME, value=timedelta(seconds=5), before=timedelta(seconds=10), more_is_better=False),
        Tile(title="", kind=Kind.COUNT, value=3, before=0),
        Tile(title="", kind=Kind.SHARE, value=0.801, before=0.8),
    ]
    assert [(round(tile.change, 3) if tile.change is not None else None, tile.is_good) for tile in tiles] == [
        (0.1, True),
        (0.5, False),
        (-0.5, True),
        (None, None),
        (0.001, None),
    ]


def test_without_days_the_last_thirty_are_meant_and_the_thirty_before_compared() -> None:
    asked = read_question("sources", {}, NOW.tzinfo, date(2026, 11, 24))  # type: ignore[arg-type]
    assert (asked.first, asked.last, asked.days) == (date(2026, 10, 26), date(2026, 11, 24), 30)
    assert asked.before is not None
    assert [moment.date() for moment in asked.before] == [date(2026, 9, 26), date(2026, 10, 26)]
