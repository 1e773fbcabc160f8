"""A report: a table of figures that a page shows and a file takes along. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum

Value = str | int | float | Decimal | timedelta | None
"""None: there is nothing to say, such as a share of no calls."""

NUMBERS = int | float | Decimal


class Kind(StrEnum):
    """How a column is written."""

    TEXT = "text"
    COUNT = "count"
    SHARE = "share"  # 0 to 1, shown in percent
    TIME = "time"
    MONEY = "money"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    title: str  # English; the catalogue has the others
    kind: Kind = Kind.COUNT
    hint: str = ""
    unit: str = ""  # the currency of money; empty: the CRM tells none


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    values: tuple[Value, ...]
    address: str = ""  # where its first value leads
    links: Mapping[int, str] = field(default_factory=dict)  # where others do, by their places; with a host: elsewhere


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One figure of all, beside that of the period before."""

    title: str
    kind: Kind
    value: Value
    before: Value = None
    more_is_better: bool | None = True  # None: neither
    unit: str = ""

    @property
    def change(self) -> float | None:
        """By which share it is more or less than before; of a share, by how many of its points."""
        if isinstance(self.value, timedelta) and isinstance(self.before, timedelta):
            return self.value / self.before - 1 if self.before else None
        if not isinstance(self.value, NUMBERS) or not isinstance(self.before, NUMBERS):
            return None
        value, before = float(self.value), float(self.before)
        if self.kind is Kind.SHARE:
            return value - before
        return value / before - 1 if before else None

    @property
    def points(self) -> int | None:
        """In whole hundredths, as it is shown."""
        return None if self.change is None else round(self.change * 100)

    @property
    def is_good(self) -> bool | None:
        if self.more_is_better is None or not self.points:
            return None
        return (self.points > 0) is self.more_is_better


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    columns: tuple[Column, ...]
    rows: Sequence[Row]
    tiles: tuple[Tile, ...] = ()
    bar: int | None = None  # the column whose values are drawn as bars

    def length(self, row: Row) -> float:
        """Of a row's bar, 0 to 1 of the longest."""
        if self.bar is None:
            return 0.0
        longest = max((amount(one.values[self.bar]) for one in self.rows), default=0)
        return amount(row.values[self.bar]) / longest if longest else 0.0


def amount(value: Value) -> float:
    return float(value) if isinstance(value, NUMBERS) else 0.0


def money(hundredths: int) -> Decimal:
    return Decimal(hundredths) / 100


def share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def mean(seconds: float, count: int) -> timedelta | None:
    return timedelta(seconds=round(seconds / count)) if count else None
