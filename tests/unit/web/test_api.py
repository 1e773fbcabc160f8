"""Programs and forms ask for calls: who may, for what, and what they are told."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from tests.unit.service.dialing_twins import MAIN, PBX, START, Desk, Switchboard

from ringbridge.routing.dialing import DialPlan
from ringbridge.service.api_tokens import TokenBook
from ringbridge.service.config import ConfigError, office_of
from ringbridge.service.config.api import ApiToken
from ringbridge.store import calls
from ringbridge.store.database import Database
from ringbridge.supervisor import listening
from ringbridge.telephony.model import Call, CallId, Direction, Disposition, Extension, Talk
from ringbridge.web.api import ApiDesk, ApiPages
from ringbridge.web.api.pages import MISTAKEN, PER_VISITOR
from ringbridge.web.security import SameOrigin, SecurityHeaders

SITE = "https://www.example.com"
DIALLER, FORM = "d" * 24, "f" * 24
TOKENS = (
    ApiToken.model_validate({"name": "erp", "secret": DIALLER, "may": ["dial", "callback"]}),
    ApiToken.model_validate({"name": "erp-2", "secret": "e" * 24, "may": ["dial"]}),
    ApiToken.model_validate({"name": "site", "secret": FORM, "may": ["callback"], "origins": [SITE]}),
)
NUMBER = "+79125551122"
PLAN = DialPlan(callback_to="600", callback_countries=frozenset({"RU"}))
FIELDS = ("number", "employee", "group", "source", "line", "at")


class Api:
    """The interface over dialling with its twins."""

    def __init__(self, database: Database, plan: DialPlan) -> None:
        self.desk = Desk(database, Switchboard(), plan)
        desk = ApiDesk(
            database=database,
            dialing=self.desk.dialing,
            portals={MAIN: lambda: self.desk.crm.routing},
            book=TokenBook(database, TOKENS, lambda: self.desk.now),
            groups=frozenset({"600", "700"}),
        )
        middleware = [Middleware(SecurityHeaders), Middleware(SameOrigin)]
        self.app = Starlette(routes=ApiPages(desk, now=lambda: self.desk.now).routes, middleware=middleware)
        self.client = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=self.app), base_url="http://calls.example")

    async def post(self, path: str, body: Any, token: str = DIALLER, **headers: str) -> httpx2.Response:
        shown = {"Authorization": f"Bearer {token}"} if token else {}
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.client.post(f"/api/v1/{path}", content=content, headers=shown | headers)

    async def get(self, path: str, token: str = DIALLER) -> httpx2.Response:
        return await self.client.get(f"/api/v1/{path}", headers={"Authorization": f"Bearer {token}"})

    async def delete(self, path: str, token: str = DIALLER) -> httpx2.Response:
        return await self.client.delete(f"/api/v1/{path}", headers={"Authorization": f"Bearer {token}"})


@asynccontextmanager
async def opened(folder: Path, plan: DialPlan | None = None) -> AsyncIterator[Api]:
    async with await Database.open(f"sqlite:///{folder}/ringbridge.db") as database:
        yield Api(database, plan or PLAN)


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    async with opened(tmp_path) as one:
        yield one


def call_of(dial: str, *, spoke: bool, ended: bool = True) -> Call:
    talk = Talk(extension=Extension("101"), start=START, end=START + timedelta(seconds=42) if ended else None)
    return Call(
        id=CallId(dial),
        direction=Direction.OUTBOUND,
        start=START,
        end=START + timedelta(seconds=60) if ended else None,
        external="79125551122",
        caller=Extension("101"),
        talks=(talk,) if spoke else (),
        disposition=(Disposition.ANSWERED if spoke else Disposition.CANCELLED) if ended else None,
        channels=(dial,),
    )


async def journal(api: Api, call: Call) -> None:
    async with api.desk.database.transaction() as tx:
        await calls.record(tx, PBX, [call])
        await api.desk.dialing.orders.call_ended(tx, PBX, call, None)


# Calls


@pytest.mark.parametrize(
    ("who", "extension"), [({"employee": "102"}, "102"), ({"employee": "2"}, "102"), ({"group": "700"}, "700")]
)
async def test_an_employee_or_a_group_is_connected_with_a_number(api: Api, who: dict[str, str], extension: str) -> None:
    answer = await api.post("calls", {"number": "8 (912) 555-11-22", **who})
    assert answer.status_code == 202
    told = answer.json()
    assert (told["state"], told["extension"]) == ("dialling", extension)
    assert (await api.get(f"calls/{told['id']}")).json() == told


async def test_the_result_of_the_call_is_told_once_it_is_known(api: Api) -> None:
    dial = (await api.post("calls", {"number": NUMBER, "employee": "101"})).json()["id"]
    await journal(api, call_of(dial, spoke=True, ended=False))
    assert (await api.get(f"calls/{dial}")).json()["state"] == "going_on"
    await journal(api, call_of(dial, spoke=True))
    told = (await api.get(f"calls/{dial}")).json()
    assert told["state"] == "ended"
    call = told["call"]
    assert (call["result"], call["reached"], call["talked_seconds"], call["talked"]) == ("answered", True, 42, ["101"])


async def test_an_employee_whose_phone_was_off_is_told_as_the_reason(api: Api) -> None:
    dial = (await api.post("calls", {"number": NUMBER, "employee": "101"})).json()["id"]
    await journal(api, call_of(dial, spoke=False))
    assert "registered" in (await api.get(f"calls/{dial}")).json()["call"]["reason"]


async def test_a_request_that_is_sent_again_is_one_call(api: Api) -> None:
    wanted = {"number": NUMBER, "employee": "101", "source": "task-7"}
    first, again = await api.post("calls", wanted), await api.post("calls", wanted)
    assert (first.status_code, again.status_code) == (202, 200)
    assert again.json() == first.json() | {"again": True}


@pytest.mark.parametrize(
    ("wanted", "status", "code"),
    [
        ({"number": NUMBER, "employee": "199"}, 409, "no_employee"),
        ({"number": NUMBER, "group": "112"}, 409, "no_group"),
        ({"number": NUMBER, "employee": "101", "portal": "other"}, 409, "no_portal"),
        ({"number": "*72100", "employee": "101"}, 409, "not_dialled"),
        ({"number": NUMBER}, 400, "not_understood"),
        ({"number": NUMBER, "employee": "101", "group": "700"}, 400, "not_understood"),
        ({"number": "", "employee": "101"}, 400, "not_understood"),
        ({"number": NUMBER, "employee": "101", "phone": "1"}, 400, "not_understood"),
        ({"number": 7, "employee": "101"}, 400, "not_understood"),
        ([], 400, "not_understood"),
        (b"{", 400, "not_understood"),
        (b"[" * 100_000, 413, "too_large"),
    ],
)
async def test_what_cannot_be_dialled_is_refused_with_its_reason(api: Api, wanted: Any, status: int, code: str) -> None:
    answer = await api.post("calls", wanted)
    assert (answer.status_code, answer.json()["error"]) == (status, code)
    assert answer.json()["text"]
    assert api.desk.pbx.asked == []


# Orders


async def test_a_form_orders_a_call_and_sees_how_it_goes(api: Api) -> None:
    answer = await api.post("callbacks", {"number": NUMBER, "note": "About the boiler"}, FORM, Origin=SITE)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (202, SITE)
    order = answer.json()["id"]
    assert (await api.get(f"callbacks/{order}", FORM)).json() == {"id": order, "state": "dialling", "attempts": 1}


async def test_an_order_for_later_waits_and_is_told_so(api: Api) -> None:
    at = (START + timedelta(hours=2)).isoformat()
    wanted = {"number": NUMBER, "to": "102", "at": at, "source": "form-1"}
    answer = await api.post("callbacks", wanted, FORM)
    assert (answer.status_code, answer.json()["state"], answer.json()["due"]) == (202, "waiting", at)
    again = await api.post("callbacks", wanted, FORM)
    assert (again.status_code, again.json()["id"]) == (200, answer.json()["id"])


async def test_an_order_at_night_waits_where_calls_are_made_in_working_hours_only(tmp_path: Path) -> None:
    async with opened(tmp_path, replace(PLAN, working_hours_only=True)) as api:
        api.desk.now = START.replace(hour=22)
        told = (await api.post("callbacks", {"number": NUMBER}, FORM)).json()
    assert (told["state"], told["due"]) == ("waiting", (START.replace(hour=9) + timedelta(days=1)).isoformat())


async def test_an_order_that_reached_the_client_is_told_as_such(api: Api) -> None:
    order = (await api.post("callbacks", {"number": NUMBER})).json()["id"]
    async with api.desk.running():
        await api.desk.pbx.dialled.wait()
    dial = str(api.desk.pbx.asked[0].action_id)
    await journal(api, call_of(dial, spoke=True))
    told = (await api.get(f"callbacks/{order}")).json()
    assert (told["state"], told["attempts"]) == ("reached", 1)


async def test_an_order_that_waits_is_cancelled_by_who_made_it_and_one_that_is_dialled_is_not(api: Api) -> None:
    at = (START + timedelta(hours=2)).isoformat()
    order = (await api.post("callbacks", {"number": NUMBER, "at": at})).json()["id"]
    assert (await api.delete(f"callbacks/{order}", FORM)).status_code == 404
    told = (await api.delete(f"callbacks/{order}")).json()
    assert (told["state"], told["reason"]) == ("ended", "It was cancelled by erp.")
    assert (await api.delete(f"callbacks/{order}")).json()["error"] == "not_waiting"
    dialled = (await api.post("callbacks", {"number": NUMBER})).json()["id"]
    assert (await api.delete(f"callbacks/{dialled}")).status_code == 409


@pytest.mark.parametrize(
    ("wanted", "status", "code"),
    [
        ({"number": NUMBER, "to": "112"}, 409, "no_group"),
        ({"number": NUMBER, "at": "2026-03-10T15:00:00"}, 400, "not_understood"),
        ({"number": NUMBER, "at": "2027-03-10T15:00:00Z"}, 409, "too_far"),
        ({"number": "12345"}, 409, "not_dialled"),
    ],
)
async def test_an_order_that_cannot_be_is_refused(api: Api, wanted: Any, status: int, code: str) -> None:
    answer = await api.post("callbacks", wanted, FORM)
    assert (answer.status_code, answer.json()["error"]) == (status, code)


# Who may


@pytest.mark.parametrize("shown", ["", "Bearer ", f"Bearer {DIALLER}x", f"Basic {DIALLER}", "Bearer \u00e9"])
async def test_without_a_token_nothing_is_done(api: Api, shown: str) -> None:
    headers = {"Authorization": shown.encode()} if shown else {}
    content = json.dumps({"number": NUMBER, "employee": "101"})
    answer = await api.client.post("/api/v1/calls", content=content, headers=headers)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert DIALLER not in answer.text


async def test_a_forms_token_dials_nobody(api: Api) -> None:
    answer = await api.post("calls", {"number": NUMBER, "employee": "101"}, FORM)
    assert (answer.status_code, answer.json()["error"]) == (403, "not_permitted")


async def test_a_program_sees_its_own_requests_only(api: Api) -> None:
    other = (await api.post("calls", {"number": NUMBER, "employee": "101"}, "e" * 24)).json()["id"]
    assert (await api.get(f"calls/{other}")).status_code == 404
    order = (await api.post("callbacks", {"number": NUMBER})).json()["id"]
    assert (await api.get(f"callbacks/{order}", FORM)).status_code == 404
    assert (await api.get("calls/nothing")).status_code == 404


@pytest.mark.parametrize(("origin", "status"), [(SITE, 204), ("https://evil.example", 403), (f"{SITE}.evil", 403)])
async def test_a_browser_may_ask_from_the_forms_site_and_from_no_other(api: Api, origin: str, status: int) -> None:
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    answer = await api.client.options("/api/v1/callbacks", headers=headers)
    assert answer.status_code == status
    assert answer.headers.get("access-control-allow-origin") == (origin if status == 204 else None)


async def test_a_token_that_strayed_to_another_site_is_of_no_use_there(api: Api) -> None:
    for token in (FORM, DIALLER):
        answer = await api.post("callbacks", {"number": NUMBER}, token, Origin="https://evil.example")
        assert (answer.status_code, answer.json()["error"]) == (403, "origin")
        assert "access-control-allow-origin" not in answer.headers


async def test_one_visitor_of_a_site_orders_a_few_calls_a_minute(api: Api) -> None:
    codes = [
        (await api.post("callbacks", {"number": f"+7912000000{n}"}, FORM, Origin=SITE)).status_code
        for n in range(PER_VISITOR + 1)
    ]
    assert codes == [202] * PER_VISITOR + [429]


async def test_behind_a_web_server_each_visitor_has_their_own_limit(api: Api) -> None:
    shown = {"Authorization": f"Bearer {FORM}", "Origin": SITE}
    async with listening(api.app, "127.0.0.1", 0) as address, httpx2.AsyncClient(base_url=address) as server:
        codes = []
        for nth, visitor in enumerate(["198.51.100.1"] * (PER_VISITOR + 1) + ["198.51.100.2"]):
            form = {"number": f"+7912000000{nth}"}
            headers = {**shown, "X-Forwarded-For": visitor}
            codes.append((await server.post("/api/v1/callbacks", json=form, headers=headers)).status_code)
    assert codes == [202] * PER_VISITOR + [429, 202]


async def test_guessing_tokens_is_slow(api: Api) -> None:
    codes = {(await api.post("calls", {}, f"guess-{n}")).status_code for n in range(MISTAKEN)}
    late = await api.post("calls", {}, "one more")
    assert (codes, late.status_code) == ({401}, 429)
    assert (await api.post("calls", {"number": NUMBER, "employee": "101"})).status_code == 202


async def test_every_answer_is_json_also_where_nothing_is(api: Api) -> None:
    for answer in (await api.get("nothing"), await api.client.put("/api/v2")):
        assert (answer.status_code, answer.json()["error"]) == (404, "not_found")
    for answer in (await api.get("calls"), await api.client.put("/api/v1/calls")):
        assert (answer.status_code, answer.json()["error"]) == (405, "method")
        assert answer.headers["allow"] == "OPTIONS, POST"


@given(body=st.dictionaries(st.sampled_from(FIELDS), st.text(max_size=80)))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_whatever_is_sent_is_answered_and_a_refusal_says_why(api: Api, body: dict[str, str]) -> None:
    answer = await api.post("calls", body)
    assert answer.status_code in {200, 202, 400, 409}
    assert answer.status_code in {200, 202} or answer.json()["text"]


# Configuration


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"secret": "short"}, "too short"),
        ({"origins": [SITE], "may": ["dial"]}, "a page shows its token"),
        ({"origins": [f"{SITE}/form"], "may": ["callback"]}, "no origin"),
        ({"origins": ["https://*.example.com"], "may": ["callback"]}, "no origin"),
        ({"may": []}, "may"),
    ],
)
def test_a_token_that_would_be_unsafe_is_refused_in_words(more: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        ApiToken.model_validate({"name": "erp", "secret": DIALLER, "may": ["dial"], **more})


def test_a_wrong_secret_is_not_printed_and_two_tokens_do_not_share_a_name() -> None:
    with pytest.raises(ConfigError) as told:
        office_of({"api_token": [{"name": "erp", "secret": "hush-hush", "may": ["dial"]}]})
    assert "hush-hush" not in str(told.value)
    token = {"name": "erp", "secret": DIALLER, "may": ["dial"]}
    with pytest.raises(ConfigError, match="api_token erp stands twice"):
        office_of({"api_token": [token, token]})
