"""The pure parts of the amoCRM adapter: what is said, how it is written, what is read."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringbridge.crm.amocrm.auth import Tokens, check_domain, claims_of, moved_to, renewed
from ringbridge.crm.amocrm.cards import seen_in
from ringbridge.crm.amocrm.entities import Kind, entities_in, entity_in, entity_of, has_number, phones_in, query_for
from ringbridge.crm.amocrm.errors import (
    LONGEST_WAIT,
    Complaint,
    Forbidden,
    Invalid,
    KeyExpired,
    NobodyFound,
    error_of,
    refusals_in,
    wait_after,
    with_story,
)
from ringbridge.crm.amocrm.knowledge import Knowledge, Recent
from ringbridge.crm.amocrm.ledger import creation_in, facts_of, kind_in, started_in
from ringbridge.crm.amocrm.rest import Reply, _again, _answered, _blamed
from ringbridge.crm.amocrm.settings import DOMAINS, RATE, Settings
from ringbridge.crm.amocrm.statuses import BY_STATUS
from ringbridge.crm.amocrm.tasks import mark_of, marked_in
from ringbridge.crm.amocrm.users import users_in
from ringbridge.crm.amocrm.values import whole
from ringbridge.crm.client import Answer
from ringbridge.crm.contract import CrmError, Exchange, Rejected, Throttled, Transient, Unauthorized
from ringbridge.routing.intents import Creation, PortalId, RecordKey, RecordKind, RegisterCall, UserId
from ringbridge.routing.results import CallStatus
from ringbridge.routing.rules import Create
from ringbridge.telephony.model import CallId
from ringbridge.telephony.numbers import Number, parse_number

NOW = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)

KEYS = ("id", "request_id", "errors", "status", "validation-errors", "path", "_embedded", "calls", "leads", "detail")
anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=9), inner, max_size=4)
    ),
)


def answer(status: int, body: Any = None, text: str | None = None) -> Answer:
    written = json.dumps(body) if text is None else text
    return Answer(status=status, text=written, json=body, headers={})


def number(written: str) -> Number:
    found = parse_number(written)
    assert found is not None
    return found


def test_every_result_has_a_status_of_the_accounts() -> None:
    assert set(BY_STATUS) == set(CallStatus)
    assert set(BY_STATUS.values()) <= set(range(1, 8))


# Refusals


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, {"title": "Unauthorized", "status": 401, "detail": "Account not found"}, KeyExpired),
        (402, {"title": "Payment required", "status": 402}, Unauthorized),
        (403, None, Forbidden),
        (403, {"title": "Forbidden", "status": 403}, Forbidden),
        (404, {"title": "Not found", "status": 404, "detail": "Not found"}, Rejected),
        (404, {"title": "Not found", "status": 404, "detail": "Account not found"}, KeyExpired),
        (404, None, KeyExpired),
        (400, {"status": 400, "detail": "Bad"}, Rejected),
        (422, {"status": 422, "detail": "Unsorted is disabled"}, Rejected),
        (429, None, Throttled),
        (500, {"status": 500}, Transient),
        (502, None, Transient),
        (504, None, Transient),
        (200, None, Transient),
    ],
)
def test_a_status_means_what_a_person_or_a_machine_can_do_about_it(
    status: int, body: Any, kind: type[CrmError]
) -> None:
    page = None if body is not None else "<html>nginx</html>"
    assert type(error_of(answer(status, body, page), now=NOW)) is kind


def test_a_question_leaves_nothing_in_doubt_and_a_command_does() -> None:
    for reading in (True, False):
        error = error_of(answer(504, text="<html>"), now=NOW, reading=reading)
        assert isinstance(error, Transient)
        assert error.maybe_done is not reading


def test_waits_after_too_many_requests_grow_to_about_a_minute() -> None:
    waits = [wait_after(n) for n in range(20)]
    assert waits[0] == timedelta(seconds=1)
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_WAIT


def test_what_is_wrong_with_a_request_is_told_by_item_and_field() -> None:
    complaint = {"code": "NotSupportedChoice", "path": "custom_fields_values.0.field_id", "detail": "Not a choice."}
    body = {"detail": "Request validation failed", "validation-errors": [{"request_id": "7", "errors": [complaint]}]}
    error = error_of(answer(400, body), now=NOW)
    assert isinstance(error, Invalid)
    assert str(error) == "amoCRM refused: custom_fields_values.0.field_id: Not a choice."
    assert error.about("7").concerns("field_id")
    assert not error.about("7").concerns("created_by")
    assert not error.about("8").concerns("field_id")


def test_an_error_keeps_its_nature_with_another_story() -> None:
    story = Exchange(sent="a", answered="b")
    errors: list[CrmError] = [
        Transient("t", maybe_done=True),
        Throttled("t", until=NOW),
        Rejected("r"),
        Unauthorized("u"),
        NobodyFound("n"),
        Invalid("i", complaints={"0": [Complaint(path="p", code="c", detail="d")]}),
    ]
    for error in errors:
        told = with_story(error, story)
        assert (type(told), str(told), told.exchange) == (type(error), str(error), story)
        assert getattr(told, "maybe_done", None) == getattr(error, "maybe_done", None)
        assert error.exchange is None


# Batches


def test_nobody_found_is_told_of_each_call_and_others_are_done() -> None:
    body = {
        "errors": [{"status": 263, "detail": "Entity not found", "request_id": "2"}],
        "_embedded": {"calls": [{"id": 5, "request_id": "1"}]},
    }
    found = _answered(Reply(status=200, body=body), "calls", ["1", "2"])
    assert found["1"] == {"id": 5, "request_id": "1"}
    assert isinstance(found["2"], NobodyFound)


def test_whom_a_refused_batch_does_not_mention_was_not_done() -> None:
    body = {"errors": [{"status": 263, "detail": "Entity not found", "request_id": "2"}]}
    assert set(_answered(Reply(status=400, body=body), "calls", ["1", "2"])) == {"2"}


def test_whom_an_accepted_batch_does_not_mention_is_in_doubt() -> None:
    body = {"_embedded": {"calls": [{"id": 5, "request_id": "1"}]}}
    lost = _answered(Reply(status=200, body=body), "calls", ["1", "2"])["2"]
    assert isinstance(lost, Transient)
    assert lost.maybe_done


def test_complex_leads_answer_with_a_bare_list() -> None:
    body = [{"id": 1, "contact_id": 2, "request_id": ["4"]}, {"id": 3, "contact_id": 4, "request_id": ["5"]}]
    found = _answered(Reply(status=200, body=body), "", ["5", "4"])
    assert [found[key]["id"] for key in ("4", "5") if isinstance(found[key], Mapping)] == [1, 3]  # type: ignore[index]


@given(st.integers(1, 50), st.sets(st.integers(0, 49)))
def test_a_bad_item_is_found_and_takes_no_other_with_it(many: int, bad: set[int]) -> None:
    """An account that names nobody is asked in halves; every item ends up done or refused by itself."""
    part = [str(n) for n in range(many)]
    waiting, done, refused, requests = [part], set[str](), set[str](), 0
    while waiting:
        mine = waiting.pop(0)
        requests += 1
        if any(int(key) in bad for key in mine):
            named = _blamed(Rejected("no"), mine)
            refused |= set(named)
            waiting[0:0] = _again(mine, named)
        else:
            done |= set(mine)
    assert refused == {key for key in part if int(key) in bad}
    assert done == set(part) - refused
    assert requests <= 2 * many


@given(anything, st.lists(st.sampled_from("0123"), min_size=1, max_size=4, unique=True), st.sampled_from([200, 400]))
def test_any_answer_to_a_batch_is_read_to_something_for_somebody(body: Any, part: list[str], status: int) -> None:
    found = _answered(Reply(status=status, body=body), "calls", part)
    assert set(found) <= set(part)
    assert found
    if status == 200:
        assert set(found) == set(part)


# Clients


@pytest.mark.parametrize(
    "written",
    ["+7 912 555-11-22", "8(912)5551122", "9125551122", "tel:+79125551122", "+79125551122 доб. 5", "123; 89125551122"],
)
def test_a_phone_is_the_same_however_it_is_written(written: str) -> None:
    row = {"custom_fields_values": [{"field_code": "PHONE", "values": [{"value": written}]}]}
    assert has_number(row, number("+79125551122"), "RU")
    assert not has_number(row, number("+79125551123"), "RU")


def test_another_countrys_number_with_the_same_last_digits_is_another_number() -> None:
    row = {"custom_fields_values": [{"field_code": "PHONE", "values": [{"value": "+1 912 555 11 22"}]}]}
    assert not has_number(row, number("+79125551122"), "RU")


def test_an_address_is_no_phone_and_no_field_is_no_trouble() -> None:
    fields = [{"field_code": "EMAIL", "values": [{"value": "89125551122"}]}, {"field_code": "X", "values": None}, None]
    assert list(phones_in({"custom_fields_values": fields})) == []
    assert list(phones_in({"custom_fields_values": None})) == []


def test_the_search_asks_for_the_digits_that_every_spelling_has() -> None:
    assert query_for(number("+79125551122"), "RU") == "9125551122"
    assert query_for(number("+49 30 123456"), "DE") == "30123456"
    assert query_for(number("+375 29 123-45-67"), "RU") == "5291234567"
    assert query_for(number("112"), "RU") is None


def test_what_is_deleted_is_nobody() -> None:
    assert entity_of(Kind.CONTACT, {"id": 5, "is_deleted": True}) is None
    lead = entity_of(Kind.LEAD, {"id": 5, "status_id": 143, "responsible_user_id": 0})
    assert lead is not None
    assert lead.is_closed
    assert lead.owner == ""


@given(anything)
def test_whatever_an_account_writes_is_read_without_a_failure(value: Any) -> None:
    row = value if isinstance(value, dict) else {"custom_fields_values": value, "_embedded": value, "id": 3}
    entity_of(Kind.CONTACT, row)
    list(phones_in(row))
    entities_in(value)
    refusals_in(value)
    users_in([row])
    seen_in(value, {0: {"phone_number": "+7"}})
    creation_in(row)
    kind_in(row)
    started_in(row, NOW)


@pytest.mark.parametrize(("value", "found"), [("5", 5), (5, 5), (0, None), ("0", None), ("-5", None), (True, None)])
def test_an_id_is_a_positive_whole_number(value: Any, found: int | None) -> None:
    assert whole(value) == found


# Pop-ups


def test_the_pop_ups_answer_tells_who_is_known_only_where_it_says_so() -> None:
    items = {3: {"phone_number": "+71"}, 4: {"phone_number": "+72"}, 5: {"phone_number": "+73"}}
    rows = [
        {"element_id": 7, "element_type": 2, "phone_number": "+71"},
        {"element_id": None, "element_type": None, "phone_number": "+72"},
        {"uid": "…", "phone_number": "+73"},
    ]
    assert seen_in({"_embedded": {"items": rows}}, items) == {3: {"kind": "lead", "id": 7}, 4: "nobody"}
    assert seen_in({"_embedded": {"items": rows[:2]}}, items) == {}
    assert seen_in(None, items) == {}


# What travels as facts


def test_a_registered_call_travels_through_json_unchanged() -> None:
    creation = Creation(what=Create.CONTACT_AND_DEAL, title="T", pipeline="1", stage="2", tags=("a", "b"), source="s")
    intent = RegisterCall(
        record=RecordKey("pbx-1"),
        call=CallId("1"),
        kind=RecordKind.CALLBACK,
        number="+79125551122",
        user=UserId("1"),
        started=NOW,
        line="sales",
        creation=creation,
    )
    facts = json.loads(json.dumps(facts_of(intent)))
    assert creation_in(facts) == creation
    assert kind_in(facts) is RecordKind.CALLBACK
    assert started_in(facts, NOW + timedelta(days=1)) == NOW
    assert entity_in(json.loads(json.dumps({"kind": "lead", "id": 5, "owner": "1"}))) is not None


def test_only_our_own_mark_in_the_last_line_makes_a_task_ours() -> None:
    assert marked_in(f"Call back\nnow\n{mark_of('+79125551122')}") == "+79125551122"
    assert marked_in(f"{mark_of('+79125551122')}\nsomebody went on writing") == ""
    assert marked_in("") == ""


# Memory


def test_what_was_made_is_remembered_for_a_while_and_not_without_end() -> None:
    now = [0.0]
    recent: Recent[int] = Recent(10, lambda: now[0], most=3)
    for n in range(4):
        recent.put(str(n), n)
    assert [recent.get(str(n)) for n in range(4)] == [None, 1, 2, 3]
    now[0] = 10.0
    assert recent.get("3") is None


def test_numbers_are_remembered_by_whom_they_are_however_they_are_written() -> None:
    knowledge = Knowledge("RU", lambda: 0.0)
    assert knowledge.digits("8 912 555 11 22") == knowledge.digits("+79125551122")
    assert knowledge.digits("anonymous") == ""


# Keys


def token(**claims: Any) -> str:
    return f"e30.{base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b'=').decode()}.sig"


def test_a_new_pair_tells_its_account_its_end_and_whom_to_ask_about_moves() -> None:
    body = {
        "access_token": token(account_id=5, api_domain="api-b.amocrm.ru"),
        "refresh_token": "r",
        "expires_in": 86400,
    }
    held = renewed(Tokens(address="https://example.amocrm.ru", account=5), answer(200, body), now=NOW)
    assert (held.account, held.api_domain, held.expires) == (5, "api-b.amocrm.ru", NOW + timedelta(days=1))
    with pytest.raises(Unauthorized, match="another account"):
        renewed(Tokens(address="https://example.amocrm.ru", account=6), answer(200, body), now=NOW)


def test_a_renewal_that_fails_leaves_nothing_in_doubt() -> None:
    with pytest.raises(Transient) as failure:
        renewed(Tokens(address="https://a.amocrm.ru"), answer(200, text="<html>"), now=NOW)
    assert not failure.value.maybe_done


def test_an_account_is_followed_only_to_addresses_of_the_platform() -> None:
    held = Tokens(address="https://old.amocrm.ru", account=5)
    said = {"id": 5, "domain": "new.kommo.com"}
    assert moved_to(held, answer(200, said), domains=DOMAINS) == "https://new.kommo.com"
    assert moved_to(held, answer(200, said | {"id": 6}), domains=DOMAINS) is None
    assert moved_to(held, answer(401, said), domains=DOMAINS) is None
    for evil in ("evil.example", "amocrm.ru.evil.example", "notamocrm.ru"):
        with pytest.raises(Unauthorized):
            moved_to(held, answer(200, said | {"domain": evil}), domains=DOMAINS)
    check_domain("https://example.amocrm.com", DOMAINS)


@given(st.text(max_size=60))
def test_whatever_is_no_token_claims_nothing(written: str) -> None:
    assert isinstance(claims_of(written), Mapping)


def test_no_second_holds_more_than_seven_requests() -> None:
    quota = Settings(portal=PortalId("main")).quota
    assert quota.burst + quota.rate * 1.0 <= 7
    assert quota.rate == RATE
