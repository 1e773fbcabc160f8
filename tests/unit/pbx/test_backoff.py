from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ringbridge.pbx.backoff import LOST, REFUSED
from ringbridge.pbx.settings import Patience

chances = st.floats(0, 1, exclude_max=True)


@given(st.integers(0, 10_000), chances)
def test_a_pause_is_never_nothing_and_never_longer_than_the_longest(attempt: int, chance: float) -> None:
    assert 0 < LOST.pause(attempt, lambda: chance) <= LOST.longest


@given(st.integers(0, 100))
def test_pauses_grow_until_the_longest(attempt: int) -> None:
    assert LOST.pause(attempt + 1, lambda: 0.0) >= LOST.pause(attempt, lambda: 0.0)


@given(chances, chances)
def test_five_refused_logins_take_longer_than_the_ten_minutes_fail2ban_counts(first: float, second: float) -> None:
    assert REFUSED.pause(0, lambda: first) + REFUSED.pause(1, lambda: second) > 600


def test_a_silent_link_is_given_up_within_fifteen_seconds() -> None:
    patience = Patience()
    assert patience.ping_every + 2 * patience.pong < 15
