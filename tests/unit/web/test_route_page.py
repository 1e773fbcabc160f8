"""The dialplan asks by HTTP: who may, and what it reads."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from tests.unit.web.office_page import open_database, services

from ringbridge.routing.distribution import NORMAL, Hop, Reason, Route, RouteClient, RouteQuestion
from ringbridge.routing.intents import PortalId, UserId
from ringbridge.web.app import create_app
from ringbridge.web.route import RouteDesk, RoutePage

TOKEN = "dialplan-token-of-the-office"
CLIENT = RouteClient(portal=PortalId("acme"), kind="contact", id="12", name="Пётр & Ко", responsible=UserId("7"))
ROUTE = Route(
    hops=(Hop(extension="101", seconds=15, reason=Reason.RESPONSIBLE),), client=CLIENT, caller_name="Пётр", why="He is."
)


class Answers:
    def __init__(self, route: Route = ROUTE) -> None:
        self.route = route
        self.asked: list[RouteQuestion] = []

    async def __call__(self, question: RouteQuestion) -> Route:
        self.asked.append(question)
        return self.route


def asking(
    answers: Answers, *, token: str = TOKEN, peer: str = "127.0.0.1", host: str = "127.0.0.1:8077"
) -> httpx2.AsyncClient:
    app = Starlette(routes=RoutePage(RouteDesk(ask=answers, token=token)).routes)
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app, client=(peer, 4000)), base_url=f"http://{host}")


async def test_the_answer_is_a_form_that_asterisk_takes_apart() -> None:
    answers = Answers()
    async with asking(answers) as page:
        answer = await page.get(
            "/route?number=%2B79125551122&did=74951000101&channel=PJSIP%2Fcomtel-00000001&uniqueid=1.2&choice=2"
        )
    assert answer.headers["content-type"].startswith("text/plain")
    assert "+" not in answer.text, "CURL leaves a plus a plus"
    told = dict(parse_qsl(answer.text, keep_blank_values=True))
    assert (told["count"], told["hop1"], told["sec1"], told["kind1"]) == ("1", "101", "15", "phone")
    assert (told["name"], told["client"], told["entity"], told["responsible"]) == ("Пётр", "Пётр Ко", "contact:12", "7")
    assert answers.asked == [
        RouteQuestion(number="+79125551122", did="74951000101", trunk="comtel", uniqueid="1.2", choice="2")
    ]


async def test_programs_get_json() -> None:
    async with asking(Answers()) as page:
        answer = await page.get("/route", params={"number": "79125551122", "format": "json"})
    assert answer.json()["hops"] == [
        {"extension": "101", "seconds": 15, "kind": "phone", "reason": "responsible", "user": None}
    ]
    assert answer.json()["client"]["name"] == "Пётр & Ко"


@given(query=st.dictionaries(st.sampled_from(["number", "did", "trunk", "uniqueid", "choice", "x"]), st.text()))
async def test_whatever_is_asked_is_answered_with_the_count_first(query: dict[str, str]) -> None:
    async with asking(Answers(NORMAL)) as page:
        answer = await page.get(f"/route?{urlencode(query, errors='replace')}")
    assert (answer.status_code, answer.text.partition("&")[0]) == (200, "count=0")


@pytest.mark.parametrize(
    ("peer", "host", "headers"),
    [
        ("192.0.2.7", "192.0.2.1:8077", {}),
        ("127.0.0.1", "calls.example.com", {}),
        ("127.0.0.1", "127.0.0.1:8077", {"X-Forwarded-For": "127.0.0.1"}),
        ("192.0.2.7", "192.0.2.1:8077", {"Authorization": "Bearer "}),
        ("192.0.2.7", "192.0.2.1:8077", {"Authorization": f"Bearer {TOKEN}x"}),
    ],
    ids=["elsewhere", "by a foreign name", "through a proxy", "an empty token", "a wrong token"],
)
async def test_nobody_else_is_answered(peer: str, host: str, headers: dict[str, str]) -> None:
    answers = Answers()
    for token in (TOKEN, ""):
        async with asking(answers, token=token, peer=peer, host=host) as page:
            answer = await page.get("/route?number=79125551122", headers=headers)
        assert answer.status_code == 403
    assert not answers.asked


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.66.1.1", "::1"])
async def test_this_machine_needs_no_token(peer: str) -> None:
    async with asking(Answers(), peer=peer, host="localhost:8077") as page:
        assert (await page.get("/route?number=79125551122")).status_code == 200


async def test_the_token_opens_it_from_anywhere() -> None:
    async with asking(Answers(), peer="192.0.2.7", host="calls.example.com") as page:
        assert (await page.get(f"/route?number=7&token={TOKEN}")).status_code == 200
        assert (await page.get("/route", headers={"Authorization": f"Bearer {TOKEN}"})).status_code == 200


@pytest.fixture
async def whole_page(tmp_path: Path) -> AsyncIterator[httpx2.AsyncClient]:
    """The page with everything that stands before it."""
    async with await open_database(tmp_path) as database:
        app = create_app(replace(services(database), route=RouteDesk(ask=Answers())))
        transport = httpx2.ASGITransport(app=app, client=("127.0.0.1", 4000))
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8077") as page:
            yield page


async def test_the_dialplan_needs_no_login(whole_page: httpx2.AsyncClient) -> None:
    answer = await whole_page.get("/route?number=79125551122")
    assert (answer.status_code, answer.text.partition("&")[0]) == (200, "count=1")
