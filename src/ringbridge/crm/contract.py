"""What every CRM adapter does, and how it fails.

CrmError
├── Transient       try again later; `maybe_done` when the request may have been carried out all the same
│   └── NotReached  an earlier step of the same record failed, so this one was not tried: no attempt used
├── Throttled       the portal said wait: no attempt used
├── Unauthorized    our key does not open the portal: park it and ask a person
└── Rejected        this step will never be accepted: give up and show why
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from ringbridge.routing.intents import AttachRecording, Intent, RecordKey, UserId
from ringbridge.routing.recordings import Absent as Absent
from ringbridge.routing.recordings import NotYet as NotYet

Facts = Mapping[str, Any]
"""JSON-ready values an adapter wants back with the later steps of the same record (Bitrix24: ``call_id``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """What was sent and what came back, secrets masked, for the call's story."""

    sent: str
    answered: str


class CrmError(Exception):
    """Something a CRM would not do. The text is for people: what happened and what to do."""

    def __init__(self, message: str, *, exchange: Exchange | None = None) -> None:
        super().__init__(message)
        self.exchange = exchange


class Transient(CrmError):
    def __init__(self, message: str, *, exchange: Exchange | None = None, maybe_done: bool = False) -> None:
        super().__init__(message, exchange=exchange)
        self.maybe_done = maybe_done


class NotReached(Transient):
    """Not tried: an earlier step of its record failed in the same request."""


class Throttled(CrmError):
    def __init__(self, message: str, *, until: datetime, exchange: Exchange | None = None) -> None:
        super().__init__(message, exchange=exchange)
        self.until = until


class Unauthorized(CrmError):
    pass


class Rejected(CrmError):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One intent to carry out."""

    intent: Intent
    facts: Facts = field(default_factory=dict)  # what the earlier steps of this record brought
    # It was sent before and the answer was lost: find out before doing it again. It stays uncertain through any later
    # answer (a throttled one too) until it is done or rejected.
    uncertain: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The step is done."""

    facts: Facts = field(default_factory=dict)
    exchange: Exchange | None = None


class Capability(StrEnum):
    """What a connection to a portal can give. An adapter names those that it found to work."""

    CALLS = "calls"  # calls are recorded and cards open
    CLIENTS = "clients"  # clients are found by their number
    USERS = "users"  # employees and their extensions are read
    LEADS = "leads"  # the portal works with leads; without it, a new client is a contact (and a deal)
    LOOKUP = "lookup"  # what became of a request whose answer was lost can be looked up
    TASKS = "tasks"  # tasks can be made
    CLICK_TO_CALL = "click_to_call"  # a number clicked in the CRM can be dialled


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What the office's rules may name in the CRM: ids with their names. None: this connection does not tell."""

    pipelines: Mapping[str, str] | None = None
    stages: Mapping[str, str] | None = None  # of leads and of deals
    sources: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalInfo:
    name: str
    can: frozenset[str]  # `Capability`: features that this connection gives
    missing: tuple[str, ...] = ()  # what it does not, in words an administrator can act on
    choices: Choices = Choices()


class WorkingDay(StrEnum):
    """Where an employee's working day stands."""

    OPEN = "open"
    BREAK = "break"
    OVER = "over"  # or not begun


@dataclass(frozen=True, slots=True, kw_only=True)
class CrmUser:
    id: UserId
    name: str
    active: bool
    extensions: tuple[str, ...] = ()  # inner numbers the CRM knows
    phones: tuple[str, ...] = ()  # mobiles and others, as written
    departments: tuple[str, ...] = ()  # by name where the CRM tells it, else by id
    working_day: WorkingDay | None = None  # None: the CRM does not tell
    email: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A company's number as the CRM lists it."""

    number: str
    name: str = ""  # empty: as it is named already
    auto_create: bool = True  # the CRM makes a client when an employee calls an unknown number by it


@dataclass(frozen=True, slots=True, kw_only=True)
class LinesReport:
    """How the CRM's lines differ from the office's, in words."""

    drift: tuple[str, ...] = ()  # what was not as it should be, and now is, unless it stands among the failures
    strange: tuple[str, ...] = ()  # lines that belong to no trunk
    failures: tuple[str, ...] = ()  # what could not be put right, and why


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Who a number belongs to."""

    kind: str  # contact, company, lead
    id: str
    name: str
    responsible: UserId | None


class RecordingFile(Protocol):
    """A complete recording, ready to be handed over."""

    @property
    def name(self) -> str:
        """File name with its extension (``.mp3``, ``.wav``)."""
        ...

    @property
    def size(self) -> int:
        """Bytes that `read` will give."""
        ...

    @property
    def content_type(self) -> str: ...

    def link(self, expires: datetime) -> str | None:
        """A signed address at which whoever has it can fetch the file until then; None when we have no address that
        can be reached from outside."""
        ...

    def read(self) -> AsyncIterator[bytes]:
        """The file from its beginning, in pieces; each call begins anew. Raises `OSError` when it cannot be read."""
        ...


class RecordingSource(Protocol):
    """Where an adapter gets the file that an `AttachRecording` speaks of. Given to it when it is made."""

    async def fetch(self, intent: AttachRecording) -> RecordingFile | NotYet | Absent: ...


@runtime_checkable
class RecordingAddresses(Protocol):
    """A source that can tell where a recording will be before there is a file. Ask with
    ``isinstance(source, RecordingAddresses)``."""

    def address(self, record: RecordKey, name: str, expires: datetime) -> str | None:
        """A signed address that opens the record's recording as `name` (``….mp3``) until then; None when we have no
        address that can be reached from outside."""
        ...


class Crm(Protocol):
    """One portal. Methods raise `CrmError`; `carry_out` returns an error for each step that failed instead."""

    async def check(self) -> PortalInfo:
        """What this connection can do; raises `Unauthorized` when it does not open."""
        ...

    async def users(self) -> Sequence[CrmUser]:
        """Everybody who works there or did, with a phone or without: the office may name a phone for anybody."""
        ...

    async def find(self, number: str) -> Client | None:
        """Whom an E.164 number belongs to."""
        ...

    async def carry_out(self, steps: Sequence[Step]) -> Sequence[Receipt | CrmError]:
        """Do these, as few requests as it takes, and answer in the same order. Steps of one record keep their order;
        when one fails, the later ones of that record come back as `NotReached`, except one that was carried out all
        the same: that has its `Receipt`. Never raises for a step's sake.

        A recording that is not complete yet comes back as `Throttled` until it may be. One that never will be is
        done, with the fact ``recording: absent`` and why: nothing was recorded is an answer, not a failure.
        """
        ...

    async def aclose(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaUse:
    """How a portal's request quota stands at this moment."""

    used: float  # the share of what may go at once, 0 to 1
    waiting: int  # requests that wait for their turn


@runtime_checkable
class QuotaKeeper(Protocol):
    """An adapter that keeps a quota. Ask with ``isinstance(crm, QuotaKeeper)``."""

    @property
    def quota(self) -> QuotaUse: ...


@runtime_checkable
class LinesKeeper(Protocol):
    """An adapter whose CRM has a list of lines. Ask with ``isinstance(crm, LinesKeeper)``."""

    async def sync_lines(self, wanted: Sequence[Line], *, change: bool = True) -> LinesReport:
        """Make the CRM's lines equal to these, and leave all others alone; with `change` false only say what differs.
        Raises `CrmError` when the lines cannot be read."""
        ...


@runtime_checkable
class SourcesKeeper(Protocol):
    """An adapter whose CRM knows a source only after it was told of it. Ask with ``isinstance(crm, SourcesKeeper)``."""

    async def add_sources(self, names: Collection[str]) -> Sequence[str]:
        """A source of each name is there afterwards; gives those that are new. Raises `CrmError`."""
        ...
