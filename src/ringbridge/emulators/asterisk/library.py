"""The recorded calls that the emulated office plays."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ringbridge.ami.message import Message
from ringbridge.ami.protocol import Protocol
from ringbridge.telephony.trace import read_trace

FOLDER = Path(__file__).parent / "traces"

EXTENSION = re.compile(r"(?<![\w.])10[1-6](?![\w.])")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedEvent:
    at: datetime
    message: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedCall:
    """One call with everything that must change when it is played anew."""

    name: str
    client: str  # the client's number in it
    events: tuple[RecordedEvent, ...]

    @property
    def start(self) -> datetime:
        return self.events[0].at

    @property
    def end(self) -> datetime:
        return self.events[-1].at

    @property
    def click_to_call(self) -> bool:
        return any(event.message.event == "OriginateResponse" for event in self.events)

    @property
    def extensions(self) -> tuple[str, ...]:
        """The phones that take part, in the order they appear."""
        found = (match for value in self.values() for match in EXTENSION.findall(value))
        return tuple(dict.fromkeys(found))

    @property
    def names(self) -> dict[str, str]:
        """Extension -> the name its phone shows."""
        names: dict[str, str] = {}
        for event in self.events:
            extension, name = event.message.get("CallerIDNum"), event.message.get("CallerIDName")
            if EXTENSION.fullmatch(extension) and not name.startswith("<") and re.search(r"[^\W\d]", name):
                names.setdefault(extension, name)
        return names

    def values(self) -> Iterator[str]:
        return (value for event in self.events for _, value in event.message.headers)


@functools.cache
def recorded_calls() -> Sequence[RecordedCall]:
    """All of them, by name."""
    index: dict[str, str] = json.loads((FOLDER / "index.json").read_text())
    return tuple(_load(name, client) for name, client in sorted(index.items()))


def _load(name: str, client: str) -> RecordedCall:
    protocol = Protocol(wanted_variables=None, noise=())
    events: list[RecordedEvent] = []
    for portion in read_trace(FOLDER / f"{name}.ami.gz"):
        protocol.receive_data(portion.data)
        messages = (event for event in protocol.events_received() if isinstance(event, Message))
        events += (RecordedEvent(at=portion.at, message=message) for message in messages)
    return RecordedCall(name=name, client=client, events=tuple(events))
