"""What was asked of the portal: counts for people, a log for tests, a journal file for tests that kill processes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ringbridge.emulators.common.journal import Journal

_LONG = 200
_REMEMBERED = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Executed:
    """One method that ran, alone or as a command of a batch."""

    at: datetime
    request: int  # which HTTP request carried it
    method: str
    params: dict[str, Any]
    result: Any = None
    error: str | None = None  # "code: text" where it was refused


@dataclass(slots=True)
class Traffic(Journal):
    requests: int = 0  # HTTP requests to the REST interface, refused ones included
    statuses: Counter[int] = field(default_factory=Counter)
    methods: Counter[str] = field(default_factory=Counter)  # executed, by lower-case name
    executed: list[Executed] = field(default_factory=list)  # the latest, oldest first

    def add(self, executed: Executed) -> None:
        self.methods[executed.method] += 1
        self.executed.append(executed)
        if len(self.executed) > _REMEMBERED:
            del self.executed[: _REMEMBERED // 2]
        if self.file is not None:
            self.write(as_json(executed))


def as_json(executed: Executed) -> dict[str, Any]:
    return {
        "at": executed.at.isoformat(),
        "request": executed.request,
        "method": executed.method,
        "params": shortened(executed.params),
        "result": shortened(executed.result),
        "error": executed.error,
    }


def shortened(value: Any) -> Any:
    """The same with long texts (files) cut, fit for JSON."""
    match value:
        case dict():
            return {str(key): shortened(item) for key, item in value.items()}
        case list() | tuple():
            return [shortened(item) for item in value]
        case str() if len(value) > _LONG:
            return f"{value[:_LONG]}… ({len(value)} characters)"
        case str() | int() | float() | None:
            return value
        case datetime():
            return value.isoformat()
    return {}
