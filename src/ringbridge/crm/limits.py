"""The arithmetic of a portal's quota, pure: no clock of its own, no waiting.

The generic cell rate algorithm (GCRA, ITU-T I.371 annex A) is a leaky bucket kept as one number: the moment at which
everything granted so far will have leaked away. In any stretch of t seconds it grants at most ``burst + rate * t``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ringbridge.routing.intents import Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """What one portal allows one source of requests.

    `first` is what may go at once after a start: nobody knows what was spent just before it, so the difference
    between `burst` and the portal's own threshold is the sensible value. `places` is how many requests may be on
    their way together; `reserves` says which share of burst and places a priority leaves to the better ones.
    """

    rate: float  # requests per second
    burst: int
    first: int
    places: int
    reserves: Mapping[Priority, float]

    def __post_init__(self) -> None:
        if self.rate <= 0 or self.burst < 1 or self.places < 1 or not 0 <= self.first <= self.burst:
            raise ValueError(f"no request could ever pass this quota, or more than its burst: {self}")
        for priority in Priority:
            share = self.reserve(priority)
            if not 0 <= share < 1 or self.burst * (1 - share) < 1 or self.places * (1 - share) < 1:
                raise ValueError(f"{priority} could never pass: its reserve of {share} leaves it no whole request")

    def reserve(self, priority: Priority) -> float:
        return self.reserves.get(priority, 0.0)


class Gcra:
    """How much of a quota is used up. `now` is any clock in seconds that never goes back."""

    def __init__(self, *, rate: float, burst: float, now: float, first: float | None = None) -> None:
        if rate <= 0 or burst <= 0:
            raise ValueError(f"rate and burst must be positive, not {rate} and {burst}")
        self._rate = rate
        self._burst = burst
        self._empty_at = now + (burst - (burst if first is None else first)) / rate

    def ask(self, now: float, cost: float = 1.0, reserve: float = 0.0) -> float:
        """0.0 when `cost` may go now (it is counted then); else the seconds to wait before asking again.

        `reserve` is what must be left of the burst afterwards, for those that matter more.
        """
        if cost > self._burst - reserve:
            raise ValueError(f"{cost} can never go: the burst is {self._burst}, {reserve} of it reserved")
        empty_at = max(self._empty_at, now) + cost / self._rate
        wait = empty_at - now - (self._burst - reserve) / self._rate
        # A wait too short for the clock to show would be asked for ever: it counts as none.
        if wait > 1e-9:
            return wait
        self._empty_at = empty_at
        return 0.0

    def exhaust(self, now: float) -> None:
        """The portal said that it has had enough: count as if the whole burst were spent."""
        self._empty_at = max(self._empty_at, now + self._burst / self._rate)

    def free(self, now: float) -> float:
        """How much may go at once."""
        return min(self._burst, self._burst - (self._empty_at - now) * self._rate)
