"""What must hold of the tracker whatever comes in: real conversations, cut, doubled, shuffled and spoilt."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringbridge.ami.message import Message
from ringbridge.ami.protocol import Answer, Protocol
from ringbridge.telephony.events import CallEnded, CallEvent, CallStarted, LegLost
from ringbridge.telephony.model import Call
from ringbridge.telephony.trace import read_trace
from ringbridge.telephony.tracker import HANDLERS, CallTracker

TRACES = Path(__file__).parents[2] / "traces"
TRUNKS = frozenset({"mango", "mtt", "provider"})
NAMES = (
    "ast22/inbound_answered",
    "ast22/inbound_queue_answered",
    "ast22/inbound_queue_rrmemory",
    "ast22/inbound_ringgroup_local_member_answers",
    "ast22/xfer_attended_feature",
    "ast22/xfer_attended_refer",
    "ast22/xfer_blind_feature",
    "ast22/pickup_directed",
    "ast22/park_retrieve",
    "ast22/conf_dialin",
    "ast22/outbound_busy",
    "ast22/c2c_local_answered",
    "ast22/connect_midcall",
    "ast22/fwd_cfu_after_noanswer",
    "freepbx15/followme_internal",
    "freepbx17/voicemail",
)

Stream = tuple[tuple[Message, datetime], ...]


@cache
def stream(name: str) -> Stream:
    """The events of a recording that the tracker looks at, with their times."""
    protocol = Protocol()
    heard: list[tuple[Message, datetime]] = []
    for portion in read_trace(TRACES / f"{name}.ami.gz"):
        protocol.receive_data(portion.data)
        heard += [(m, portion.at) for m in protocol.events_received() if isinstance(m, Message) and m.event in HANDLERS]
    return tuple(heard)


streams = st.sampled_from(NAMES).map(stream)


def play(messages: Iterable[tuple[Message, datetime]]) -> list[CallEvent]:
    tracker = CallTracker(trunks=TRUNKS)
    told: list[CallEvent] = []
    named: set[str] = set()
    last: datetime | None = None
    for message, at in messages:
        named |= {value for name, value in message.headers if name.lower().endswith(("uniqueid", "linkedid"))}
        told += tracker.feed(message, at)
        last = at
    if last is not None:
        told += tracker.expire(last + timedelta(hours=13))
        told += tracker.finish(last + timedelta(hours=13))
    assert len(tracker) == 0
    assert held(tracker) <= len(named), "more of ended calls is kept than their names and those of their channels"
    return told


def held(thing: object) -> int:
    """How many things a tracker holds on to, counted through all that it is made of."""
    if isinstance(thing, dict):
        return sum(1 + held(value) for value in thing.values())
    if isinstance(thing, (list, tuple, set, frozenset)):
        return sum(1 + held(value) for value in thing)
    if is_dataclass(thing) and not isinstance(thing, type):
        return sum(held(getattr(thing, field.name)) for field in fields(thing))
    if type(thing).__module__.startswith("ringbridge.telephony") and hasattr(thing, "__dict__"):
        return sum(held(value) for name, value in vars(thing).items() if name != "trunks")
    return 0


def ended(told: Iterable[CallEvent]) -> list[Call]:
    return [event.call for event in told if isinstance(event, CallEnded) and event.call.merged_into is None]


# Damage


def dropped(messages: list[tuple[Message, datetime]], where: int, draw: st.DrawFn) -> None:
    del messages[where]


def doubled(messages: list[tuple[Message, datetime]], where: int, draw: st.DrawFn) -> None:
    messages.insert(where + draw(st.integers(0, 3)), messages[where])


def exchanged(messages: list[tuple[Message, datetime]], where: int, draw: st.DrawFn) -> None:
    (one, at), (other, later) = messages[where : where + 2]
    if later - at < timedelta(milliseconds=100):
        messages[where : where + 2] = [(other, at), (one, later)]


def with_odd_value(messages: list[tuple[Message, datetime]], where: int, draw: st.DrawFn) -> None:
    message, at = messages[where]
    index, value = draw(st.integers(0, 60)) % len(message.headers), draw(odd_values)
    headers = list(message.headers)
    if headers[index][0].lower() != "event":
        headers[index] = (headers[index][0], value)
    messages[where] = (Message(headers), at)


def without_a_header(messages: list[tuple[Message, datetime]], where: int, draw: st.DrawFn) -> None:
    message, at = messages[where]
    missing = draw(st.integers(1, 60))
    messages[where] = (Message(pair for i, pair in enumerate(message.headers) if i != missing), at)


def with_a_stranger(messages: list[tuple[Message, datetime]], where: int, draw: st.DrawFn) -> None:
    message, at = messages[where]
    messages.insert(where, (renamed(message, "7"), at))


def cut_off(messages: list[tuple[Message, datetime]], where: int, draw: st.DrawFn) -> None:
    del messages[max(where, 3) :]


def with_a_jump(messages: list[tuple[Message, datetime]], where: int, draw: st.DrawFn) -> None:
    jump = timedelta(seconds=draw(st.integers(-7200, 7200)))
    messages[where:] = [(message, at + jump) for message, at in messages[where:]]


DAMAGES = (dropped, doubled, exchanged, with_odd_value, without_a_header, with_a_stranger, cut_off)


@st.composite
def spoilt(draw: st.DrawFn, *, clock: bool = True) -> Stream:
    """A real conversation in which events are missing, doubled, exchanged with their neighbours, or strange."""
    messages = list(draw(streams))
    damages = st.sampled_from((*DAMAGES, with_a_jump) if clock else DAMAGES)
    for _ in range(draw(st.integers(1, 12))):
        if len(messages) > 3:
            draw(damages)(messages, draw(st.integers(0, len(messages) - 2)), draw)
    return tuple(messages)


odd_values = st.one_of(
    st.sampled_from(
        ("", "<unknown>", "anonymous", "+", "s", "none", "4" * 40, 'OOO "Romashka"', "Local/;1", "0", "-1", "²")
    ),
    st.text(max_size=30),
)


def renamed(message: Message, mark: str) -> Message:
    """The same event of other channels, calls and bridges."""
    return Message((name, other_name(value, mark)) for name, value in message.headers)


def other_name(value: str, mark: str) -> str:
    value = re.sub(r"-(0000[0-9a-f]{4})", rf"-{mark}\1", value)
    value = re.sub(r"\b(1\d{9}\.\d+)\b", rf"{mark}\1", value)
    return re.sub(r"\b([0-9a-f]{8}-(?:[0-9a-f]{4}-){3})", rf"{mark}\1", value)


# Properties


@settings(max_examples=20, deadline=None)
@given(name=st.sampled_from(NAMES), data=st.data())
def test_however_the_bytes_are_split_the_same_is_told(name: str, data: st.DataObject) -> None:
    def tell(cut_at: Sequence[int]) -> list[CallEvent]:
        protocol, tracker, told, offset = Protocol(), CallTracker(trunks=TRUNKS), [], 0
        for portion in read_trace(TRACES / f"{name}.ami.gz"):
            inside = [cut - offset for cut in cut_at if offset < cut < offset + len(portion.data)]
            for start, end in zip([0, *inside], [*inside, len(portion.data)], strict=True):
                protocol.receive_data(portion.data[start:end])
                for item in protocol.events_received():
                    if isinstance(item, Message):
                        told += tracker.feed(item, portion.at)
                    elif isinstance(item, Answer) and item.rows:
                        told += tracker.resync(item.rows, portion.at)
            offset += len(portion.data)
        return told + tracker.finish(portion.at)

    cuts = sorted(data.draw(st.sets(st.integers(1, 400_000), max_size=60)))
    assert tell(cuts) == tell([])


def check_life(told: Sequence[CallEvent]) -> None:
    """Every call is announced before anything else is told of it, and ends once, with nothing after."""
    started: set[str] = set()
    over: set[str] = set()
    lost: set[tuple[str, str]] = set()
    for event in told:
        call = event.call
        assert call.id not in over, "something was told of a call that had ended"
        if isinstance(event, CallStarted):
            assert call.id not in started
            assert call.concerns_client
            started.add(call.id)
        elif call.concerns_client:
            assert call.id in started
        if isinstance(event, LegLost):
            assert (call.id, event.leg.channel) not in lost
            lost.add((call.id, event.leg.channel))
        if isinstance(event, CallEnded):
            over.add(call.id)
            assert call.end is not None
            assert call.end >= call.start
            assert all(leg.result is not None for leg in call.legs)
            assert all(talk.end is not None and talk.end >= talk.start for talk in call.talks)
    assert started <= over


@pytest.mark.parametrize("name", NAMES)
def test_a_real_call_lives_once(name: str) -> None:
    check_life(play(stream(name)))


@settings(max_examples=1500, deadline=None)
@given(messages=spoilt())
def test_whatever_is_missing_doubled_or_strange_each_call_lives_once_and_nothing_is_kept(messages: Stream) -> None:
    check_life(play(messages))


@settings(max_examples=100, deadline=None)
@given(data=st.data(), name=st.sampled_from(NAMES))
def test_broken_bytes_stop_nothing(data: st.DataObject, name: str) -> None:
    raw = bytearray(b"".join(portion.data for portion in read_trace(TRACES / f"{name}.ami.gz")))
    for _ in range(data.draw(st.integers(1, 20))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at : at + data.draw(st.integers(0, 200))] = data.draw(st.binary(max_size=40))
    protocol, start = Protocol(), next(iter(read_trace(TRACES / f"{name}.ami.gz"))).at
    protocol.receive_data(bytes(raw[: data.draw(st.integers(1, len(raw)))]))
    check_life(play((item, start) for item in protocol.events_received() if isinstance(item, Message)))


row_headers = ("Channel", "Uniqueid", "Linkedid", "ChannelStateDesc", "Exten", "CallerIDNum", "Duration", "Seconds")
listings = st.lists(
    st.lists(st.tuples(st.sampled_from((*row_headers, "BridgeId", "DNID", "ApplicationData", "Variable")), odd_values))
)


@settings(max_examples=100, deadline=None)
@given(
    name=st.sampled_from(NAMES),
    at=st.integers(5, 15),
    listing=listings,
    complete=st.booleans(),
    records=st.booleans(),
    given_up=st.integers(0, 20),
)
def test_whatever_a_listing_of_channels_says_each_call_lives_once(
    name: str, at: int, listing: list[list[tuple[str, str]]], complete: bool, records: bool, given_up: int
) -> None:
    at = min(at, len(stream(name)) - 1)
    before, (_, now), after = stream(name)[:at], stream(name)[at], stream(name)[at:]
    rows = [message("CoreShowChannel", ("Application", "Dial"), *headers) for headers in listing]
    tracker = CallTracker(trunks=TRUNKS)
    told = [event for heard, then in before for event in tracker.feed(heard, then)]
    tracker.disconnected(heard=now, lost=now)
    tracker.connected()
    told += tracker.resync(rows, now, complete=complete, records=records)
    told += [event for heard, then in after[:given_up] for event in tracker.feed(heard, then)]
    told += tracker.give_up_vanished(now)
    assert not tracker.vanished
    told += [event for heard, then in after[given_up:] for event in tracker.feed(heard, then)]
    check_life(told + tracker.finish(after[-1][1]))


HEALTHY = (
    "ast22/inbound_queue_answered",
    "ast22/xfer_attended_refer",
    "ast22/xfer_blind_feature",
    "ast22/park_retrieve",
)


def interleaved(one: Stream, other: Stream) -> Iterator[tuple[Message, datetime]]:
    """Both as if they had begun in the same moment."""
    shift = one[0][1] - other[0][1]
    moved = [(renamed(message, "8"), at + shift) for message, at in other]
    return iter(sorted([*one, *moved], key=lambda pair: pair[1]))


@settings(max_examples=150, deadline=None)
@given(name=st.sampled_from(HEALTHY), neighbour=spoilt(clock=False))
def test_a_spoilt_call_costs_its_neighbour_nothing(name: str, neighbour: Stream) -> None:
    alone = ended(play(stream(name)))
    known = {call.id for call in alone}

    together = [call for call in ended(play(interleaved(stream(name), neighbour))) if call.id in known]

    assert together == alone


numbers = st.one_of(
    st.sampled_from(("anonymous", "+", "", "unknown", "Restricted", "4" * 40, "+7 (912) 555-11-22", "sip:x@y", "'\"")),
    st.text(max_size=40),
)


@settings(max_examples=60, deadline=None)
@given(number=numbers, caller=st.text(max_size=40))
def test_no_number_and_no_name_of_a_caller_hides_a_call(number: str, caller: str) -> None:
    def changed(message: Message) -> Message:
        return Message(
            (name, number if value == "79125551122" else caller if "CallerIDName" in name else value)
            for name, value in message.headers
        )

    (usual,) = ended(play(stream("ast22/inbound_answered")))

    (call,) = ended(play((changed(message), at) for message, at in stream("ast22/inbound_answered")))

    assert (call.direction, call.disposition, call.did, call.answered_by) == (
        usual.direction,
        usual.disposition,
        usual.did,
        usual.answered_by,
    )
    assert call.external == (number if any(sign.isdigit() for sign in number) else None)


# Memory


def rings(times: int) -> Iterator[tuple[Message, datetime]]:
    """A caller in a queue whose one agent is rung again and again through a Local channel."""
    at = datetime.fromisoformat("2026-11-23T10:00:00+00:00")
    client = (("Channel", "PJSIP/mango-00000001"), ("Uniqueid", "1795500000.1"), ("Linkedid", "1795500000.1"))
    yield (
        message("Newchannel", *client, ("ChannelStateDesc", "Ring"), ("CallerIDNum", "79125551122"), ("Exten", "7")),
        at,
    )
    for turn in range(times):
        at += timedelta(seconds=15)
        half = [channel(f"Local/101@q-{turn:08x};{i}", f"1795500000.{10 + 3 * turn + i}") for i in (1, 2)]
        phone = channel(f"PJSIP/101-{turn:08x}", f"1795500000.{10 + 3 * turn}")
        for new in (*half, phone):
            yield message("Newchannel", *new, ("ChannelStateDesc", "Down")), at
        yield message("DialBegin", *client, *dialled(half[0]), ("DialString", "101@q")), at
        yield message("DialBegin", *half[1], *dialled(phone), ("DialString", "101")), at
        yield message("Newstate", *phone, ("ChannelStateDesc", "Ringing")), at
        yield message("DialEnd", *half[1], *dialled(phone), ("DialStatus", "NOANSWER")), at
        for gone in (phone, *half):
            yield message("Hangup", *gone, ("Cause", "19")), at


def message(event: str, *headers: tuple[str, str]) -> Message:
    return Message((("Event", event), *headers))


def channel(name: str, uniqueid: str) -> tuple[tuple[str, str], ...]:
    return (("Channel", name), ("Uniqueid", uniqueid), ("Linkedid", "1795500000.1"))


def dialled(names: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    return tuple((f"Dest{name}", value) for name, value in names)


def test_a_caller_who_waits_for_ever_costs_no_more_than_one_who_waits_for_hours() -> None:
    def cost(times: int) -> int:
        tracker = CallTracker(trunks=TRUNKS)
        for heard, at in rings(times):
            tracker.feed(heard, at)
        return held(tracker)

    hours = cost(500)
    assert cost(1000) == hours
