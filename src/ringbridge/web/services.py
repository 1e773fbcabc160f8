"""What the page needs of the running service, handed to it as one value.

The page runs in the service's own event loop and reads; whoever starts it (the command line) fills this in.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from typing import Protocol

from ringbridge.routing.clients import Ref
from ringbridge.routing.distribution import Reach
from ringbridge.routing.intents import PortalId, Priority
from ringbridge.service.backup.folder import Backups
from ringbridge.service.config import Office
from ringbridge.service.dispatch import Dispatch
from ringbridge.service.distribution.desk import DistributionDesk
from ringbridge.service.doctor.findings import Finding
from ringbridge.service.hooks.desk import HookDesk
from ringbridge.service.journal.resending import Resending
from ringbridge.service.log_tail import LogTail
from ringbridge.service.mirror.keeper import MirrorState
from ringbridge.service.rules.desk import RuleDesk
from ringbridge.service.sales.keeper import SalesState
from ringbridge.service.settings_desk import SettingsDesk
from ringbridge.store.calls import JournalEntry
from ringbridge.store.database import Database
from ringbridge.store.keys import CallKey
from ringbridge.web.amocrm.desk import AmoDesk
from ringbridge.web.api.desk import ApiDesk
from ringbridge.web.bitrix24 import BitrixDesk
from ringbridge.web.live import LiveFeed
from ringbridge.web.recordings import Recordings
from ringbridge.web.route import RouteDesk
from ringbridge.web.tally import Tally


class LinkState(StrEnum):
    """The rungs between us and a PBX, from the ground up."""

    STOPPED = "stopped"
    REFUSED = "refused"  # it answers, but not to this name and password
    CONNECTING = "connecting"
    RESYNCING = "resyncing"  # logged in, reading which calls are in progress
    UP = "up"


@dataclass(frozen=True, slots=True, kw_only=True)
class PbxStatus:
    name: str
    state: LinkState
    since: datetime | None = None  # of the state
    address: str = ""
    detail: str = ""  # for people: the PBX's version, or why there is no link
    missing: tuple[str, ...] = ()  # what the PBX does not let us do, in words an administrator can act on


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalStatus:
    name: PortalId
    address: str = ""
    parked: str | None = None  # why nothing is sent; None while the portal is open
    parked_until: datetime | None = None  # None: until a person mends it
    waiting: Mapping[Priority, int] = field(default_factory=dict)  # deliveries not settled yet
    failed: int = 0  # deliveries given up
    next_try: datetime | None = None
    quota: float | None = None  # the share of the request budget in use, 0 to 1
    mirror: MirrorState | None = None  # None: its clients are not mirrored
    sales: SalesState | None = None  # None: its leads and deals are not read
    unread: str = ""  # why it could not be asked who works there, last time
    missing: tuple[str, ...] = ()

    @property
    def queue(self) -> int:
        return sum(self.waiting.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    version: str
    started: datetime
    pbxs: tuple[PbxStatus, ...] = ()
    portals: tuple[PortalStatus, ...] = ()

    @property
    def problems(self) -> int:
        """How many links need a look."""
        return sum(pbx.state is not LinkState.UP or bool(pbx.missing) for pbx in self.pbxs) + sum(
            bool(portal.parked) for portal in self.portals
        )


def utc_now() -> datetime:
    return datetime.now(UTC)


async def nothing_to_ask(portal: PortalId) -> None:
    """Of a service that has no portals."""


async def nothing_to_send(calls: Sequence[CallKey], only: PortalId | None) -> int:
    return 0


class Traces(Protocol):
    def has(self, entry: JournalEntry) -> bool:
        """Whether what the PBX said about this call is still there."""
        ...

    def report(self, entry: JournalEntry, *, disguised: bool) -> bytes | None:
        """A zip file for a report of a bug; None where nothing is there any more."""
        ...


class HangUp(Protocol):
    async def __call__(self, entry: JournalEntry, *, by: str) -> str:
        """Empty when it is done, else why not."""
        ...


class NoTraces:
    def has(self, entry: JournalEntry) -> bool:
        return False

    def report(self, entry: JournalEntry, *, disguised: bool) -> bytes | None:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    database: Database
    live: LiveFeed
    status: Callable[[], Awaitable[Status]]
    recordings: Recordings
    zone: tzinfo = UTC  # the office's: every time on the page is in it
    region: str = "RU"  # the office's country, by which local numbers are read
    employee: Callable[[str], str | None] = lambda extension: None  # an extension's name for people
    source: Callable[[str, str], str] = lambda trunk, did: ""  # what brings the calls of a trunk and a number called
    amocrm: Mapping[str, AmoDesk] = field(default_factory=dict)  # accounts, by the portal's name
    bitrix24: Mapping[str, BitrixDesk] = field(default_factory=dict)  # by the portal's name
    route: RouteDesk | None = None  # who answers the dialplan
    distribution: DistributionDesk | None = None  # what people see of that
    api: ApiDesk | None = None  # what other programs find here; None: an office that nobody configured yet
    hooks: HookDesk | None = None  # the office's own code
    rules: RuleDesk | None = None  # the table of rules, to be changed
    settings: SettingsDesk | None = None  # the whole office, to be changed
    tally: Tally = field(default_factory=Tally)
    dispatch: Dispatch | None = None  # what a person may do about deliveries
    # Decides these calls anew, for one portal or all, and gives how many steps go out.
    send_again: Callable[[Sequence[CallKey], PortalId | None], Awaitable[int]] = nothing_to_send
    resending: Resending | None = None  # a whole period at once
    backups: Backups | None = None
    phones: Callable[[], Mapping[str, str]] = dict  # employees': extension -> its holder's name
    reach: Callable[[str], Reach] = lambda extension: Reach.UNKNOWN  # whether a phone or a queue could be rung
    hang_up: HangUp | None = None
    look_again: Callable[[PortalId], Awaitable[None]] = nothing_to_ask  # at a portal, what it gives and who works there
    log_in_again: Callable[[str], None] = lambda pbx: None  # a PBX gives rights at a login, and keeps to them
    traces: Traces = field(default_factory=NoTraces)  # what the PBXs said lately
    log: LogTail = field(default_factory=LogTail)
    examine: Callable[[], Awaitable[Sequence[Finding]]] | None = None  # the whole installation, when it is asked for
    office: Callable[[], Office] = Office
    sales: Callable[[], Mapping[PortalId, SalesState]] = dict  # of each portal whose leads and deals are read
    card: Callable[[PortalId, Ref], str] = lambda portal, ref: ""  # where a CRM shows it to people; empty: unknown
    now: Callable[[], datetime] = utc_now
