"""An incoming call tried on the office's distribution, with nothing rung: who would ring, and why not the others.

Clients are those of the stored mirrors. The state of phones is known to the running service alone: here every phone is
free that is not said to be otherwise.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from ringbridge.routing.distribution import (
    Availability,
    LastTalk,
    Policy,
    Reach,
    Route,
    RouteClient,
    RouteQuestion,
    Team,
    decide,
)
from ringbridge.routing.intents import PortalId
from ringbridge.service.config import Office
from ringbridge.service.distribution.clients import of_mirror
from ringbridge.service.distribution.office import distribution_policy, team_of
from ringbridge.store import directory, mirror, spoken
from ringbridge.store.database import Database
from ringbridge.telephony.numbers import parse_number


@dataclass(frozen=True, slots=True, kw_only=True)
class ImaginedPhones:
    """The phones as somebody says they are."""

    busy: Collection[str] = ()
    absent: Collection[str] = ()

    def reach(self, extension: str) -> Reach:
        if extension in self.absent:
            return Reach.ABSENT
        return Reach.BUSY if extension in self.busy else Reach.FREE


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteTrial:
    """What would become of a call."""

    question: RouteQuestion
    clients: tuple[RouteClient, ...]
    last_talk: LastTalk | None
    team: Team
    enabled: bool
    route: Route


async def try_route(
    office: Office,
    database: Database,
    question: RouteQuestion,
    phones: Availability,
    at: datetime,
    *,
    dealt: Mapping[str, int] | None = None,
) -> RouteTrial:
    """As it would be decided at this time, also where distribution is switched off. `dealt`: how many new clients each
    phone got that day. Raises `StoreError`."""
    policy = distribution_policy(office)
    users = {}
    async with database.reading() as tx:
        for portal in (PortalId(config.name) for config in office.portal):
            users[portal] = await directory.read(tx, portal)
        last_talk = await spoken.last_spoke(tx, asked_for(question, policy), at - policy.last_spoke_within)
    clients, team = await _clients(office, database, question, policy), team_of(office, users)
    wanted = replace(policy, enabled=True)
    return RouteTrial(
        question=question,
        clients=clients,
        last_talk=last_talk,
        team=team,
        enabled=policy.enabled,
        route=decide(question, clients, team, phones, wanted, at, last_talk=last_talk, dealt=dealt),
    )


def asked_for(question: RouteQuestion, policy: Policy) -> str:
    """The caller's number as it is looked up; empty where it is withheld."""
    number = parse_number(question.number, policy.region)
    return str(number) if number else ""


async def _clients(
    office: Office, database: Database, question: RouteQuestion, policy: Policy
) -> tuple[RouteClient, ...]:
    """Of the first portal whose mirror has the number, as the running service does it."""
    for portal in (PortalId(config.name) for config in office.portal):
        if found := await mirror.find(database, portal, asked_for(question, policy), policy.region):
            return tuple(of_mirror(portal, one) for one in found)
    return ()


def told(trial: RouteTrial) -> Iterator[str]:
    """Lines for people."""
    if not trial.enabled:
        yield "Distribution is switched off ([distribution] enabled): this is what it would do."
    yield "Clients with this number, by the stored mirrors:"
    yield from (f"  {_described(client, trial.team)}" for client in trial.clients)
    if not trial.clients:
        yield "  none"
    if trial.last_talk:
        yield f"Last talk: {_holder(trial.last_talk.extension, trial.team)}, {trial.last_talk.at:%Y-%m-%d %H:%M} UTC"
    yield f"Decision: {trial.route.why}"
    for place, hop in enumerate(trial.route.hops, start=1):
        yield f"  {place}. {_holder(hop.extension, trial.team)}, {hop.seconds} s: {hop.reason}"
    yield from (f"  passed over: {extension}, {why}" for extension, why in trial.route.skipped.items())
    if trial.route.caller_name:
        yield f"The phone shows: {trial.route.caller_name}"


def _described(client: RouteClient, team: Team) -> str:
    parts = [f"{client.name or '(no name)'}: {client.kind} {client.id} of {client.portal}"]
    parts += [f"company {client.company}"] if client.company else []
    roles = (
        ("responsible", client.responsible),
        ("for the company", client.company_responsible),
        ("for the deal", client.deal_responsible),
    )
    for role, user in roles:
        if user:
            holder = team.user(client.portal, user)
            parts.append(f"{role} {holder.name}" if holder else f"{role} user {user}, who has no phone here")
    return ", ".join(parts)


def _holder(extension: str, team: Team) -> str:
    holder = team.holder(extension)
    return f"{extension} ({holder.name})" if holder else extension
