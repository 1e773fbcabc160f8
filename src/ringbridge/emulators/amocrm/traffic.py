"""What was asked of the account: counts for people, a log for tests, a journal file for tests that kill processes."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from ringbridge.emulators.common.journal import Journal

_REMEMBERED = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request to the interface. `status` 0: it was given no answer."""

    at: datetime
    method: str
    path: str
    query: str
    body: Any
    status: int
    executed: bool
    integration: str = ""  # client_id; empty for a person in a browser
    answer: Any = None


@dataclass(slots=True)
class Traffic(Journal):
    statuses: Counter[int] = field(default_factory=Counter)
    asked: deque[Asked] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))  # oldest first

    @property
    def requests(self) -> int:
        return self.statuses.total()

    def add(self, asked: Asked) -> None:
        self.statuses[asked.status] += 1
        self.asked.append(asked)
        if self.file is not None:
            self.write(asdict(asked) | {"at": asked.at.isoformat()})

    def of(self, method: str, path: str) -> list[Asked]:
        """The requests with this method whose path begins so."""
        return [one for one in self.asked if one.method == method and one.path.startswith(path)]

    def busiest_second(self) -> int:
        """The most requests of integrations that came within any one second."""
        window: deque[datetime] = deque()
        most = 0
        for one in self.asked:
            if not one.integration:
                continue
            window.append(one.at)
            while (one.at - window[0]).total_seconds() >= 1:
                window.popleft()
            most = max(most, len(window))
        return most
