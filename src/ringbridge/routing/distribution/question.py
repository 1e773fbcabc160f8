"""What the dialplan asks, what is known of it, and what it is answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from ringbridge.routing.intents import PortalId, UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteQuestion:
    """What the dialplan asks. Anything may be empty."""

    number: str  # the caller's, as the PBX has it
    did: str = ""
    trunk: str = ""
    uniqueid: str = ""  # of the caller's channel
    choice: str = ""  # what the client chose in a menu


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteClient:
    """Who calls, as the mirror or the CRM has it."""

    portal: PortalId
    kind: str  # contact, company, lead
    id: str
    name: str
    responsible: UserId | None
    company: str = ""  # name of the company a contact works for
    company_responsible: UserId | None = None
    deal_responsible: UserId | None = None  # of the deal at work with this client; of several: the one last changed


class Reach(StrEnum):
    """Whether a phone can be rung."""

    FREE = "free"
    BUSY = "busy"  # in a call, ringing, or on do-not-disturb
    ABSENT = "absent"  # not registered
    UNKNOWN = "unknown"  # the PBX does not tell: it is worth a try


class Availability(Protocol):
    """The phones, as far as the PBX tells of them."""

    def reach(self, extension: str) -> Reach:
        """Of an employee's phone; UNKNOWN for what is no phone."""
        ...


class Reason(StrEnum):
    """Why this phone."""

    RESPONSIBLE = "responsible"
    LAST_SPOKE = "last_spoke"
    DEPUTY = "deputy"
    DEPARTMENT = "department"
    GROUP = "group"
    VIP = "vip"
    NEW_CLIENT = "new_client"
    HOOK = "hook"  # the office's own code said so


class HopKind(StrEnum):
    """What is dialled, and so by which way of the dialplan."""

    PHONE = "phone"  # an employee's, on the PBX
    MOBILE = "mobile"  # an employee's, outside
    GROUP = "group"  # a ring group or queue that the dialplan knows by this number


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One thing the dialplan dials; the next one follows when nobody answered."""

    extension: str  # of an employee, a ring group or a queue; a mobile's number as the dialplan dials it
    seconds: int  # how long it rings
    reason: Reason
    user: UserId | None = None
    kind: HopKind = HopKind.PHONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """The answer. No hops: the normal route."""

    hops: tuple[Hop, ...] = ()
    client: RouteClient | None = None
    caller_name: str = ""  # for the phone's display: client, trunk and company in the order that was set
    why: str = ""  # for people: what was decided and why, one sentence
    skipped: Mapping[str, str] = field(default_factory=dict)  # extension -> why it was passed over, for people


NORMAL = Route()


@dataclass(frozen=True, slots=True, kw_only=True)
class LastTalk:
    """Who of us last spoke with this number, in either direction."""

    extension: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A phone that did not want this caller, a moment ago."""

    extension: str
    at: datetime
