"""Activities as the CRM keeps them: rows by id, each bound to one or more clients."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Activities:
    rows: dict[int, dict[str, Any]] = field(default_factory=dict)
    last_id: int = 0

    def add(self, row: dict[str, Any]) -> int:
        self.last_id += 1
        self.rows[self.last_id] = {**row, "ID": str(self.last_id)}
        return self.last_id

    def by_origin(self, origin: str) -> dict[str, Any] | None:
        return next((row for row in self.rows.values() if row.get("ORIGIN_ID") == origin), None)
