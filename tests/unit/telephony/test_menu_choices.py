"""What a client presses before anybody is rung, from a manager user that reads the class dtmf."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ringbridge.ami.message import Message
from ringbridge.telephony.model import Call
from ringbridge.telephony.replay import ended_calls
from ringbridge.telephony.tracker import CallTracker

START = datetime(2026, 11, 25, 20, 0, tzinfo=UTC)
CLIENT = {
    "Channel": "PJSIP/comtel-00000000",
    "ChannelState": "6",
    "CallerIDNum": "79125551122",
    "Exten": "74951000400",
    "Uniqueid": "1795636773.0",
    "Linkedid": "1795636773.0",
}
PHONE = {
    "Channel": "PJSIP/101-00000001",
    "ChannelState": "0",
    "CallerIDNum": "101",
    "Exten": "",
    "Uniqueid": "1795636773.1",
    "Linkedid": "1795636773.0",
}


def event(name: str, channel: dict[str, str], **more: str) -> Message:
    return Message([("Event", name), *channel.items(), *more.items()])


def pressed(digits: str, *, by: dict[str, str] = CLIENT, direction: str = "Received") -> list[Message]:
    return [event("DTMFEnd", by, Digit=digit, Direction=direction, DurationMs="100") for digit in digits]


def ring() -> list[Message]:
    dest = {f"Dest{name}": value for name, value in PHONE.items()}
    return [
        event("Newchannel", PHONE),
        event("DialBegin", CLIENT, **dest, DialString="101"),
        event("Newstate", {**PHONE, "ChannelState": "5"}),
    ]


def told(*messages: Message) -> Call:
    tracker = CallTracker(trunks=frozenset({"comtel"}))
    at, events = START, []
    for message in (event("Newchannel", CLIENT), *messages):
        at += timedelta(seconds=1)
        events += tracker.feed(message, at)
    (call,) = ended_calls([*events, *tracker.finish(at)])
    return call


@pytest.mark.parametrize("digits", ["", "1", "12", "101", "*"])
def test_a_choice_is_told(digits: str) -> None:
    assert told(*pressed(digits), *ring()).menu == digits


@pytest.mark.parametrize("digits", ["1234", "4276380012345678"])
def test_what_may_be_a_secret_is_not_told(digits: str) -> None:
    call = told(*pressed(digits), *ring())
    assert call.menu == ""
    assert digits not in str(call)


def test_what_is_pressed_once_somebody_was_rung_is_no_choice_in_a_menu() -> None:
    assert told(*ring(), *pressed("5")).menu == ""


def test_what_we_send_the_client_and_what_an_employee_presses_are_none_either() -> None:
    assert told(*pressed("7", direction="Sent")).menu == ""
    assert told(event("Newchannel", PHONE), *pressed("7", by=PHONE)).menu == ""
