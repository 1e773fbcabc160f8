"""What is dialled for a request, and what is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringbridge.routing.dialing import (
    DialKind,
    DialPlan,
    DialRequest,
    Earlier,
    LinePlan,
    Originate,
    Refusal,
    Spelling,
    planned,
)
from ringbridge.routing.intents import PortalId, UserId
from ringbridge.routing.office import Portal, Staff
from ringbridge.routing.results import CallStatus

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
CLIENT = "+79125551122"
PORTAL = Portal(
    id=PortalId("main"),
    staff=Staff(
        default=UserId("9"),
        users={"+79120000001": UserId("1"), "101": UserId("1"), "104": UserId("4"), "+79120000003": UserId("3")},
    ),
)


def request(number: str = CLIENT, **more: Any) -> DialRequest:
    return DialRequest(**{"portal": PORTAL.id, "source": "s", "number": number, "at": NOW, "user": UserId("1"), **more})


def decided(
    asked: DialRequest, plan: DialPlan | None = None, *, earlier: tuple[Earlier, ...] = (), now: datetime = NOW
) -> Originate | Refusal:
    return planned(asked, plan or DialPlan(), PORTAL, earlier, now)


def originated(asked: DialRequest, plan: DialPlan | None = None) -> Originate:
    decision = decided(asked, plan)
    assert isinstance(decision, Originate), decision
    return decision


def refused(
    asked: DialRequest, plan: DialPlan | None = None, *, earlier: tuple[Earlier, ...] = (), now: datetime = NOW
) -> Refusal:
    decision = decided(asked, plan, earlier=earlier, now=now)
    assert isinstance(decision, Refusal), decision
    return decision


def headers(originate: Originate) -> dict[str, list[str]]:
    told: dict[str, list[str]] = {}
    for name, value in originate.action("ringbridge-1").headers:
        told.setdefault(name, []).append(value)
    return told


# How it is dialled


def test_the_office_phone_rings_first_and_shows_the_client() -> None:
    told = headers(originated(request()))
    assert told["Channel"] == ["PJSIP/101"]
    assert (told["Exten"], told["Context"], told["CallerID"]) == (["79125551122"], ["from-internal"], ["79125551122"])
    assert (told["Async"], told["Timeout"]) == (["true"], ["30000"])


def test_channel_and_action_have_the_name_by_which_the_call_is_known_again() -> None:
    action = originated(request()).action("ringbridge-1")
    assert action.action_id == "ringbridge-1"
    assert dict(action.headers)["ChannelId"] == "ringbridge-1"
    assert "OtherChannelId" not in dict(action.headers)


def test_both_halves_of_a_local_channel_are_named() -> None:
    told = headers(originated(request(), DialPlan(channel="Local/{extension}@from-internal/n")))
    assert (told["Channel"], told["ChannelId"], told["OtherChannelId"]) == (
        ["Local/101@from-internal/n"],
        ["ringbridge-1"],
        ["ringbridge-1-2"],
    )


def test_freepbx_is_told_whose_call_it_is_although_the_phone_shows_the_client() -> None:
    plan = DialPlan(variables={"REALCALLERIDNUM": "{extension}", "AMPUSER": "{extension}"})
    assert headers(originated(request(), plan))["Variable"] == ["REALCALLERIDNUM=101", "AMPUSER=101"]


@pytest.mark.parametrize(
    ("spelling", "dialled"),
    [(Spelling.DIGITS, "79120000003"), (Spelling.PLUS, "+79120000003"), (Spelling.NATIONAL, "89120000003")],
)
def test_an_employee_with_a_mobile_only_is_rung_through_the_dialplan_as_it_wants_numbers(
    spelling: Spelling, dialled: str
) -> None:
    decision = originated(request(user=UserId("3")), DialPlan(spelling=spelling))
    assert (decision.channel, decision.extension) == (f"Local/{dialled}@from-internal/n", "+79120000003")


def test_the_phone_that_is_asked_for_rings_in_place_of_the_employees_first() -> None:
    assert originated(request(to="+79120000001")).channel == "Local/79120000001@from-internal/n"
    assert originated(request(to="104", user=UserId("4"))).channel == "PJSIP/104"


def test_a_group_rings_first_where_it_is_asked_for_and_an_outside_number_of_nobodys_never() -> None:
    assert originated(request(to="600", user=None)).channel == "Local/600@from-internal/n"
    ordered = request(to="601", user=None, kind=DialKind.CALLBACK)
    assert originated(ordered, DialPlan(callback_to="600")).channel == "Local/601@from-internal/n"
    assert refused(request(to="+79990001122")).status is CallStatus.FORBIDDEN


@pytest.mark.parametrize(
    ("spelling", "number", "exten"),
    [
        (Spelling.DIGITS, "8 (912) 555-11-22", "79125551122"),
        (Spelling.PLUS, "8 (912) 555-11-22", "+79125551122"),
        (Spelling.NATIONAL, "+7 912 555-11-22", "89125551122"),
        (Spelling.NATIONAL, "+49 30 901820", "8104930901820"),
        (Spelling.DIGITS, "+7 912 000-00-00 #12", "79120000000"),
        (Spelling.DIGITS, "104", "104"),
    ],
)
def test_the_number_is_written_as_the_dialplan_wants_it(spelling: Spelling, number: str, exten: str) -> None:
    assert originated(request(number), DialPlan(spelling=spelling)).exten == exten


def test_the_chosen_line_decides_prefix_context_and_variables_and_an_unknown_one_nothing() -> None:
    volga = LinePlan(prefix="9", context="by-volga", variables={"TRUNK": "volga"})
    plan = DialPlan(lines={"Volga": volga})
    chosen = originated(request(line="Volga"), plan)
    assert (chosen.exten, chosen.context, chosen.variables) == ("979125551122", "by-volga", (("TRUNK", "volga"),))
    assert originated(request(line="nobody's"), plan).exten == "79125551122"
    assert originated(request("104", line="Volga"), plan).exten == "104"


@pytest.mark.parametrize(
    ("channel", "header", "variable"),
    [
        ("PJSIP/{extension}", "Call-Info: ;answer-after=0", "PJSIP_HEADER(add,Call-Info)=;answer-after=0"),
        ("SIP/{extension}", "Call-Info: ;answer-after=0", "SIPADDHEADER=Call-Info: ;answer-after=0"),
        ("Local/{extension}@from-internal/n", "Alert-Info: auto", "__ALERT_INFO=auto"),
    ],
)
def test_each_technology_is_told_of_the_header_by_which_a_phone_answers(
    channel: str, header: str, variable: str
) -> None:
    told = headers(originated(request(), DialPlan(channel=channel, auto_answer=header)))
    assert told["Variable"] == [variable]


# What is not dialled


@pytest.mark.parametrize("number", ["", "+", "anonymous", "*72", "*7279125551122", "103", "112", "79", "abc"])
def test_what_is_no_number_of_a_client_or_colleague_is_not_dialled(number: str) -> None:
    assert refused(request(number)).status is CallStatus.WRONG_NUMBER


def test_a_short_number_is_dialled_where_the_office_allows_it() -> None:
    assert originated(request("112"), DialPlan(allowed=("112",))).exten == "112"


@given(number=st.text(max_size=40))
def test_nothing_but_digits_and_a_plus_gets_into_the_dialplan(number: str) -> None:
    decision = decided(request(number))
    if isinstance(decision, Originate):
        assert set(decision.exten) <= set("+0123456789")
        assert set(decision.caller_id) <= set("+0123456789")


def test_who_has_no_phone_dials_nothing() -> None:
    refusal = refused(request(user=UserId("7")))
    assert refusal.status is CallStatus.FORBIDDEN
    assert "no phone is known" in refusal.reason


@pytest.mark.parametrize(
    ("plan", "number", "status"),
    [
        (DialPlan(denied=("+7809",)), "+78095551122", CallStatus.FORBIDDEN),
        (DialPlan(denied=("810",)), "+79125551122", None),
        (DialPlan(countries=frozenset({"RU"})), "+4930901820", CallStatus.FORBIDDEN),
        (DialPlan(countries=frozenset({"RU"})), "+79125551122", None),
        (DialPlan(countries=frozenset({"RU"}), allowed=("49",)), "+4930901820", None),
        (DialPlan(denied=("7",), allowed=("7912",)), "+79125551122", None),
        (DialPlan(countries=frozenset({"RU"})), "99999999999999", CallStatus.WRONG_NUMBER),
    ],
)
def test_beginnings_and_countries_say_what_may_be_dialled(
    plan: DialPlan, number: str, status: CallStatus | None
) -> None:
    decision = decided(request(number), plan)
    assert (decision.status if isinstance(decision, Refusal) else None) is status


def test_a_clients_order_may_be_bound_to_fewer_countries_than_an_employees_click() -> None:
    plan = DialPlan(callback_countries=frozenset({"RU"}), callback_to="600")
    assert isinstance(decided(request("+4930901820"), plan), Originate)
    ordered = request("+4930901820", kind=DialKind.CALLBACK, user=None)
    assert refused(ordered, plan).status is CallStatus.FORBIDDEN


def test_what_was_asked_for_a_minute_ago_is_not_dialled_any_more() -> None:
    assert isinstance(decided(request(), now=NOW + timedelta(seconds=60)), Originate)
    refusal = refused(request(), now=NOW + timedelta(seconds=61))
    assert (refusal.status, "61 seconds" in refusal.reason) == (CallStatus.CANCELLED, True)


def test_a_clock_of_the_portal_that_is_ahead_stops_nobody() -> None:
    assert isinstance(decided(request(at=NOW + timedelta(hours=1))), Originate)


def test_the_same_number_within_five_seconds_is_one_wish() -> None:
    before = (Earlier(number=CLIENT, at=NOW - timedelta(seconds=4)),)
    assert "a moment ago" in refused(request("8 912 555 11 22"), earlier=before).reason
    assert isinstance(decided(request("+79990001122"), earlier=before), Originate)
    long_before = (Earlier(number=CLIENT, at=NOW - timedelta(seconds=6)),)
    assert isinstance(decided(request(), earlier=long_before), Originate)


def test_one_employee_asks_for_so_many_calls_a_minute_and_no_more() -> None:
    earlier = tuple(Earlier(number=f"+7999000{n:04}", at=NOW - timedelta(seconds=10 * n)) for n in range(1, 4))
    assert isinstance(decided(request(), DialPlan(per_minute=4), earlier=earlier), Originate)
    assert refused(request(), DialPlan(per_minute=3), earlier=earlier).status is CallStatus.FORBIDDEN


def test_an_office_may_dial_in_working_hours_only() -> None:
    plan = DialPlan(working_hours_only=True)
    tuesday_evening = datetime(2026, 3, 10, 20, tzinfo=UTC)
    assert isinstance(decided(request(), plan), Originate)
    refusal = refused(request(at=tuesday_evening), plan, now=tuesday_evening)
    assert (refusal.status, refusal.told) == (CallStatus.FORBIDDEN, True)


def test_an_order_rings_the_group_and_without_one_says_what_is_missing() -> None:
    ordered = request(kind=DialKind.CALLBACK, user=None)
    assert originated(ordered, DialPlan(callback_to="600")).channel == "Local/600@from-internal/n"
    assert "callback_to" in refused(ordered).reason


@given(st.sampled_from([CLIENT, "", "*7279125551122", "+4930901820"]), st.integers(0, 200))
def test_no_reason_holds_a_number(number: str, age: int) -> None:
    plan = DialPlan(denied=("49",))
    decision = decided(replace(request(number), at=NOW - timedelta(seconds=age)), plan)
    if isinstance(decision, Refusal) and number:
        assert number.lstrip("+") not in decision.reason
