"""What the office and its CRMs say of distribution, as the decision wants it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from ringbridge.crm.contract import WorkingDay
from ringbridge.routing.dialing import spelled
from ringbridge.routing.distribution import Colleague, LineRules, Policy, Team
from ringbridge.routing.hours import WorkingHours
from ringbridge.routing.intents import PortalId, UserId
from ringbridge.routing.office import phone_key
from ringbridge.service.config import Employee, Office
from ringbridge.service.config.trunk import Trunk
from ringbridge.store.directory import DirectoryUser

Users = Mapping[PortalId, Sequence[DirectoryUser]]
"""Each portal's users as they were last read."""


def distribution_policy(office: Office) -> Policy:
    config = office.distribution
    usual = office.hours.hours(office.zone) if config.working_hours_only else None
    lines: dict[str, LineRules] = {}
    for trunk in office.trunk:
        rules = _line(trunk, office, usual)
        lines |= dict.fromkeys(_names(trunk, office.region), rules)
    return replace(
        config.policy(),
        lines=lines,
        other_lines=LineRules(hours=usual),
        region=office.region,
        zone=office.zone,
    )


def _line(trunk: Trunk, office: Office, usual: WorkingHours | None) -> LineRules:
    return LineRules(
        title=trunk.title,
        hours=trunk.hours.hours(office.zone) if trunk.hours else usual,
        new_clients=trunk.new_clients.plan(),
    )


def _names(trunk: Trunk, region: str) -> Iterator[str]:
    """By what a call's line may be known: the trunk, or a number of ours."""
    yield trunk.name
    yield from (phone_key(number, region) for number in (*trunk.numbers, trunk.line) if number)


def team_of(office: Office, users: Users) -> Team:
    """Everybody who has a phone: who stands in the office's list, in its order, then whom only a CRM knows. The
    office's own phones are surer than a CRM's."""
    known = [(portal, user) for portal, of_portal in users.items() for user in of_portal]
    as_dialled = partial(spelled, spelling=office.dialing.number_format, region=office.region)
    colleagues = [_colleague(employee, known, office.region, as_dialled) for employee in office.employee]
    named = {entry for one in colleagues for entry in one.users.items()}
    strangers = [(portal, user) for portal, user in known if (portal, user.id) not in named and user.extensions]
    return Team([*colleagues, *(_stranger(portal, user) for portal, user in strangers)])


def _colleague(
    employee: Employee,
    known: Iterable[tuple[PortalId, DirectoryUser]],
    region: str,
    as_dialled: Callable[[str], str],
) -> Colleague:
    own = [(portal, user) for portal, user in known if _is_user(employee, portal, user)]
    mobiles = [phone_key(number, region) for number in employee.mobiles]
    return Colleague(
        name=employee.name,
        phones=employee.extensions or tuple(phone for _, user in own for phone in user.extensions),
        mobiles={mobile: as_dialled(mobile) for mobile in mobiles if mobile.startswith("+")},
        users=dict(_users_of(employee, own)),
        departments=frozenset((portal, name) for portal, user in own for name in user.departments),
        deputy=employee.deputy,
        group=employee.group,
        absent_from=employee.absent_from,
        absent_until=employee.absent_until,
        off_shift=_off_shift(user for _, user in own),
        dismissed=bool(own) and not any(user.active for _, user in own),
    )


def _is_user(employee: Employee, portal: PortalId, user: DirectoryUser) -> bool:
    """By the office's word, else by a phone."""
    if portal in employee.users:
        return employee.users[portal] == user.id
    return user.active and not set(employee.extensions).isdisjoint(user.extensions)


def _users_of(employee: Employee, found: Iterable[tuple[PortalId, DirectoryUser]]) -> Iterator[tuple[PortalId, UserId]]:
    """What was found by a phone; the office's own word is the last."""
    yield from ((portal, user.id) for portal, user in found)
    yield from ((PortalId(portal), UserId(user)) for portal, user in employee.users.items())


def _stranger(portal: PortalId, user: DirectoryUser) -> Colleague:
    return Colleague(
        name=user.name,
        phones=user.extensions,
        users={portal: user.id},
        departments=frozenset((portal, name) for name in user.departments),
        off_shift=_off_shift([user]),
        dismissed=not user.active,
    )


def _off_shift(users: Iterable[DirectoryUser]) -> bool:
    """Only if every CRM that keeps working days says so."""
    told = [user.working_day for user in users if user.working_day]
    return bool(told) and WorkingDay.OPEN not in told
