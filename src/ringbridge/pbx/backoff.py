"""How long to wait before the next attempt: a pure calculation, chance is an argument."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Pauses in seconds that double from ``first`` to ``longest``, each shortened by chance by up to ``jitter`` of
    itself: the connectors of a hundred offices must not all come back in the same second."""

    first: float = 0.5
    longest: float = 30.0
    jitter: float = 0.5

    def pause(self, attempt: int, chance: Callable[[], float]) -> float:
        """The pause after failure number ``attempt`` (from 0). ``chance`` gives a number from 0 to below 1."""
        full = min(self.longest, self.first * 2.0 ** min(attempt, 32))
        return full * (1.0 - self.jitter * chance())


LOST = Backoff()
"""After a lost or failed connection: an Asterisk that restarts is back in about two seconds."""

REFUSED = Backoff(first=300.0, longest=3600.0, jitter=0.1)
"""After a refused login: rarer than the five failures in ten minutes at which fail2ban shuts an address out."""
