"""The last lines of the log, in memory, for the page and for a report."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

KEPT = 2000
LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    at: datetime
    level: str  # one of LEVELS
    event: str
    fields: str  # ``name=value`` each, as they are logged: numbers masked

    def __str__(self) -> str:
        return f"{self.at.isoformat(timespec='milliseconds')} {self.level:7} {self.event} {self.fields}".rstrip()


class LogTail(logging.Handler):
    """A processor of structlog, behind what masks, and a handler for what libraries say."""

    def __init__(self, *, kept: int = KEPT, mask: Callable[[str], str] = str) -> None:
        super().__init__()
        self._lines: deque[LogLine] = deque(maxlen=kept)
        self._mask = mask

    def __call__(self, _: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        fields = {name: value for name, value in event.items() if name not in {"event", "level", "timestamp"}}
        self._keep(str(event.get("level", "info")), str(event.get("event", "")), fields)
        return event

    def emit(self, record: logging.LogRecord) -> None:
        self._keep(record.levelname.lower(), self._mask(record.getMessage()), {"logger": record.name})

    def _keep(self, level: str, event: str, fields: MutableMapping[str, Any]) -> None:
        shown = " ".join(f"{name}={value}" for name, value in fields.items())
        known = level if level in LEVELS else "error"  # critical, exception
        self._lines.append(LogLine(at=datetime.now(UTC), level=known, event=event, fields=shown))

    def lines(self, *, least: str = "debug", text: str = "", most: int = KEPT) -> list[LogLine]:
        """The newest first: of this level or a worse one, with this text in them, whatever its case."""
        wanted, text = set(LEVELS[LEVELS.index(least) :]), text.casefold()
        found = (line for line in reversed(self._lines) if line.level in wanted and text in str(line).casefold())
        return [line for line, _ in zip(found, range(most), strict=False)]
