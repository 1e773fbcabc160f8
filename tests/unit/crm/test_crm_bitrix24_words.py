"""The pure parts of the adapter: what is said, how it is written, what is read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringbridge.crm.bitrix24.auth import EAST, WEST, Tokens, Webhook, authorization_servers, renewed
from ringbridge.crm.bitrix24.batch import LARGEST, Reference, body_of, call_id_of, outcomes_in, written
from ringbridge.crm.bitrix24.clients import client_in
from ringbridge.crm.bitrix24.errors import BY_CODE, CallNotFound, KeyExpired, NotFinished, Said, error_of, said_in
from ringbridge.crm.bitrix24.reconcile import finished_call
from ringbridge.crm.bitrix24.telephony import Command, facts_of_finish, facts_of_register
from ringbridge.crm.bitrix24.users import users_in
from ringbridge.crm.client import Answer
from ringbridge.crm.contract import CrmError, Rejected, Throttled, Transient, Unauthorized

NOW = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)

anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
)
KEYS = (
    "CALL_ID",
    "CRM_ENTITY_TYPE",
    "CRM_ENTITY_ID",
    "CRM_CREATED_ENTITIES",
    "CRM_ACTIVITY_ID",
    "ERRORS",
    "ID",
    "error",
)
rows = (
    anything
    | st.dictionaries(st.sampled_from(KEYS), anything)
    | st.lists(st.dictionaries(st.sampled_from(KEYS), anything))
)


NO_CALL = "Call is not found (call should be registered prior to finishing"

# Refusals


@pytest.mark.parametrize("code", [*BY_CODE, *(code.upper() for code in BY_CODE)])
@pytest.mark.parametrize("status", [None, 200, 400, 401, 403, 410, 500, 503])
def test_a_known_code_means_the_same_whatever_the_status(code: str, status: int | None) -> None:
    one = error_of(Said(code=code, status=status), now=NOW)
    other = error_of(Said(code=code), now=NOW)
    assert type(one) is type(other)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (Said(text="Call is not found (call should be registered prior to finishing", status=400), CallNotFound),
        (
            Said(code="ERROR_CORE", text="Call is not found (call should be registered prior to finishing)"),
            CallNotFound,
        ),
        (Said(text="Call is not found in the statistic table. Looks like it is not finished yet."), NotFinished),
        (Said(code="expired_token", status=401), KeyExpired),
        (Said(text="", status=401), Unauthorized),
        (Said(text="", status=502), Transient),
        (Said(text="", status=429), Throttled),
        (Said(text="Unknown TYPE", status=400), Rejected),
        (Said(code="SOMETHING_NEW"), Rejected),
        (Said(code="SOMETHING_NEW", status=500), Transient),
    ],
)
def test_texts_and_statuses_decide_where_the_code_says_nothing(said: Said, kind: type[CrmError]) -> None:
    assert type(error_of(said, now=NOW)) is kind


def test_a_closed_method_opens_when_the_portal_says_so() -> None:
    said = Said(code="OPERATION_TIME_LIMIT", status=429)
    later = NOW + timedelta(minutes=7)
    told, untold = error_of(said, now=NOW, free_at=later), error_of(said, now=NOW, free_at=NOW - timedelta(hours=1))
    assert isinstance(told, Throttled)
    assert isinstance(untold, Throttled)
    assert told.until == later
    assert untold.until > NOW


@pytest.mark.parametrize("status", [500, 502, 504, 200])
def test_an_answer_that_may_hide_a_deed_leaves_it_in_doubt(status: int) -> None:
    error = error_of(Said(text="a page", status=status), now=NOW)
    assert isinstance(error, Transient)
    assert error.maybe_done


@given(rows, st.none() | st.integers(100, 599))
def test_no_body_breaks_the_reading_of_refusals(body: Any, status: int | None) -> None:
    said = said_in(body, status)
    if said is not None:
        assert str(error_of(said, now=NOW))


# Batches


@given(st.dictionaries(st.text(alphabet="ABC_", min_size=1, max_size=6), st.text(max_size=30), max_size=6))
def test_every_value_arrives_as_it_was_unless_it_would_work_as_a_reference(params: dict[str, str]) -> None:
    method, _, query = written(Command(method="m", params=params)).partition("?")
    assert method == "m"
    arrived = dict(parse_qsl(query, keep_blank_values=True))
    for name, value in params.items():
        assert arrived[name] == value or "$" in value


@given(st.sampled_from(["$result[s0][CALL_ID]", "$RESULT[a]", "$error[b]", "x$total[c]", "$$result[d]", "$next[e]"]))
def test_a_value_from_outside_never_works_as_a_reference(value: str) -> None:
    ((_, arrived),) = parse_qsl(written(Command(method="m", params={"A": value})).partition("?")[2])
    assert not any(f"${word}[" in arrived.lower() for word in ("result", "error", "total", "next"))


def test_our_own_references_stay() -> None:
    assert "%24result%5Bs0%5D%5BCALL_ID%5D" in written(Command(method="m", params={"CALL_ID": call_id_of("s0")}))
    assert isinstance(call_id_of("s0"), Reference)


@pytest.mark.parametrize("count", [0, LARGEST + 1])
def test_a_batch_that_the_portal_would_not_take_is_never_built(count: int) -> None:
    with pytest.raises(ValueError, match="50"):
        body_of({f"s{n}": Command(method="m") for n in range(count)})


@given(rows)
def test_no_answer_breaks_the_reading_of_batches(result: Any) -> None:
    for shape in (result, {"result": result, "result_error": result, "result_time": result, "result_next": result}):
        assert set(outcomes_in(["s0", "CALL_ID"], shape)) == {"s0", "CALL_ID"}


def test_a_command_that_the_answer_does_not_mention_was_not_reached() -> None:
    found = outcomes_in(["a", "b", "c"], {"result": {"a": False}, "result_error": {"b": {"error": ""}}})
    assert (found["a"].reached, found["a"].result) == (True, False)
    assert found["b"].refusal == Said()
    assert not found["c"].reached


# What is read


@given(rows)
def test_no_result_breaks_the_reading(result: Any) -> None:
    facts_of_register(result)
    facts_of_finish(result)
    client_in(result)
    users_in(result if isinstance(result, list) else [result])
    finished_call(result, record="r", call_id="c")


@pytest.mark.parametrize("number", [17, "17"])
def test_ids_come_as_numbers_or_as_text(number: Any) -> None:
    facts = facts_of_register({"CALL_ID": number, "CRM_ENTITY_TYPE": "LEAD", "CRM_ENTITY_ID": number})
    assert facts == {"call_id": "17", "client": {"kind": "lead", "id": "17"}}


@pytest.mark.parametrize("nothing", [None, False, 0, "0", "", [], {}])
def test_every_spelling_of_nothing_is_nothing(nothing: Any) -> None:
    row = {"CRM_ACTIVITY_ID": nothing, "CRM_ENTITY_TYPE": "LEAD", "CRM_ENTITY_ID": nothing, "ERRORS": nothing}
    assert facts_of_finish(row) == {}


def test_a_statistics_row_of_another_call_proves_nothing() -> None:
    row = {"CALL_ID": "externalCall.1", "EXTERNAL_CALL_ID": "other"}
    assert finished_call([row], record="mine", call_id=None) is None
    assert finished_call([row], record="mine", call_id="externalCall.1") == row
    assert finished_call([row], record="other", call_id=None) == row


# Keys


@pytest.mark.parametrize(
    "text",
    [
        "https://b24.example/rest/1/secret",
        " https://b24.example/rest/1/secret/ ",
        "https://b24.example/rest/1/secret/profile.json",
    ],
)
def test_a_webhook_is_read_from_what_the_portal_shows(text: str) -> None:
    assert Webhook.parse(text).address == "https://b24.example/rest/1/secret/"


@pytest.mark.parametrize(
    "text", ["", "b24.example", "https://b24.example/", "https://b24.example/rest/x/y/", "ftp://a/rest/1/b/"]
)
def test_what_is_no_webhook_is_said_in_words(text: str) -> None:
    with pytest.raises(ValueError, match="webhook"):
        Webhook.parse(text)


TOKENS = Tokens(access="a", refresh="r", endpoint="https://b24.example/rest/", member="m")


@pytest.mark.parametrize(
    ("server", "order"),
    [
        ("", [WEST, EAST]),
        ("https://oauth.bitrix.info/rest/", [WEST, EAST]),
        ("https://oauth.bitrix24.tech/rest/", [EAST, WEST]),
        ("https://evil.example/rest/", [WEST, EAST]),
        ("https://oauth.bitrix.info.evil.example/rest/", [WEST, EAST]),
    ],
)
def test_our_secret_goes_to_bitrix24s_own_servers_only(server: str, order: list[str]) -> None:
    tokens = Tokens(access="a", refresh="r", endpoint="https://b24.example/rest/", server=server)
    assert authorization_servers(tokens) == order


def answer(body: Any, status: int = 200) -> Answer:
    return Answer(status=status, text=str(body), json=body, headers={})


def test_renewed_tokens_follow_the_portals_address() -> None:
    body = {
        "access_token": "b",
        "refresh_token": "s",
        "client_endpoint": "https://new.example/rest/",
        "expires_in": "3600",
    }
    tokens = renewed(TOKENS, answer({**body, "member_id": "m"}), now=NOW)
    assert (tokens.access, tokens.refresh, tokens.endpoint) == ("b", "s", "https://new.example/rest/")
    assert tokens.expires == NOW + timedelta(hours=1)


@pytest.mark.parametrize("lives", [None, "", "soon", "¹", "9" * 40, -1])
def test_tokens_whose_end_is_not_told_in_seconds_have_none(lives: object) -> None:
    body = {"access_token": "b", "refresh_token": "s", "member_id": "m", "expires_in": lives}
    assert renewed(TOKENS, answer(body), now=NOW).expires is None


@pytest.mark.parametrize(
    "body", [None, [], {}, {"access_token": "b"}, {"access_token": "", "refresh_token": "s"}, "<html>"]
)
def test_an_answer_without_tokens_is_tried_again_and_leaves_nothing_in_doubt(body: Any) -> None:
    with pytest.raises(Transient) as caught:
        renewed(TOKENS, answer(body), now=NOW)
    assert not caught.value.maybe_done


@pytest.mark.parametrize("code", ["invalid_grant", "invalid_client", "wrong_client", "PAYMENT_REQUIRED"])
def test_a_refused_renewal_asks_a_person(code: str) -> None:
    with pytest.raises(Unauthorized):
        renewed(TOKENS, answer({"error": code, "error_description": "no"}, 400), now=NOW)


def test_tokens_of_another_member_are_refused() -> None:
    with pytest.raises(Unauthorized, match="another portal"):
        renewed(TOKENS, answer({"access_token": "b", "refresh_token": "s", "member_id": "x"}), now=NOW)
