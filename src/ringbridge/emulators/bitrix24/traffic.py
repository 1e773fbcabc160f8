"""What was asked of the portal: counts for people, a log for tests, a journal file for tests that kill processes."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

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
class Traffic:
    requests: int = 0  # HTTP requests to the REST interface, refused ones included
    statuses: Counter[int] = field(default_factory=Counter)
    methods: Counter[str] = field(default_factory=Counter)  # executed, by lower-case name
    executed: list[Executed] = field(default_factory=list)  # the latest, oldest first
    journal: TextIO | None = None

    def write_to(self, path: Path) -> None:
        """Append every executed method to a file, one JSON object per line."""
        self.journal = path.open("a", encoding="utf-8", buffering=1)

    def close(self) -> None:
        if self.journal is not None:
            self.journal.close()
            self.journal = None

    def add(self, executed: Executed) -> None:
        self.methods[executed.method] += 1
        self.executed.append(executed)
        if len(self.executed) > _REMEMBERED:
            del self.executed[: _REMEMBERED // 2]
        if self.journal is not None:
            self.journal.write(json.dumps(as_json(executed), ensure_ascii=False) + "\n")


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
