"""The office's rules: one ordered table that answers, per call, what is wanted of a CRM.

A row has conditions, all of which must hold, and answers to some of the questions. Each question is answered by the
first row that matches and answers it; what no row answers is answered by `DEFAULTS`, the table's last row. A row that
asks for the result matches only when the call has ended.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum

from ringbridge.telephony.model import Call, Direction, Disposition


class Create(StrEnum):
    """What to make of a number that the CRM does not know."""

    NOTHING = "nothing"
    CLIENT = "client"  # a lead, or a contact where the CRM works without leads


class Responsible(StrEnum):
    """Whose a missed call is: tried in the rule's order."""

    LAST_RUNG = "last_rung"  # the phone that rang last
    FIRST_RUNG = "first_rung"
    DEFAULT = "default"  # the portal's default employee


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What a row says. None: this row leaves the question to the next."""

    register: bool | None = None
    create: Create | None = None
    source: str | None = None  # of a client that is made
    recording: bool | None = None  # hand the recording to the CRM
    missed_to: tuple[Responsible, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One row. An empty condition asks for nothing."""

    name: str
    answers: Answers
    direction: Direction | None = None
    results: frozenset[Disposition] = frozenset()
    trunks: frozenset[str] = frozenset()
    extensions: frozenset[str] = frozenset()  # rung, speaking or calling
    queues: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()  # the client's, as E.164

    def matches(self, call: Call, number: str | None) -> bool:
        return (
            (self.direction is None or call.direction is self.direction)
            and (not self.results or call.disposition in self.results)
            and (not self.trunks or call.trunk in self.trunks)
            and (not self.extensions or not self.extensions.isdisjoint(people_of(call)))
            and (not self.queues or call.queue in self.queues)
            and (not self.numbers or number in self.numbers)
        )


def people_of(call: Call) -> set[str]:
    people = {leg.extension for leg in call.legs} | {talk.extension for talk in call.talks}
    return people | ({call.caller} if call.caller else set())


DEFAULTS = Rule(
    name="defaults",
    answers=Answers(
        register=True,
        create=Create.CLIENT,
        source="",
        recording=True,
        missed_to=(Responsible.LAST_RUNG, Responsible.DEFAULT),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Every question answered, and by which row."""

    register: bool
    create: Create
    source: str | None
    recording: bool
    missed_to: tuple[Responsible, ...]
    because: Mapping[str, str] = field(default_factory=dict)


def decide(rules: Iterable[Rule], call: Call, number: str | None) -> Decision:
    """`number` is the client's in E.164 where it has such a form."""
    table = [rule for rule in (*rules, DEFAULTS) if rule.matches(call, number)]
    answers: dict[str, object] = {}
    because: dict[str, str] = {}
    for question in fields(Answers):
        rule = next(rule for rule in table if getattr(rule.answers, question.name) is not None)
        answers[question.name] = getattr(rule.answers, question.name)
        because[question.name] = rule.name
    return Decision(because=because, **{**answers, "source": answers["source"] or None})  # type: ignore[arg-type]
