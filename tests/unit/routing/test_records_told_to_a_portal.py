"""What a portal is told of a call, from its events."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ringbridge.routing.intents import (
    AttachRecording,
    Creation,
    FinishCall,
    HideCard,
    PortalId,
    RecordKind,
    RegisterCall,
    ShowCard,
    UserId,
    idempotency_key,
)
from ringbridge.routing.office import Portal, Staff, Transfers, staff_of
from ringbridge.routing.records import intents_of
from ringbridge.routing.results import CallStatus
from ringbridge.routing.rules import Answers, Create, Responsible, Rule
from ringbridge.telephony.events import CallAnswered, CallEnded, CallStarted, LegLeft, LegLost, LegRinging
from ringbridge.telephony.model import (
    Call,
    CallId,
    Direction,
    Disposition,
    Extension,
    Leg,
    LegResult,
    Recording,
    Talk,
)

T0 = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def leg(extension: str, start: float, *, answer: float | None = None, end: float | None = None, **more: object) -> Leg:
    result = more.get("result", (LegResult.ANSWERED if answer is not None else LegResult.NO_ANSWER) if end else None)
    return Leg(
        extension=Extension(extension),
        channel=f"c-{extension}",
        ring_start=at(start),
        answer=None if answer is None else at(answer),
        end=None if end is None else at(end),
        result=result,  # type: ignore[arg-type]
    )


def talk(extension: str, start: float, end: float | None = None) -> Talk:
    return Talk(extension=Extension(extension), start=at(start), end=None if end is None else at(end))


INBOUND = Call(
    id=CallId("1.1"),
    direction=Direction.INBOUND,
    start=T0,
    external="89125551122",
    did="73432723033",
    trunk="mango",
    client_channels=("1.1",),
)


@pytest.fixture
def portal() -> Portal:
    staff = Staff(default=UserId("9"), users={"101": UserId("1"), "102": UserId("2"), "+79125550001": UserId("2")})
    return Portal(id=PortalId("main"), staff=staff)


def told(event, portal):
    return intents_of(event, portal, "office")[0]


def test_the_first_ring_registers_the_call_and_opens_the_card(portal):
    call = replace(INBOUND, legs=(leg("101", 1),))
    register, show = told(LegRinging(call=call, at=at(1), leg=call.legs[0]), portal)
    assert register == RegisterCall(
        record="office-1.1", call=call.id, kind=RecordKind.INBOUND, number="+79125551122", user=UserId("1"),
        started=T0, line="73432723033", show=False, creation=Creation(what=Create.CLIENT),
    )  # fmt: skip
    assert isinstance(show, ShowCard)
    assert show.users == ("1",)


def test_every_ring_asks_for_the_same_registration(portal):
    call = replace(INBOUND, legs=(leg("101", 1), leg("102", 2)))
    keys = [{idempotency_key(i) for i in told(LegRinging(call=call, at=at(2), leg=rung), portal)} for rung in call.legs]
    assert keys[0] & keys[1] == {"office-1.1/RegisterCall"}


def test_a_phone_of_nobody_opens_no_card(portal):
    call = replace(INBOUND, legs=(leg("177", 1),))
    assert told(LegRinging(call=call, at=at(1), leg=call.legs[0]), portal) == []


def test_the_card_of_who_lost_closes(portal):
    lost = leg("102", 1, end=5, result=LegResult.ANSWERED_ELSEWHERE)
    call = replace(INBOUND, legs=(leg("101", 1, answer=5), lost), talks=(talk("101", 5),))
    (hide,) = told(LegLost(call=call, at=at(5), leg=lost), portal)
    assert isinstance(hide, HideCard)
    assert hide.users == ("2",)


def test_the_card_stays_while_another_phone_of_the_same_employee_rings(portal):
    lost = leg("102", 1, end=5)
    mobile = replace(leg("+79125550001", 1), channel="c-mobile")
    call = replace(INBOUND, legs=(lost, mobile))
    assert told(LegLost(call=call, at=at(5), leg=lost), portal) == []


def test_who_handed_the_call_on_keeps_no_card(portal):
    left = leg("101", 1, answer=2, end=8)
    call = replace(INBOUND, legs=(left, leg("102", 9)), talks=(talk("101", 2, 8),))
    (hide,) = told(LegLeft(call=call, at=at(8), leg=left), portal)
    assert hide.users == ("1",)


def test_a_call_picked_up_from_a_colleagues_phone_opens_the_card_of_who_took_it(portal):
    call = replace(INBOUND, legs=(leg("101", 1),), talks=(talk("102", 3),))
    intents = told(CallAnswered(call=call, at=at(3), talk=call.talks[0]), portal)
    assert [i.users for i in intents if isinstance(i, ShowCard)] == [("2",)]


def test_an_answered_call_is_finished_for_who_spoke_with_the_seconds_of_talk(portal):
    call = replace(
        INBOUND, disposition=Disposition.ANSWERED, end=at(20), legs=(leg("101", 1, answer=5, end=20),),
        talks=(talk("101", 5, 17.4),), recordings=(Recording(path="/rec/in.wav", channel="1.1", start=T0),),
    )  # fmt: skip
    register, finish, attach = told(CallEnded(call=call, at=at(20)), portal)
    assert (register.live, register.show) == (False, False)
    assert (finish.user, finish.duration, finish.status) == ("1", 12, CallStatus.ANSWERED)
    assert isinstance(attach, AttachRecording)
    assert attach.path == "/rec/in.wav"


def test_a_talk_of_less_than_half_a_second_still_counts_as_answered(portal):
    call = replace(INBOUND, disposition=Disposition.ANSWERED, end=at(6), talks=(talk("101", 5, 5.3),))
    finish = next(i for i in told(CallEnded(call=call, at=at(6)), portal) if isinstance(i, FinishCall))
    assert finish.duration == 1


def test_each_speaker_of_a_transferred_call_gets_their_own_record_part_and_duration(portal):
    call = replace(
        INBOUND, disposition=Disposition.ANSWERED, end=at(60),
        legs=(leg("101", 1, answer=5, end=20), leg("102", 20, answer=25, end=60)),
        talks=(talk("101", 5, 20), talk("102", 25, 60)),
        recordings=(
            Recording(path="/rec/first.wav", channel="1.1", start=T0),
            Recording(path="/rec/second.wav", channel="1.1", start=at(20)),
        ),
    )  # fmt: skip
    intents = told(CallEnded(call=call, at=at(60)), portal)
    assert [(i.record, i.kind, i.started) for i in intents if isinstance(i, RegisterCall)] == [
        ("office-1.1", RecordKind.INBOUND, T0),
        ("office-1.1-2", RecordKind.TRANSFERRED, at(25)),
    ]
    assert [(i.record, i.user, i.duration) for i in intents if isinstance(i, FinishCall)] == [
        ("office-1.1", "1", 15),
        ("office-1.1-2", "2", 35),
    ]
    assert [(i.record, i.path) for i in intents if isinstance(i, AttachRecording)] == [
        ("office-1.1", "/rec/first.wav"),
        ("office-1.1-2", "/rec/second.wav"),
    ]
    assert not [i for i in intents if isinstance(i, HideCard)]


def test_who_takes_a_call_over_has_the_card_of_their_own_record(portal):
    call = replace(
        INBOUND, legs=(leg("101", 1, answer=2, end=8), leg("102", 9)), talks=(talk("101", 2, 8), talk("102", 12))
    )
    register, hide = told(CallAnswered(call=call, at=at(12), talk=call.talks[1]), portal)
    assert (register.record, register.user, register.show) == ("office-1.1-2", "2", True)
    assert (hide.record, hide.users) == ("office-1.1", ("2",))


def test_who_was_asked_and_never_had_the_client_keeps_no_card(portal):
    legs = (leg("101", 1, answer=2, end=30), leg("102", 9, answer=11, end=15))
    call = replace(INBOUND, disposition=Disposition.ANSWERED, end=at(30), legs=legs, talks=(talk("101", 2, 30),))
    intents = told(CallEnded(call=call, at=at(30)), portal)
    assert [i.users for i in intents if isinstance(i, HideCard)] == [("2",)]


def test_only_the_first_record_of_a_call_may_make_a_client(portal):
    call = replace(
        INBOUND, disposition=Disposition.ANSWERED, end=at(60), talks=(talk("101", 5, 20), talk("102", 25, 60))
    )
    registers = [i for i in told(CallEnded(call=call, at=at(60)), portal) if isinstance(i, RegisterCall)]
    assert [i.creation is not None for i in registers] == [True, False]


def test_in_single_mode_the_last_speaker_has_the_whole_call(portal):
    call = replace(
        INBOUND, disposition=Disposition.ANSWERED, end=at(60), talks=(talk("101", 5, 20), talk("102", 25, 60))
    )
    intents = told(CallEnded(call=call, at=at(60)), replace(portal, transfers=Transfers.SINGLE))
    assert [(i.user, i.duration) for i in intents if isinstance(i, FinishCall)] == [("2", 50)]


def test_two_phones_of_one_employee_are_one_speaker(portal):
    talks = (talk("102", 5, 20), talk("79125550001", 25, 60))
    call = replace(INBOUND, disposition=Disposition.ANSWERED, end=at(60), talks=talks)
    finishes = [i for i in told(CallEnded(call=call, at=at(60)), portal) if isinstance(i, FinishCall)]
    assert [(i.user, i.duration) for i in finishes] == [("2", 50)]


@pytest.mark.parametrize(
    ("order", "user"),
    [
        ((Responsible.LAST_RUNG, Responsible.DEFAULT), "2"),
        ((Responsible.FIRST_RUNG, Responsible.DEFAULT), "1"),
        ((Responsible.DEFAULT,), "9"),
    ],
)
def test_a_missed_call_goes_to_whom_the_rule_names(portal, order, user):
    rule = Rule(name="missed", answers=Answers(missed_to=order))
    call = replace(
        INBOUND, disposition=Disposition.MISSED, end=at(9), legs=(leg("101", 1, end=4), leg("102", 4, end=9))
    )
    register, finish = told(CallEnded(call=call, at=at(9)), replace(portal, rules=(rule,)))
    assert (register.user, finish.user) == (user, user)
    assert (finish.duration, finish.status) == (0, CallStatus.MISSED)


def test_a_missed_call_that_rang_nobody_has_a_record_too(portal):
    call = replace(INBOUND, disposition=Disposition.MISSED, end=at(2))
    register, finish = told(CallEnded(call=call, at=at(2)), portal)
    assert (register.user, finish.user, finish.status) == ("9", "9", CallStatus.MISSED)


OUTBOUND = replace(INBOUND, direction=Direction.OUTBOUND, caller=Extension("101"), did=None)


def test_an_outgoing_call_is_registered_for_who_calls_with_the_card_open(portal):
    (register,) = told(CallStarted(call=OUTBOUND, at=T0), portal)
    assert (register.kind, register.user, register.show) == (RecordKind.OUTBOUND, "1", True)


@pytest.mark.parametrize(
    ("disposition", "cause", "status"),
    [
        (Disposition.BUSY, 17, CallStatus.BUSY),
        (Disposition.NO_ANSWER, 19, CallStatus.NO_ANSWER),
        (Disposition.CANCELLED, 127, CallStatus.CANCELLED),
        (Disposition.FAILED, 1, CallStatus.WRONG_NUMBER),
        (Disposition.FAILED, 34, CallStatus.UNAVAILABLE),
    ],
)
def test_an_outgoing_call_that_failed_says_why(portal, disposition, cause, status):
    call = replace(OUTBOUND, disposition=disposition, hangup_cause=cause, end=at(9))
    finish = told(CallEnded(call=call, at=at(9)), portal)[-1]
    assert (finish.user, finish.status) == ("1", status)


def test_the_phone_that_a_click_to_call_rings_first_opens_no_card(portal):
    call = replace(OUTBOUND, legs=(leg("101", 0),))
    assert told(LegRinging(call=call, at=T0, leg=call.legs[0]), portal) == []


@pytest.mark.parametrize("direction", [Direction.INTERNAL, Direction.SERVICE])
def test_calls_between_colleagues_are_nobodys_business(portal, direction):
    call = replace(
        INBOUND, direction=direction, disposition=Disposition.ANSWERED, end=at(9), talks=(talk("101", 1, 9),)
    )
    assert told(CallEnded(call=call, at=at(9)), portal) == []


def test_a_number_on_the_black_list_is_not_registered(portal):
    rule = Rule(name="spam", numbers=frozenset({"+79125551122"}), answers=Answers(register=False))
    call = replace(INBOUND, disposition=Disposition.MISSED, end=at(2))
    intents, decision = intents_of(CallEnded(call=call, at=at(2)), replace(portal, rules=(rule,)), "office")
    assert intents == []
    assert decision.because["register"] == "spam"


def test_a_withheld_number_is_registered_all_the_same(portal):
    call = replace(INBOUND, external=None, disposition=Disposition.MISSED, end=at(2))
    register = told(CallEnded(call=call, at=at(2)), portal)[0]
    assert register.number == "anonymous"


def test_the_rule_for_a_result_waits_for_the_end(portal):
    rule = Rule(
        name="no leads of missed calls", results=frozenset({Disposition.MISSED}), answers=Answers(create=Create.NOTHING)
    )
    portal = replace(portal, rules=(rule,))
    ringing = replace(INBOUND, legs=(leg("101", 1),))
    assert told(LegRinging(call=ringing, at=at(1), leg=ringing.legs[0]), portal)[0].creation
    ended = replace(INBOUND, disposition=Disposition.MISSED, end=at(9))
    assert not told(CallEnded(call=ended, at=at(9)), portal)[0].creation


def test_the_line_is_the_trunks_own_name_where_it_has_one(portal):
    call = replace(INBOUND, legs=(leg("101", 1),))
    named = replace(portal, lines={"mango": "+7 343 272-30-33"})
    assert told(LegRinging(call=call, at=at(1), leg=call.legs[0]), named)[0].line == "+7 343 272-30-33"


def test_a_phone_that_two_users_claim_is_told_and_the_first_claim_holds():
    staff, conflicts = staff_of([("101", UserId("1")), ("101", UserId("2"))], default=UserId("9"))
    assert staff.user_of("101") == "1"
    assert conflicts == ("101 belongs to user 1; user 2 has it as well",)


def test_a_mobile_is_found_in_whichever_way_it_is_written():
    staff, _ = staff_of([("8 (912) 555-00-01", UserId("4"))], default=UserId("9"))
    assert staff.user_of("79125550001") == staff.user_of("+79125550001") == "4"
