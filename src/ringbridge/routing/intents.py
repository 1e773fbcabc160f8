"""What we want of a CRM, in no CRM's words.

An intent concerns one *record*: one entry in the CRM's list of calls. A call has one record, and one more for each
further employee who spoke with the client after a transfer. Intents of one call are carried out in their order.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

from ringbridge.routing.results import CallStatus
from ringbridge.routing.rules import Attach, Create
from ringbridge.telephony.model import CallId

RecordKey = NewType("RecordKey", str)
"""Unique for ever and over all PBXs: ``<pbx>-<call id>``, then ``…-2``, ``…-3`` for the records after a transfer."""

UserId = NewType("UserId", str)
"""A CRM user, as the CRM writes the id."""

PortalId = NewType("PortalId", str)
"""One Bitrix24 portal or amoCRM account, by the name the office gave it."""


class RecordKind(StrEnum):
    OUTBOUND = "outbound"
    INBOUND = "inbound"
    TRANSFERRED = "transferred"
    CALLBACK = "callback"


class Priority(StrEnum):
    """What goes first when the portal's quota is short. In this order."""

    CARD = "card"
    FINISH = "finish"
    RECORDING = "recording"
    REST = "rest"

    @property
    def rank(self) -> int:
        return list(Priority).index(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    record: RecordKey
    call: CallId

    @property
    def step(self) -> str:
        """Which step of the record this is: with the record it makes the idempotency key, so a step that is wanted
        twice is carried out once."""
        return type(self).__name__

    @property
    def priority(self) -> Priority:
        return Priority.REST


@dataclass(frozen=True, slots=True, kw_only=True)
class Creation:
    """What to make of a number that the CRM does not know."""

    what: Create
    source: str = ""  # the CRM's id of a source; empty: the CRM's own default
    title: str = ""  # of a lead or a deal; empty: the CRM's own
    pipeline: str = ""
    stage: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterCall(Intent):
    """Tell the CRM that a call exists. Receipt: the CRM's own id of the record."""

    kind: RecordKind
    number: str  # the client's, E.164 with plus where it could be parsed, else as the PBX gave it
    user: UserId
    started: datetime
    line: str | None = None  # the company's number or trunk it came by
    show: bool = True  # open the card at once for `user`
    creation: Creation | None = None  # None: nothing is made of an unknown number
    attach: Attach = Attach.FIRST  # which of several clients it belongs to; SPEAKERS: the one that `user` owns
    live: bool = True  # False: the call is over already, nobody waits for a card

    @property
    def priority(self) -> Priority:
        return Priority.CARD if self.live else Priority.FINISH


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptCall(Intent):
    """The CRM has registered this call itself (a click on a number): nothing is asked of it, its id is learned."""

    call_id: str  # the CRM's own id of the record

    @property
    def step(self) -> str:
        return "RegisterCall"

    @property
    def priority(self) -> Priority:
        return Priority.CARD


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowCard(Intent):
    users: tuple[UserId, ...]
    ring: str  # which ringing this is about (a channel's Uniqueid): keeps the steps of a record apart

    @property
    def step(self) -> str:
        return f"ShowCard {self.ring}"

    @property
    def priority(self) -> Priority:
        return Priority.CARD


@dataclass(frozen=True, slots=True, kw_only=True)
class HideCard(Intent):
    users: tuple[UserId, ...]
    ring: str

    @property
    def step(self) -> str:
        return f"HideCard {self.ring}"

    @property
    def priority(self) -> Priority:
        return Priority.CARD


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishCall(Intent):
    user: UserId
    duration: int  # seconds of talk
    status: CallStatus
    reason: str = ""  # for people, where the call failed
    owner_first: bool = False  # the client's owner stands in place of `user`, where the client has one
    recorded: bool = False  # an AttachRecording follows
    new_owner: UserId | None = None  # whose a client is that was made for this call; None: the finishing user's
    attach: Attach = Attach.FIRST

    @property
    def priority(self) -> Priority:
        return Priority.FINISH


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachRecording(Intent):
    """The recording as the PBX names it. Whoever carries this out waits until the file is complete."""

    path: str  # may be relative to the recordings folder, or only a channel's Uniqueid: see `channel`
    channel: str  # Uniqueid of the recorded channel, by which FreePBX names its files
    started: datetime
    duration: int  # seconds of talk: what the file must roughly hold

    @property
    def priority(self) -> Priority:
        return Priority.RECORDING


@dataclass(frozen=True, slots=True, kw_only=True)
class CompleteActivity(Intent):
    """Write this text into what the CRM keeps of the call, after it is finished."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeTask(Intent):
    """A task for a missed call; one open task for a client, however often they call."""

    number: str
    responsible: UserId
    owner_first: bool
    title: str
    text: str
    deadline: datetime

    @property
    def priority(self) -> Priority:
        return Priority.FINISH


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseTasks(Intent):
    """Somebody has reached the client: the tasks that their missed calls made are done."""

    number: str


def idempotency_key(intent: Intent) -> str:
    return f"{intent.record}/{intent.step}"
