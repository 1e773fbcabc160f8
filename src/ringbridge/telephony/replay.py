"""The calls of a recorded conversation, and their plain form for other programs."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ringbridge.ami.message import Message
from ringbridge.ami.protocol import Answer, Protocol
from ringbridge.telephony.events import CallEnded, CallEvent
from ringbridge.telephony.model import Call
from ringbridge.telephony.numbers import DEFAULT_REGION, parse_number
from ringbridge.telephony.trace import read_trace
from ringbridge.telephony.tracker import CallTracker

LISTINGS = frozenset({"CoreShowChannelsComplete", "StatusComplete"})
"""What ends a list of all channels that are up; it may be empty."""


def everything(message: Message) -> bool:
    return True


def replay(
    paths: Sequence[Path], *, trunks: Container[str], hears: Callable[[Message], bool] = everything
) -> Iterator[CallEvent]:
    """What the tracker tells of these files, one office's successive connections.

    `hears` leaves out what a manager user with fewer rights would not have been told.
    """
    tracker = CallTracker(trunks=trunks)
    at = datetime.fromtimestamp(0, UTC)
    for path in paths:
        protocol = Protocol()
        tracker.connected()
        for portion in read_trace(path):
            at = portion.at
            protocol.receive_data(portion.data)
            for item in protocol.events_received():
                if not isinstance(item, Message) or hears(item):
                    yield from _feed(tracker, item, at)
        # A recording does not tell when its connection broke, only when it last said something.
        tracker.disconnected(heard=at, lost=None)
    yield from tracker.finish(at)


def _feed(tracker: CallTracker, item: object, at: datetime) -> Iterable[CallEvent]:
    match item:
        case Message():
            return tracker.feed(item, at)
        case Answer(rows=rows, ending=Message() as ending) if ending.event in LISTINGS:
            return tracker.resync(rows, at)
    return []


def ended_calls(events: Iterable[CallEvent]) -> Iterator[Call]:
    """The calls as they were at their end; one that turned out to be part of another is not told twice."""
    for event in events:
        if isinstance(event, CallEnded) and event.call.merged_into is None:
            yield event.call


def plain(call: Call, region: str = DEFAULT_REGION) -> dict[str, Any]:
    """JSON-ready: times in epoch seconds, the client's number in E.164 where it is one."""
    number = parse_number(call.external, region)
    return {
        "id": call.id,
        "direction": call.direction.value,
        "start": call.start.timestamp(),
        "end": _epoch(call.end),
        "external": str(number) if number else None,
        "external_name": call.external_name,
        "did": call.did,
        "trunk": call.trunk,
        "caller": call.caller,
        "disposition": call.disposition.value if call.disposition else None,
        "interrupted": call.interrupted,
        "answered_by": list(call.answered_by),
        "legs": [
            {
                "extension": leg.extension,
                "result": leg.result.value if leg.result else None,
                "ring_start": leg.ring_start.timestamp(),
                "answer": _epoch(leg.answer),
                "end": _epoch(leg.end),
            }
            for leg in call.legs
        ],
        "talks": [
            {
                "extension": talk.extension,
                "start": talk.start.timestamp(),
                "end": _epoch(talk.end),
                "seconds": round(talk.length.total_seconds(), 3),
            }
            for talk in call.talks
        ],
        "holds": [
            {"extension": hold.extension, "start": hold.start.timestamp(), "end": _epoch(hold.end)}
            for hold in call.holds
        ],
        "transfers": [
            {"type": transfer.type.value, "by": transfer.by, "to": transfer.to, "at": transfer.at.timestamp()}
            for transfer in call.transfers
        ],
        "recordings": [recording.path for recording in call.recordings],
        "recorded": bool(call.recordings),
        "click_to_call": call.click_to_call,
        "voicemail": call.voicemail,
        "queue": call.queue,
        "group": call.group,
        "hangup_cause": call.hangup_cause,
    }


def told(call: Call, region: str = DEFAULT_REGION) -> str:
    """One line for people."""
    number = parse_number(call.external, region) if call.concerns_client else None
    who = str(number) if number else "withheld" if call.concerns_client else call.caller or "?"
    parts = [f"{call.start:%Y-%m-%d %H:%M:%S}", call.direction, who, f"by {call.trunk}" if call.trunk else ""]
    parts += [f"to {call.did}" if call.did else "", call.disposition or "", "interrupted" if call.interrupted else ""]
    parts += [f"{talk.extension} {talk.length.total_seconds():.0f} s" for talk in call.talks]
    parts += [f"{transfer.type} {transfer.by} -> {transfer.to}" for transfer in call.transfers]
    return "  ".join(part for part in parts if part)


def _epoch(at: datetime | None) -> float | None:
    return at.timestamp() if at else None
