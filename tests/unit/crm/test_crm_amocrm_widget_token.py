"""Tokens of the widget: only the platform's own, for us, for this account, now, and once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringbridge.crm.amocrm import Application
from ringbridge.crm.amocrm.widget_token import LEEWAY, BadToken, Seen, Visitor, verify

NOW = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
US = Application(client_id="uuid-1", client_secret="s3cret" * 5, redirect_uri="https://Calls.example.com/oauth/amocrm")
ACCOUNT = 12345678


def claims(**changes: Any) -> dict[str, Any]:
    at = int(NOW.timestamp())
    said = {
        "iss": "https://example.amocrm.ru",
        "aud": "https://calls.example.com",
        "jti": "one-of-a-kind",
        "iat": at,
        "nbf": at,
        "exp": at + 1800,
        "account_id": ACCOUNT,
        "user_id": 9000001,
        "subdomain": "example",
        "client_uuid": "uuid-1",
        "is_admin": True,
    }
    said |= changes
    return {name: value for name, value in said.items() if value is not None}


def signed(said: Any, *, secret: str = US.client_secret, alg: str = "HS256", by: str = "sha256") -> str:
    head = f"{_part({'typ': 'JWT', 'alg': alg})}.{_part(said)}"
    return f"{head}.{_encoded(hmac.digest(secret.encode(), head.encode(), by))}"


def _part(content: Any) -> str:
    return _encoded(json.dumps(content).encode())


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def shown(token: str, *, now: datetime = NOW, account: int | None = ACCOUNT) -> Visitor:
    return verify(token, application=US, account=account, now=now)


def test_the_platforms_token_tells_who_asks() -> None:
    visitor = shown(signed(claims()))
    assert (visitor.account, visitor.user, visitor.address) == (ACCOUNT, "9000001", "https://example.amocrm.ru")
    assert visitor.is_admin
    assert not shown(signed(claims(is_admin="yes"))).is_admin


@pytest.mark.parametrize(
    "token",
    [
        signed(claims(), secret="another"),
        signed(claims(), alg="none"),
        signed(claims(), alg="HS512", by="sha512"),
        signed(claims(), alg="RS256"),
        signed(claims()).rpartition(".")[0] + ".",
        signed(claims()) + "A",
        signed(claims(aud="https://evil.example")),
        signed(claims(aud=None)),
        signed(claims(client_uuid="uuid-2")),
        signed(claims(account_id=77)),
        signed(claims(account_id=None)),
        signed(claims(user_id=0)),
        signed(claims(jti="")),
        signed(claims(exp=None)),
        signed(claims(exp=int(NOW.timestamp()) - 61)),
        signed(claims(exp=int(NOW.timestamp()) + 90_000)),
        signed(claims(exp=10**30)),
        signed(claims(nbf=int(NOW.timestamp()) + 61)),
        signed(["no", "map"]),
        signed(claims(iss="x" * 5000)),
        "",
        "a.b.c",
        "…",
    ],
)
def test_a_token_that_is_forged_foreign_or_out_of_its_time_opens_nothing(token: str) -> None:
    with pytest.raises(BadToken):
        shown(token)


def test_a_changed_claim_breaks_the_signature() -> None:
    head, _, signature = signed(claims()).split(".")
    with pytest.raises(BadToken):
        shown(f"{head}.{_part(claims(user_id=5))}.{signature}")


def test_clocks_may_differ_a_little() -> None:
    shown(signed(claims()), now=NOW - LEEWAY)
    shown(signed(claims()), now=NOW + timedelta(minutes=30) + LEEWAY - timedelta(seconds=1))


def test_without_a_secret_nothing_is_ours() -> None:
    nobody = Application(client_id="uuid-1", client_secret="", redirect_uri=US.redirect_uri)
    with pytest.raises(BadToken):
        verify(signed(claims(), secret=""), application=nobody, account=None, now=NOW)


def test_a_token_is_taken_once() -> None:
    seen, visitor = Seen(), shown(signed(claims()))
    assert seen.first_time(visitor, NOW)
    assert not seen.first_time(visitor, NOW)
    assert not seen.first_time(visitor, visitor.expires + LEEWAY - timedelta(seconds=1))
    assert seen.first_time(shown(signed(claims(jti="another"))), NOW)


@given(st.lists(st.integers(0, 30), max_size=200))
def test_the_memory_of_tokens_is_bounded_and_holds_the_latest(ids: list[int]) -> None:
    seen = Seen(most=10)
    for place, number in enumerate(ids):
        now = NOW + timedelta(seconds=place)
        visitor = shown(signed(claims(jti=str(number), exp=int((now + timedelta(minutes=30)).timestamp()))), now=now)
        seen.first_time(visitor, now)
        assert not seen.first_time(visitor, now)
        assert len(seen._until) <= 10


@given(st.text(max_size=80))
def test_whatever_is_shown_is_refused_in_words(token: str) -> None:
    with pytest.raises(BadToken):
        shown(token)


def test_the_hash_is_the_one_the_platform_names() -> None:
    head = signed(claims()).rpartition(".")[0]
    right = hmac.new(US.client_secret.encode(), head.encode(), hashlib.sha256).digest()
    assert shown(f"{head}.{_encoded(right)}")
