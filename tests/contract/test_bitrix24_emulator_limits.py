"""The emulated portal's quotas, tokens and bad days."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.contract.bitrix24_desk import ADMIN, STRANGER, Clock, Desk, desk

from ringbridge.emulators.bitrix24 import Fault, FaultKind, Portal, Settings, demo, serve
from ringbridge.emulators.bitrix24.limits import LeakyBucket, OperatingTime

TOO_MANY = (503, "QUERY_LIMIT_EXCEEDED", "Too many requests")
BLOCKED = (429, "OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit.")


# Quotas.


async def test_the_fifty_first_request_at_once_is_refused_and_executes_nothing() -> None:
    async with desk(rate_limit=True) as at:
        for _ in range(50):
            await at.call("crm.lead.add", fields={"TITLE": "x"})
        assert (await at.call("crm.lead.add", fields={"TITLE": "x"})).refusal == TOO_MANY
        assert len(at.portal.traffic.executed) == 50


async def test_the_bucket_drains_two_a_second() -> None:
    async with desk(rate_limit=True) as at:
        for _ in range(50):
            await at.call("profile")
        at.clock.forward(seconds=1)
        answers = [(await at.call("profile")).status for _ in range(3)]
        assert answers == [200, 200, 503]


async def test_wrong_keys_count_too() -> None:
    async with desk(rate_limit=True, threshold=1) as at:
        await at.http.post("/rest/1/wrong/profile")
        assert (await at.call("profile")).refusal == TOO_MANY


@given(st.lists(st.floats(0, 10), max_size=200), st.floats(0.5, 5), st.integers(1, 60))
def test_never_more_than_threshold_and_drain_are_admitted(waits: list[float], drain: float, threshold: int) -> None:
    bucket, clock, admitted, passed = LeakyBucket(), Clock(), 0, 0.0
    for wait in waits:
        clock.forward(seconds=wait)
        passed += wait
        admitted += bucket.admits("a", clock(), drain=drain, threshold=threshold)
    assert admitted <= threshold + drain * passed + 1e-3


def test_each_source_address_has_its_own_bucket() -> None:
    bucket, now = LeakyBucket(), Clock()()
    assert bucket.admits("a", now, drain=2, threshold=1)
    assert not bucket.admits("a", now, drain=2, threshold=1)
    assert bucket.admits("b", now, drain=2, threshold=1)


async def test_the_call_that_crosses_the_operating_limit_runs_and_the_next_is_blocked_alone() -> None:
    async with desk(operating_cost={"crm.lead.list": 300.0}) as at:
        assert (await at.call("crm.lead.list")).status == 200
        crossing = await at.call("crm.lead.list")
        assert crossing.body["time"]["operating"] == 600.0
        assert (await at.call("crm.lead.list")).refusal == BLOCKED
        assert (await at.call("crm.contact.list")).status == 200
        assert (await at.by_webhook("crm.lead.list")).status == 200  # another owner, another count


async def test_a_blocked_method_is_free_again_when_its_oldest_minute_drops_out() -> None:
    async with desk(operating_cost={"profile": 480.0}) as at:
        frees = (await at.call("profile")).body["time"]["operating_reset_at"]
        at.clock.forward(seconds=frees - at.clock().timestamp() - 1)
        assert (await at.call("profile")).refusal[1] in {"OPERATION_TIME_LIMIT", "expired_token"}
        at.clock.forward(seconds=1)
        assert (await at.call("profile")).status == 200


def test_minutes_are_summed_and_forgotten_one_by_one() -> None:
    spent, clock = OperatingTime(), Clock()
    for _ in range(3):
        spent.add("a", "m", 10.0, clock())
        clock.forward(minutes=1)
    assert spent.spent("a", "m", clock()) == 30.0
    clock.forward(minutes=7)
    assert spent.spent("a", "m", clock()) == 20.0
    clock.forward(minutes=2)
    assert spent.spent("a", "m", clock()) == 0.0


# Tokens.


async def token(at: Desk, **query: str) -> tuple[int, Any]:
    params = {"client_id": demo.CLIENT_ID, "client_secret": demo.CLIENT_SECRET, **query}
    response = await at.http.get("/oauth/token/", params=params)
    return response.status_code, response.json()


async def test_an_access_token_lives_an_hour_and_is_renewed_by_a_refresh_token_that_works_once() -> None:
    async with desk() as at:
        at.clock.forward(minutes=60)
        text = "The access token provided has expired."
        assert (await at.call("profile")).refusal == (401, "expired_token", text)
        status, fresh = await token(at, grant_type="refresh_token", refresh_token=at.refresh)
        assert status == 200
        assert fresh["expires_in"] == 3600
        assert fresh["client_endpoint"] == "http://portal.test/rest/"
        assert fresh["user_id"] == ADMIN
        assert fresh["refresh_token"] != at.refresh
        at.token = fresh["access_token"]
        assert (await at.call("profile")).status == 200
        assert (await token(at, grant_type="refresh_token", refresh_token=at.refresh))[1]["error"] == "invalid_grant"
        assert at.portal.access.refreshes == 1


async def test_a_refresh_token_dies_after_180_days() -> None:
    async with desk() as at:
        at.clock.forward(days=180)
        status, body = await token(at, grant_type="refresh_token", refresh_token=at.refresh)
        assert (status, body["error"]) == (400, "invalid_grant")


async def test_a_code_opens_once_within_thirty_seconds() -> None:
    async with desk() as at:
        application = at.portal.access.applications[0]
        code = at.portal.access.issue_code(application, ADMIN, at.clock())
        assert (await token(at, grant_type="authorization_code", code=code))[0] == 200
        assert (await token(at, grant_type="authorization_code", code=code))[1]["error"] == "invalid_grant"
        late = at.portal.access.issue_code(application, ADMIN, at.clock())
        at.clock.forward(seconds=30)
        assert (await token(at, grant_type="authorization_code", code=late))[1]["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("query", "refusal"),
    [
        ({"client_secret": "wrong"}, (401, "invalid_client")),
        ({"client_id": "wrong"}, (401, "invalid_client")),
        ({"client_secret": ""}, (400, "invalid_request")),
        ({"grant_type": "password"}, (400, "invalid_request")),
        ({"refresh_token": "wrong"}, (400, "invalid_grant")),
    ],
)
async def test_a_bad_token_request_is_refused(query: dict[str, str], refusal: tuple[int, str]) -> None:
    async with desk() as at:
        status, body = await token(at, **{"grant_type": "refresh_token", "refresh_token": at.refresh, **query})
        assert (status, body["error"]) == refusal
        assert at.refresh in at.portal.access.refresh


async def test_the_authorization_page_sends_the_browser_back_with_a_code() -> None:
    async with desk() as at:
        page = "/oauth/authorize/"
        assert (await at.http.get(page, params={"client_id": "wrong"})).status_code == 404
        assert (await at.http.get(page, params={"client_id": demo.CLIENT_ID})).status_code == 400
        at.portal.access.applications[0].redirect_uri = "http://app.test/back"
        back = await at.http.get(page, params={"client_id": demo.CLIENT_ID, "state": "s&1"})
        address = httpx2.URL(back.headers["location"])
        assert (address.host, address.path, address.params["state"]) == ("app.test", "/back", "s&1")
        assert address.params["domain"] == "portal.test"
        assert (await token(at, grant_type="authorization_code", code=address.params["code"]))[0] == 200


async def test_an_unpaid_application_gets_payment_required() -> None:
    async with desk() as at:
        at.portal.access.applications[0].paid = False
        assert (await at.call("profile")).refusal == (401, "PAYMENT_REQUIRED", "Payment required")


async def test_a_refresh_token_may_be_good_twice_where_the_portal_allows_it() -> None:
    async with desk(reuse_refresh_token=True) as at:
        for _ in range(2):
            assert (await token(at, grant_type="refresh_token", refresh_token=at.refresh))[0] == 200


# Bad days.


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        (FaultKind.QUERY_LIMIT, 503, "QUERY_LIMIT_EXCEEDED"),
        (FaultKind.OVERLOAD, 503, "OVERLOAD_LIMIT"),
        (FaultKind.OPERATION_LIMIT, 429, "OPERATION_TIME_LIMIT"),
        (FaultKind.EXPIRED_TOKEN, 401, "expired_token"),
        (FaultKind.NO_AUTH, 401, "NO_AUTH_FOUND"),
        (FaultKind.PAYMENT_REQUIRED, 401, "PAYMENT_REQUIRED"),
        (FaultKind.APPLICATION_NOT_FOUND, 401, "APPLICATION_NOT_FOUND"),
        (FaultKind.INVALID_CREDENTIALS, 403, "INVALID_CREDENTIALS"),
        (FaultKind.PLAN_EXPIRED, 403, "ACCESS_DENIED"),
        (FaultKind.INTERNAL_ERROR, 500, "INTERNAL_SERVER_ERROR"),
        (FaultKind.PORTAL_DELETED, 500, "PORTAL_DELETED"),
    ],
)
async def test_an_ordered_refusal_comes_once_and_executes_nothing(kind: FaultKind, status: int, code: str) -> None:
    async with desk() as at:
        at.portal.faults.add(Fault(kind=kind))
        assert (await at.call("crm.lead.add", fields={})).refusal[:2] == (status, code)
        assert not at.portal.traffic.executed
        assert (await at.call("crm.lead.add", fields={})).status == 200


@pytest.mark.parametrize(
    ("kind", "status", "executed"),
    [
        (FaultKind.UNAVAILABLE, 503, 0),
        (FaultKind.HTML_500, 500, 0),
        (FaultKind.HTML_200, 200, 0),
        (FaultKind.GATEWAY_TIMEOUT, 504, 1),
    ],
)
async def test_what_stands_before_the_portal_answers_in_html(kind: FaultKind, status: int, executed: int) -> None:
    async with desk() as at:
        at.portal.faults.add(Fault(kind=kind))
        response = await at.http.post(f"{at.hook}crm.lead.add", json={"fields": {}})
        assert response.status_code == status
        assert response.headers["content-type"].startswith("text/html")
        assert len(at.portal.clients.rows["LEAD"]) == executed


async def test_a_fault_may_wait_for_its_method_skip_some_and_strike_several_times() -> None:
    async with desk() as at:
        at.portal.faults.add(Fault(kind=FaultKind.QUERY_LIMIT, method="crm.lead.list", skip=1, times=2))
        assert (await at.call("profile")).status == 200
        assert [(await at.call("crm.lead.list")).status for _ in range(4)] == [200, 503, 503, 200]


async def test_a_fault_for_a_method_strikes_the_batch_that_calls_it() -> None:
    async with desk() as at:
        at.portal.faults.add(Fault(kind=FaultKind.HTML_500, method="crm.lead.list"))
        cmd = {"a": "profile", "b": "crm.lead.list"}
        assert (await at.call("batch", cmd={"a": "profile"})).status == 200
        response = await at.http.post(f"{at.hook}batch", json={"cmd": cmd})
        assert response.status_code == 500


async def test_faults_are_ordered_and_cleared_over_http() -> None:
    async with desk() as at:
        await at.http.post("/_emulator/faults", json=[{"kind": "unavailable", "times": 3}, {"kind": "no_auth"}])
        assert len((await at.http.get("/_emulator/faults")).json()) == 2
        await at.http.request("DELETE", "/_emulator/faults")
        assert (await at.call("profile")).status == 200
        for nonsense in ({"kind": "earthquake"}, {"times": 2}, {"kind": "cut", "tims": 1}):
            assert (await at.http.post("/_emulator/faults", json=nonsense)).status_code == 422


# The line itself: on a real port.


@asynccontextmanager
async def served() -> AsyncIterator[tuple[Portal, httpx2.AsyncClient]]:
    portal = Portal.demo(settings=Settings(rate_limit=False))
    async with serve(portal) as address, httpx2.AsyncClient(base_url=address, trust_env=False) as http:
        yield portal, http


def registration(portal: Portal) -> dict[str, Any]:
    return {
        "url": portal.webhook_url + "telephony.externalCall.register",
        "json": {"USER_ID": 1, "PHONE_NUMBER": STRANGER, "TYPE": 2},
    }


async def test_a_connection_cut_before_executing_leaves_nothing_done() -> None:
    async with served() as (portal, http):
        portal.faults.add(Fault(kind=FaultKind.CUT))
        with pytest.raises(httpx2.RemoteProtocolError):
            await http.post(**registration(portal))
        assert not portal.telephony.active
        assert (await http.post(**registration(portal))).status_code == 200


async def test_a_lost_answer_leaves_the_work_done() -> None:
    async with served() as (portal, http):
        portal.faults.add(Fault(kind=FaultKind.LOSE_ANSWER))
        with pytest.raises(httpx2.RemoteProtocolError):
            await http.post(**registration(portal))
        assert len(portal.telephony.active) == 1
        assert (await http.post(**registration(portal))).json()["result"]["CALL_ID"] in portal.telephony.active


async def test_a_portal_that_hangs_executes_nothing_and_answers_nothing() -> None:
    async with served() as (portal, http):
        portal.faults.add(Fault(kind=FaultKind.HANG))
        with pytest.raises(httpx2.ReadTimeout):
            await http.post(**registration(portal), timeout=httpx2.Timeout(30, read=0.05))
        assert not portal.telephony.active


async def test_a_hanging_request_does_not_keep_the_portal_from_closing() -> None:
    async with httpx2.AsyncClient(trust_env=False, timeout=30) as http:
        async with serve(portal := Portal.demo()):
            portal.faults.add(Fault(kind=FaultKind.HANG))
            request = asyncio.create_task(http.post(**registration(portal)))
            while portal.faults.waiting:
                await http.get(f"{portal.address}/_emulator/faults")
        with pytest.raises(httpx2.RemoteProtocolError):
            await request


async def test_a_moved_domain_is_told_with_302_for_one_request() -> None:
    async with served() as (portal, http):
        portal.faults.add(Fault(kind=FaultKind.MOVED, location="http://new.example"))
        response = await http.post(**registration(portal))
        assert response.status_code == 302
        assert response.headers["location"].startswith("http://new.example/rest/1/")
        assert not portal.telephony.active


async def test_the_address_of_the_portal_is_the_one_it_is_served_at() -> None:
    async with served() as (portal, http):
        assert portal.webhook_url.startswith(f"{http.base_url}".rstrip("/"))


def test_the_token_lifetimes_are_the_documented_ones() -> None:
    settings = Settings()
    assert settings.access_token_lifetime == timedelta(hours=1)
    assert settings.refresh_token_lifetime == timedelta(days=180)
    assert (settings.drain_per_second, settings.threshold, settings.operating_limit_seconds) == (2.0, 50, 480.0)
