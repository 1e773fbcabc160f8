"""A call asked for on the page: who may, what they see, and what becomes of it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest
from tests.unit.service.dialing_twins import MAIN, PBX, START, Desk, Switchboard
from tests.unit.web import sample_calls
from tests.unit.web.office_page import client, read, services

from ringbridge import routing
from ringbridge.ami.errors import NotConnected
from ringbridge.routing.dialing import DialKind, DialPlan, DialRequest
from ringbridge.routing.office import Portal
from ringbridge.service.api_tokens import TokenBook
from ringbridge.service.passwords import hashed
from ringbridge.store import calls, orders, users
from ringbridge.store.database import Database
from ringbridge.store.dials import DialState
from ringbridge.store.keys import call_key
from ringbridge.store.orders import Order, OrderState
from ringbridge.store.users import Role, User
from ringbridge.telephony.model import Call, CallId, Direction, Disposition, Extension, Leg
from ringbridge.web.api import ApiDesk
from ringbridge.web.app import create_app
from ringbridge.web.pages.dial import REASONS

NUMBER = "+7 912 555-11-22"
MISSED = sample_calls.missed_in_queue(START)


class Page:
    """The page over dialling with its twins, seen by one visitor."""

    def __init__(self, database: Database, visitor: httpx2.AsyncClient, desk: Desk) -> None:
        self.database, self.visitor, self.desk = database, visitor, desk

    async def call(self, number: str = NUMBER, phone: str = "101", **more: str) -> httpx2.Response:
        form = {"number": number, "phone": phone, "click": "click-1", **more}
        return await self.visitor.post("/dials", data=form)


@asynccontextmanager
async def opened(database: Database, language: str = "en") -> AsyncIterator[Page]:
    desk = Desk(database, Switchboard(), DialPlan(countries=frozenset({"RU"})))

    def portal() -> Portal:
        return desk.crm.routing

    book = TokenBook(database, (), lambda: START)
    api = ApiDesk(database=database, dialing=desk.dialing, portals={MAIN: portal}, book=book)
    app = create_app(replace(services(database, now=START), api=api))
    async with client(app, language) as visitor:
        yield Page(database, visitor, desk)


@pytest.fixture
async def page(database: Database) -> AsyncIterator[Page]:
    async with opened(database) as one:
        yield one


def shown(answer: httpx2.Response) -> str:
    return " | ".join(read(answer.text).found)


def call_of(dial: str, *, ended: bool) -> Call:
    leg = Leg(extension=Extension("101"), channel=dial, ring_start=START)
    return Call(
        id=CallId(dial),
        direction=Direction.OUTBOUND,
        start=START,
        end=START + timedelta(seconds=30) if ended else None,
        external="79125551122",
        caller=Extension("101"),
        legs=(leg,),
        disposition=Disposition.CANCELLED if ended else None,
        channels=(dial,),
        click_to_call=dial,
    )


async def test_the_chosen_phone_rings_and_the_page_says_what_to_do(page: Page) -> None:
    answer = await page.call(phone="102")
    assert answer.status_code == 303
    told = shown(await page.visitor.get(answer.headers["location"]))
    assert "The phone rings" in told
    assert "Pick up, and the client is called." in told
    async with page.desk.running():
        await page.desk.pbx.dialled.wait()
    assert dict(page.desk.pbx.asked[0].headers)["Channel"] == "PJSIP/102"


async def test_a_form_that_is_sent_twice_is_one_call(page: Page) -> None:
    first, second = await page.call(), await page.call()
    assert first.headers["location"] == second.headers["location"]


async def test_the_phone_that_was_chosen_is_offered_first_the_next_time(page: Page) -> None:
    await page.call(phone="102")
    html = (await page.visitor.get("/live")).text
    assert re.search(r'<option value="102" selected>', html)


async def test_a_call_that_goes_on_leads_to_its_own_page(page: Page) -> None:
    address = (await page.call()).headers["location"]
    dial = address.rpartition("/")[2]
    async with page.database.transaction() as tx:
        await calls.record(tx, PBX, [call_of(dial, ended=False)])
    target = f"/calls/{call_key(PBX, CallId(dial))}"
    assert (await page.visitor.get(address)).headers["location"] == target
    assert (await page.visitor.get(address, headers={"HX-Request": "true"})).headers["hx-redirect"] == target


async def test_a_call_that_came_to_nothing_says_why(page: Page) -> None:
    address = (await page.call()).headers["location"]
    async with page.database.transaction() as tx:
        await calls.record(tx, PBX, [call_of(address.rpartition("/")[2], ended=True)])
    told = shown(await page.visitor.get(address))
    assert "The client was not reached" in told
    assert "The employee did not answer their own phone." in told
    assert "Call again" in told


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "calls to this country are not allowed"), ("ru", "звонки в эту страну запрещены")],
)
async def test_a_refused_call_says_why_in_the_visitors_language(database: Database, language: str, words: str) -> None:
    async with opened(database, language) as page:
        answer = await page.call("+49 30 901820")
        assert words in shown(await page.visitor.get(answer.headers["location"]))
        assert page.desk.pbx.asked == []


async def test_without_a_link_to_the_pbx_the_page_says_so(page: Page) -> None:
    page.desk.pbx.fails = NotConnected("no link", sent=False)
    address = (await page.call()).headers["location"]
    async with page.desk.running():
        await page.desk.until_state(DialState.REFUSED)
    assert "no connection to the PBX" in shown(await page.visitor.get(address))


@pytest.mark.parametrize("phone", ["", "199", "+79990001122", "101' or 1"])
async def test_a_phone_of_nobodys_is_not_rung(page: Page, phone: str) -> None:
    assert (await page.call(phone=phone)).status_code == 403
    assert await page.desk.states() == []


async def test_another_sites_page_makes_nobodys_phone_ring(page: Page) -> None:
    form = {"number": NUMBER, "phone": "101", "click": "click-1"}
    answer = await page.visitor.post("/dials", data=form, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert await page.desk.states() == []


async def test_an_employee_calls_by_their_own_phone_and_sees_their_own_calls(page: Page) -> None:
    others = (await page.call(phone="102")).headers["location"]
    account = User(name="anna", role=Role.EMPLOYEE, extensions=("101",))
    async with page.database.transaction() as tx:
        await users.add(tx, account, hashed("a long password"), by="test", now=START)
    await page.visitor.post("/login", data={"name": "anna", "password": "a long password"})
    html = (await page.visitor.get("/live")).text
    assert 'name="phone" value="101"' in html
    assert (await page.call(phone="102")).status_code == 403
    assert (await page.visitor.get(others)).status_code == 404
    assert (await page.call(phone="101", click="click-2")).status_code == 303


async def test_a_missed_call_has_a_button_to_call_back_and_an_answered_one_has_none(page: Page) -> None:
    answered = sample_calls.answered(START - timedelta(hours=1))
    async with page.database.transaction() as tx:
        await calls.record(tx, PBX, [MISSED, answered])
    assert "Call back" in shown(await page.visitor.get(f"/calls/{call_key(PBX, MISSED.id)}"))
    assert "Call back" not in shown(await page.visitor.get(f"/calls/{call_key(PBX, answered.id)}"))


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", ("Calls to come", "not tried yet")), ("ru", ("Предстоящие звонки", "попыток ещё не было"))],
)
async def test_orders_that_wait_are_shown_and_one_is_cancelled(
    database: Database, language: str, words: tuple[str, str]
) -> None:
    async with opened(database, language) as page:
        order = await placed(page)
        for path in ("/live", "/orders"):
            told = shown(await page.visitor.get(path))
            assert all(word in told for word in (*words, "+7 912 555-11-22", "101"))
        await page.visitor.post(f"/orders/{order.id}/cancel")
        assert words[0] not in shown(await page.visitor.get("/live"))
    async with database.reading() as tx:
        ended = await orders.get(tx, order.id)
    assert ended
    assert (ended.state, ended.reason) == (OrderState.ENDED, "It was cancelled by somebody at this machine.")


async def test_an_employee_neither_sees_nor_cancels_the_offices_orders(page: Page) -> None:
    order = await placed(page)
    account = User(name="anna", role=Role.EMPLOYEE, extensions=("101",))
    async with page.database.transaction() as tx:
        await users.add(tx, account, hashed("a long password"), by="test", now=START)
    await page.visitor.post("/login", data={"name": "anna", "password": "a long password"})
    assert "Calls to come" not in shown(await page.visitor.get("/live"))
    assert (await page.visitor.post(f"/orders/{order.id}/cancel")).status_code == 403


async def placed(page: Page) -> Order:
    request = DialRequest(portal=MAIN, source="form-1", number=NUMBER, at=START, kind=DialKind.CALLBACK, to="101")
    order = await page.desk.dialing.orders.place(request, START + timedelta(hours=1))
    assert isinstance(order, Order)
    return order


async def test_an_office_that_cannot_dial_offers_no_form(database: Database) -> None:
    async with client(create_app(services(database))) as visitor:
        assert "/dials" not in (await visitor.get("/live")).text


def test_the_translated_reasons_are_those_that_are_given() -> None:
    package = Path(routing.__file__).parent.parent
    modules = ("routing/dialing.py", "routing/asked.py", "service/dialing/dialing.py")
    given = "".join((package / name).read_text(encoding="utf-8") for name in modules)
    assert [reason for reason in REASONS if reason not in given] == []
