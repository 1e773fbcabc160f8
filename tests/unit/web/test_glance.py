from datetime import UTC, datetime, timedelta

from tests.unit.web import sample_calls

from ringbridge.web.glance import Phase, concerned, glance, talked, waited

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


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
