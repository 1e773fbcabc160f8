"""What an account's webhooks tell: which of its clients and leads are to be read again, and which are gone."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringbridge.crm.amocrm.webhooks import WANTED, NotAWebhook, Told, is_good, told_in
from ringbridge.crm.mirroring import Ref
from ringbridge.emulators.amocrm.webhooks import EVENTS
from ringbridge.emulators.common.forms import flatten

ACCOUNT = {"id": 12345678, "subdomain": "example"}


def body(**told: Any) -> bytes:
    return urlencode(flatten({**told, "account": ACCOUNT})).encode()


def refs(*names: str) -> tuple[Ref, ...]:
    return tuple(Ref(kind=name.partition(" ")[0], id=name.partition(" ")[2]) for name in names)


@pytest.mark.parametrize(
    ("told", "changed", "gone"),
    [
        ({"contacts": {"add": [{"id": 1, "type": "contact", "name": "A"}]}}, ["contact 1"], []),
        ({"contacts": {"update": [{"id": 1, "type": "contact"}, {"id": 2, "type": "company"}]}},
         ["contact 1", "company 2"], []),
        ({"contacts": {"delete": [{"id": 1, "type": "contact"}, {"id": 2, "type": "company"}]}},
         [], ["contact 1", "company 2"]),
        ({"contacts": {"delete": [{"id": 1}]}}, ["contact 1", "company 1"], []),
        ({"contacts": {"update": [{"id": 1}]}}, ["contact 1", "company 1"], []),
        ({"companies": {"delete": [{"id": 2}]}}, [], ["company 2"]),
        ({"leads": {"status": [{"id": 3, "status_id": 142}]}}, ["deal 3"], []),
        ({"leads": {"delete": [{"id": 3, "status_id": 142}]}}, [], ["deal 3"]),
        ({"leads": {"restore": [{"id": 3}], "responsible": [{"id": 4}]}}, ["deal 3", "deal 4"], []),
        ({"leads": {"delete": [{"id": 3}], "restore": [{"id": 3}]}}, ["deal 3"], []),
        ({"leads": {"update": [{"id": 3}], "status": [{"id": 3}]}}, ["deal 3"], []),
        ({"leads": {"note": [{"note": {"id": 9, "element_id": 3}}]}}, [], []),
        ({"task": {"add": [{"id": 9}]}, "unsorted": {"add": [{"uid": "x"}]}}, [], []),
        ({"leads": {"update": [{"id": "x"}]}}, [], []),
        ({"leads": {"update": [{"custom_fields": [{"id": 7, "values": [{"value": "1"}]}], "id": 3}]}}, ["deal 3"], []),
    ],
)  # fmt: skip
def test_what_is_to_be_read_again_and_what_is_gone(told: dict[str, Any], changed: list[str], gone: list[str]) -> None:
    assert told_in(body(**told)) == Told(account=ACCOUNT["id"], changed=refs(*changed), gone=refs(*gone))


@pytest.mark.parametrize(
    "strange", [b"", b"\xff\xfe", b"{}", b'{"leads": []}', b"leads[add][0][id]=1", b"account[id]=x"]
)
def test_what_names_no_account_is_no_webhook(strange: bytes) -> None:
    with pytest.raises(NotAWebhook):
        told_in(strange)


@given(st.binary(max_size=300))
def test_whatever_is_posted_is_read_or_refused(anything: bytes) -> None:
    with suppress(NotAWebhook):
        told_in(anything)


def test_what_we_ask_for_is_what_an_account_has() -> None:
    assert set(WANTED) <= EVENTS
    assert len(WANTED) == len(set(WANTED)) == 16


@pytest.mark.parametrize(
    ("row", "good"),
    [
        ({"destination": "https://a", "settings": [*WANTED, "add_task"], "disabled": False}, True),
        ({"destination": "https://a", "settings": {str(at): name for at, name in enumerate(WANTED)}}, True),
        ({"destination": "https://a", "settings": list(WANTED), "disabled": True}, False),
        ({"destination": "https://a", "settings": ["add_lead"]}, False),
        ({"destination": "https://b", "settings": list(WANTED)}, False),
    ],
)
def test_a_subscription_is_good_when_it_tells_all_we_ask_for(row: dict[str, Any], good: bool) -> None:
    assert is_good(row, "https://a") is good
