"""Filters, orders and pages of the list methods.

Source: Bitrix24 REST docs, "List methods" (filter prefixes); conditions are joined by AND, fields that do not exist
are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ringbridge.emulators.bitrix24.wire import many, mapping, text, whole

Row = Mapping[str, Any]
Test = Callable[[Any, Any], bool]

_PREFIX = re.compile(r"(!><|><|!=%|!%=|=%|%=|!%|!@|!=|>=|<=|[!=><@%?])?(.*)", re.DOTALL)
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:?\d\d)?)?")


def select_rows(rows: Iterable[Row], condition: Any, *, fields: Iterable[str], extra: str = "") -> list[Row]:
    return list(passing(rows, condition, fields=fields, extra=extra))


def passing(rows: Iterable[Row], condition: Any, *, fields: Iterable[str], extra: str = "") -> Iterator[Row]:
    """The rows that pass a filter over these fields; `extra` names operators beyond the usual ones."""
    known = set(fields)
    tests = [
        (name, operator, value)
        for key, value in mapping(condition).items()
        for operator, name in [_split(key)]
        if name in known and (operator in _TESTS) and (operator not in _STATISTICS_ONLY or operator in extra.split())
    ]
    return (row for row in rows if all(_TESTS[operator](row.get(name), value) for name, operator, value in tests))


def _split(key: str) -> tuple[str, str]:
    found = _PREFIX.fullmatch(key)
    operator, name = found.groups() if found else ("", key)
    return operator or "", name


def sort_rows(rows: Sequence[Row], order: Any, *, fields: Iterable[str]) -> list[Row]:
    """By a map of field to direction, the first one weighs most."""
    known, ordered = set(fields), list(rows)
    for name, direction in reversed(mapping(order).items()):
        if name in known:
            descending = text(direction).upper() == "DESC"
            ordered.sort(key=lambda row, name=name: _key(row.get(name)), reverse=descending)  # type: ignore[misc]
    return ordered


def _key(value: Any) -> tuple[int, float, str]:
    """Numbers as numbers, dates as moments, the rest as text; null first."""
    if value is None:
        return (0, 0.0, "")
    written = text(value) if not isinstance(value, bool) else str(int(value))
    if _NUMBER.fullmatch(written):
        return (1, float(written), "")
    if _DATE.fullmatch(written):
        return (1, _moment(written), "")
    return (2, 0.0, written.lower())


def _moment(written: str) -> float:
    at = datetime.fromisoformat(written)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _equal(stored: Any, wanted: Any) -> bool:
    values = many(wanted) if isinstance(wanted, list | dict) else [wanted]
    if isinstance(stored, list):  # a multi-field matches by any of its exact values
        return any(_equal(item.get("VALUE") if isinstance(item, dict) else item, wanted) for item in stored)
    if stored is None:
        return any(text(value) == "" for value in values)
    return any(_key(_flag(stored)) == _key(_flag(value)) for value in values)


def _flag(value: Any) -> Any:
    return {"true": 1, "false": 0, "Y": 1, "N": 0}.get(value, value) if isinstance(value, str) else value


def _contains(stored: Any, wanted: Any) -> bool:
    return text(wanted).lower() in text(stored).lower()


def _like(stored: Any, wanted: Any) -> bool:
    parts = (re.escape(part) for part in text(wanted).split("%"))
    return re.fullmatch(".*".join(parts), text(stored), re.IGNORECASE | re.DOTALL) is not None


def _between(stored: Any, wanted: Any) -> bool:
    bounds = many(wanted)
    return len(bounds) == 2 and stored is not None and _key(bounds[0]) <= _key(stored) <= _key(bounds[1])


def _compare(wins: Callable[[Any, Any], bool]) -> Test:
    return lambda stored, wanted: stored is not None and wins(_key(stored), _key(_bound(wanted)))


def _bound(wanted: Any) -> Any:
    """PHP makes 1 of an array where it wants a number: so ends a reference to a row that the page before had not."""
    return whole(wanted) if isinstance(wanted, list | dict) else wanted


def _not(test: Test) -> Test:
    return lambda stored, wanted: not test(stored, wanted)


_STATISTICS_ONLY = {"><", "!><", "?"}
_TESTS: dict[str, Test] = {
    "": _equal,
    "=": _equal,
    "!": _not(_equal),
    "!=": _not(_equal),
    ">": _compare(lambda one, other: one > other),
    ">=": _compare(lambda one, other: one >= other),
    "<": _compare(lambda one, other: one < other),
    "<=": _compare(lambda one, other: one <= other),
    "@": _equal,
    "!@": _not(_equal),
    "%": _contains,
    "!%": _not(_contains),
    "=%": _like,
    "%=": _like,
    "!=%": _not(_like),
    "!%=": _not(_like),
    "><": _between,
    "!><": _not(_between),
    "?": _contains,
}
