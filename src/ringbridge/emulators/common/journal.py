"""A file with a JSON object a line, for tests that kill processes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO


@dataclass(slots=True)
class Journal:
    """Nothing is written before `write_to`."""

    file: TextIO | None = None

    def write_to(self, path: Path) -> None:
        """Append to a file from now on."""
        self.file = path.open("a", encoding="utf-8", buffering=1)

    def write(self, row: dict[str, Any]) -> None:
        if self.file is not None:
            self.file.write(json.dumps(row, ensure_ascii=False) + "\n")

    def close(self) -> None:
        if self.file is not None:
            self.file.close()
            self.file = None
