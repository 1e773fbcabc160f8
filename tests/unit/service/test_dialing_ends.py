"""How calls end that we dialled: each is known for the one it is, and tells why the client was not reached."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ringbridge.ami.message import Message
from ringbridge.routing.asked import NOT_RUNG, NOT_TAKEN, seconds_among_colleagues, status_of_asked, why_not_reached
from ringbridge.routing.intents import AdoptCall, FinishCall, PortalId, RegisterCall, UserId
from ringbridge.routing.office import Portal, Staff
from ringbridge.routing.records import intents_of
from ringbridge.routing.results import CallStatus
from ringbridge.routing.rules import Answers, Rule
from ringbridge.telephony.events import CallEnded
from ringbridge.telephony.model import Call, CallId, Direction, Disposition, Extension, Leg
from ringbridge.telephony.tracker import CallTracker

AT = datetime(2026, 3, 10, 12, tzinfo=UTC)
OURS = "ringbridge-1773144000-0123456789abcdef"
OTHER = "ringbridge-1773144000-fedcba9876543210"
STAFF = Staff(default=UserId("9"), users={"101": UserId("1"), "104": UserId("4")})


def message(event: str, **headers: str) -> Message:
    return Message((("Event", event), *headers.items()))


def rings(channel: str, name: str = "PJSIP/101-00000001") -> list[Message]:
    """The employee's phone, rung by an Originate."""
    common = {"ChannelStateDesc": "Down", "Linkedid": channel, "CallerIDNum": "79125551122"}
    dest = {f"Dest{key}": value for key, value in {**common, "Channel": name, "Uniqueid": channel}.items()}
    return [
        message("Newchannel", Channel=name, Uniqueid=channel, Exten="s", **common),
        message("DialBegin", **dest, DialString="101"),
        message("Newstate", Channel=name, Uniqueid=channel, **{**common, "ChannelStateDesc": "Ringing"}),
    ]


def failure(action: str) -> Message:
    return message(
        "OriginateResponse",
        ActionID=action,
        Response="Failure",
        Channel="PJSIP/101",
        Exten="79125551122",
        Reason="0",
        Uniqueid="<unknown>",
    )


def test_a_click_that_fails_is_not_taken_for_another_that_rings_the_same_phone() -> None:
    tracker = CallTracker(trunks=frozenset({"mango"}))
    for one in rings(OURS):
        tracker.feed(one, AT)
    *_, ended = tracker.feed(failure(OTHER), AT)
    assert isinstance(ended, CallEnded)
    assert (ended.call.id, ended.call.click_to_call, ended.call.caller) == (OTHER, OTHER, "101")
    (still_ringing,) = tracker._board.calls.values()
    assert (still_ringing.id, still_ringing.click_to_call) == (OURS, None)


def test_the_answer_that_comes_late_begins_no_second_call() -> None:
    tracker = CallTracker(trunks=frozenset({"mango"}))
    for one in rings(OURS):
        tracker.feed(one, AT)
    hangup = message("Hangup", Channel="PJSIP/101-00000001", Uniqueid=OURS, Linkedid=OURS, Cause="19")
    tracker.feed(hangup, AT)
    tracker.expire(AT + timedelta(seconds=5))
    assert tracker.feed(failure(OURS), AT + timedelta(seconds=6)) == []


def leg(extension: str, *, answered: bool = True) -> Leg:
    answer = AT + timedelta(seconds=5) if answered else None
    return Leg(extension=Extension(extension), channel=f"{OURS}{extension}", ring_start=AT, answer=answer)


def call(*legs: Leg, direction: Direction = Direction.OUTBOUND, reached: bool = False) -> Call:
    return Call(
        id=CallId(OURS),
        direction=direction,
        start=AT,
        end=AT + timedelta(seconds=65),
        external="79125551122",
        caller=Extension("101"),
        disposition=Disposition.CANCELLED,
        legs=legs,
        channels=(OURS,),
        client_channels=("1773144000.5",) if reached else (),
    )


def test_why_the_client_was_not_reached_is_told_until_he_was_dialled() -> None:
    assert why_not_reached(call()) == NOT_RUNG
    assert why_not_reached(call(leg("101", answered=False))) == NOT_TAKEN
    assert why_not_reached(call(leg("101"))) == ""
    assert why_not_reached(call(leg("101"), reached=True)) == ""


@pytest.mark.parametrize(("ordered", "status"), [(True, CallStatus.MISSED), (False, CallStatus.CANCELLED)])
def test_an_order_that_nobody_here_took_was_missed_and_a_click_was_cancelled(ordered: bool, status: CallStatus) -> None:
    assert status_of_asked(call(leg("101", answered=False)), ordered=ordered) is status


def test_colleagues_speak_from_the_second_answer_on() -> None:
    inside = call(leg("101"), leg("104"), direction=Direction.INTERNAL)
    assert seconds_among_colleagues(inside) == 60
    assert status_of_asked(inside, ordered=False) is CallStatus.ANSWERED
    alone = call(leg("101"), direction=Direction.INTERNAL)
    assert (seconds_among_colleagues(alone), status_of_asked(alone, ordered=False)) == (0, CallStatus.NO_ANSWER)


def told(portal: Portal, ended: Call) -> list[object]:
    return list(intents_of(CallEnded(call=ended, at=AT), portal, "office")[0])


def test_a_clicked_call_ends_its_card_whatever_the_rules_say_and_at_no_other_portal() -> None:
    nothing = (Rule(name="tell nobody", answers=Answers(register=False)),)
    clicked = Portal(id=PortalId("main"), staff=STAFF, rules=nothing, adopted={OURS: "externalCall.1"})
    adopt, finish = told(clicked, call(leg("101", answered=False)))
    assert isinstance(adopt, AdoptCall)
    assert isinstance(finish, FinishCall)
    assert (adopt.call_id, finish.reason) == ("externalCall.1", NOT_TAKEN)
    assert told(Portal(id=PortalId("other"), staff=STAFF, rules=nothing), call(leg("101"))) == []


def test_a_click_on_a_colleagues_number_ends_its_card_too() -> None:
    clicked = Portal(id=PortalId("main"), staff=STAFF, adopted={OURS: "externalCall.1"})
    *_, finish = told(clicked, call(leg("101"), leg("104"), direction=Direction.INTERNAL))
    assert isinstance(finish, FinishCall)
    assert (finish.user, finish.duration, finish.status) == ("1", 60, CallStatus.ANSWERED)


def test_an_ordered_call_is_registered_as_a_callback_where_it_was_ordered() -> None:
    ordered = Portal(id=PortalId("main"), staff=STAFF, ordered={OURS})
    register, *_ = told(ordered, call(leg("101", answered=False)))
    elsewhere, *_ = told(Portal(id=PortalId("other"), staff=STAFF), call(leg("101", answered=False)))
    assert isinstance(register, RegisterCall)
    assert isinstance(elsewhere, RegisterCall)
    assert (register.kind.value, elsewhere.kind.value) == ("callback", "outbound")
