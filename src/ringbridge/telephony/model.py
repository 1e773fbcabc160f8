"""What a call is: the words of the trade as values.

A Call is a snapshot. The tracker hands out a new one with each event, whole, so that whoever reads it later (the
rules, the journal, the page) never has to ask for what happened before.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType

CallId = NewType("CallId", str)
"""The Linkedid of the call's first channel: unique on one PBX, also over its restarts."""

Extension = NewType("Extension", str)
"""An employee's phone as the PBX names it, or the outside number that was dialled for them (a mobile)."""


class Direction(StrEnum):
    INBOUND = "inbound"
    OUTBOUND = "outbound"
    INTERNAL = "internal"
    SERVICE = "service"


class Disposition(StrEnum):
    """What a human would say of the whole call."""

    ANSWERED = "answered"
    MISSED = "missed"
    BUSY = "busy"
    NO_ANSWER = "noanswer"
    CANCELLED = "cancelled"
    FAILED = "failed"


class LegResult(StrEnum):
    """How the ringing of one phone ended."""

    ANSWERED = "answered"
    ANSWERED_ELSEWHERE = "answered_elsewhere"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    DECLINED = "declined"
    UNAVAILABLE = "unavailable"
    REDIRECTED = "redirected"
    CANCELLED = "cancelled"


class TransferType(StrEnum):
    BLIND = "blind"
    ATTENDED = "attended"
    PARK = "park"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One phone (or mobile) that was rung for the call."""

    extension: Extension
    channel: str  # its Uniqueid
    ring_start: datetime
    answer: datetime | None = None
    end: datetime | None = None
    result: LegResult | None = None  # None while it rings


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """One stretch in which one employee spoke with the client; plain hold counts, waiting does not."""

    extension: Extension
    start: datetime
    end: datetime | None = None  # None while they speak

    @property
    def length(self) -> timedelta:
        return (self.end - self.start) if self.end else timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """One stretch in which an employee kept the client waiting in the middle of a conversation. It is part of their
    talk, but for the one before they hand the client on: that one follows it."""

    extension: Extension
    start: datetime
    end: datetime | None = None  # None while the client waits

    @property
    def length(self) -> timedelta:
        return (self.end - self.start) if self.end else timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    type: TransferType
    by: Extension
    to: str  # extension or outside number
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One file the PBX writes. The path is as the PBX says it; empty while only the channel is known."""

    path: str
    channel: str  # Uniqueid of the recorded channel
    start: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One conversation attempt of one outside party with the company, all its transfers included."""

    id: CallId
    direction: Direction
    start: datetime
    external: str | None = None  # the client's number as the PBX gave it; None when withheld
    external_name: str | None = None
    did: str | None = None  # the company's number that was called (inbound)
    trunk: str | None = None  # the trunk's endpoint name
    caller: Extension | None = None  # who called (outbound, internal)
    disposition: Disposition | None = None  # known at the end
    interrupted: bool = False  # the PBX or the link died in the middle of it
    end: datetime | None = None
    legs: tuple[Leg, ...] = ()
    talks: tuple[Talk, ...] = ()
    holds: tuple[Hold, ...] = ()
    transfers: tuple[Transfer, ...] = ()
    recordings: tuple[Recording, ...] = ()
    click_to_call: str | None = None  # the ActionID of the Originate
    voicemail: bool = False
    queue: str | None = None
    menu: str = ""  # what the client pressed before anybody was rung
    group: str | None = None
    hangup_cause: int | None = None  # Q.850, of the leg that decided
    channels: tuple[str, ...] = ()  # Uniqueids that belong to it, or did
    client_channels: tuple[str, ...] = ()  # those of them that are the client's own
    merged_into: CallId | None = None  # it turned out to be part of another call, which tells the rest

    @property
    def concerns_client(self) -> bool:
        return self.direction in {Direction.INBOUND, Direction.OUTBOUND}

    @property
    def answered_by(self) -> tuple[Extension, ...]:
        """Employees who spoke with the client, in the order they first did."""
        return tuple(dict.fromkeys(talk.extension for talk in self.talks))

    @property
    def ringing(self) -> tuple[Extension, ...]:
        return tuple(dict.fromkeys(leg.extension for leg in self.legs if leg.result is None))
