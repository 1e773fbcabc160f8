"""The emulated account's quotas and bad days."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.contract.amocrm_desk import ADMIN, CONTACT, Desk, call, desk

from ringbridge.emulators.amocrm import Account, Fault, FaultKind, Integration, Limiter, QuotaOwner, Settings, serve
from ringbridge.emulators.amocrm.limits import Throttle, Verdict

MAKE = [{"name": "A"}]


async def statuses(at: Desk, times: int) -> list[int]:
    return [(await at.get("account")).status for _ in range(times)]


async def test_the_eighth_request_at_once_is_429_in_plain_words_and_executes_nothing() -> None:
    async with desk(rate_limit=True) as at:
        assert await statuses(at, 7) == [200] * 7
        refused = await at.post("contacts", *MAKE)
        assert (refused.status, refused.kind, refused.body) == (429, "text/plain; charset=utf-8", "Too Many Requests")
        assert not at.account.traffic.of("POST", "/api/v4/contacts")[0].executed
        assert at.account.traffic.busiest_second() == 8


async def test_the_bucket_refills_seven_a_second() -> None:
    async with desk(rate_limit=True) as at:
        await statuses(at, 7)
        at.clock.forward(seconds=1)
        assert await statuses(at, 8) == [200] * 7 + [429]


async def test_in_the_strictest_reading_no_second_has_more_than_seven() -> None:
    async with desk(rate_limit=True, limiter=Limiter.WINDOW) as at:
        await statuses(at, 4)
        at.clock.forward(seconds=0.9)
        assert await statuses(at, 4) == [200, 200, 200, 429]
        at.clock.forward(seconds=0.1)
        assert await statuses(at, 5) == [200] * 4 + [429]


@given(st.lists(st.floats(0, 3), max_size=200), st.sampled_from(Limiter))
def test_never_more_than_seven_and_seven_a_second_are_admitted(waits: list[float], limiter: Limiter) -> None:
    throttle, now, admitted = Throttle(settings=Settings(limiter=limiter, refusals_before_block=1000)), 1000.0, 0
    for wait in waits:
        now += wait
        admitted += throttle.ask("a", now) is Verdict.ADMITTED
    assert admitted <= 7 + 7 * (now - 1000.0) + 1e-3


@pytest.mark.parametrize(("owner", "status"), [(QuotaOwner.INTEGRATION, 200), (QuotaOwner.ACCOUNT, 429)])
async def test_integrations_have_their_own_quota_unless_the_account_counts_them_together(
    owner: QuotaOwner, status: int
) -> None:
    async with desk(rate_limit=True, quota_owner=owner) as at:
        other, _ = at.account.issue(Integration(), ADMIN)
        await statuses(at, 7)
        assert (await at.ask("GET", "/api/v4/account", token=other)).status == status


async def test_who_hammers_on_is_shut_out_for_five_minutes() -> None:
    async with desk(rate_limit=True, refusals_before_block=3) as at:
        assert await statuses(at, 10) == [200] * 7 + [429] * 3
        at.clock.forward(minutes=5, seconds=-1)
        blocked = await at.get("account")
        assert (blocked.status, blocked.kind) == (403, "text/html; charset=utf-8")
        at.clock.forward(seconds=1)
        assert await statuses(at, 1) == [200]


async def test_a_success_in_between_ends_the_row_of_refusals() -> None:
    async with desk(rate_limit=True, refusals_before_block=3) as at:
        assert await statuses(at, 9) == [200] * 7 + [429] * 2
        at.clock.forward(seconds=0.15)
        assert await statuses(at, 3) == [200, 429, 429]


# Bad days.


@pytest.mark.parametrize(
    ("kind", "status", "media"),
    [
        (FaultKind.TOO_MANY, 429, "text/plain"),
        (FaultKind.BLOCKED, 403, "text/html"),
        (FaultKind.FORBIDDEN, 403, "application/problem+json"),
        (FaultKind.UNAUTHORIZED, 401, "application/problem+json"),
        (FaultKind.ACCOUNT_NOT_FOUND, 401, "application/problem+json"),
        (FaultKind.NOT_PAID, 402, "application/problem+json"),
        (FaultKind.UNPROCESSABLE, 422, "application/problem+json"),
        (FaultKind.INTERNAL_ERROR, 500, "application/problem+json"),
        (FaultKind.HTML_500, 500, "text/html"),
        (FaultKind.UNAVAILABLE, 503, "text/html"),
        (FaultKind.HTML_200, 200, "text/html"),
        (FaultKind.GATEWAY_REFUSED, 504, "text/html"),
    ],
)
async def test_a_fault_answers_instead_of_the_account_once(kind: FaultKind, status: int, media: str) -> None:
    async with desk() as at:
        at.account.faults.add(Fault(kind=kind))
        answer = await at.post("calls", call())
        assert (answer.status, answer.kind.partition(";")[0]) == (status, media)
        assert not at.account.notes
        assert (await at.post("calls", call())).status == 200


async def test_a_fault_strikes_only_what_it_is_meant_for() -> None:
    async with desk() as at:
        at.account.faults.add(
            Fault(kind=FaultKind.INTERNAL_ERROR, method="POST", path="/api/v4/calls", skip=1, times=2)
        )
        assert (await at.get("account")).status == 200
        assert [(await at.post("calls", call())).status for _ in range(4)] == [200, 500, 500, 200]


async def test_a_gateway_timeout_was_carried_out_all_the_same() -> None:
    async with desk() as at:
        at.account.faults.add(Fault(kind=FaultKind.GATEWAY_TIMEOUT))
        assert (await at.post("calls", call())).status == 504
        assert len(at.account.notes) == 1


async def test_a_revoked_integration_stays_revoked() -> None:
    async with desk() as at:
        at.account.faults.add(Fault(kind=FaultKind.REVOKED))
        assert await statuses(at, 2) == [401, 401]
        assert (await at.grant()).body["hint"] == "Token has been revoked"


async def test_any_refusal_can_be_ordered() -> None:
    async with desk() as at:
        at.account.faults.add(Fault(kind=FaultKind.REFUSE, status=451, text="No"))
        assert (await at.get("account")).body["detail"] == "No"


async def test_faults_and_actions_are_ordered_over_http_too() -> None:
    async with desk() as at:
        await at.http.post("/_emulator/faults", json={"kind": "not_paid", "times": 9})
        assert await statuses(at, 1) == [402]
        assert (await at.http.get("/_emulator/faults")).json()[0]["times"] == 8
        assert (await at.http.request("DELETE", "/_emulator/faults")).json() == []
        assert (await at.http.post("/_emulator/faults", json={"kind": "not_paid", "when": 1})).status_code == 422
        assert (await at.http.post("/_emulator/faults", json={"kind": "nothing"})).status_code == 422
        await at.http.post("/_emulator/do/expire-tokens")
        assert await statuses(at, 1) == [401]
        pair = (await at.http.post("/_emulator/do/tokens", json={"user_id": ADMIN})).json()
        assert (await at.ask("GET", "/api/v4/account", token=pair["access_token"])).status == 200
        await at.http.post("/_emulator/do/block")
        assert (await at.ask("GET", "/api/v4/account", token=pair["access_token"])).status == 403
        assert (await at.http.post("/_emulator/do/fly")).status_code == 422
        assert (await at.http.post("/_emulator/do/code", json={"who": 1})).status_code == 422
        at.account.access.integrations.clear()
        assert (await at.http.post("/_emulator/do/disable")).status_code == 409


@asynccontextmanager
async def served() -> AsyncIterator[tuple[Account, httpx2.AsyncClient]]:
    account = Account.demo(settings=Settings(rate_limit=False))
    async with serve(account) as address:
        token, _ = account.issue(account.access.integrations[0], ADMIN)
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx2.AsyncClient(base_url=address, headers=headers, trust_env=False) as http:
            yield account, http


@pytest.mark.parametrize(("kind", "written"), [(FaultKind.LOSE_ANSWER, 1), (FaultKind.CUT, 0)])
async def test_a_cut_connection_may_come_before_or_after_the_work(kind: FaultKind, written: int) -> None:
    async with served() as (account, http):
        account.faults.add(Fault(kind=kind))
        with pytest.raises(httpx2.RemoteProtocolError):
            await http.post("/api/v4/calls", json=[call(phone=CONTACT)])
        assert len(account.notes) == written
        assert account.traffic.statuses[0] == 1


async def test_a_refresh_whose_answer_is_lost_has_used_the_token_up() -> None:
    async with served() as (account, http):
        integration = account.access.integrations[0]
        _, refresh = account.issue(integration, ADMIN)
        body: dict[str, Any] = {
            "client_id": integration.client_id, "client_secret": integration.client_secret,
            "grant_type": "refresh_token", "refresh_token": refresh, "redirect_uri": integration.redirect_uri,
        }  # fmt: skip
        account.faults.add(Fault(kind=FaultKind.LOSE_ANSWER, path="/oauth2"))
        with pytest.raises(httpx2.RemoteProtocolError):
            await http.post("/oauth2/access_token", json=body)
        assert (await http.post("/oauth2/access_token", json=body)).json()["hint"] == "Token has been revoked"


async def test_a_hanging_request_waits_until_the_client_leaves_and_executes_nothing() -> None:
    async with served() as (account, http):
        account.faults.add(Fault(kind=FaultKind.HANG))
        with pytest.raises(httpx2.ReadTimeout):
            await http.post("/api/v4/calls", json=[call()], timeout=httpx2.Timeout(5, read=0.2))
        assert not account.notes
