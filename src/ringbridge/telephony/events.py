"""What the tracker tells: each event names the moment, carries the call as it stands after it, and what Asterisk
said since the call's last event (``heard``, short lines for the call's story)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ringbridge.telephony.model import Call, Leg, Recording, Talk, Transfer


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEvent:
    call: Call
    at: datetime
    heard: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CallStarted(CallEvent):
    """A client's call exists: direction, number and trunk are known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LegRinging(CallEvent):
    leg: Leg


@dataclass(frozen=True, slots=True, kw_only=True)
class LegLost(CallEvent):
    """A phone stopped ringing without an answer of its own."""

    leg: Leg


@dataclass(frozen=True, slots=True, kw_only=True)
class LegLeft(CallEvent):
    """A phone that had answered hung up; the call may go on with others."""

    leg: Leg


@dataclass(frozen=True, slots=True, kw_only=True)
class CallAnswered(CallEvent):
    """An employee and the client hear each other: the first time, or the next employee after a transfer."""

    talk: Talk


@dataclass(frozen=True, slots=True, kw_only=True)
class CallHeld(CallEvent):
    on: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTransferred(CallEvent):
    transfer: Transfer


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingReady(CallEvent):
    """The path of a recording is known; the file may still be growing."""

    recording: Recording


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEnded(CallEvent):
    """The last event of a call, exactly once."""
