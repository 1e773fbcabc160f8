"""The office's rules: one ordered table that answers, per call, what is wanted of a CRM.

A row has conditions, all of which must hold, and answers to some of the questions. Each question is answered by the
first row that matches and answers it; what no row answers is answered by `DEFAULTS`, the table's last row. A row that
asks for the result matches only when the call has ended; a row that asks whether the client is known matches only
where that was found out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field, fields
from datetime import timedelta
from enum import StrEnum

from ringbridge.telephony.model import Call, Direction, Disposition
from ringbridge.telephony.numbers import DEFAULT_REGION, NumberPatterns, parse_number


class Create(StrEnum):
    """What to make of a number that the CRM does not know."""

    NOTHING = "nothing"
    CLIENT = "client"  # as the CRM itself does it: a lead, or a contact where it works without leads
    LEAD = "lead"
    CONTACT = "contact"
    CONTACT_AND_DEAL = "contact_and_deal"
    LEAD_AND_DEAL = "lead_and_deal"
    UNSORTED = "unsorted"  # amoCRM's inbox of requests


class Responsible(StrEnum):
    """Whose something is: tried in the rule's order, until one is there."""

    CLIENT_OWNER = "client_owner"  # the CRM user who owns the client
    SPEAKER = "speaker"  # who spoke with the client
    LAST_RUNG = "last_rung"  # the phone that rang last
    FIRST_RUNG = "first_rung"
    SPREAD = "spread"  # the next of the row's list, see `spread`
    DEFAULT = "default"  # the portal's default employee


class Spread(StrEnum):
    """How missed calls are dealt out over a list of employees."""

    ROUND_ROBIN = "round_robin"
    RANDOM = "random"
    LEAST_LOADED = "least_loaded"  # who got the fewest today


class Attach(StrEnum):
    """Which of several clients with this number a call belongs to."""

    FIRST = "first"  # the CRM's own choice
    SPEAKERS = "speakers"  # the one whose owner spoke: several companies stand for one real client


class ClientKnown(StrEnum):
    KNOWN = "known"
    UNKNOWN = "unknown"


class Hours(StrEnum):
    WORKING = "working"
    OUTSIDE = "outside"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpreadList:
    """Employees, by a phone of theirs, among whom something is dealt out."""

    extensions: tuple[str, ...]
    how: Spread = Spread.ROUND_ROBIN


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskPlan:
    """A task for a missed call. `title` and `text` are templates, see `templates`."""

    title: str = "Call back {number}"
    text: str = "Missed call of {number} at {time} by {line}. Rung: {rung}. Waited {wait}."
    within: timedelta = timedelta(hours=1)  # of working time


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackPlan:
    """The office calls back who called in vain."""

    after: timedelta = timedelta(minutes=1)  # time for the client to try again
    to: str = ""  # who rings first; empty: whoever was called
    again: timedelta = timedelta(hours=1)  # a number is called back by itself once within this time


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What a row says. None: this row leaves the question to the next. An empty text says "nothing"."""

    register: bool | None = None
    create: Create | None = None
    source: str | None = None  # of a client that is made, by its id in the CRM
    title: str | None = None  # of a lead or deal that is made: a template
    pipeline: str | None = None  # of a deal that is made, by its id in the CRM
    stage: str | None = None
    tags: tuple[str, ...] | None = None
    attach: Attach | None = None
    recording: bool | None = None  # hand the recording to the CRM
    new_to: tuple[Responsible, ...] | None = None  # whose a new client is
    missed_to: tuple[Responsible, ...] | None = None  # whose a missed call is
    spread: SpreadList | None = None
    task: TaskPlan | bool | None = None  # for a missed call; False: none
    callback: CallbackPlan | bool | None = None  # of a missed call, by the office itself; False: none
    activity: str | None = None  # template of the text that completes the CRM's activity at the end


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One row. An empty condition asks for nothing."""

    name: str
    answers: Answers
    direction: Direction | None = None
    results: frozenset[Disposition] = frozenset()
    trunks: frozenset[str] = frozenset()  # trunk name, or the number called: as it stands, or comparable
    extensions: frozenset[str] = frozenset()  # rung, speaking or calling
    queues: frozenset[str] = frozenset()  # queue or group
    numbers: frozenset[str] = frozenset()  # the client's, as E.164
    patterns: NumberPatterns | None = None  # of further numbers; either may hold
    client: ClientKnown | None = None
    hours: Hours | None = None

    def matches(self, facts: CallFacts, people: Set[str]) -> bool:
        """As `conditions` says, without saying why: a table may have hundreds of rows, and each is looked at for each
        event. `people` are the call's, found once for all rows."""
        call = facts.call
        return not (
            (self.direction is not None and call.direction is not self.direction)
            or (self.trunks and not self.has_trunk(facts))
            or ((self.numbers or self.patterns) and not self.has_number(facts))
            or (self.queues and call.queue not in self.queues and call.group not in self.queues)
            or (self.extensions and self.extensions.isdisjoint(people))
            or (self.client is not None and not is_as_known(self.client, facts))
            or (self.hours is not None and facts.working is not (self.hours is Hours.WORKING))
            or (self.results and call.disposition not in self.results)
        )

    def has_trunk(self, facts: CallFacts) -> bool:
        return not self.trunks.isdisjoint((facts.call.trunk, facts.call.did, facts.called))

    def has_number(self, facts: CallFacts) -> bool:
        if self.patterns is None or facts.number is None or facts.number in self.numbers:
            return facts.number in self.numbers
        number = parse_number(facts.number, facts.region)
        return number is not None and self.patterns.match(number, facts.region)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFacts:
    """What the conditions look at."""

    call: Call
    number: str | None  # the client's in E.164, where it has such a form
    region: str = DEFAULT_REGION  # by which patterns of numbers are read
    called: str = ""  # the number of ours that was called, in its comparable form
    known: bool | None = None  # whether the CRM knows the client; None: not found out
    working: bool = True  # whether it came in working hours


