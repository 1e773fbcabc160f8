"""Which missed call makes an order, for when, and whom it rings first."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ringbridge.routing.dialing import DialPlan, Refusal
from ringbridge.routing.intents import PortalId, UserId
from ringbridge.routing.office import Portal, Staff
from ringbridge.routing.orders import NO_NEWS, Wish, next_try, wish_for_missed
from ringbridge.routing.rules import Answers, CallbackPlan, CallFacts, Rule, decide
from ringbridge.telephony.model import Call, CallId, Direction, Disposition, Extension, Leg

AT = datetime(2026, 3, 10, 12, tzinfo=UTC)
PORTAL = Portal(
    id=PortalId("main"), staff=Staff(default=UserId("9"), users={"101": UserId("1")}), lines={"mango": "Line"}
)
RULE = CallbackPlan(after=timedelta(seconds=30))
CALL = Call(
    id=CallId("1773144000.1"),
    direction=Direction.INBOUND,
    start=AT,
    end=AT,
    external="79125551122",
    trunk="mango",
    disposition=Disposition.MISSED,
)


def leg(extension: str) -> Leg:
    return Leg(extension=Extension(extension), channel="1773144000.2", ring_start=AT)


def wish(call: Call, rule: CallbackPlan = RULE, plan: DialPlan | None = None) -> Wish | Refusal | None:
    return wish_for_missed(call, rule, plan or DialPlan(callback_to="600"), PORTAL, "office", AT)


@pytest.mark.parametrize(
    ("call", "rule", "first"),
    [
        (replace(CALL, queue="700", legs=(leg("101"),)), RULE, "700"),
        (replace(CALL, queue="sales", legs=(leg("101"),)), RULE, "101"),
        (replace(CALL, group="650"), RULE, "650"),
        (replace(CALL, legs=(leg("101"), leg("102"))), RULE, "102"),
        (replace(CALL, legs=(leg("+79120000003"),)), RULE, "600"),
        (CALL, RULE, "600"),
        (replace(CALL, queue="700"), replace(RULE, to="101"), "101"),
    ],
)
def test_whoever_was_called_is_rung_first(call: Call, rule: CallbackPlan, first: str) -> None:
    made = wish(call, rule)
    assert isinstance(made, Wish)
    assert (made.request.to, made.due, made.request.line) == (first, AT + rule.after, "Line")


@pytest.mark.parametrize(
    "call",
    [
        replace(CALL, disposition=Disposition.ANSWERED),
        replace(CALL, direction=Direction.OUTBOUND),
        replace(CALL, direction=Direction.INTERNAL),
        replace(CALL, external=None),
        replace(CALL, click_to_call="ringbridge-1"),
        replace(CALL, merged_into=CallId("1773144000.7")),
        replace(CALL, end=AT - NO_NEWS - timedelta(seconds=1)),
    ],
)
def test_other_calls_make_no_order(call: Call) -> None:
    assert wish(call) is None


def test_where_nobody_can_ring_first_the_reason_says_what_to_set() -> None:
    refusal = wish(CALL, plan=DialPlan())
    assert isinstance(refusal, Refusal)
    assert "callback_to" in refusal.reason


def test_what_is_due_at_night_waits_for_the_morning() -> None:
    night = AT.replace(hour=23)
    made = wish_for_missed(replace(CALL, end=night), RULE, DialPlan(callback_to="600"), PORTAL, "office", night)
    assert isinstance(made, Wish)
    assert made.due == AT.replace(hour=9) + timedelta(days=1)


def test_there_are_as_many_further_attempts_as_pauses() -> None:
    plan = DialPlan(retries=(timedelta(seconds=60), timedelta(minutes=5)))
    due = [next_try(attempts, plan, PORTAL.hours, AT) for attempts in (1, 2, 3)]
    assert due == [AT + timedelta(seconds=60), AT + timedelta(minutes=5), None]
    assert next_try(1, DialPlan(), PORTAL.hours, AT) is None


@pytest.mark.parametrize(("answer", "decided"), [(None, None), (False, None), (True, CallbackPlan()), (RULE, RULE)])
def test_a_row_says_whether_a_missed_call_is_called_back(
    answer: CallbackPlan | bool | None, decided: CallbackPlan | None
) -> None:
    rule = Rule(name="row", answers=Answers(callback=answer), results=frozenset({Disposition.MISSED}))
    assert decide([rule], CallFacts(call=CALL, number="+79125551122")).callback == decided
    answered = replace(CALL, disposition=Disposition.ANSWERED)
    assert decide([rule], CallFacts(call=answered, number="+79125551122")).callback is None
