"""A table of rules as a whole: what never decides anything is told."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.routing.test_rules_answer_by_row import CALL

from ringbridge.routing.rule_review import covers, review
from ringbridge.routing.rules import Answers, CallFacts, ClientKnown, Hours, Responsible, Rule, SpreadList, people_of
from ringbridge.telephony.model import Direction, Disposition
from ringbridge.telephony.numbers import compile_patterns

MISSED = frozenset({Disposition.MISSED})
DEALT = Answers(missed_to=(Responsible.SPREAD,))
AWAY = Answers(register=False)
LIST = SpreadList(extensions=("101",))


def words(*rules: Rule) -> list[tuple[int | None, str]]:
    return [(each.row, each.words) for each in review(rules)]


def row(name: str = "row", **given: object) -> Rule:
    return Rule(name=name, **{"answers": Answers(source="A"), **given})  # type: ignore[arg-type]


def test_a_sound_table_is_not_spoken_of():
    rules = (
        row("mango", trunks=frozenset({"mango"})),
        row("missed", results=MISSED, answers=Answers(missed_to=(Responsible.SPREAD,), spread=LIST, task=True)),
        row("all", answers=Answers(source="B", recording=False)),
    )
    assert words(*rules) == []


def test_a_row_behind_one_that_takes_all_its_calls_never_decides():
    ((place, said),) = words(row("all"), row("mango", trunks=frozenset({"mango"})))
    assert place == 1
    assert said == "It never decides anything. Before it, with an answer for all its calls: 'all'."


def test_several_rows_together_may_silence_one():
    rules = (
        row("a", answers=Answers(source="A")),
        row("b", answers=Answers(recording=False)),
        row("c", trunks=frozenset({"mango"}), answers=Answers(source="C", recording=True)),
    )
    ((place, said),) = words(*rules)
    assert (place, said.endswith("'a', 'b'.")) == (2, True)


def test_an_answer_that_never_counts_is_named_where_the_others_do():
    rules = (row("all"), row("mango", trunks=frozenset({"mango"}), answers=Answers(source="B", recording=False)))
    ((place, said),) = words(*rules)
    assert (place, said.startswith("Never used of it: source. Before it")) == (1, True)


def test_a_row_that_keeps_every_call_from_the_crm_is_told_with_those_that_are_in_vain_by_that():
    rules = (row("radio"), row("away", answers=AWAY), row("black", answers=AWAY))
    assert words(*rules) == [
        (0, "'away' keeps its calls from the CRM. Used for clicks there only: source."),
        (1, "It keeps every call from the CRM, but for those that are asked for by a click there."),
        (2, "It never decides anything. Before it, with an answer for all its calls: 'away'."),
    ]


@pytest.mark.parametrize(
    "away",
    [
        (
            row("ours", trunks=frozenset({"mango"}), answers=Answers(register=True)),
            row(answers=AWAY),
        ),
        (row("black", numbers=frozenset({"+79125551122"}), answers=AWAY),),
        (row("missed", results=MISSED, answers=AWAY),),
    ],
    ids=["only some are told", "some are not told", "it is known at the end only"],
)
def test_rows_beside_one_that_keeps_some_calls_from_the_crm_are_sound(away: tuple[Rule, ...]):
    assert words(*away, row("radio")) == []


def test_the_wider_row_behind_the_narrower_is_sound():
    assert words(row("mango", trunks=frozenset({"mango"})), row("all")) == []


def test_a_row_without_answers_is_told():
    assert words(row(answers=Answers())) == [(0, "It answers no question.")]


@pytest.mark.parametrize(
    ("direction", "result", "never"),
    [
        (Direction.OUTBOUND, Disposition.MISSED, True),
        (Direction.INBOUND, Disposition.BUSY, True),
        (Direction.INBOUND, Disposition.MISSED, False),
        (Direction.OUTBOUND, Disposition.BUSY, False),
    ],
)
def test_a_row_whose_conditions_exclude_each_other_is_told(direction: Direction, result: Disposition, never: bool):
    told = words(row(direction=direction, results=frozenset({result})))
    assert [said.startswith("It matches no call") for _, said in told] == ([True] if never else [])


@pytest.mark.parametrize("given", [{"direction": Direction.OUTBOUND}, {"results": frozenset({Disposition.ANSWERED})}])
def test_what_only_missed_calls_need_is_told_of_a_row_that_matches_none(given: dict[str, object]):
    ((_, said),) = words(row(answers=Answers(task=True), **given))
    assert "task, which only missed calls need" in said


def test_a_list_without_use_and_a_use_without_list_are_told():
    assert "no row has a spread" in words(row(answers=DEALT))[0][1]
    assert "is not used" in words(row(answers=Answers(spread=LIST)))[0][1]
    assert words(row("a", answers=DEALT), row("b", answers=Answers(spread=LIST))) == []


sets = st.sampled_from([frozenset(), frozenset({"mango"}), frozenset({"mango", "mtt"}), frozenset({"mtt"})])
rules = st.builds(
    Rule,
    name=st.just("row"),
    answers=st.just(Answers(source="A")),
    direction=st.sampled_from([None, Direction.INBOUND, Direction.OUTBOUND]),
    results=st.sampled_from([frozenset(), MISSED, MISSED | {Disposition.BUSY}]),
    trunks=sets,
    queues=sets,
    numbers=st.sampled_from([frozenset(), frozenset({"+79125551122"}), frozenset({"+79125551122", "+79990000000"})]),
    patterns=st.sampled_from([None, compile_patterns("8912555XXXX"), compile_patterns("8999XXXXXXX")]),
    client=st.sampled_from([None, *ClientKnown]),
    hours=st.sampled_from([None, *Hours]),
)


@given(rules, rules, st.sampled_from(["+79125551122", "+79990000000", None]), st.sampled_from([None, True, False]))
def test_whatever_a_covered_row_matches_is_matched_by_the_row_that_covers_it(wide, narrow, number, known):
    call = replace(CALL, queue="mtt")
    facts = CallFacts(call=call, number=number, known=known)
    if covers(wide, narrow) and narrow.matches(facts, people_of(call)):
        assert wide.matches(facts, people_of(call))


@given(rules)
def test_a_row_covers_itself(rule):
    assert covers(rule, rule)
