"""Forms as PHP reads and writes them: names nest by brackets (`fields[PHONE][0][VALUE]=1`), values are strings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

Params = dict[str, Any]

_KEY = re.compile(r"\[([^\]]*)\]")


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
    return max((int(key) for key in tree if key.isdecimal()), default=-1) + 1


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
