"""Whom a call is put through to.

In this order, and the first that gives a phone decides: numbers of the VIP list; outside of working hours the extension
that stands for them; what the client chose in a menu; the steps of the office (who last spoke, the responsible, their
deputy, their department, their group), all of them one behind the other; and for a number that nobody knows what the
line says of new clients. What remains takes the normal route, and so does everything that is no client's call.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from zlib import crc32

from ringbridge.routing.distribution.display import caller_name
from ringbridge.routing.distribution.lineup import Lineup
from ringbridge.routing.distribution.policy import LineRules, NewClients, Order, Policy, Step
from ringbridge.routing.distribution.question import (
    Availability,
    Hop,
    HopKind,
    LastTalk,
    Reason,
    Rejected,
    Route,
    RouteClient,
    RouteQuestion,
)
from ringbridge.routing.distribution.team import Colleague, Team
from ringbridge.telephony.numbers import INTERNAL_LENGTH, Number, is_internal, masked, parse_number

KINDS = ("contact", "company", "lead")  # of several clients with one number, this one first
NORMALLY = "normal route"
LENGTHS = range(INTERNAL_LENGTH + 1, 16)  # digits of what may be a telephone number; E.164 allows fifteen


def decide(
    question: RouteQuestion,
    clients: Sequence[RouteClient],
    team: Team,
    availability: Availability,
    policy: Policy,
    now: datetime,
    *,
    last_talk: LastTalk | None = None,
    rejected: Iterable[Rejected] = (),
    dealt: Mapping[str, int] | None = None,
) -> Route:
    """Never fails, whatever is asked. `clients` are all that have this number, `rejected` the phones that did not take
    this call or this caller a moment ago, `dealt` how many new clients each phone got today."""
    number, refusal = client_number(question, team, policy, is_known=bool(clients))
    if number is None:
        return Route(why=f"{refusal}: {NORMALLY}.")
    lineup = Lineup(
        team,
        availability,
        policy,
        now,
        caller=team.owner_of_mobile(number.e164 or ""),
        rejected=rejected,
    )
    case = Case(
        question=question,
        number=number,
        clients=tuple(clients),
        team=team,
        policy=policy,
        now=now,
        lineup=lineup,
        last_talk=last_talk,
        dealt=dealt or {},
    )
    because = case.decided()
    return Route(
        hops=tuple(lineup.hops),
        client=case.client,
        caller_name=caller_name(case.client, case.line, policy),
        why=f"{because}: {told(lineup.hops, team) or NORMALLY}.",
        skipped=lineup.skipped,
    )


def client_number(question: RouteQuestion, team: Team, policy: Policy, *, is_known: bool) -> tuple[Number | None, str]:
    """The number, or why this is no call to be distributed. One that a client has may be one that no country's plan
    knows: plans change, and providers cut numbers short."""
    if not policy.enabled:
        return None, "Distribution is switched off"
    if is_internal(question.number.strip(), peers=team.phones):
        return None, "The call comes from an inner or short number"
    number = parse_number(question.number, policy.region)
    if number is None:
        return None, "The caller hides the number"
    is_whole = number.valid or (is_known and len(number.digits) in LENGTHS)
    return (number, "") if is_whole else (None, "The caller's number is no complete telephone number")


@dataclass(kw_only=True)
class Case:
    """One call and what is known of it. `decided` fills the line-up and says because of what."""

    question: RouteQuestion
    number: Number
    clients: tuple[RouteClient, ...]
    team: Team
    policy: Policy
    now: datetime
    lineup: Lineup
    last_talk: LastTalk | None
    dealt: Mapping[str, int]
    line: LineRules = field(init=False)
    client: RouteClient | None = field(init=False)
    manager: Colleague | None = field(init=False)

    def __post_init__(self) -> None:
        self.line = self.policy.line_of(self.question)
        self.client = self._client()
        self.manager = self._manager(self.client) if self.client else None

    def decided(self) -> str:
        if self._ring(self.policy.vip_extensions(self.number), Reason.VIP):
            return "The number is on the VIP list"
        if self.line.hours is not None and not self.line.hours.open_at(self.now):
            self._ring([self.policy.outside_hours], Reason.GROUP)
            return "Outside of working hours"
        if (chosen := self._chosen()) is not None:
            self._ring([chosen], Reason.GROUP)
            return f"The client chose {self.question.choice.strip()!r} in the menu"
        for step in self.policy.steps:
            self._take(step)
        if self.client is not None:
            return f"{self.client.name or self.client.id} ({self.client.kind}) calls"
        if not self.lineup.hops:
            self._ring(self._turns(self.line.new_clients), Reason.NEW_CLIENT)
        return "Nobody knows the number"

    # Whose client it is

    def _client(self) -> RouteClient | None:
        """Of several the one whose responsible can be rung."""
        ranked = sorted(self.clients, key=lambda one: KINDS.index(one.kind) if one.kind in KINDS else len(KINDS))
        return next(filter(self._is_served, ranked), ranked[0] if ranked else None)

    def _is_served(self, client: RouteClient) -> bool:
        manager = self._manager(client)
        return manager is not None and not self.lineup.obstacle(manager)

    def _manager(self, client: RouteClient) -> Colleague | None:
        """The first responsible of whom a phone is known."""
        whose = [client.responsible, client.company_responsible]
        whose.insert(0 if self.policy.deal_first else len(whose), client.deal_responsible)
        known = (self.team.user(client.portal, user) for user in whose if user)
        return next((one for one in known if one and self.lineup.may_be_rung(one)), None)

    # The steps

    def _take(self, step: Step) -> None:
        portal = self.client.portal if self.client else None
        match step:
            case Step.LAST_SPOKE if self.last_talk:
                self.lineup.add_latest(self.last_talk, self.now, portal)
            case Step.RESPONSIBLE if self.manager:
                self.lineup.add(self.manager, Reason.RESPONSIBLE, portal)
            case Step.DEPUTY if self.manager:
                for one in self._deputies(self.manager):
                    if self.lineup.add(one, Reason.DEPUTY, portal):
                        break
            case Step.DEPARTMENT if self.manager:
                colleagues = self.team.beside(self.manager)
                for one in chain(filter(self.lineup.is_free, colleagues), colleagues):
                    if self.lineup.is_full:
                        break
                    self.lineup.add(one, Reason.DEPARTMENT, portal)
            case Step.GROUP if self.client:
                group = self.manager.group if self.manager else ""
                self.lineup.add_extension(group or self.policy.group, Reason.GROUP)

    def _deputies(self, one: Colleague) -> Iterator[Colleague]:
        """Who stands in, who stands in for those, and so on; round a circle once."""
        seen = [one]
        while (deputy := self.team.holder(seen[-1].deputy)) and deputy not in seen:
            seen.append(deputy)
            yield deputy

    def _chosen(self) -> str | None:
        """The extension that stands for what was chosen in the menu; empty: nobody of us. None: the steps decide."""
        choice = self.question.choice.strip()
        if not choice or not self.policy.choices:
            return None
        return (self.policy.choices[choice] or None) if choice in self.policy.choices else ""

    def _turns(self, new: NewClients) -> Sequence[str]:
        """The list, beginning with whose turn it is."""
        phones = new.extensions
        counts = [self.dealt.get(phone, 0) for phone in phones]
        match new.order:
            case Order.LEAST_LOADED:
                return sorted(phones, key=lambda phone: self.dealt.get(phone, 0))
            case Order.ROUND_ROBIN if phones:
                return _from(phones, sum(counts))
            case Order.RANDOM if phones:
                return _from(phones, crc32(self.question.uniqueid.encode(errors="replace")))
        return phones

    def _ring(self, extensions: Iterable[str], reason: Reason) -> bool:
        """Whether anything rings."""
        added = [self.lineup.add_extension(extension, reason) for extension in extensions]
        return any(added)


def _from(phones: Sequence[str], turn: int) -> Sequence[str]:
    first = turn % len(phones)
    return (*phones[first:], *phones[:first])


WORDS: Mapping[Reason, str] = {
    Reason.RESPONSIBLE: "responsible",
    Reason.LAST_SPOKE: "spoke with them last",
    Reason.DEPUTY: "stands in",
    Reason.DEPARTMENT: "the same department",
    Reason.GROUP: "group",
    Reason.VIP: "named for them",
    Reason.NEW_CLIENT: "takes new clients",
}


def told(hops: Iterable[Hop], team: Team) -> str:
    """Who rings and why, in their order."""
    return ", then ".join(f"{_who(hop, team)} ({WORDS[hop.reason]})" for hop in hops)


def _who(hop: Hop, team: Team) -> str:
    if hop.kind is HopKind.MOBILE and (owner := team.owner_of_mobile(hop.extension)):
        return f"{owner.name} {masked(hop.extension)}"
    holder = team.holder(hop.extension)
    return f"{holder.name} {hop.extension}" if holder else hop.extension
