"""Calls as the portal keeps them: running, finished, missed; and the cards on the employees' screens."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any

Entity = tuple[str, int]
"""A client: ``CONTACT``, ``COMPANY``, ``LEAD`` or ``DEAL`` and its id."""


class CallType(IntEnum):
    OUTGOING = 1
    INCOMING = 2
    REDIRECTED = 3
    CALLBACK = 4
    INFO = 5


@dataclass(slots=True, kw_only=True)
class Line:
    """An external line of an application, or of the webhooks where `application_id` is None."""

    id: int
    number: str
    name: str = ""
    crm_auto_create: str = "Y"
    application_id: int | None = None


@dataclass(slots=True, kw_only=True)
class ActiveCall:
    """Registered and not finished."""

    call_id: str
    user_id: int
    phone: str  # digits and the signs of an extension
    written: str  # the number as it was given: a plus tells +86… from a Russian 8…
    type: CallType
    started: datetime
    registered: datetime
    application_id: int | None = None
    external_call_id: str | None = None
    line: Line | None = None
    call_list_id: int = 0
    internal: bool = False
    bindings: list[Entity] = field(default_factory=list)  # the first is the primary one
    created: list[Entity] = field(default_factory=list)
    created_lead: int | None = None
    lead_error: str = ""

    @property
    def primary(self) -> Entity | None:
        return self.bindings[0] if self.bindings else None


@dataclass(slots=True, kw_only=True)
class CallRecord:
    """A row of the statistics: one finished call."""

    id: int
    call: ActiveCall
    user_id: int
    duration: int
    code: str
    reason: str
    cost: float
    currency: str
    vote: int | None
    finished: datetime
    application_name: str
    activity_id: int | None = None
    record_file_id: int | None = None
    record_url: str = ""
    transcript_id: int | None = None
    chat_message: bool = False

    @property
    def portal_number(self) -> str:
        if self.call.line is not None:
            return self.call.line.number
        return f"REST_APP:{self.call.application_id}" if self.call.application_id is not None else ""


@dataclass(slots=True, kw_only=True)
class MissedCall:
    """A number that waits to be called back."""

    call_id: str
    phone: str
    user_id: int
    at: datetime
    closed_by: str | None = None  # the call that reached it


@dataclass(slots=True, kw_only=True)
class StoredFile:
    id: int
    name: str
    content: bytes
    call_id: str

    @property
    def media_type(self) -> str:
        return "audio/wav" if self.name.lower().endswith(".wav") else "audio/mpeg"


class CardAction(StrEnum):
    SHOWN = "shown"
    HIDDEN = "hidden"


@dataclass(frozen=True, slots=True, kw_only=True)
class CardMove:
    """A card opened or closed on somebody's screen."""

    at: datetime
    action: CardAction
    user_id: int
    call_id: str
    why: str


@dataclass(slots=True)
class Cards:
    """Whose screen shows the card of which call, and how it came to be."""

    shown: dict[int, list[str]] = field(default_factory=dict)
    log: list[CardMove] = field(default_factory=list)

    def show(self, user_id: int, call_id: str, at: datetime, why: str) -> None:
        calls = self.shown.setdefault(user_id, [])
        if call_id not in calls:
            calls.append(call_id)
            self.log.append(CardMove(at=at, action=CardAction.SHOWN, user_id=user_id, call_id=call_id, why=why))

    def hide(self, user_id: int, call_id: str, at: datetime, why: str) -> None:
        calls = self.shown.get(user_id, [])
        if call_id in calls:
            calls.remove(call_id)
            self.log.append(CardMove(at=at, action=CardAction.HIDDEN, user_id=user_id, call_id=call_id, why=why))

    def viewers(self, call_id: str) -> list[int]:
        return [user_id for user_id, calls in self.shown.items() if call_id in calls]


@dataclass(slots=True, kw_only=True)
class Telephony:
    """The telephony part of the portal's memory."""

    lines: list[Line] = field(default_factory=list)
    active: dict[str, ActiveCall] = field(default_factory=dict)
    finished: dict[str, CallRecord] = field(default_factory=dict)
    missed: list[MissedCall] = field(default_factory=list)
    files: dict[int, StoredFile] = field(default_factory=dict)
    uploads: dict[str, str] = field(default_factory=dict)  # one-time token -> call id
    transcripts: dict[int, dict[str, Any]] = field(default_factory=dict)
    cards: Cards = field(default_factory=Cards)
    chat: list[tuple[str, str]] = field(default_factory=list)  # call id, what the chat says
    last_file_id: int = 0

    def next_file_id(self) -> int:
        self.last_file_id += 1
        return self.last_file_id
