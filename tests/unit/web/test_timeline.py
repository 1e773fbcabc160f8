from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.web import sample_calls

from ringbridge.telephony.model import Call, LegResult
from ringbridge.web.timeline import Scale, Segment, ticks, timeline

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
    assert [bar.segment for bar in rows["101"].bars] == [Segment.RING, Segment.RING]
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
