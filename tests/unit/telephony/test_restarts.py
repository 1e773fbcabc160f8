"""Ringbridge is started anew in the middle of a call, which ends with the same direction, talks and transfers.

Recorded conversations are cut at many places. From there on another tracker goes on, with what the journal kept of the
calls, and the channels as the PBX would list them at that moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest

from ringbridge.ami.message import Message
from ringbridge.ami.protocol import Protocol
from ringbridge.store.documents import dump_call, load_call
from ringbridge.telephony.events import CallEnded, CallEvent
from ringbridge.telephony.model import Call
from ringbridge.telephony.trace import read_trace
from ringbridge.telephony.tracker import CallTracker

TRACES = Path(__file__).parents[2] / "traces"
TRUNKS = frozenset({"mango", "mtt"})
CUTS = 12
LISTED = ("Channel", "ChannelStateDesc", "CallerIDNum", "CallerIDName", "Exten", "Uniqueid", "Linkedid")

Heard = tuple[datetime, Message]


@dataclass
class Lines:
    """The channels that are up, as CoreShowChannels lists them."""

    rows: dict[str, dict[str, str]] = field(default_factory=dict)
    bridges: dict[str, str] = field(default_factory=dict)  # Uniqueid: bridge

    def hear(self, message: Message) -> None:
        uniqueid = message.get("Uniqueid")
        match message.event:
            case "Hangup":
                self.rows.pop(uniqueid, None)
                self.bridges.pop(uniqueid, None)
            case "Newchannel":
                self.rows[uniqueid] = {name: message.get(name) for name in LISTED}
            case "Rename" if uniqueid in self.rows:
                self.rows[uniqueid]["Channel"] = message.get("Newname")
            case "BridgeEnter":
                self.bridges[uniqueid] = message.get("BridgeUniqueid")
            case "BridgeLeave":
                self.bridges.pop(uniqueid, None)
            case _ if uniqueid in self.rows:
                self.rows[uniqueid] |= {name: message.get(name) for name in LISTED if name in message}

    def listing(self) -> tuple[list[Message], dict[str, list[str]]]:
        rows = [Message([("Event", "CoreShowChannel"), *row.items()]) for row in self.rows.values()]
        bridges: dict[str, list[str]] = {}
        for uniqueid, bridge in self.bridges.items():
            bridges.setdefault(bridge, []).append(uniqueid)
        return rows, bridges


@dataclass
class Journal:
    """What is kept: the calls as the last event told them."""

    going_on: dict[str, str] = field(default_factory=dict)
    ended: list[Call] = field(default_factory=list)

    def write(self, events: Iterable[CallEvent]) -> None:
        for event in events:
            self.going_on[event.call.id] = dump_call(event.call)
            if isinstance(event, CallEnded):
                del self.going_on[event.call.id]
                if event.call.merged_into is None and event.call.concerns_client:
                    self.ended.append(event.call)


def heard_in(scenario: str) -> list[Heard]:
    protocol, heard = Protocol(), list[Heard]()
    for portion in read_trace(TRACES / f"{scenario}.ami.gz"):
        protocol.receive_data(portion.data)
        heard += [(portion.at, item) for item in protocol.events_received() if isinstance(item, Message)]
    return heard


def ends_of(heard: Sequence[Heard], restart: int | None = None) -> list[Call]:
    """The ended calls, when Ringbridge is started anew before the message of this number."""
    lines, journal, tracker = Lines(), Journal(), CallTracker(trunks=TRUNKS)
    tracker.connected()
    for number, (at, message) in enumerate(heard):
        if number == restart:
            tracker = CallTracker(trunks=TRUNKS)
            tracker.restore([load_call(text) for text in journal.going_on.values()])
            tracker.connected()
            journal.write(tracker.resync(*_at(lines, at)))
        journal.write(tracker.feed(message, at))
        lines.hear(message)
    journal.write(tracker.finish(heard[-1][0]))
    return journal.ended


def _at(lines: Lines, at: datetime) -> tuple[list[Message], datetime, dict[str, list[str]]]:
    rows, bridges = lines.listing()
    return rows, at, bridges


def told(calls: Iterable[Call]) -> list[tuple[object, ...]]:
    """What the CRM's records are made of, but for lengths: who is on hold the PBX does not tell anew."""
    return [
        (
            call.direction,
            call.external,
            call.trunk,
            call.disposition,
            [talk.extension for talk in call.talks],
            [(move.type, move.by, move.to) for move in call.transfers],
        )
        for call in calls
    ]


def restarts(heard: Sequence[Heard]) -> Iterator[int]:
    """In the middle: where all channels are gone already, nobody knows how it ended."""
    last = max(n for n, (_, message) in enumerate(heard) if message.event == "BridgeLeave")
    return iter(range(1, last, max(1, last // CUTS)))


@pytest.mark.parametrize(
    "scenario",
    [
        "ast22/xfer_blind_refer",
        "ast22/xfer_attended_refer",
        "ast22/xfer_attended_feature",
        "ast22/xfer_outbound_blind",
        "ast22/park_retrieve",
        "more22/park_twice",
        "more22/park_outbound",
        "ast22/pickup_directed",
        "ast16/conf_dialin",
    ],
)
def test_a_call_is_told_the_same_over_a_restart_in_its_middle(scenario: str) -> None:
    heard = heard_in(scenario)
    undisturbed = told(ends_of(heard))
    assert {number: told(ends_of(heard, number)) for number in restarts(heard)} == dict.fromkeys(
        restarts(heard), undisturbed
    )
