"""A call that was going on when we died, and whose end only the PBX's records tell."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ringbridge.ami.message import Message
from ringbridge.telephony.events import CallEnded
from ringbridge.telephony.model import Call, CallId, Direction, Disposition, Extension, Talk
from ringbridge.telephony.tracker import CallTracker

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
LATER = NOON + timedelta(seconds=9)


def going_on(direction: Direction) -> Call:
    return Call(
        id=CallId("1.1"),
        direction=direction,
        start=NOON,
        external="79125551122",
        trunk="mango",
        caller=Extension("101") if direction is Direction.OUTBOUND else None,
        channels=("1.1", "1.2"),
        client_channels=("1.2" if direction is Direction.OUTBOUND else "1.1",),
    )


def end_of(known: Call, told: Call) -> Call:
    tracker = CallTracker(trunks={"mango"})
    tracker.restore([known])
    (ended,) = (event.call for event in tracker.ended_unheard(told) if isinstance(event, CallEnded))
    assert len(tracker) == 0
    return ended


@pytest.mark.parametrize("result", [Disposition.BUSY, Disposition.FAILED, Disposition.NO_ANSWER])
def test_why_a_client_was_not_reached_is_taken_from_the_records(result: Disposition) -> None:
    known = going_on(Direction.OUTBOUND)
    ended = end_of(known, replace(known, end=LATER, disposition=result))
    assert (ended.disposition, ended.end, ended.interrupted) == (result, LATER, False)


def test_a_caller_who_spoke_to_the_voicemail_meanwhile_was_missed_and_left_a_message() -> None:
    known = going_on(Direction.INBOUND)
    ended = end_of(known, replace(known, end=LATER, disposition=Disposition.MISSED, voicemail=True))
    assert (ended.disposition, ended.voicemail) == (Disposition.MISSED, True)


def test_a_client_who_was_answered_meanwhile_was_answered() -> None:
    known = going_on(Direction.INBOUND)
    talk = Talk(extension=Extension("102"), start=NOON + timedelta(seconds=4), end=LATER)
    ended = end_of(known, replace(known, end=LATER, disposition=Disposition.ANSWERED, talks=(talk,)))
    assert (ended.disposition, ended.talks) == (Disposition.ANSWERED, (talk,))


def test_what_is_still_said_of_a_call_that_the_records_ended_begins_no_other() -> None:
    """It ended while we were logging in: its last events come behind the listing, in which it is not."""
    tracker = CallTracker(trunks={"mango"})
    told = replace(going_on(Direction.INBOUND), end=LATER, disposition=Disposition.MISSED)
    assert [event.call for event in tracker.ended_unheard(told)] == [told]
    tracker.resync([], LATER)
    for name in ("Newstate", "BridgeLeave", "Hangup"):
        headers = (("Event", name), ("Channel", "PJSIP/mango-00000001"), ("Uniqueid", "1.1"), ("Linkedid", "1.1"))
        assert tracker.feed(Message((*headers, ("BridgeUniqueid", "b"))), LATER) == []
    assert len(tracker) == 0
    assert tracker.expire(LATER + timedelta(minutes=1)) == []


CHANNELS = {"1.1": "PJSIP/106-00000001", "1.2": "PJSIP/mango-00000002"}


def of_channel(event: str, uniqueid: str, **more: str) -> Message:
    headers = {"Event": event, "Channel": CHANNELS[uniqueid], "Uniqueid": uniqueid, "Linkedid": "1.1"} | more
    return Message(tuple(headers.items()))


def hung_up_behind_the_listing(tracker: CallTracker, since: timedelta) -> list[CallEnded]:
    """Both channels are up, and in no bridge any more."""
    rows = [
        of_channel(
            "CoreShowChannel", "1.1", ChannelStateDesc="Up", CallerIDNum="106", Exten="89255550049", Application="Dial"
        ),
        of_channel("CoreShowChannel", "1.2", ChannelStateDesc="Up", CallerIDNum="89255550049", Application="AppDial"),
    ]
    told = tracker.resync(rows, LATER, records=True)
    for uniqueid in ("1.2", "1.1"):
        told += tracker.feed(of_channel("Hangup", uniqueid, Cause="16"), LATER + since)
    told += tracker.expire(LATER + since + timedelta(seconds=5))
    return [event for event in told if isinstance(event, CallEnded)]


def test_a_call_that_was_being_hung_up_when_the_channels_were_listed_waits_for_its_record() -> None:
    tracker = CallTracker(trunks={"mango"})
    assert hung_up_behind_the_listing(tracker, timedelta(milliseconds=40)) == []
    assert tracker.vanished == {"1.1"}
    end = LATER + timedelta(milliseconds=40)
    talk = Talk(extension=Extension("106"), start=LATER - timedelta(seconds=1), end=end)
    told = replace(going_on(Direction.OUTBOUND), end=end, disposition=Disposition.ANSWERED, talks=(talk,))
    (ended,) = (event.call for event in tracker.ended_unheard(told) if isinstance(event, CallEnded))
    assert (ended.disposition, ended.talks, ended.interrupted) == (Disposition.ANSWERED, (talk,), False)


def test_without_a_record_it_ends_as_it_was_heard() -> None:
    tracker = CallTracker(trunks={"mango"})
    hung_up_behind_the_listing(tracker, timedelta(milliseconds=40))
    later = LATER + timedelta(seconds=30)
    told = [*tracker.give_up_vanished(LATER), *tracker.expire(later)]
    (ended,) = (event.call for event in told if isinstance(event, CallEnded))
    assert (ended.end, ended.interrupted) == (LATER + timedelta(milliseconds=40), False)
    assert (len(tracker), tracker.vanished) == (0, frozenset())


def test_a_call_whose_end_was_heard_whole_waits_for_nothing() -> None:
    tracker = CallTracker(trunks={"mango"})
    assert len(hung_up_behind_the_listing(tracker, timedelta(seconds=20))) == 1
    assert not tracker.vanished
