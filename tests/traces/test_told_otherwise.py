"""The same conversations told a little otherwise, as another Asterisk or office would: the calls are the same."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeGuard

import pytest
from tests.traces.test_recorded_calls import HERE, TRUNKS, Truth, compare

from ringbridge.ami.message import Message
from ringbridge.ami.protocol import Answer, Protocol
from ringbridge.telephony.events import CallEvent
from ringbridge.telephony.replay import LISTINGS, ended_calls
from ringbridge.telephony.trace import read_trace
from ringbridge.telephony.tracker import HANDLERS, CallTracker

KINDS = ("c2c_*", "callback_*", "conf_*", "*pickup*", "queue70*", "*att*refer*", "park_*", "mid_*_full", "cut_*")
SCENARIOS = sorted({path for kind in KINDS for path in HERE.glob(f"more22/{kind}.json")})

AT_ONCE = timedelta(milliseconds=4)
OTHER_NUMBERS = re.compile(r"(?<![\d.])10([1-6])(?![\d.])")

Heard = tuple[Message | Answer, datetime]


def parts_of(scenario: Path, truth: Truth) -> list[list[Heard]]:
    return [heard(scenario.parent / part) for part in truth.get("parts") or [f"{scenario.stem}.ami.gz"]]


def heard(path: Path) -> list[Heard]:
    """What a tracker looks at of a recording, with its times."""
    protocol, items = Protocol(), list[Heard]()
    for portion in read_trace(path):
        protocol.receive_data(portion.data)
        items += [(item, portion.at) for item in protocol.events_received() if is_of_interest(item)]
    return items


def is_of_interest(item: object) -> TypeGuard[Message | Answer]:
    return isinstance(item, Answer) or (isinstance(item, Message) and item.event in HANDLERS)


def wrong(parts: Sequence[Sequence[Heard]], truth: Truth) -> object:
    """What is told otherwise than it was."""
    tracker, told, at = CallTracker(trunks=TRUNKS), list[CallEvent](), parts[0][0][1]
    for part in parts:
        tracker.connected()
        for item, at in part:
            match item:
                case Message():
                    told += tracker.feed(item, at)
                case Answer(rows=rows, ending=Message() as ending) if ending.event in LISTINGS:
                    told += tracker.resync(rows, at)
        tracker.disconnected(heard=at, lost=None)
    told += tracker.finish(at)
    calls = [call for call in ended_calls(told) if call.concerns_client]
    clients = [call for call in truth["calls"] if call["direction"] in {"inbound", "outbound"}]
    return compare(clients, calls) if len(calls) == len(clients) else calls


# The changes


def told_twice(part: list[Heard]) -> list[Heard]:
    return [one for item in part for one in ([item, item] if isinstance(item[0], Message) else [item])]


def in_another_order(part: list[Heard]) -> list[Heard]:
    """Of channels that have nothing to do with each other, what happened at once may be told in either order."""
    chance, told, here = random.Random(len(part)), list(part), 0
    while here < len(told) - 1:
        (one, at), (other, later) = told[here : here + 2]
        if later - at < AT_ONCE and strangers(one, other) and chance.random() < 0.5:
            told[here : here + 2] = [(other, at), (one, later)]
            here += 1
        here += 1
    return told


def strangers(one: Message | Answer, other: Message | Answer) -> bool:
    """No channel and no bridge stands in both."""
    return isinstance(one, Message) and isinstance(other, Message) and not ids(one) & ids(other)


def ids(message: Message) -> set[str]:
    return {value for name, value in message.headers if name.lower().endswith("uniqueid")}


def renumbered(text: str) -> str:
    return OTHER_NUMBERS.sub(r"770\1", text)


def with_other_numbers(part: list[Heard]) -> list[Heard]:
    def changed(message: Message) -> Message:
        return Message(
            (name, value if name.lower().endswith(("uniqueid", "linkedid")) else renumbered(value))
            for name, value in message.headers
        )

    return [
        (changed(item) if isinstance(item, Message) else replace(item, rows=tuple(map(changed, item.rows))), at)
        for item, at in part
    ]


CHANGES: tuple[tuple[Callable[[list[Heard]], list[Heard]], Callable[[str], str]], ...] = (
    (told_twice, str),
    (in_another_order, str),
    (with_other_numbers, renumbered),
)


@pytest.mark.parametrize(("change", "truly"), CHANGES, ids=[change.__name__ for change, _ in CHANGES])
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda path: path.stem)
def test_calls_are_the_same_however_they_are_told(
    scenario: Path, change: Callable[[list[Heard]], list[Heard]], truly: Callable[[str], str]
) -> None:
    truth = json.loads(scenario.read_text(encoding="utf-8"))

    assert wrong([change(part) for part in parts_of(scenario, truth)], json.loads(truly(json.dumps(truth)))) == []
