"""What programs find here is as its description says: schemathesis makes up requests, right and wrong ones."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import httpx2
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance
from starlette.applications import Starlette
from starlette.routing import Route
from tests.unit.service.dialing_twins import MAIN, START, Desk, Switchboard
from tests.unit.web import sample_calls
from tests.unit.web.office_page import client, journal, open_database, services

from ringbridge.routing.dialing import DialPlan
from ringbridge.routing.distribution import NORMAL, Hop, Reason, RouteClient, RouteQuestion
from ringbridge.routing.distribution import Route as CallRoute
from ringbridge.routing.intents import PortalId, UserId
from ringbridge.service.api_tokens import TokenBook
from ringbridge.service.config.api import ApiToken
from ringbridge.web.api import ApiDesk
from ringbridge.web.api.document import document
from ringbridge.web.api.operation import Door, Operation
from ringbridge.web.app import create_app
from ringbridge.web.auth.places import OWN_DOOR_EXACTLY
from ringbridge.web.programs import OPERATIONS
from ringbridge.web.route import RouteDesk

SECRET = "s" * 24
TOKEN = ApiToken.model_validate({"name": "erp", "secret": SECRET, "may": ["dial", "callback", "route", "watch"]})
DOCUMENT = document(OPERATIONS)


def without_doors(whole: Any) -> Any:
    """As it is for who may: who gets in is tried apart."""
    within = deepcopy(whole)
    for methods in within["paths"].values():
        for described in methods.values():
            described["security"] = []
    return within


SCHEMA = schemathesis.openapi.from_dict(without_doors(DOCUMENT))
ELSEWHERE = {"base_url": "https://calls.example", "address": "203.0.113.5"}
OF_PEOPLE = {"/login", "/preferences", "/favicon.ico"}
UNSAID = {name: [positive_data_acceptance] for name in ("readCall", "readCalls")}
"""That one of two fields has to be there is no rule that a field of an address could state."""
EXAMPLES = 30  # of each operation, half of them wrong

MEANT: Mapping[str, tuple[str, ...]] = {
    "number": ("+79125551122", "8 (912) 555-11-23", "*72100"),
    "employee": ("101", "2", ""),
    "group": ("700", ""),
    "to": ("102", "600", ""),
    "portal": (str(MAIN), "acme", ""),
    "line": ("",),
    "source": ("task-1", ""),
    "start_date": ("2026-03-01 00:00:00", "0001-01-01 00:00:00+14:00", "9999-12-31"),
    "path": ("app.crm.host",),
    "format": ("json",),
}
"""What this office knows, and what chance would not make up."""

ROUTE = CallRoute(
    hops=(Hop(extension="101", seconds=15, reason=Reason.RESPONSIBLE, user=UserId("7")),),
    client=RouteClient(portal=PortalId("acme"), kind="contact", id="12", name="Пётр", responsible=UserId("7")),
    caller_name="Пётр",
    why="He is.",
    skipped={"102": "busy"},
)


async def routed(question: RouteQuestion) -> CallRoute:
    return ROUTE if question.number.startswith("+") else NORMAL


@asynccontextmanager
async def office(folder: Path) -> AsyncIterator[Starlette]:
    """Dialling with its twins, a call in the journal. Each look at the clock is a second
    later, so that nobody asks too often."""
    async with await open_database(folder) as database:
        await journal(database, [sample_calls.answered(START)])
        desk = Desk(database, Switchboard(), DialPlan(callback_to="600", per_minute=10_000))
        api = ApiDesk(
            database=database,
            dialing=desk.dialing,
            portals={MAIN: lambda: desk.crm.routing},
            book=TokenBook(database, (TOKEN,), lambda: START),
            groups=frozenset({"600", "700"}),
        )
        seconds = count()
        given_services = services(database, clock=lambda: START + timedelta(seconds=next(seconds)))
        yield create_app(replace(given_services, api=api, route=RouteDesk(ask=routed)))


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[httpx2.AsyncClient]:
    """A program on the same machine."""
    async with office(tmp_path) as app, client(app) as program:
        yield program


async def sent(browser: httpx2.AsyncClient, case: Case) -> httpx2.Response:
    asked = requests.Request(**case.as_transport_kwargs(base_url=str(browser.base_url).rstrip("/"))).prepare()
    headers = dict(asked.headers) | {"Authorization": f"Bearer {SECRET}", "Accept": "application/json"}
    content = asked.body.encode() if isinstance(asked.body, str) else asked.body
    return await browser.request(str(asked.method), str(asked.url), headers=headers, content=content)


def meant(draw: Any, given: Any) -> Any:
    """Some of the fields with values that this office knows."""
    if not isinstance(given, dict):
        return given
    known = {name: draw(st.sampled_from(MEANT[name])) for name in given if name in MEANT and draw(st.booleans())}
    return given | known


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name)
@seed(20261126)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
async def test_every_request_is_answered_as_described(
    browser: httpx2.AsyncClient, operation: Operation, data: st.DataObject
) -> None:
    """In the described form, with a described status; nothing that was sent is our mistake (5xx)."""
    mode = data.draw(st.sampled_from(list(GenerationMode)))
    case = data.draw(SCHEMA[operation.path][operation.method].as_strategy(generation_mode=mode))
    if mode is GenerationMode.POSITIVE:
        case.query, case.body = meant(data.draw, case.query), meant(data.draw, case.body)
    answer = await sent(browser, case)
    case.validate_response(answer, excluded_checks=UNSAID.get(operation.name))


async def test_whoever_shows_nothing_gets_in_only_where_the_description_says_so(tmp_path: Path) -> None:
    async with office(tmp_path) as app, client(app, **ELSEWHERE) as stranger:
        stranger.headers["Accept"] = "application/json"
        for operation in OPERATIONS:
            answer = await stranger.request(operation.method, operation.path.format(id="any"))
            is_open = operation.door is Door.OPEN
            assert answer.status_code in ({200} if is_open else {401, 403}), operation.name
            assert answer.status_code in operation.answers


async def test_description_is_open_and_names_every_address_for_programs(tmp_path: Path) -> None:
    async with office(tmp_path) as app, client(app, **ELSEWHERE) as stranger:
        answer = await stranger.get("/api/openapi.json")
    assert answer.json() == DOCUMENT
    served = {route.path for route in app.routes if isinstance(route, Route)}
    for_programs = {path for path in served if path.startswith("/api/v1/")} | (OWN_DOOR_EXACTLY - OF_PEOPLE)
    assert for_programs <= DOCUMENT["paths"].keys() <= served
