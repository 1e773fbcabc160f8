"""How an office wants its incoming calls distributed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, timedelta, tzinfo
from enum import StrEnum

from ringbridge.routing.distribution.question import RouteQuestion
from ringbridge.routing.hours import WorkingHours
from ringbridge.routing.office import phone_key
from ringbridge.telephony.numbers import DEFAULT_REGION, Number, NumberPatterns


class Step(StrEnum):
    """Who is tried for a client whom we know, in the order of the office."""

    LAST_SPOKE = "last_spoke"  # who last spoke with this number: for unknown numbers too
    RESPONSIBLE = "responsible"
    DEPUTY = "deputy"  # of the responsible
    DEPARTMENT = "department"  # the responsible's colleagues
    GROUP = "group"  # ring group or queue: the responsible's, else the office's


class Unreachable(StrEnum):
    """What becomes of a phone whose holder would rather not be called."""

    SKIP = "skip"
    RING = "ring"  # anyway


class Mobiles(StrEnum):
    """Whether employees' mobiles ring."""

    NEVER = "never"
    INSTEAD = "instead"  # of who has no phone on the PBX that can be rung
    AFTER = "after"  # behind their phones on the PBX


class Order(StrEnum):
    """In which order a list of phones rings."""

    LISTED = "listed"
    ROUND_ROBIN = "round_robin"  # each call begins with the next one
    LEAST_LOADED = "least_loaded"  # who got the fewest today first
    RANDOM = "random"


class NamePart(StrEnum):
    """What the phone's display may show of a call."""

    CLIENT = "client"
    COMPANY = "company"
    TRUNK = "trunk"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewClients:
    """Where a number rings that nobody knows. Nothing named: the normal route."""

    extensions: tuple[str, ...] = ()  # of employees, ring groups or queues
    order: Order = Order.LISTED


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRules:
    """What is different by the trunk or by the number that was called."""

    title: str = ""  # for the phone's display
    hours: WorkingHours | None = None  # None: always open
    new_clients: NewClients = NewClients()


@dataclass(frozen=True, slots=True, kw_only=True)
class Vip:
    """Clients who always reach somebody certain."""

    numbers: NumberPatterns
    extensions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """All that the office says of distribution."""

    enabled: bool = False
    steps: tuple[Step, ...] = (Step.RESPONSIBLE, Step.DEPUTY, Step.GROUP)
    deal_first: bool = True  # the deal's responsible before the contact's
    busy: Unreachable = Unreachable.SKIP
    off_shift: Unreachable = Unreachable.SKIP
    mobiles: Mobiles = Mobiles.NEVER
    last_spoke_within: timedelta = timedelta(days=30)
    group: str = ""
    ring_seconds: int = 20
    group_seconds: int = 60
    most_people: int = 4  # of whom phones ring; a group may follow
    rejected_within: timedelta = timedelta(seconds=30)
    outside_hours: str = ""  # an extension; empty: the normal route
    vips: tuple[Vip, ...] = ()
    choices: Mapping[str, str] = field(default_factory=dict)  # choice in a menu -> extension; empty: the steps
    lines: Mapping[str, LineRules] = field(default_factory=dict)  # by trunk, and by number as `phone_key` spells it
    other_lines: LineRules = LineRules()
    caller_name: tuple[NamePart, ...] = (NamePart.CLIENT, NamePart.COMPANY)
    region: str = DEFAULT_REGION
    zone: tzinfo = UTC

    def line_of(self, question: RouteQuestion) -> LineRules:
        """The number that was called says more than the trunk, which may carry several."""
        known = (phone_key(question.did, self.region), question.trunk)
        return next((self.lines[name] for name in known if name in self.lines), self.other_lines)

    def vip_extensions(self, number: Number) -> tuple[str, ...]:
        return next((vip.extensions for vip in self.vips if vip.numbers.match(number, self.region)), ())
