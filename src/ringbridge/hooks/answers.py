"""What a hook gave back: whether it is what its specification wants, and can be kept, sent and dialled."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ringbridge.hooks.outcome import HookFailed
from ringbridge.hooks.specs import SPECS, HookSpec

LARGEST = 1024 * 1024  # characters of a map as JSON
LONGEST = 4096  # characters of a text: the longest path that Linux takes
SHOWN = 60

BROKEN = re.compile("[\0-\x1f\x7f\ud800-\udfff]")
"""No line of what a PBX is told, nor a file's name, holds these. Halves of letters that UTF-16 writes as two come from
programs that cut a text in the middle of one."""


def is_empty(answer: Any) -> bool:
    """False and an empty text are no empty value: they are what conditions come to."""
    return isinstance(answer, Mapping | list) and not answer


def checked(spec: HookSpec, answer: Any, value: Any) -> Any:
    """The answer as the specification wants it. Raises `HookFailed`."""
    try:
        found = _adapter(spec.name).validate_python(answer, strict=not spec.gives_map)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        given = repr(first["input"])[:SHOWN]
        raise HookFailed(
            f"gave back what it may not: {place + ': ' if place else ''}{first['msg']}, not {given}"
        ) from None
    for line in _lines(spec, found):
        if BROKEN.search(line):
            raise HookFailed(f"gave back what it may not: a text of one line is expected, not {line[:SHOWN]!r}")
        _limited(len(line), LONGEST)
    return _whole_map(spec, found, value) if spec.gives_map else found


@cache
def _adapter(hook: str) -> TypeAdapter[Any]:
    return TypeAdapter(SPECS[hook].returns)


def _lines(spec: HookSpec, found: Any) -> Iterator[str]:
    """Texts that a PBX is told, or a file is called."""
    if isinstance(found, str):
        yield found
    elif spec.gives_map and spec.urgent:
        yield from (text for text in found.values() if isinstance(text, str))


def _whole_map(spec: HookSpec, found: Mapping[str, Any], value: Any) -> dict[str, Any]:
    """With the fields that stay what they are; as it can be sent."""
    kept = {name: value[name] for name in spec.kept if isinstance(value, Mapping) and name in value}
    whole = {**found, **kept}
    try:
        written = json.dumps(whole, ensure_ascii=False, allow_nan=False)
        _limited(len(written), LARGEST)
        written.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise HookFailed(f"gave back what is no JSON: {error}") from None
    return whole


def _limited(length: int, most: int) -> None:
    if length > most:
        raise HookFailed(f"gave back {length} characters; at most {most} are taken")
