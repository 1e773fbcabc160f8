"""A table of rules, looked at as a whole: rows and answers that never decide anything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, fields

from ringbridge.routing.rules import Answers, Responsible, Rule
from ringbridge.telephony.model import Direction, Disposition

POSSIBLE = {
    Direction.INBOUND: frozenset({Disposition.ANSWERED, Disposition.MISSED}),
    Direction.OUTBOUND: frozenset(Disposition) - {Disposition.MISSED},
}
"""How calls end: a client's own call is answered or missed, and only ours to them can be busy or refused."""

EVERY_CALL = Rule(name="", answers=Answers())

FOR_MISSED = ("missed_to", "spread", "task", "callback")


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleWarning:
    """`row`: its place in the table, from 0; None: what concerns no row."""

    row: int | None
    name: str  # the row's
    words: str


def review(rules: Sequence[Rule]) -> Iterator[RuleWarning]:
    for place, rule in enumerate(rules):
        for words in (
            *_alone(rule),
            *_behind(rule, rules[:place]),
            *_kept_away(rule, rules),
            *_of_spread(rule, rules),
        ):
            yield RuleWarning(row=place, name=rule.name, words=words)


def _alone(rule: Rule) -> Iterator[str]:
    said = answered(rule)
    if not said:
        yield "It answers no question."
    if rule.direction in POSSIBLE and rule.results and rule.results.isdisjoint(POSSIBLE[rule.direction]):
        ends = ", ".join(sorted(rule.results))
        yield f"It matches no call: {rule.direction} calls never end as {ends}."
    elif (useless := [name for name in FOR_MISSED if name in said]) and not _can_be_missed(rule):
        yield f"It answers {', '.join(useless)}, which only missed calls need, and matches none of them."


def _can_be_missed(rule: Rule) -> bool:
    inbound = rule.direction in {None, Direction.INBOUND}
    return inbound and (not rule.results or Disposition.MISSED in rule.results)


def _behind(rule: Rule, earlier: Sequence[Rule]) -> Iterator[str]:
    """Whose calls an earlier row takes all, with an answer of its own."""
    covering = [each for each in earlier if covers(each, rule)]
    silenced: dict[str, list[str]] = {}
    for question in answered(rule):
        first = next((each for each in covering if getattr(each.answers, question) is not None), None)
        if first is not None:
            silenced.setdefault(first.name, []).append(question)
    if not silenced:
        return
    names = ", ".join(repr(name) for name in silenced)
    questions = [question for each in silenced.values() for question in each]
    if len(questions) == len(answered(rule)):
        yield f"It never decides anything. Before it, with an answer for all its calls: {names}."
    else:
        yield f"Never used of it: {', '.join(questions)}. Before it, with an answer for all its calls: {names}."


def _kept_away(rule: Rule, rules: Sequence[Rule]) -> Iterator[str]:
    """Whose calls no CRM is told of. Rows that ask how a call ended are no such reason: it has been told by then."""
    keeper = next((each for each in rules if each.answers.register is not None), None)
    if keeper is None or keeper.answers.register or keeper.results or not covers(keeper, rule):
        return
    if rule is keeper and covers(keeper, EVERY_CALL):
        yield "It keeps every call from the CRM, but for those that are asked for by a click there."
    elif unused := [question for question in answered(rule) if question != "register"]:
        yield f"{keeper.name!r} keeps its calls from the CRM. Used for clicks there only: {', '.join(unused)}."


def _of_spread(rule: Rule, rules: Sequence[Rule]) -> Iterator[str]:
    dealt = Responsible.SPREAD in (rule.answers.missed_to or ())
    if dealt and not any(each.answers.spread for each in rules):
        yield "Its missed_to names spread, and no row has a spread: nobody is dealt anything."
    if rule.answers.spread and not any(Responsible.SPREAD in (each.answers.missed_to or ()) for each in rules):
        yield 'Its spread is not used: no row has missed_to = ["spread"].'


def answered(rule: Rule) -> tuple[str, ...]:
    """The questions that a row answers."""
    return tuple(each.name for each in fields(Answers) if getattr(rule.answers, each.name) is not None)


def covers(wide: Rule, narrow: Rule) -> bool:
    """Whether every call that `narrow` matches is matched by `wide`. Certain where it says yes; two rows that differ in
    their patterns of numbers are not compared."""
    return (
        wide.direction in {None, narrow.direction}
        and wide.client in {None, narrow.client}
        and wide.hours in {None, narrow.hours}
        and _within(narrow.results, wide.results)
        and _within(narrow.trunks, wide.trunks)
        and _within(narrow.extensions, wide.extensions)
        and _within(narrow.queues, wide.queues)
        and _numbers_within(narrow, wide)
    )


def _within(narrow: Set[str], wide: Set[str]) -> bool:
    """An empty condition asks for nothing."""
    return not wide or (bool(narrow) and narrow <= wide)


def _numbers_within(narrow: Rule, wide: Rule) -> bool:
    if not (wide.numbers or wide.patterns):
        return True
    if not (narrow.numbers or narrow.patterns):
        return False
    return narrow.patterns in {None, wide.patterns} and narrow.numbers <= wide.numbers
