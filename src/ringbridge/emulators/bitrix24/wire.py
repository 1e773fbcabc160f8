"""Requests in, answers out, the way PHP reads and writes them.

Source: Bitrix24 REST docs, "Data encoding" and "General principles". Forms nest by brackets
(`fields[PHONE][0][VALUE]=1`), their scalars are strings; JSON keeps its types; an empty map is written as `[]`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

Params = dict[str, Any]

PAGE = 50


class DateObject:
    """A date that the method forgot to convert: PHP writes it as an empty object."""


DATE_OBJECT = DateObject()

_KEY = re.compile(r"\[([^\]]*)\]")
_ATOM = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:?\d\d)")
_INTEGER = re.compile(r"\s*[+-]?\d+")


def parse_query(text: str) -> Params:
    """A query string or urlencoded body."""
    return nest(parse_qsl(text, keep_blank_values=True))


def nest(pairs: Iterable[tuple[str, Any]]) -> Params:
    """Flat bracketed names to maps and lists; a name that stands twice keeps the last value."""
    tree: Params = {}
    for name, value in pairs:
        head, bracket, _ = name.partition("[")
        keys = _KEY.findall(name) if bracket else []
        if head:
            _put(tree, [head, *keys], value)
    return {key: as_array(value) for key, value in tree.items()}


def _put(tree: Params, path: list[str], value: Any) -> None:
    for key in path[:-1]:
        key = key or str(_next_index(tree))
        if not isinstance(tree.get(key), dict):
            tree[key] = {}
        tree = tree[key]
    tree[path[-1] or str(_next_index(tree))] = value


def _next_index(tree: Mapping[str, Any]) -> int:
    return max((int(key) for key in tree if key.isdigit()), default=-1) + 1


def as_array(value: Any) -> Any:
    """A map whose keys are 0, 1, 2… is a list, at any depth: PHP does not tell the two apart."""
    if isinstance(value, list):
        return [as_array(item) for item in value]
    if not isinstance(value, dict):
        return value
    items = {str(key): as_array(item) for key, item in value.items()}
    if items and list(items) == [str(index) for index in range(len(items))]:
        return list(items.values())
    return items


def parse_json(body: bytes) -> Params:
    """A JSON body; anything that is not a JSON object counts as an empty one."""
    try:
        data = json.loads(body)
    except ValueError:
        return {}
    return {key: as_array(value) for key, value in data.items()} if isinstance(data, dict) else {}


def write(value: Any, *, empty_map_as_list: bool = True) -> Any:
    """A value as the portal's JSON has it."""
    match value:
        case DateObject():
            return {}
        case dict():
            if not value and empty_map_as_list:
                return []
            return {str(key): write(item, empty_map_as_list=empty_map_as_list) for key, item in value.items()}
        case list() | tuple():
            return [write(item, empty_map_as_list=empty_map_as_list) for item in value]
        case datetime():
            return value.isoformat(timespec="seconds")
    return value


def flatten(value: Any, name: str = "") -> list[tuple[str, str]]:
    """A tree as form fields, the way `http_build_query` writes them: booleans 1 and 0, null left out."""
    match value:
        case None:
            return []
        case dict():
            items: Iterable[tuple[Any, Any]] = value.items()
        case list() | tuple():
            items = enumerate(value)
        case bool():
            return [(name, "1" if value else "0")]
        case _:
            return [(name, str(value))]
    pairs: list[tuple[str, str]] = []
    for key, item in items:
        pairs += flatten(item, f"{name}[{key}]" if name else str(key))
    return pairs


def truthy(value: Any) -> bool:
    """PHP's `if`: `"0"` and `""` are false, but `"N"` and `"false"` are true."""
    return value not in ("", "0", 0, None) and value != [] and value != {}


def whole(value: Any) -> int:
    """PHP's `(int)`: leading digits count, anything else is 0."""
    match value:
        case bool() | int() | float():
            return int(value)
        case str():
            found = _INTEGER.match(value)
            return int(found.group()) if found else 0
        case list() | dict():
            return 1 if value else 0
    return 0


def text(value: Any) -> str:
    """PHP's `(string)` of a scalar; arrays give ``Array``."""
    match value:
        case None | False:
            return ""
        case True:
            return "1"
        case list() | dict():
            return "Array"
    return str(value)


def many(value: Any) -> list[Any]:
    """A value or a list of them as a list."""
    match value:
        case None:
            return []
        case list():
            return value
        case dict():
            return list(value.values())
    return [value]


def mapping(value: Any) -> Params:
    """A map parameter; an empty PHP array arrives as an empty list, a list gets its indexes as keys."""
    if isinstance(value, dict):
        return value
    if isinstance(value, list):
        return {str(index): item for index, item in enumerate(value)}
    return {}


def parse_date(value: str) -> datetime | None:
    """ISO-8601 with an offset and whole seconds, to UTC; None when it is anything else."""
    if not _ATOM.fullmatch(value):
        return None
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except ValueError:
        return None