def conditions(rule: Rule, facts: CallFacts) -> dict[str, bool]:
    """Each condition that the row has, and whether it holds."""
    call = facts.call
    asked: dict[str, tuple[object, bool]] = {
        "direction": (rule.direction, call.direction is rule.direction),
        "results": (rule.results, call.disposition in rule.results),
        "trunks": (rule.trunks, rule.has_trunk(facts)),
        "extensions": (rule.extensions, not rule.extensions.isdisjoint(people_of(call))),
        "queues": (rule.queues, call.queue in rule.queues or call.group in rule.queues),
        "numbers": (rule.numbers or rule.patterns, rule.has_number(facts)),
        "client": (rule.client, rule.client is not None and is_as_known(rule.client, facts)),
        "hours": (rule.hours, facts.working == (rule.hours is Hours.WORKING)),
    }
    return {name: holds for name, (wanted, holds) in asked.items() if wanted}


def is_as_known(wanted: ClientKnown, facts: CallFacts) -> bool:
    """What was not found out is neither."""
    return facts.known is not None and facts.known == (wanted is ClientKnown.KNOWN)


def people_of(call: Call) -> set[str]:
    people = {leg.extension for leg in call.legs} | {talk.extension for talk in call.talks}
    return people | ({call.caller} if call.caller else set())


DEFAULTS = Rule(
    name="defaults",
    answers=Answers(
        register=True,
        create=Create.CLIENT,
        source="",
        title="",
        pipeline="",
        stage="",
        tags=(),
        attach=Attach.FIRST,
        recording=True,
        new_to=(Responsible.SPEAKER, Responsible.LAST_RUNG, Responsible.DEFAULT),
        missed_to=(Responsible.CLIENT_OWNER, Responsible.LAST_RUNG, Responsible.DEFAULT),
        spread=SpreadList(extensions=()),
        task=False,
        callback=False,
        activity="",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Every question answered, and by which row."""

    register: bool
    create: Create
    source: str
    title: str
    pipeline: str
    stage: str
    tags: tuple[str, ...]
    attach: Attach
    recording: bool
    new_to: tuple[Responsible, ...]
    missed_to: tuple[Responsible, ...]
    spread: SpreadList
    task: TaskPlan | None
    callback: CallbackPlan | None
    activity: str
    because: Mapping[str, str] = field(default_factory=dict)


def decide(rules: Iterable[Rule], facts: CallFacts) -> Decision:
    people = people_of(facts.call)
    table = [rule for rule in (*rules, DEFAULTS) if rule.matches(facts, people)]
    answers: dict[str, object] = {}
    because: dict[str, str] = {}
    for question in fields(Answers):
        rule = next(rule for rule in table if getattr(rule.answers, question.name) is not None)
        answers[question.name] = getattr(rule.answers, question.name)
        because[question.name] = rule.name
    task, callback = answers.pop("task"), answers.pop("callback")
    return Decision(
        because=because,
        task=task if isinstance(task, TaskPlan) else TaskPlan() if task else None,
        callback=callback if isinstance(callback, CallbackPlan) else CallbackPlan() if callback else None,
        **answers,  # type: ignore[arg-type]
    )


def asks_for_client(rules: Iterable[Rule]) -> bool:
    """Whether any row wants to know if the client is known: finding that out costs a request."""
    return any(rule.client is not None for rule in rules)
