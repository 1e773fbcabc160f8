"""How many requests a second, and when the door is shut for hammering. No clock: time is an argument, in seconds.

Source: amoCRM developer documentation, "Limitations": seven requests a second; who goes on is answered 403.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum, auto

from ringbridge.emulators.amocrm.settings import Limiter, QuotaOwner, Settings


class Verdict(StrEnum):
    ADMITTED = auto()
    TOO_MANY = auto()
    BLOCKED = auto()


@dataclass(slots=True)
class Bucket:
    """A token bucket, full at the start."""

    tokens: float
    at: float = 0.0

    def admits(self, now: float, *, rate: float, burst: float) -> bool:
        self.tokens = min(burst, self.tokens + (now - self.at) * rate)
        self.at = now
        if self.tokens < 1 - 1e-9:
            return False
        self.tokens -= 1
        return True


@dataclass(slots=True)
class Window:
    """The admitted requests of the last second."""

    admitted: deque[float] = field(default_factory=deque)

    def admits(self, now: float, *, most: int) -> bool:
        while self.admitted and self.admitted[0] <= now - 1:
            self.admitted.popleft()
        if len(self.admitted) >= most:
            return False
        self.admitted.append(now)
        return True


@dataclass(slots=True, kw_only=True)
class Throttle:
    settings: Settings
    buckets: dict[str, Bucket] = field(default_factory=dict)
    windows: dict[str, Window] = field(default_factory=dict)
    refused: int = 0  # 429 in a row
    blocked_until: float = 0.0

    def ask(self, owner: str, now: float) -> Verdict:
        """Whether a request of this owner may pass; it is counted when it may."""
        if now < self.blocked_until:
            return Verdict.BLOCKED
        if not self.settings.rate_limit or self._admits(owner, now):
            self.refused = 0
            return Verdict.ADMITTED
        self.refused += 1
        if self.refused >= self.settings.refusals_before_block:
            self.block(now)
        return Verdict.TOO_MANY

    def block(self, now: float) -> None:
        """Answer everything with 403 for a while."""
        self.refused = 0
        self.blocked_until = now + self.settings.block_time.total_seconds()

    def _admits(self, owner: str, now: float) -> bool:
        settings = self.settings
        key = owner if settings.quota_owner is QuotaOwner.INTEGRATION else "account"
        if settings.limiter is Limiter.WINDOW:
            own = self.windows.setdefault(key, Window()).admits(now, most=int(settings.rate_per_second))
        else:
            bucket = self.buckets.setdefault(key, Bucket(settings.burst, now))
            own = bucket.admits(now, rate=settings.rate_per_second, burst=settings.burst)
        rate = settings.account_rate_per_second
        return own and self.buckets.setdefault("", Bucket(rate, now)).admits(now, rate=rate, burst=rate)
