from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ringbridge.pbx.tape import SEGMENT, Tape

START = datetime(2026, 11, 24, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def heard(tape: Tape, since: datetime = START, until: datetime = START + timedelta(days=1)) -> bytes:
    return b"".join(portion.data for portion in tape.portions(since, until))


@given(st.lists(st.binary(min_size=1, max_size=3000), max_size=80))
def test_what_was_said_comes_back_byte_for_byte_with_its_times(said: list[bytes]) -> None:
    tape = Tape(hours=24)
    for number, data in enumerate(said):
        tape.record(data * 8, START + number * MINUTE)
    found = list(tape.portions(START, START + timedelta(days=1)))
    assert [(each.data, each.at) for each in found] == [
        (data * 8, START + number * MINUTE) for number, data in enumerate(said)
    ]


def test_only_the_period_that_is_asked_for_is_given() -> None:
    tape = Tape(hours=24)
    for number in range(10):
        tape.record(b"%d" % number, START + number * MINUTE)
    assert heard(tape, START + 3 * MINUTE, START + 5 * MINUTE) == b"345"


def test_what_is_older_than_it_may_be_and_what_has_no_room_is_forgotten() -> None:
    tape = Tape(hours=1)
    for number in range(180):
        tape.record(b"x" * SEGMENT, START + number * MINUTE)
    now = START + 179 * MINUTE
    assert not tape.reaches_back_to(now - 62 * MINUTE)
    assert tape.reaches_back_to(now - 58 * MINUTE)
    small = Tape(hours=1, largest=1)
    small.record(b"y" * SEGMENT, START)
    assert heard(small) == b""


def test_a_tape_of_no_hours_keeps_nothing() -> None:
    tape = Tape(hours=0)
    tape.record(b"Event: Newchannel\r\n\r\n", START)
    assert heard(tape) == b""
    assert not tape.reaches_back_to(START)


def test_a_new_connection_does_not_go_on_with_the_torn_block_of_the_last() -> None:
    tape = Tape(hours=1)
    tape.record(b"Event: Newch", START)
    tape.begin(START + MINUTE)
    tape.record(b"Asterisk Call Manager/11.0.0\r\n", START + MINUTE)
    assert heard(tape) == b"Event: Newch\r\n\r\nAsterisk Call Manager/11.0.0\r\n"
