from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringbridge.crm.limits import Gcra, Quota
from ringbridge.routing.intents import Priority

rates = st.floats(min_value=0.1, max_value=50)
bursts = st.integers(min_value=1, max_value=60)
asks = st.lists(st.tuples(st.floats(min_value=0, max_value=5), st.integers(1, 3), st.floats(0, 0.9)), max_size=200)


@given(rates, bursts, asks)
def test_no_stretch_of_time_holds_more_than_burst_and_what_leaks_away(
    rate: float, burst: int, asked: list[tuple[float, int, float]]
) -> None:
    bucket = Gcra(rate=rate, burst=burst, now=0.0)
    now, granted = 0.0, []
    for pause, cost, share in asked:
        now += pause
        if cost <= burst * (1 - share) and bucket.ask(now, cost=cost, reserve=burst * share) == 0.0:
            granted.append((now, cost))
    for first, (begin, _) in enumerate(granted):
        total = 0
        for at, cost in granted[first:]:
            total += cost
            assert total <= burst + rate * (at - begin) + 1e-6


@given(rates, bursts, asks)
def test_after_the_wait_that_was_named_the_request_goes(
    rate: float, burst: int, asked: list[tuple[float, int, float]]
) -> None:
    bucket = Gcra(rate=rate, burst=burst, now=0.0)
    now = 0.0
    for pause, cost, share in asked:
        now += pause
        if cost > burst * (1 - share):
            continue
        if wait := bucket.ask(now, cost=cost, reserve=burst * share):
            now += wait
            assert bucket.ask(now, cost=cost, reserve=burst * share) < 1e-6


@given(rates, st.integers(2, 60), st.floats(0.01, 0.9))
def test_who_keeps_a_reserve_leaves_it_for_the_others(rate: float, burst: int, share: float) -> None:
    bucket = Gcra(rate=rate, burst=burst, now=0.0)
    reserve = min(burst * share, burst - 1)
    while bucket.ask(0.0, reserve=reserve) == 0.0:
        continue
    assert bucket.free(0.0) >= reserve - 1e-6
    taken = 0
    while bucket.ask(0.0) == 0.0:
        taken += 1
    assert taken >= int(reserve - 1e-6)


@given(rates, bursts)
def test_a_refused_request_is_not_counted(rate: float, burst: int) -> None:
    bucket = Gcra(rate=rate, burst=burst, now=0.0)
    while bucket.ask(0.0) == 0.0:
        continue
    first = bucket.ask(0.0)
    assert all(bucket.ask(0.0) == first for _ in range(5))


def test_a_fresh_start_spends_no_more_than_it_may() -> None:
    bucket = Gcra(rate=2, burst=40, first=10, now=0.0)
    assert sum(bucket.ask(0.0) == 0.0 for _ in range(40)) == 10


def test_an_exhausted_bucket_leaks_for_its_whole_burst() -> None:
    bucket = Gcra(rate=2, burst=40, now=0.0)
    bucket.exhaust(0.0)
    assert bucket.ask(0.0) == pytest.approx(0.5)
    assert bucket.free(0.0) == pytest.approx(0)


def test_what_could_never_go_is_refused_at_once() -> None:
    bucket = Gcra(rate=2, burst=5, now=0.0)
    with pytest.raises(ValueError, match="never go"):
        bucket.ask(0.0, cost=3, reserve=3)


@pytest.mark.parametrize(
    "changes",
    [
        {"rate": 0},
        {"burst": 0},
        {"places": 0},
        {"first": 41},
        {"reserves": {Priority.REST: 1.0}},
        {"places": 1, "reserves": {Priority.REST: 0.5}},
    ],
)
def test_a_quota_that_would_let_somebody_wait_for_ever_is_refused(changes: dict[str, object]) -> None:
    values: dict[str, object] = {"rate": 2.0, "burst": 40, "first": 10, "places": 6, "reserves": {}}
    with pytest.raises(ValueError, match="pass"):
        Quota(**{**values, **changes})  # type: ignore[arg-type]
