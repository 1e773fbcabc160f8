from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.web import sample_calls

from ringbridge.telephony.model import (
    Call,
    Direction,
    Extension,
    Hold,
    LegResult,
    Talk,
    Transfer,
    TransferType,
)
from ringbridge.web.timeline import Scale, Segment, pieces, ticks, timeline

AT = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def bars(call: Call, now: datetime = AT) -> dict[str | None, list[tuple[Segment, float, float]]]:
    return {
        row.extension: [(bar.segment, bar.left, round(bar.left + bar.width)) for bar in row.bars]
        for row in timeline(call, now).rows
    }


def test_client_is_first_and_every_phone_that_rang_has_one_row() -> None:
    assert list(bars(sample_calls.missed_in_queue(AT))) == [None, "101", "104"]


def test_phone_rung_twice_has_both_rings_in_its_row() -> None:
    rows = {row.extension: row for row in timeline(sample_calls.missed_in_queue(AT), AT).rows}
    assert [(bar.segment, bar.result) for bar in rows["101"].bars] == [(Segment.RING, LegResult.NO_ANSWER)] * 2
    assert rows["101"].result is LegResult.NO_ANSWER


def test_talk_lies_where_it_was_on_the_scale() -> None:
    call = sample_calls.transferred(AT)
    assert call.end
    whole = call.end - call.start
    second = next(row for row in timeline(call, AT).rows if row.extension == "105").bars[-1]
    assert second.segment is Segment.TALK
    assert abs(second.left - (call.talks[1].start - call.start) / whole * 100) < 0.01
    assert abs(second.left + second.width - 100) < 0.01


def test_transfer_is_marked_at_its_moment() -> None:
    call = sample_calls.transferred(AT)
    (mark,) = timeline(call, AT).marks
    assert mark.transfer is call.transfers[0]
    assert 0 < mark.left < 100


def test_bars_of_a_call_in_progress_reach_to_now() -> None:
    rows = bars(sample_calls.ringing(AT))
    assert all(right == 100 for _, _, right in (rows[extension][-1] for extension in ("101", "102", "103")))


@given(seconds=st.floats(min_value=-1000, max_value=10**6, allow_nan=False))
def test_scale_has_from_one_to_a_handful_of_ticks_within_it(seconds: float) -> None:
    found = ticks(Scale(start=AT, end=AT + timedelta(seconds=seconds)))
    assert 1 <= len(found) <= 80
    assert all(0 <= tick.left <= 100 for tick in found)
    assert seconds > 86400 or len(found) <= 8


@given(offset=st.integers(-(10**6), 10**6), length=st.integers(-(10**6), 10**6))
def test_bar_never_leaves_the_picture_whatever_the_clocks_said(offset: int, length: int) -> None:
    scale = Scale(start=AT, end=AT + timedelta(seconds=60))
    bar = scale.bar(Segment.RING, AT + timedelta(seconds=offset), AT + timedelta(seconds=offset + length))
    assert bar.left >= 0
    assert bar.left + bar.width <= 100.01
    assert bar.width > 0
    assert bar.length >= timedelta(0)


def after(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


def talk(extension: str, start: float, end: float | None) -> Talk:
    return Talk(extension=Extension(extension), start=after(start), end=None if end is None else after(end))


def hold(extension: str, start: float, end: float | None) -> Hold:
    return Hold(extension=Extension(extension), start=after(start), end=None if end is None else after(end))


def call(seconds: float, **more: Any) -> Call:
    """An answered call of so many seconds."""
    return Call(id=sample_calls.call_id(AT), direction=Direction.INBOUND, start=AT, end=after(seconds), **more)


def test_hold_divides_the_talk_that_it_is_part_of() -> None:
    told = call(100, talks=(talk("101", 10, 100),), holds=(hold("101", 30, 70),))
    parts = [(Segment.HOLD, 30, 70), (Segment.TALK, 10, 30), (Segment.TALK, 70, 100)]
    assert bars(told) == {None: [(Segment.WAIT, 0, 100), *parts], "101": parts}


def test_hold_before_the_client_is_handed_on_follows_the_talk() -> None:
    told = call(100, talks=(talk("101", 10, 30), talk("102", 70, 100)), holds=(hold("101", 30, 70),))
    assert bars(told)["101"] == [(Segment.HOLD, 30, 70), (Segment.TALK, 10, 30)]
    assert bars(told)["102"] == [(Segment.TALK, 70, 100)]


def test_hold_that_goes_on_reaches_to_now() -> None:
    told = replace(call(100, talks=(talk("101", 10, None),), holds=(hold("101", 30, None),)), end=None)
    assert bars(told, after(100))["101"] == [(Segment.HOLD, 30, 100), (Segment.TALK, 10, 30)]
    assert timeline(told, after(100)).moments[0].length == timedelta(seconds=70)


def test_in_a_conference_the_client_talks_once_however_many_hear_him() -> None:
    told = call(100, talks=(talk("101", 10, 90), talk("102", 40, 80)), holds=(hold("101", 50, 60),))
    assert bars(told)[None][-1] == (Segment.TALK, 10, 90)  # while one of them held him, the other spoke with him


def test_parked_client_waits_until_somebody_fetches_him() -> None:
    moves = tuple(
        Transfer(type=TransferType.PARK, by=Extension("101"), to="103", at=after(seconds)) for seconds in (20, 80)
    )
    told = call(100, talks=(talk("101", 10, 20), talk("103", 50, 80)), transfers=moves)
    parked = [bar for bar in bars(told)[None] if bar[0] is Segment.PARKED]
    assert parked == [(Segment.PARKED, 20, 50), (Segment.PARKED, 80, 100)]


def test_transfers_and_holds_are_told_in_the_order_of_time() -> None:
    told = replace(sample_calls.transferred(AT), holds=(hold("101", 1, 3), hold("105", 10**4, 10**4 + 5)))
    moments = timeline(told, AT).moments
    assert [moment.kind for moment in moments] == [Segment.HOLD, told.transfers[0].type, Segment.HOLD]
    assert [moment.length for moment in moments] == [timedelta(seconds=2), None, timedelta(seconds=5)]


@given(
    talks=st.lists(st.tuples(st.integers(0, 90), st.integers(0, 60)), max_size=4),
    holds=st.lists(st.tuples(st.integers(0, 90), st.integers(0, 60)), max_size=4),
)
def test_pieces_of_a_talk_never_leave_it(talks: list[tuple[int, int]], holds: list[tuple[int, int]]) -> None:
    told = call(
        200,
        talks=tuple(talk("101", start, start + length) for start, length in talks),
        holds=tuple(hold("101", start, start + length) for start, length in sorted(holds)),
    )
    for spoken in told.talks:
        assert spoken.end is not None
        for start, end in pieces(spoken, told, after(200)):
            assert spoken.start <= start <= end <= spoken.end
