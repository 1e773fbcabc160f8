from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.web import sample_calls
from tests.unit.web.office_page import (
    ACME,
    EMPLOYEES,
    NOW,
    OFFICE,
    client,
    journal,
    read,
    services,
    told_to_the_crm,
)

from ringbridge.routing.clients import MirrorClient, Ref
from ringbridge.store.database import Database
from ringbridge.store.mirror import Mirror, Reading
from ringbridge.store.words import MOST_CLIENTS
from ringbridge.telephony.model import Call, CallId
from ringbridge.web.app import create_app
from ringbridge.web.pages.journal import PAGE


def many(count: int) -> list[Call]:
    """So close together that many begin at one moment, on both sides of every page's edge."""
    first = sample_calls.withheld(NOW - timedelta(days=1))
    return [
        replace(first, id=CallId(f"1.{number:04}"), start=first.start + timedelta(seconds=number // 30))
        for number in range(count)
    ]


def calls_on(html: str) -> list[str]:
    """Ids of the calls, as the page's rows link to them."""
    links = [attributes.get("href") or "" for tag, attributes in read(html).tags if tag == "a"]
    return [link.removeprefix(f"/calls/{OFFICE}-") for link in links if link.startswith("/calls/")]


def link_to(html: str, relation: str) -> str | None:
    found = [attributes for tag, attributes in read(html).tags if tag == "a" and attributes.get("rel") == relation]
    return found[0]["href"] if found else None


async def test_paging_shows_every_call_once_the_newest_first_while_new_ones_arrive(database: Database) -> None:
    told = many(3 * PAGE + 7)
    await journal(database, told)
    seen: list[str] = []
    async with client(create_app(services(database))) as page:
        address: str | None = "/journal"
        while address:
            html = (await page.get(address)).text
            seen += calls_on(html)
            address = link_to(html, "next")
            await journal(database, [replace(told[-1], id=CallId(f"2.{len(seen)}"), start=NOW)])
    assert seen == [call.id for call in sorted(told, key=lambda call: (call.start, call.id), reverse=True)]


async def test_search_goes_on_over_the_pages(database: Database) -> None:
    await journal(database, many(PAGE + 1))
    await journal(database, [sample_calls.answered(NOW - timedelta(hours=2))])
    async with client(create_app(services(database))) as page:
        first = (await page.get("/journal?result=missed&trunk=mango")).text
        second = (await page.get(link_to(first, "next") or "")).text
    assert (len(calls_on(first)), len(calls_on(second))) == (PAGE, 1)
    assert 'value="mango"' in second


@pytest.mark.parametrize(
    ("query", "kinds"),
    [
        ("number=1122", {"answered"}),
        ("number=8 912 555-11-22", {"answered"}),
        ("employee=105", {"transferred"}),
        ("trunk=mtt", {"missed_in_queue"}),
        ("direction=outbound", {"outbound_unanswered"}),
        ("result=missed", {"missed_in_queue", "withheld"}),
        ("from=2026-11-24&to=2026-11-24", {"answered"}),
        ("to=2026-11-22", {"withheld"}),
        ("number=0000&result=answered", set()),
    ],
)
async def test_each_field_finds_its_calls(database: Database, query: str, kinds: set[str]) -> None:
    days = {"answered": 0, "transferred": 1, "missed_in_queue": 1, "outbound_unanswered": 1, "withheld": 2}
    told = {kind: getattr(sample_calls, kind)(NOW - timedelta(days=day, minutes=day)) for kind, day in days.items()}
    told = {kind: replace(call, id=CallId(kind)) for kind, call in told.items()}
    await journal(database, told.values())
    async with client(create_app(services(database))) as page:
        assert set(calls_on((await page.get(f"/journal?{query}")).text)) == kinds


async def test_days_of_the_journal_are_the_offices(database: Database) -> None:
    """23:30 in Moscow is still the day before, although it is 20:30 UTC."""
    late = sample_calls.withheld(NOW.replace(hour=20, minute=30) - timedelta(days=1))
    early = sample_calls.withheld(NOW.replace(hour=21, minute=30) - timedelta(days=1))
    await journal(database, [late, early])
    async with client(create_app(services(database))) as page:
        shown = read((await page.get("/journal")).text).found
    days = [text for text in shown if text.startswith(("Today", "23 Nov", "24 Nov"))]
    assert days == ["Today, 24 Nov", "23 Nov"]


async def test_page_that_was_never_there_begins_the_journal_anew(database: Database) -> None:
    async with client(create_app(services(database))) as page:
        answer = await page.get("/journal?before=nonsense&trunk=mango")
    assert (answer.status_code, answer.headers["location"]) == (303, "/journal?trunk=mango")


async def test_empty_journal_and_empty_search_say_different_things(database: Database) -> None:
    async with client(create_app(services(database))) as page:
        assert "No calls yet" in (await page.get("/journal")).text
        assert "No call is like this" in (await page.get("/journal?number=5")).text


async def found_by(database: Database, query: str) -> str:
    office = replace(services(database), phones=lambda: EMPLOYEES)
    async with client(create_app(office)) as page:
        return (await page.get(f"/journal?{query}")).text


async def test_calls_are_found_by_the_clients_name_in_the_crm_and_by_the_employees(database: Database) -> None:
    answered = sample_calls.answered(NOW - timedelta(hours=1), number="89125551122")
    other = sample_calls.answered(NOW - timedelta(hours=2), number="79036667788")
    missed = sample_calls.missed_in_queue(NOW - timedelta(hours=3))
    await journal(database, [answered, other, missed])
    await crm_has(database, "Алёна Петрова", "+7 912 555-11-22")

    assert calls_on(await found_by(database, "number=петрова+алена")) == [answered.id]
    assert calls_on(await found_by(database, "number=Петренко")) == []
    assert calls_on(await found_by(database, "employee=орлов")) == [answered.id, other.id]
    assert calls_on(await found_by(database, "employee=орлов&number=петрова")) == [answered.id]
    assert calls_on(await found_by(database, "employee=Сидоров")) == []


async def test_calls_are_found_by_what_was_told_about_them(database: Database) -> None:
    told = sample_calls.answered(NOW - timedelta(hours=1))
    await journal(database, [sample_calls.answered(NOW - timedelta(hours=2))])
    await told_to_the_crm(database, told)
    assert calls_on(await found_by(database, "text=борис+register")) == [told.id]
    assert calls_on(await found_by(database, "text=борис+register&result=missed")) == []


async def test_the_clients_name_in_the_crm_stands_in_the_journal_and_over_the_call(database: Database) -> None:
    call = sample_calls.answered(NOW - timedelta(hours=1), number="89125551122", name="89125551122")
    await journal(database, [call])
    await crm_has(database, "Алёна Петрова", "+7 912 555-11-22")
    async with client(create_app(services(database))) as page:
        assert "Алёна Петрова" in read((await page.get("/journal")).text).found
        assert "Алёна Петрова" in read((await page.get(f"/calls/{OFFICE}-{call.id}")).text).found


async def test_where_very_many_clients_have_a_name_it_is_said_that_not_all_are_shown(database: Database) -> None:
    await crm_has(database, *(part for n in range(MOST_CLIENTS + 1) for part in (f"Иван {n}", f"7912{n:07}")))
    assert "many clients of this name" in await found_by(database, "number=иван")
    assert "many clients of this name" not in await found_by(database, "number=иван+17")


async def crm_has(database: Database, *named: str) -> None:
    """Contacts: of each its name and its number."""
    mirror = Mirror(database, ACME, "RU")
    await mirror.keep_reading(Reading(region="RU", generation=1))
    contacts = (
        MirrorClient(ref=Ref(kind="contact", id=phone), name=name, responsible=None, phones=(phone,))
        for name, phone in zip(named[::2], named[1::2], strict=True)
    )
    await mirror.keep(contacts, 1)
