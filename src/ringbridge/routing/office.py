"""The office as a portal sees it: which CRM user is behind a phone, which line is behind a trunk."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ringbridge.routing.hours import WorkingHours
from ringbridge.routing.intents import PortalId, UserId
from ringbridge.routing.rules import CallFacts, Rule
from ringbridge.telephony.model import Call
from ringbridge.telephony.numbers import DEFAULT_REGION, comparable, parse_number


class Transfers(StrEnum):
    """How a call with several speakers lands in the CRM."""

    EACH = "each"  # a record for everybody who spoke
    SINGLE = "single"  # one record, on who spoke last


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff:
    """Who is who at one portal. Extensions are looked up as they stand, outside numbers by their E.164 form."""

    default: UserId  # stands for a phone that nobody is named for
    users: Mapping[str, UserId] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)  # phone -> its holder, for people
    region: str = DEFAULT_REGION

    def user_of(self, extension: str) -> UserId | None:
        return self.users.get(extension) or self.users.get(phone_key(extension, self.region))

    def name_of(self, extension: str) -> str:
        return self.names.get(extension) or self.names.get(phone_key(extension, self.region)) or extension

    def user_or_default(self, extension: str | None) -> UserId:
        return (self.user_of(extension) if extension else None) or self.default


def phone_key(phone: str, region: str) -> str:
    """One spelling for each phone: E.164 for an outside number, an extension as it is."""
    number = parse_number(phone, region)
    return number.e164 if number and number.e164 else phone


def staff_of(
    pairs: Iterable[tuple[str, UserId]],
    *,
    default: UserId,
    names: Mapping[str, str] | None = None,
    region: str = DEFAULT_REGION,
) -> tuple[Staff, tuple[str, ...]]:
    """Builds the staff from (phone, user) pairs, the surest first. The second value names each phone that two users
    claim, in words; the first claim holds."""
    users: dict[str, UserId] = {}
    conflicts: list[str] = []
    for phone, user in pairs:
        key = phone_key(phone, region)
        holder = users.setdefault(key, user)
        if holder != user:
            conflicts.append(f"{phone} belongs to user {holder}; user {user} has it as well")
    named = {phone_key(phone, region): name for phone, name in (names or {}).items()}
    return Staff(default=default, users=users, names=named, region=region), tuple(conflicts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Portal:
    """All that decides what one portal is told of a call."""

    id: PortalId
    staff: Staff
    rules: tuple[Rule, ...] = ()
    lines: Mapping[str, str] = field(default_factory=dict)  # trunk -> what the CRM calls the line
    numbers: Mapping[str, str] = field(default_factory=dict)  # number of ours, comparable -> its own line, if any
    transfers: Transfers = Transfers.EACH
    hours: WorkingHours = field(default_factory=WorkingHours)
    dealt: Mapping[str, int] = field(default_factory=dict)  # missed calls that each phone's holder was dealt today
    adopted: Mapping[str, str] = field(default_factory=dict)  # channel that we dialled -> the CRM's id of the call
    ordered: Container[str] = frozenset()  # channels that we dialled because a client ordered the call
    region: str = DEFAULT_REGION

    def facts_of(self, call: Call, known: bool | None = None) -> CallFacts:
        """What the rules look at. `known`: whether this portal knows the client; None: not found out."""
        number = parse_number(call.external, self.region)
        return CallFacts(
            call=call,
            number=number.e164 if number else None,
            region=self.region,
            called=comparable(call.did, self.region) if call.did else "",
            known=known,
            working=self.hours.open_at(call.start),
        )

    def adopted_as(self, call: Call) -> str | None:
        """The CRM's id of a call that was asked for by a click in it."""
        return next((self.adopted[name] for name in names_of(call) if name in self.adopted), None)

    def is_ordered(self, call: Call) -> bool:
        return any(name in self.ordered for name in names_of(call))

    def line_of(self, trunk: str | None, did: str | None) -> str | None:
        """The number's own line if it has one, else the trunk's, else the number called, else the trunk's name."""
        own = self.numbers.get(comparable(did, self.region)) if did else None
        return own or (self.lines.get(trunk) if trunk else None) or did or trunk


def names_of(call: Call) -> Iterator[str]:
    """By what a call that we asked for can be known: its channels, or the action where no channel ever was."""
    yield from call.channels
    if call.click_to_call:
        yield call.click_to_call
