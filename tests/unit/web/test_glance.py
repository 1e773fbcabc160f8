from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path

import pytest
from tests.unit.web import sample_calls

from ringbridge.telephony.replay import replay
from ringbridge.web.glance import Phase, concerned, glance, talked, waited

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
TRACES = Path("tests/traces")


def glances(trace: str) -> Iterator[str]:
    """What was seen of a client's call from moment to moment, as a real Asterisk told it."""
    for event in replay([TRACES / f"{trace}.ami.gz"], trunks={"mango", "mtt", "provider"}):
        if event.call.concerns_client and event.call.end is None:
            seen = glance(event.call)
            yield " ".join(filter(None, (seen.phase, *seen.extensions, f"at {seen.place}" if seen.place else "")))


def story(trace: str) -> list[str]:
    return [seen for seen, _ in groupby(glances(trace))]


def test_ringing_call_names_all_phones_since_the_first_rang() -> None:
    seen = glance(sample_calls.ringing(NOW))
    assert (seen.phase, seen.extensions) == (Phase.RINGING, ("101", "102", "103"))
    assert seen.since == NOW - timedelta(seconds=8)


def test_talking_call_names_who_talks_since_the_talk_began() -> None:
    seen = glance(sample_calls.talking(NOW))
    assert (seen.phase, seen.extensions) == (Phase.TALKING, ("104",))
    assert seen.since == NOW - timedelta(minutes=3, seconds=3)


def test_call_in_a_queue_with_no_phone_ringing_waits_since_its_start() -> None:
    seen = glance(sample_calls.waiting(NOW))
    assert (seen.phase, seen.since, seen.extensions) == (Phase.WAITING, NOW - timedelta(seconds=48), ())


@pytest.mark.parametrize("pbx", ["ast16", "ast22"])
def test_client_on_hold_is_seen_so_until_he_is_taken_back(pbx: str) -> None:
    assert story(f"{pbx}/inbound_hold")[1:-1] == ["ringing 101", "talking 101", "held 101", "talking 101"]


def test_parked_client_is_seen_at_his_place_until_he_is_fetched() -> None:
    fetched = story("ast22/park_feature_dtmf")
    assert fetched == [
        "waiting",
        "ringing 101",
        "talking 101",
        "held 101",
        "talking 101",
        "parked 101 at 71",
        "talking 103",
    ]
    assert story("more22/park_ami")[-2:] == ["parked 101 at 72", "talking 102"]


def test_parked_client_whom_nobody_fetched_rings_who_had_parked_him() -> None:
    assert story("more22/park_timeout_hangup")[-3:] == ["parked 101 at 71", "ringing 101", "parked 101 at 71"]


def test_conference_is_told_by_all_who_speak_in_it() -> None:
    assert story("ast22/conf_dialin") == ["waiting", "talking 102", "talking 102 101"]
    assert story("more22/conf_att_three_people")[-4:] == ["held 101", "talking 101", "talking 102", "talking 102 103"]


def test_client_in_a_conference_is_not_on_hold_while_one_of_them_speaks_with_him() -> None:
    calls = sample_calls.in_conference(NOW), sample_calls.in_conference(NOW, away=("104",))
    both, one = (glance(call) for call in calls)
    none = glance(sample_calls.in_conference(NOW, away=("104", "105")))
    assert (both.phase, both.extensions, both.is_conference) == (Phase.TALKING, ("104", "105"), True)
    assert (one.phase, one.extensions, one.is_conference) == (Phase.TALKING, ("105",), False)
    assert (none.phase, none.extensions) == (Phase.HELD, ("104", "105"))
    assert none.since == NOW - timedelta(seconds=29), "since the last of them left him"


def test_ended_call_concerns_those_who_spoke_and_not_all_who_rang() -> None:
    assert concerned(sample_calls.answered(NOW)) == ("102",)
    assert concerned(sample_calls.transferred(NOW)) == ("101", "105")


def test_missed_call_concerns_everyone_who_was_rung_once() -> None:
    assert concerned(sample_calls.missed_in_queue(NOW)) == ("101", "104")


def test_outbound_call_nobody_answered_concerns_its_caller() -> None:
    assert concerned(sample_calls.outbound_unanswered(NOW)) == ("103",)


def test_waiting_is_up_to_the_first_talk_and_of_a_missed_call_all_of_it() -> None:
    assert waited(sample_calls.answered(NOW), NOW) == timedelta(seconds=7)
    assert waited(sample_calls.missed_in_queue(NOW), NOW) == timedelta(seconds=61)


def test_talk_time_adds_up_over_a_transfer() -> None:
    assert talked(sample_calls.transferred(NOW)) == timedelta(seconds=60 + 138)
