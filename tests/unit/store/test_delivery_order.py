from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from tests.stateful.sample_calls import NOON

from ringbridge.routing.intents import Priority
from ringbridge.store.order import Row, State, arrange, together

KINDS = {
    "RegisterCall": Priority.CARD,
    "ShowCard": Priority.CARD,
    "FinishCall": Priority.FINISH,
    "AttachRecording": Priority.RECORDING,
    "MakeTask": Priority.REST,
}
OPEN = st.sampled_from([State.WAITING, State.SENDING])


@st.composite
def rows_of_a_call(draw: st.DrawFn) -> list[Row]:
    kinds = draw(st.lists(st.sampled_from(list(KINDS)), min_size=1, max_size=12))
    return [
        Row(
            id=n,
            record=draw(st.sampled_from("ab")),
            kind=kind,
            rank=KINDS[kind].rank,
            state=draw(OPEN),
            due=NOON + timedelta(seconds=draw(st.integers(-2, 2))),
        )
        for n, kind in enumerate(kinds)
    ]


def urgent(row: Row) -> bool:
    return row.rank <= Priority.FINISH.rank


def must_wait_for(row: Row, other: Row) -> bool:
    """The promise, said row against row."""
    if urgent(row):
        return urgent(other) and other.id < row.id
    same = other.record == row.record
    return same and (urgent(other) or (other.rank == row.rank and other.id < row.id))


@given(rows_of_a_call())
def test_a_head_is_a_row_that_waits_for_no_other(rows: list[Row]) -> None:
    free = {row.id for row in rows if not any(must_wait_for(row, other) for other in rows)}
    assert arrange(rows).heads == free


@given(rows_of_a_call())
def test_what_leaves_together_is_due_and_waits_only_for_rows_that_leave_before_it(rows: list[Row]) -> None:
    by_id = {row.id: row for row in rows}
    for head in arrange(rows).heads:
        leaving = together(head, rows, NOON)
        for place, row in enumerate(by_id[i] for i in leaving):
            assert row.state is State.WAITING
            assert row.due <= NOON
            assert row.record == by_id[head].record
            assert {other.id for other in rows if must_wait_for(row, other)} <= set(leaving[:place])


@given(rows_of_a_call())
def test_some_row_can_always_go(rows: list[Row]) -> None:
    assert arrange(rows).heads


@given(rows_of_a_call(), st.sets(st.sampled_from("ab")))
def test_every_row_of_a_record_that_was_refused_is_doomed_and_no_other(rows: list[Row], refused: set[str]) -> None:
    registrations = [
        Row(id=-n, record=record, kind="RegisterCall", rank=0, state=State.GIVEN_UP, due=NOON, reason="no such user")
        for n, record in enumerate(sorted(refused), start=1)
    ]
    order = arrange([*registrations, *rows])
    assert set(order.doomed) == {row.id for row in rows if row.record in refused}
    assert all("no such user" in why for why in order.doomed.values())
    assert order.heads == arrange([row for row in rows if row.record not in refused]).heads


@given(rows_of_a_call())
def test_only_cards_of_records_that_are_over_lose_their_haste_and_the_order_stays(rows: list[Row]) -> None:
    order = arrange(rows)
    over = {row.record for row in rows if row.kind == "FinishCall"}
    assert order.demoted == {row.id for row in rows if row.rank == 0 and row.record in over}
