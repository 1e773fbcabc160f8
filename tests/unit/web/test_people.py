"""Employees and queues on the live page, and the button that ends a call."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.web import sample_calls
from tests.unit.web.office_page import EMPLOYEES, NOW, OFFICE, client, entry, read, services
from tests.unit.web.visitors import HEAD, VICTOR, accounts, session

from ringbridge.routing.distribution import Reach
from ringbridge.service.dialing.hanging_up import NO_RIGHT
from ringbridge.store.calls import JournalEntry
from ringbridge.store.database import Database
from ringbridge.store.keys import call_key
from ringbridge.telephony.model import Call
from ringbridge.web.app import create_app
from ringbridge.web.people import Doing, people, queues
from ringbridge.web.services import Services

PHONES = {**EMPLOYEES, "105": "Галина", "106": "Дмитрий", "107": "Егор"}
REACHES = {"105": Reach.BUSY, "106": Reach.ABSENT, "107": Reach.FREE, "700": Reach.BUSY}
LIVE = (sample_calls.ringing(NOW), sample_calls.talking(NOW), sample_calls.waiting(NOW))


def reach(extension: str) -> Reach:
    return REACHES.get(extension, Reach.UNKNOWN)


def office(database: Database, *live: Call, refused: str = "", asked: list[str] | None = None) -> Services:
    async def hang_up(entry: JournalEntry, *, by: str) -> str:
        if asked is not None:
            asked.append(f"{by} {entry.key}")
        return refused

    given = services(database, live=live or LIVE)
    return replace(given, phones=lambda: PHONES, reach=reach, hang_up=hang_up)


def test_what_our_own_eyes_see_goes_before_what_the_phones_say() -> None:
    found = {person.extension: person.doing for person in people(PHONES, LIVE, reach)}
    assert found == {
        "101": Doing.RINGING,
        "102": Doing.RINGING,
        "104": Doing.TALKING,
        "105": Doing.BUSY,
        "106": Doing.ABSENT,
        "107": Doing.FREE,
    }


def test_nobody_changes_places_when_their_state_changes() -> None:
    order = [person.extension for person in people(PHONES, LIVE, reach)]
    assert order == [person.extension for person in people(PHONES, (), lambda extension: Reach.UNKNOWN)]


def test_a_queue_has_those_who_wait_and_not_those_who_talk() -> None:
    waiting = sample_calls.waiting(NOW)
    older = replace(waiting, id=sample_calls.call_id(NOW, 9), start=waiting.start - timedelta(minutes=2))
    talking = replace(sample_calls.talking(NOW), queue="700")
    (queue,) = queues((waiting, older, talking, sample_calls.ringing(NOW)), reach)
    assert (queue.name, queue.waiting, queue.oldest, queue.reach) == ("700", 2, older.start, Reach.BUSY)


def test_who_holds_a_client_is_seen_so_unless_they_talk_with_another() -> None:
    held = sample_calls.on_hold(NOW)
    another = replace(sample_calls.talking(NOW), id=sample_calls.call_id(NOW, 9))
    for live, doing in (((held,), Doing.HOLDING), ((another, held), Doing.TALKING), ((held, another), Doing.TALKING)):
        assert {one.doing for one in people(PHONES, live, reach) if one.extension == "104"} == {doing}


def test_who_was_parked_does_not_wait_in_the_queue_that_he_came_by() -> None:
    assert queues((sample_calls.parked(NOW),), reach) == []


@pytest.mark.parametrize(
    ("live", "told", "kept"),
    [
        (sample_calls.on_hold(NOW), "на удержании | Виктор Ли | 104 | Виктор Ли | 0:40", 1),
        (sample_calls.parked(NOW), "на парковке, снять: 71 | Виктор Ли | 104 | Виктор Ли | 0:15", 1),
        (sample_calls.in_conference(NOW), "конференция | Виктор Ли | 104 | Виктор Ли | 105 | 3:03", 0),
    ],
    ids=["on hold", "parked", "conference"],
)
async def test_the_live_page_tells_what_keeps_a_client(database: Database, live: Call, told: str, kept: int) -> None:
    async with client(create_app(office(database, live)), "ru") as page:
        found = " | ".join(read((await page.get("/live")).text).found)
    assert told in found
    assert f"{kept} | на удержании | " in found, "of all clients, how many wait so"


async def test_the_live_page_shows_employees_and_queues_in_words(database: Database) -> None:
    async with client(create_app(office(database)), "ru") as page:
        told = " | ".join(read((await page.get("/live")).text).found)
    assert "Виктор Ли | 104 | разговор | 3:03" in told
    assert "Галина | 105 | занят" in told
    assert "Дмитрий | 106 | не зарегистрирован" in told
    assert "700 | ждёт 1 | никто не свободен" in told


async def test_an_employee_sees_neither_colleagues_nor_the_button(database: Database) -> None:
    await accounts(database)
    async with client(create_app(office(database))) as page:
        own = (await page.get("/live", headers=await session(database, VICTOR))).text
        every = (await page.get("/live", headers=await session(database, HEAD))).text
    assert "Галина" not in own
    assert "/live/hangup" not in own
    assert "Галина" in every
    assert "/live/hangup" in every


async def test_a_supervisor_ends_a_call_and_an_employee_does_not(database: Database) -> None:
    await accounts(database)
    asked: list[str] = []
    key = call_key(OFFICE, LIVE[1].id)
    async with client(create_app(office(database, asked=asked))) as page:
        for user, status in ((VICTOR, 404), (HEAD, 200)):
            headers = {"Origin": str(page.base_url)} | await session(database, user)
            answer = await page.post("/live/hangup", data={"call": key}, headers=headers)
            assert answer.status_code == status
        part = await page.post("/live/hangup", data={"call": key}, headers=headers | {"HX-Request": "true"})
    assert asked == [f"head {key}"] * 2
    assert "The call was hung up" in part.text
    assert "<html" not in part.text


async def test_why_a_call_was_not_ended_is_said_in_the_visitors_language(database: Database) -> None:
    key = entry(LIVE[1]).key
    async with client(create_app(office(database, refused=NO_RIGHT)), "ru") as page:
        headers = {"Origin": str(page.base_url)}
        refused = await page.post("/live/hangup", data={"call": key}, headers=headers | {"HX-Request": "true"})
        whole = await page.post("/live/hangup", data={"call": key}, headers=headers)
        over = await page.post("/live/hangup", data={"call": "gone"}, headers=headers | {"HX-Request": "true"})
    assert "АТС не разрешает завершать звонки" in refused.text
    assert "АТС не разрешает завершать звонки" in whole.text
    assert "Звонок уже закончился" in over.text
