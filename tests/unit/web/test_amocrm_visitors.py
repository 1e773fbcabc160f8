"""Only users of the account are let in, by a token of the platform's that is good, ours, and shown once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.unit.web.amocrm_company import ANTON, KATE, Company, open_company

from ringbridge.emulators.amocrm import jwt
from ringbridge.web.amocrm.visitors import CODES

CLICK = {"number": "+79125551122", "click": "0123456789abcdef"}


@pytest.fixture
async def company(tmp_path: Path) -> AsyncIterator[Company]:
    async with open_company(tmp_path) as opened:
        yield opened


async def test_user_with_a_good_token_is_let_in_as_who_they_are(company: Company) -> None:
    answer = await company.ask("POST", "session")
    told = answer.json()
    assert (answer.status_code, told["user"], told["is_admin"]) == (200, ANTON, False)
    assert told["extensions"] == ["101"]


async def test_token_opens_once(company: Company) -> None:
    token = company.token()
    assert (await company.ask("POST", "session", token=token)).status_code == 200
    for path, body in (("session", None), ("dial", CLICK)):
        again = await company.ask("POST", path, token=token, json=body)
        assert (again.status_code, again.json()["error"]) == (401, "token_replayed")
    assert company.pbx.asked == []


def later(company: Company, seconds: int) -> int:
    return int(company.clock().timestamp()) + seconds


BAD: dict[str, dict[str, Any]] = {
    "token_integration": {"client_uuid": "another"},
    "token_audience": {"aud": "https://elsewhere.example"},
    "token_account": {"account_id": 7},
    "token_bad": {"jti": ""},
}


@pytest.mark.parametrize("code", BAD)
async def test_token_of_another_integration_server_or_account_is_refused_and_told_apart(
    company: Company, code: str
) -> None:
    answer = await company.ask("POST", "dial", token=company.token(**BAD[code]), json=CLICK)
    assert (answer.status_code, answer.json()["error"]) == (401, code)
    assert company.pbx.asked == []


async def test_forged_expired_and_early_tokens_are_refused(company: Company) -> None:
    claims = jwt.claims_of(company.token())
    now = company.clock().timestamp()
    forged = {
        "token_signature": jwt.by_secret(claims, "another secret"),
        "token_expired": company.token(exp=int(now) - 61),
        "token_early": company.token(nbf=int(now) + 90, iat=int(now) + 90, exp=int(now) + 600),
        "token_missing": "",
        "token_bad": jwt.by_secret(claims, company.integration.client_secret, bits=512),
    }
    for code, token in forged.items():
        answer = await company.ask("POST", "dial", token=token, json=CLICK)
        assert (answer.status_code, answer.json()["error"]) == (401, code)
    assert company.pbx.asked == []


async def test_every_reason_of_a_refusal_has_a_code_that_can_come(company: Company) -> None:
    """The texts are the token reader's own: a changed one would be told as a bad token and no more."""
    now = int(company.clock().timestamp())
    tokens = (
        company.token(client_uuid="x"),
        company.token(aud="https://x.example"),
        company.token(account_id=7),
        jwt.by_secret(jwt.claims_of(company.token()), "x"),
        company.token(exp=now - 90),
        company.token(nbf=now + 90, iat=now + 90),
    )
    answers = [await company.ask("POST", "session", token=token) for token in tokens]
    assert {answer.json()["error"] for answer in answers} == set(CODES.values())


async def test_page_of_another_site_gets_no_permission_and_no_answer(company: Company) -> None:
    foreign = {"Origin": "https://evil.example"}
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-auth-token"}
    before = await company.http.options(f"{company.address}/dial", headers=foreign | asked)
    assert before.status_code == 403
    assert "access-control-allow-origin" not in before.headers
    answer = await company.ask("POST", "dial", json=CLICK, headers=foreign)
    assert (answer.status_code, answer.json()["error"]) == (403, "origin")
    assert "access-control-allow-origin" not in answer.headers
    assert company.pbx.asked == []


async def test_page_of_the_account_may_send_the_token_and_read_answers_refusals_too(company: Company) -> None:
    origin = {"Origin": company.account.address}
    asked = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "content-type, x-auth-token"}
    before = await company.http.options(f"{company.address}/extensions", headers=origin | asked)
    assert before.status_code == 204
    assert before.headers["access-control-allow-origin"] == company.account.address
    assert "x-auth-token" in before.headers["access-control-allow-headers"].lower()
    assert "PUT" in before.headers["access-control-allow-methods"]
    assert before.headers["vary"] == "Origin"
    refused = await company.ask("POST", "session", token="nonsense")
    assert refused.headers["access-control-allow-origin"] == company.account.address


async def test_account_that_is_not_connected_is_told_so_and_dials_nothing(tmp_path: Path) -> None:
    async with open_company(tmp_path, connected=False) as company:
        answer = await company.ask("POST", "dial", json=CLICK)
        assert (answer.status_code, answer.json()["error"]) == (409, "not_connected")
        hello = await company.http.get(f"{company.address}/hello")
        assert hello.json()["connected"] is False


async def test_one_users_haste_shuts_out_nobody_else(company: Company) -> None:
    answers = [await company.ask("POST", "session") for _ in range(121)]
    assert [answer.status_code for answer in answers] == [200] * 120 + [429]
    assert (await company.ask("POST", "session", user=KATE)).status_code == 200
    company.clock.forward(minutes=1)
    assert (await company.ask("POST", "session")).status_code == 200
