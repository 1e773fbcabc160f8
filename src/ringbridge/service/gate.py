"""How often somebody may come in."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from datetime import datetime, timedelta

MOST_SENDERS = 1000


class Gate:
    """Lets each sender in so many times within a while; the senders that came last are remembered."""

    def __init__(self, now: Callable[[], datetime], *, most: int, within: timedelta) -> None:
        self._now = now
        self._most, self._within = most, within
        self._seen: OrderedDict[str, deque[datetime]] = OrderedDict()

    def lets_in(self, sender: str = "") -> bool:
        now = self._now()
        seen = self._seen.setdefault(sender, deque())
        self._seen.move_to_end(sender)
        while len(self._seen) > MOST_SENDERS:
            self._seen.popitem(last=False)
        while seen and seen[0] <= now - self._within:
            seen.popleft()
        if len(seen) >= self._most:
            return False
        seen.append(now)
        return True

    def forgive(self, sender: str = "") -> None:
        """The last time does not count: it was somebody who may come as often as they like."""
        if seen := self._seen.get(sender):
            seen.pop()
