from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.stateful.sample_calls import NOON, SECOND

from ringbridge.crm.contract import (
    CrmError,
    Exchange,
    NotReached,
    Receipt,
    Rejected,
    Throttled,
    Transient,
    Unauthorized,
)
from ringbridge.delivery.policy import (
    LONGEST_WAIT,
    REQUEST_LIMIT,
    SHORTEST_WAIT,
    Done,
    GiveUp,
    Outcome,
    Park,
    Retry,
    decide,
    is_down,
    wait_before,
)

MINUTE = timedelta(minutes=1)


def decided(answer: Receipt | CrmError, attempts: int = 0) -> Outcome:
    return decide(answer, attempts=attempts, now=NOON, request_limit=REQUEST_LIMIT)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Receipt(facts={"call_id": "x"}), Done(facts={"call_id": "x"})),
        (Transient("503"), Retry(at=NOON + 2 * SECOND, reason="503", counts=True)),
        (Transient("cut", maybe_done=True), Retry(at=NOON + MINUTE, reason="cut", counts=True, uncertain=True)),
        (NotReached("first failed"), Retry(at=NOON + SHORTEST_WAIT, reason="first failed", counts=False)),
        (Throttled("wait", until=NOON + MINUTE), Retry(at=NOON + MINUTE, reason="wait", counts=False)),
        (Unauthorized("the key is refused"), Park(reason="the key is refused")),
        (Rejected("no such user"), GiveUp(reason="no such user")),
    ],
)
def test_each_answer_has_its_outcome(answer: Receipt | CrmError, outcome: Outcome) -> None:
    assert decided(answer) == outcome


@given(st.integers(0, 10**6))
def test_a_crm_that_is_down_never_costs_a_call_and_the_wait_grows_to_its_limit(attempts: int) -> None:
    outcome = decided(Transient("503"), attempts)
    assert isinstance(outcome, Retry)
    assert timedelta() < outcome.at - NOON <= LONGEST_WAIT
    assert wait_before(attempts) <= wait_before(attempts + 1)


@given(st.integers(0, 100))
def test_after_a_lost_answer_nothing_is_tried_while_the_portal_may_still_work_on_it(attempts: int) -> None:
    outcome = decided(Transient("cut", maybe_done=True), attempts)
    assert isinstance(outcome, Retry)
    assert outcome.at - NOON >= REQUEST_LIMIT
    assert outcome.uncertain


def test_a_portal_that_says_wait_until_a_moment_ago_is_not_asked_in_a_busy_loop() -> None:
    outcome = decided(Throttled("wait", until=NOON - MINUTE))
    assert isinstance(outcome, Retry)
    assert outcome.at > NOON


@pytest.mark.parametrize("kind", [Transient, NotReached, Unauthorized, Rejected])
def test_what_was_said_is_kept_for_the_story_whatever_the_outcome(kind: type[CrmError]) -> None:
    exchange = Exchange(sent="finish", answered="503")
    for answer in (kind("no", exchange=exchange), Receipt(exchange=exchange)):
        assert (decided(answer).sent, decided(answer).answered) == ("finish", "503")


AGAIN = Retry(at=NOON, reason="HTTP 502", counts=True)


@pytest.mark.parametrize(
    ("outcomes", "down"),
    [
        ([AGAIN], True),
        ([AGAIN, replace(AGAIN, counts=False)], True),  # the second was not reached
        ([AGAIN, Done()], False),
        ([Done()], False),
        ([Done(note="needless")], None),  # nothing was asked
        ([replace(AGAIN, counts=False)], None),  # too many requests, or not yet
        ([GiveUp(reason="no such user")], None),
        ([Park(reason="no key")], None),
        ([], None),
    ],
)
def test_a_portal_of_which_one_batch_only_brought_failures_is_down_until_a_step_is_done(
    outcomes: list[Outcome], down: bool | None
) -> None:
    assert is_down(outcomes) is down
