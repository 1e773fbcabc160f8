"""amoCRM's JSON, read with forbearance: what is missing or of another type is nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def text(value: Any) -> str:
    """A scalar as text; null, false and containers as an empty one."""
    if value is None or isinstance(value, bool | list | dict):
        return ""
    return str(value).strip()


def whole(value: Any) -> int | None:
    """A whole number, however it is written; None for zero and for what is none."""
    written = text(value)
    return int(written) or None if written.isascii() and written.isdigit() else None


def as_map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """A list, or the values of a map with numbers for keys, as PHP writes a list with gaps."""
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def embedded(body: Any, name: str) -> list[Mapping[str, Any]]:
    """The rows of a list's page or of a batch's answer."""
    return [as_map(row) for row in as_list(as_map(as_map(body).get("_embedded")).get(name))]


def written(value: Any) -> str:
    """JSON for a call's story."""
    return json.dumps(value, ensure_ascii=False, default=str)
