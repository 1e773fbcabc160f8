"""The rule table: each question is answered by the first row that matches and answers it."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from ringbridge.routing.rules import DEFAULTS, Answers, CallFacts, ClientKnown, Create, Hours, Rule, decide, people_of
from ringbridge.routing.rules import conditions as told
from ringbridge.telephony.model import Call, CallId, Direction, Disposition, Extension
from ringbridge.telephony.numbers import compile_patterns

CALL = Call(
    id=CallId("1.1"), direction=Direction.INBOUND, start=datetime(2026, 1, 1, tzinfo=UTC), trunk="mango", queue="700",
    caller=Extension("101"), disposition=Disposition.MISSED,
)  # fmt: skip


def test_without_rows_the_defaults_answer():
    decision = decide((), CallFacts(call=CALL, number=None))
    assert (decision.register, decision.create, decision.source, decision.recording) == (True, Create.CLIENT, "", True)
    assert set(decision.because.values()) == {DEFAULTS.name}


def test_a_row_answers_only_what_it_says_and_the_next_row_the_rest():
    rows = (
        Rule(name="source of mango", trunks=frozenset({"mango"}), answers=Answers(source="ADVERTISING")),
        Rule(name="queue", queues=frozenset({"700"}), answers=Answers(source="CALL", create=Create.NOTHING)),
    )
    decision = decide(rows, CallFacts(call=CALL, number=None))
    assert (decision.source, decision.create) == ("ADVERTISING", Create.NOTHING)
    assert (decision.because["source"], decision.because["create"]) == ("source of mango", "queue")


conditions = st.fixed_dictionaries(
    {
        "direction": st.sampled_from([None, Direction.INBOUND, Direction.OUTBOUND]),
        "results": st.sampled_from([frozenset(), frozenset({Disposition.MISSED}), frozenset({Disposition.ANSWERED})]),
        "trunks": st.sampled_from([frozenset(), frozenset({"mango"}), frozenset({"mtt"})]),
        "extensions": st.sampled_from([frozenset(), frozenset({"101"}), frozenset({"102"})]),
        "queues": st.sampled_from([frozenset(), frozenset({"700"}), frozenset({"701"})]),
        "numbers": st.sampled_from([frozenset(), frozenset({"+79125551122"}), frozenset({"+79990000000"})]),
    }
)
sources = st.one_of(st.none(), st.sampled_from(["A", "B", "C"]))


@given(st.lists(st.tuples(conditions, sources), max_size=6))
def test_whatever_the_table_the_first_matching_row_that_speaks_decides(rows):
    table = [
        Rule(name=str(place), answers=Answers(source=source), **asked) for place, (asked, source) in enumerate(rows)
    ]
    holds = {
        "direction": lambda v: v in {None, Direction.INBOUND},
        "results": lambda v: not v or Disposition.MISSED in v,
        "trunks": lambda v: not v or "mango" in v,
        "extensions": lambda v: not v or "101" in v,
        "queues": lambda v: not v or "700" in v,
        "numbers": lambda v: not v or "+79125551122" in v,
    }
    first = next(
        (
            place
            for place, (asked, source) in enumerate(rows)
            if source is not None and all(holds[name](value) for name, value in asked.items())
        ),
        None,
    )
    decision = decide(table, CallFacts(call=CALL, number="+79125551122"))
    assert decision.because["source"] == (DEFAULTS.name if first is None else str(first))


@given(conditions, st.sampled_from([None, *ClientKnown]), st.sampled_from([None, *Hours]), st.booleans())
def test_a_row_matches_when_each_of_its_conditions_holds(asked, client, hours, working):
    rule = Rule(name="row", answers=Answers(), client=client, hours=hours, **asked)
    for known in (None, True, False):
        facts = CallFacts(call=CALL, number="+79125551122", known=known, working=working)
        assert rule.matches(facts, people_of(CALL)) == all(told(rule, facts).values())


def test_a_row_takes_numbers_by_a_pattern_in_whichever_way_its_people_write_them():
    rule = Rule(name="row", answers=Answers(), patterns=compile_patterns("8912555XXXX\n+7343272304X"))
    found = {
        number: rule.matches(CallFacts(call=CALL, number=number), people_of(CALL))
        for number in ("+79125551122", "+73432723044", "+79126661122", "+49301234567", None)
    }
    assert found == {
        "+79125551122": True, "+73432723044": True, "+79126661122": False, "+49301234567": False, None: False,
    }  # fmt: skip


def test_a_row_with_numbers_and_patterns_takes_either():
    rule = Rule(
        name="row", answers=Answers(), numbers=frozenset({"+73432723044"}), patterns=compile_patterns("8912555XXXX")
    )
    for number, holds in (("+79125551122", True), ("+73432723044", True), ("+73432723045", False)):
        facts = CallFacts(call=CALL, number=number)
        assert (rule.matches(facts, people_of(CALL)), told(rule, facts)["numbers"]) == (holds, holds)
