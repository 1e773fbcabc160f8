"""The emulated account's tokens: codes, pairs, long-lived ones, moves, and what an integration is told."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from tests.contract.amocrm_desk import ADMIN, KATE, Answer, Desk, desk
from tests.contract.bitrix24_desk import listener

from ringbridge.emulators.amocrm import Brand, deskwork, jwt

OLD = "http://example.test"
NEW = "http://renamed.test"


def hint(answer: Answer) -> tuple[int, str]:
    assert answer.body["type"].endswith("OAuthProblemJson")
    return answer.status, answer.body["hint"]


async def works(at: Desk, token: str) -> bool:
    answer = await at.ask("GET", "/api/v4/account", token=token)
    assert answer.status in {200, 401}
    return answer.status == 200


async def test_a_code_gives_a_pair_once() -> None:
    async with desk() as at:
        code = deskwork.code(at.account, user_id=ADMIN)
        pair = await at.grant(grant_type="authorization_code", code=code)
        assert (pair.status, pair.body["token_type"], pair.body["expires_in"]) == (200, "Bearer", 86400)
        assert pair.body["server_time"] == at.clock().timestamp()
        assert await works(at, pair.body["access_token"])
        again = await at.grant(grant_type="authorization_code", code=code)
        assert hint(again) == (400, "Authorization code has been revoked")


async def test_a_code_lives_twenty_minutes() -> None:
    async with desk() as at:
        code = deskwork.code(at.account, user_id=ADMIN)
        at.clock.forward(minutes=20)
        assert hint(await at.grant(grant_type="authorization_code", code=code)) == (
            400, "Authorization code has expired",
        )  # fmt: skip


async def test_a_refresh_token_opens_once_and_its_access_token_lives_a_day() -> None:
    async with desk() as at:
        fresh = (await at.grant()).body
        assert hint(await at.grant()) == (401, "Token has been revoked")
        assert at.account.access.refreshes == 1
        assert await works(at, at.token)  # the one before lives on until it expires
        at.clock.forward(hours=24)
        assert not await works(at, fresh["access_token"])
        assert (await at.grant(refresh_token=fresh["refresh_token"])).status == 200


async def test_a_refresh_token_lives_three_months() -> None:
    async with desk() as at:
        at.clock.forward(days=90)
        assert hint(await at.grant()) == (401, "Token has expired")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"client_secret": "wrong"}, (401, "Client authentication failed")),
        ({"client_id": "3f1c2e5a-0000-0000-0000-000000000000"}, (401, "Client authentication failed")),
        ({"redirect_uri": "http://elsewhere.test"}, (400, "Check the `redirect_uri` parameter")),
        ({"grant_type": "password"}, (400, "Check the `grant_type` parameter")),
        ({"refresh_token": "def502"}, (401, "Cannot decrypt the refresh token")),
        ({"grant_type": "authorization_code", "code": "x"}, (400, "Cannot decrypt the authorization code")),
    ],
)
async def test_wrong_grants_are_refused_in_the_platforms_words(changes: dict[str, str], told: tuple[int, str]) -> None:
    async with desk() as at:
        assert hint(await at.grant(**changes)) == told
        assert (await at.grant()).status == 200  # the refresh token is not used up by it


async def test_an_access_token_is_a_signed_jwt_that_tells_the_account() -> None:
    async with desk() as at:
        head, body, signature = at.token.split(".")
        signed = base64.urlsafe_b64decode(signature + "==")
        jwt.public_key().verify(signed, f"{head}.{body}".encode(), padding.PKCS1v15(), hashes.SHA256())
        assert json.loads(base64.urlsafe_b64decode(head + "==")) == {"typ": "JWT", "alg": "RS256"}
        claims = jwt.claims_of(at.token)
        assert (claims["sub"], claims["account_id"], claims["base_domain"]) == (str(ADMIN), 12345678, "amocrm.ru")
        assert (claims["api_domain"], claims["exp"] - claims["iat"]) == ("example.test", 86400)
        assert claims["aud"] == at.account.access.integrations[0].client_id


async def test_a_long_lived_token_works_as_long_as_said_and_dies_with_its_integration() -> None:
    async with desk() as at:
        integration = at.account.access.integrations[0]
        token = at.account.long_lived_token(integration, ADMIN, days=400)
        at.clock.forward(days=399)
        assert await works(at, token)
        deskwork.disable(at.account)
        assert not await works(at, token)


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic eDp5"}])
async def test_without_a_good_token_nothing_opens(header: dict[str, str]) -> None:
    async with desk() as at:
        answer = await at.http.get("/api/v4/account", headers=header)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json() == {
            "title": "Unauthorized", "type": "https://httpstatus.es/401", "status": 401,
            "detail": "Неверный логин или пароль",
        }  # fmt: skip


async def test_the_token_of_a_dismissed_employee_is_refused() -> None:
    async with desk() as at:
        token, _ = at.account.issue(at.account.access.integrations[0], KATE)
        assert await works(at, token)
        at.account.staff.users[KATE].active = False
        assert not await works(at, token)


@pytest.mark.parametrize("moved_status", [401, 404])
async def test_a_moved_account_is_found_through_its_api_domain(moved_status: int) -> None:
    async with desk(moved_status=moved_status) as at:
        at.account.move(NEW)
        assert (await at.get("account")).status == moved_status
        assert (await at.grant()).status == moved_status
        domain = jwt.claims_of(at.token)["api_domain"]
        where = f"http://{domain}/oauth2/account/current/subdomain"
        told = (await at.http.get(where, headers={"X-Refresh-Token": at.refresh})).json()
        assert told == {"id": 12345678, "subdomain": "renamed", "domain": "renamed.test", "top_level_domain": "test"}
        integration = at.account.access.integrations[0]
        body = {
            "client_id": integration.client_id, "client_secret": integration.client_secret,
            "grant_type": "refresh_token", "refresh_token": at.refresh, "redirect_uri": integration.redirect_uri,
        }  # fmt: skip
        pair = await at.http.post(f"http://{told['domain']}/oauth2/access_token", json=body)
        token = pair.json()["access_token"]
        assert (await at.ask("GET", f"{NEW}/api/v4/account", token=token)).body["subdomain"] == "renamed"
        assert jwt.claims_of(token)["api_domain"] == "example.test"


async def test_the_new_address_is_told_to_nobody_without_a_good_refresh_token() -> None:
    async with desk() as at:
        where = f"{OLD}/oauth2/account/current/subdomain"
        assert (await at.http.get(where)).status_code == 401
        await at.grant()
        assert (await at.http.get(where, headers={"X-Refresh-Token": at.refresh})).status_code == 401


async def test_the_authorization_page_asks_and_sends_the_browser_back_with_a_code() -> None:
    async with desk(brand=Brand.KOMMO) as at:
        integration = at.account.access.integrations[0]
        page = await at.http.get("/oauth", params={"client_id": integration.client_id, "state": "<s>"})
        assert "Ringbridge" in page.text
        assert "<s>" not in page.text
        form = {"client_id": integration.client_id, "state": "<s>", "answer": "allow", "user_id": str(ADMIN)}
        back = urlsplit((await at.http.post("/oauth", data=form)).headers["location"])
        told = {name: values[0] for name, values in parse_qs(back.query).items()}
        assert (told["referer"], told["state"], told["platform"]) == ("example.test", "<s>", "2")
        assert (await at.grant(grant_type="authorization_code", code=told["code"])).status == 200


async def test_who_says_no_is_sent_back_without_a_code() -> None:
    async with desk() as at:
        form = {"client_id": at.account.access.integrations[0].client_id, "state": "s", "answer": "deny"}
        back = (await at.http.post("/oauth", data=form)).headers["location"]
        assert parse_qs(urlsplit(back).query) == {"error": ["access_denied"], "state": ["s"]}
        assert (await at.http.get("/oauth", params={"client_id": "unknown"})).status_code == 404


async def test_the_simplified_way_posts_the_secrets_first() -> None:
    async with desk() as at, listener() as server:
        form = {
            "name": "Ours", "redirect_uri": f"{server.address}/back", "secrets_uri": f"{server.address}/secrets",
            "state": "s", "answer": "allow",
        }  # fmt: skip
        back = (await at.http.post("/oauth", data=form)).headers["location"]
        (path, body) = server.heard[0]
        told = json.loads(body)
        assert (path, told["state"], told["name"]) == ("/secrets", "s", "Ours")
        code = parse_qs(urlsplit(back).query)["code"][0]
        secrets = {name: told[name] for name in ("client_id", "client_secret")}
        given = await at.grant(**secrets, grant_type="authorization_code", code=code, redirect_uri=form["redirect_uri"])
        assert given.status == 200


async def test_installing_the_widget_calls_the_redirect_address_once_with_a_code() -> None:
    async with desk() as at, listener(status=500) as server:
        at.account.access.integrations[0].redirect_uri = f"{server.address}/oauth"
        deskwork.install(at.account, user_id=ADMIN)
        await at.account.chores.finish_waiting()
        ((path, _),) = server.heard
        told = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
        assert (told["from_widget"], told["referer"]) == ("1", "example.test")
        assert (await at.grant(grant_type="authorization_code", code=told["code"])).status == 200


async def test_disabling_kills_the_tokens_and_calls_the_hook_with_its_signature() -> None:
    async with desk() as at, listener() as server:
        integration = at.account.access.integrations[0]
        integration.disable_hook = f"{server.address}/disabled"
        deskwork.disable(at.account)
        await at.account.chores.finish_waiting()
        ((path, _),) = server.heard
        told = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
        signed = f"{integration.client_id}|12345678".encode()
        assert told == {
            "account_id": "12345678",
            "client_uuid": integration.client_id,
            "signature": hmac.new(integration.client_secret.encode(), signed, hashlib.sha256).hexdigest(),
        }
        assert not await works(at, at.token)
        assert hint(await at.grant()) == (401, "Token has been revoked")


async def test_a_one_time_token_is_signed_by_the_integrations_secret_for_its_server() -> None:
    async with desk() as at:
        integration = at.account.access.integrations[0]
        token = at.account.one_time_token(integration, KATE)
        head, body, signature = token.split(".")
        key = integration.client_secret.encode()
        right = base64.urlsafe_b64encode(hmac.digest(key, f"{head}.{body}".encode(), "sha256")).rstrip(b"=").decode()
        claims = jwt.claims_of(token)
        assert signature == right
        assert (claims["iss"], claims["aud"]) == (OLD, "http://localhost:8077")
        assert (claims["account_id"], claims["user_id"], claims["is_admin"]) == (12345678, KATE, False)
        assert claims["exp"] - claims["iat"] == 30 * 60
        assert claims["client_uuid"] == integration.client_id
        other = jwt.claims_of(at.account.one_time_token(integration, KATE, exp=1))
        assert (other["exp"], other["jti"] == claims["jti"]) == (1, False)
