"""The portal's two quotas. Neither has a clock: time is an argument.

Source: Bitrix24 REST docs, "Limits": a leaky bucket per source address, and a limit on the time each method runs,
summed over ten buckets of one minute.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime

MINUTES = 10


@dataclass(slots=True)
class LeakyBucket:
    """+1 per request, minus `drain` every second; above `threshold` requests are refused and do not count."""

    levels: dict[str, tuple[float, float]] = field(default_factory=dict)  # address -> level, when

    def admits(self, address: str, now: datetime, *, drain: float, threshold: int) -> bool:
        level = self.level(address, now, drain=drain) + 1
        if level > threshold:
            return False
        self.levels[address] = (level, now.timestamp())
        return True

    def level(self, address: str, now: datetime, *, drain: float) -> float:
        level, at = self.levels.get(address, (0.0, now.timestamp()))
        return max(0.0, level - (now.timestamp() - at) * drain)


@dataclass(slots=True)
class OperatingTime:
    """Seconds each method ran, per application or webhook, in the last ten minutes."""

    minutes: dict[tuple[str, str], deque[tuple[int, float]]] = field(default_factory=lambda: defaultdict(deque))

    def spent(self, owner: str, method: str, now: datetime) -> float:
        return sum(seconds for _, seconds in self._live(owner, method, now))

    def add(self, owner: str, method: str, seconds: float, now: datetime) -> None:
        minutes = self._live(owner, method, now)
        minute = _minute(now)
        if minutes and minutes[-1][0] == minute:
            minutes[-1] = (minute, minutes[-1][1] + seconds)
        else:
            minutes.append((minute, seconds))

    def frees_at(self, owner: str, method: str, now: datetime) -> datetime:
        """When the oldest minute drops out."""
        minutes = self._live(owner, method, now)
        oldest = minutes[0][0] if minutes else _minute(now)
        return datetime.fromtimestamp((oldest + MINUTES) * 60, UTC)

    def _live(self, owner: str, method: str, now: datetime) -> deque[tuple[int, float]]:
        minutes = self.minutes[owner, method]
        while minutes and minutes[0][0] <= _minute(now) - MINUTES:
            minutes.popleft()
        return minutes


def _minute(now: datetime) -> int:
    return int(now.timestamp()) // 60
