"""A figure as it is printed."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 118


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """`columns` are the table's headings, `rows` its lines; `method` says in a few sentences how it was taken."""

    title: str
    method: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]

    def markdown(self) -> str:
        paragraphs = "\n\n".join(textwrap.fill(text, WIDTH) for text in self.method.split("\n\n"))
        lines = [f"## {self.title}", "", paragraphs, "", _line(self.columns), _line(("---",) * len(self.columns))]
        return "\n".join([*lines, *(_line(row) for row in self.rows), ""])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of all do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


def mebibytes(count: float) -> str:
    return f"{count / 2**20:.1f} MiB"


def kibibytes(count: float) -> str:
    return f"{count / 2**10:.1f} KiB"
