"""The office's rules compared with the office and with what its portals have: in words, what a row names in vain."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ringbridge.crm.contract import Choices
from ringbridge.routing import rule_review
from ringbridge.routing.intents import PortalId, UserId
from ringbridge.routing.rule_review import RuleWarning
from ringbridge.routing.rules import Rule
from ringbridge.service.config import Office
from ringbridge.service.config.portal import Portal
from ringbridge.service.config.rules import is_number
from ringbridge.service.config.sources import lead_rules
from ringbridge.service.portals.office import routing_of
from ringbridge.store import directory
from ringbridge.store import portals as kept
from ringbridge.store.database import Database
from ringbridge.store.directory import DirectoryUser


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalFacts:
    """What was last read of a portal."""

    users: Sequence[DirectoryUser] = ()
    choices: Choices = field(default_factory=Choices)


PortalsFacts = Mapping[PortalId, PortalFacts]


async def read_facts(office: Office, database: Database) -> PortalsFacts:
    found = {}
    async with database.reading() as tx:
        for name in (PortalId(config.name) for config in office.portal):
            learned = await kept.learned(tx, name)
            choices = Choices(**learned.get("choices", {}))
            found[name] = PortalFacts(users=await directory.read(tx, name), choices=choices)
    return found


def review(office: Office, facts: PortalsFacts) -> tuple[RuleWarning, ...]:
    rules = tuple(row.rule(office.region) for row in office.rule)
    trunks = _Trunks(office)
    people = [_People(config, office, facts) for config in office.portal]
    found = [*rule_review.review(rules)]
    for place, rule in enumerate(rules):
        gone_from = (words for one in people for words in one.missing(rule))
        words = (*trunks.unknown(rule), *gone_from, *_choices(rule, facts))
        found += [RuleWarning(row=place, name=rule.name, words=each) for each in words]
    gone = (RuleWarning(row=None, name="", words=words) for words in (*_of_leads(office, facts), *_gone(office, facts)))
    return (*sorted(found, key=lambda each: each.row or 0), *gone)


def told(warnings: Iterable[RuleWarning]) -> Iterator[str]:
    """Lines for people."""
    for warning in warnings:
        place = "" if warning.row is None else f"Row {warning.row + 1}, {warning.name}: "
        yield f"{place}{warning.words}"


class _Trunks:
    def __init__(self, office: Office) -> None:
        self._known = {name for trunk in office.trunk for name in (trunk.name, *trunk.numbers)}

    def unknown(self, rule: Rule) -> Iterator[str]:
        """A number may be one that was called: those need not be written down anywhere."""
        for name in sorted(rule.trunks - self._known):
            if not is_number(name):
                yield f"No trunk is named {name}: see [[trunk]]."


class _People:
    """Of one portal: who is behind which phone, and who has left."""

    def __init__(self, config: Portal, office: Office, facts: PortalsFacts) -> None:
        users = facts.get(PortalId(config.name), PortalFacts()).users
        self._name = config.name
        self._staff = routing_of(config, office, users)[0].staff
        self._left = {user.id: user.name for user in users if not user.active}

    def missing(self, rule: Rule) -> Iterator[str]:
        """Of those whose phones it names."""
        spread = rule.answers.spread.extensions if rule.answers.spread else ()
        for phone in dict.fromkeys((*sorted(rule.extensions), *spread)):
            user = self._staff.user_of(phone)
            if user is None and phone in spread:
                yield f"Nobody at {self._name} has the phone {phone}: what is dealt to it is the default employee's."
            elif user is not None and user in self._left:
                yield f"{self._left[user] or f'User {user}'}, whose phone is {phone}, has left {self._name}."


def _choices(rule: Rule, facts: PortalsFacts) -> Iterator[str]:
    """An id is looked for at all portals: a row does not say which of them it means."""
    named: tuple[tuple[str, str | None, Callable[[Choices], Mapping[str, str] | None]], ...] = (
        ("pipeline", rule.answers.pipeline, lambda choices: choices.pipelines),
        ("stage", rule.answers.stage, lambda choices: choices.stages),
        ("source", rule.answers.source, lambda choices: choices.sources),
    )
    for what, value, of in named:
        lists = [of(one.choices) for one in facts.values()]
        if value and lists and all(one is not None and value not in one for one in lists):
            known = ", ".join(f"{key} ({name})" for one in lists for key, name in (one or {}).items())
            yield f"No {what} has the id {value}. There are: {known}."


def _of_leads(office: Office, facts: PortalsFacts) -> Iterator[str]:
    """What trunks and numbers name."""
    for rule in lead_rules(office):
        yield from (f"{rule.name}: {words}" for words in _choices(rule, facts))


def _gone(office: Office, facts: PortalsFacts) -> Iterator[str]:
    """Users whom the office names, and who have left the portal, or never were there: ids of another one."""
    for config in office.portal:
        users = facts.get(PortalId(config.name), PortalFacts()).users
        left = {user.id for user in users if not user.active}
        there = {user.id for user in users}
        if there and UserId(config.default_user) not in there:
            yield f"The default employee of {config.name}, user {config.default_user}, is not there: see default_user."
        if UserId(config.default_user) in left:
            yield f"The default employee of {config.name}, user {config.default_user}, has left it: see default_user."
        for employee in office.employee:
            user = employee.users.get(config.name, "")
            if user and there and UserId(user) not in there:
                yield f"{employee.name} is said to be user {user} of {config.name}, who is not there: see [[employee]]."
            if UserId(user) in left:
                yield f"{employee.name} is user {user} of {config.name}, who has left it: see [[employee]]."
