from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringbridge.crm.masking import MASK, masked, without_digits

KEY = "0a1b2c3d4e5f60718293"


@pytest.mark.parametrize(
    "text",
    [
        f"https://b24.example/rest/1/{KEY}/batch.json",
        f"https://b24.example/rest/batch?auth={KEY}&x=1",
        f"https://oauth.example/oauth/token/?client_secret={KEY}&refresh_token={KEY}&client_id=app",
        f"https://b24.example/rest/upload.json?auth={KEY}&token=telephony%7C{KEY}",
        f'{{"access_token": "{KEY}", "auth": "{KEY}", "refresh_token":"{KEY}"}}',
        f"auth[access_token]={KEY}&auth%5Bapplication_token%5D={KEY}",
        f"Authorization: Bearer {KEY}",
        f"http://office.example/r/call.mp3?signature={KEY}",
    ],
)
def test_keys_are_masked_where_they_stand(text: str) -> None:
    assert KEY not in masked(text, secrets=[KEY])
    assert MASK in masked(text, secrets=[KEY])


@pytest.mark.parametrize("text", [f"?auth={KEY}", f'{{"access_token":"{KEY}"}}', f"Bearer {KEY}", f"?sig={KEY}"])
def test_keys_nobody_named_are_masked_by_their_place(text: str) -> None:
    assert KEY not in masked(text)


@pytest.mark.parametrize(
    "text",
    ["STATUS_CODE=304", '{"CALL_FAILED_CODE": "486"}', "externalCall.8935.1773236989", "USER_ID=1&DURATION=42"],
)
def test_what_is_no_key_stays_readable(text: str) -> None:
    assert masked(text, secrets=["", KEY]) == text


@given(st.text(), st.lists(st.text(min_size=4), max_size=3))
def test_no_secret_survives(text: str, secrets: list[str]) -> None:
    secrets = [secret for secret in secrets if not set(secret) & set(MASK)]
    found = masked(text + "".join(secrets), secrets)
    assert not any(secret in found for secret in secrets)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("call from +79125551122", "call from +79*******22"),
        ("8 (912) 555-11-22 rang", "8 (9**) ***-**-22 rang"),
        ("extension 101", "extension 101"),
        ("call 1764090000.17", "call 1764090000.17"),
    ],
)
def test_numbers_in_logs_keep_only_their_ends(text: str, kept: str) -> None:
    assert without_digits(text) == kept
