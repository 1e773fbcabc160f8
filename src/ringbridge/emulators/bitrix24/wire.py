"""Requests in, answers out, the way PHP reads and writes them.

Source: Bitrix24 REST docs, "Data encoding" and "General principles". Forms nest by brackets
(`fields[PHONE][0][VALUE]=1`), their scalars are strings; JSON keeps its types; an empty map is written as `[]`.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

from ringbridge.emulators.common.forms import as_array

Params = dict[str, Any]

PAGE = 50


class DateObject:
    """A date that the method forgot to convert: PHP writes it as an empty object."""


DATE_OBJECT = DateObject()

_ATOM = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:?\d\d)")
_INTEGER = re.compile(r"\s*[+-]?\d+")


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
