"""Filters and order of lists, as queries write them. Pure.

Source: amoCRM API v4, "Filtration": one value or several, and `[from]`/`[to]` for numbers and times. Keys that a
list does not know are ignored.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

Row = dict[str, Any]


def fits(row: Row, wanted: Mapping[str, Any], names: Mapping[str, str]) -> bool:
    """Whether a row keeps every known filter; `names` maps filter keys to the row's own."""
    return all(_fits(row.get(names[key]), given) for key, given in wanted.items() if key in names)


def _fits(value: Any, given: Any) -> bool:
    match given:
        case {"from": _} | {"to": _}:
            return isinstance(value, int) and _within(value, given)
        case dict():
            return _text(value) in {str(one) for one in given.values()}
        case list():
            return _text(value) in {str(one) for one in given}
    return _text(value) in str(given).split(",")


def _text(value: Any) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)


def _within(value: int, limits: Mapping[str, Any]) -> bool:
    try:
        least, most = limits.get("from"), limits.get("to")
        return (least is None or value >= int(least)) and (most is None or value <= int(most))
    except (TypeError, ValueError):
        return False


def ordered(rows: Sequence[Row], order: Any, names: Collection[str]) -> list[Row]:
    """By `order[field]=asc|desc`; without one, or by an unknown field, by id."""
    fields = [(name, way) for name, way in order.items() if name in names] if isinstance(order, dict) else []
    result = sorted(rows, key=lambda row: str(row.get("id", "")).zfill(20))
    for name, way in reversed(fields):
        result.sort(key=lambda row: row.get(name) or 0, reverse=str(way).lower() == "desc")
    return result
