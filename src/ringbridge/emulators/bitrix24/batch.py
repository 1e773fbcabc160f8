"""batch: up to fifty commands in one request, later ones speaking of the results of earlier ones.

Source: Bitrix24 REST docs, "Executing multiple requests"; how references are read, the on-premise edition.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ringbridge.emulators.bitrix24 import refusals
from ringbridge.emulators.bitrix24.execution import Done, Methods, execute
from ringbridge.emulators.bitrix24.refusals import Refusal
from ringbridge.emulators.bitrix24.request import Request
from ringbridge.emulators.bitrix24.wire import Params, mapping, text, truthy
from ringbridge.emulators.common.forms import as_array, parse_query

MAX_COMMANDS = 50
FILE_METHODS = {"upload", "download"}

# A reference runs up to the next white space, whatever stands between.
_REFERENCE = re.compile(r"\$(result|error|total|next)(\[\S*)", re.IGNORECASE)
_PATH = re.compile(r"\[([^\]]*)\]")


@dataclass(slots=True)
class Results:
    """What the commands gave so far, by their keys. Failed ones have no result."""

    result: Params = field(default_factory=dict)
    error: Params = field(default_factory=dict)
    total: Params = field(default_factory=dict)
    next: Params = field(default_factory=dict)
    time: Params = field(default_factory=dict)

    def keep(self, key: str, done: Done) -> None:
        self.result[key] = done.page.rows
        self.time[key] = done.time
        if done.page.total is not None:
            self.total[key] = done.page.total
        if done.page.next is not None:
            self.next[key] = done.page.next

    def of(self, name: str) -> Params:
        parts = {"result": self.result, "error": self.error, "total": self.total, "next": self.next}
        return parts[name.lower()]

    def as_json(self) -> Params:
        """Keys that count up from 0 make lists, as PHP writes them; others make objects."""
        return {
            "result": _top(self.result),
            "result_error": _top(self.error),
            "result_total": _top(self.total),
            "result_next": _top(self.next),
            "result_time": _top(self.time),
        }


def _top(parts: Params) -> Any:
    counted = [str(number) for number in range(len(parts))]
    return list(parts.values()) if parts and list(parts) == counted else parts


def commands(params: Params) -> Iterator[tuple[str, str, str]]:
    """Key, method and query of each command; anything but a text is passed over."""
    for key, command in mapping(params.get("cmd")).items():
        if isinstance(command, str):
            method, _, query = command.partition("#")[0].partition("?")
            yield key, method.strip().strip("/"), query


def called_methods(params: Params) -> set[str]:
    """What a batch is about to call, in lower case."""
    return {method.lower() for _, method, _ in commands(params)}


async def run(request: Request, methods: Methods) -> Params:
    """Carry out the commands in their order; `halt` stops after the first that fails."""
    halt = truthy(request.params.get("halt"))
    results = Results()
    for index, (key, method, query) in enumerate(commands(request.params)):
        try:
            results.keep(key, await _command(request, methods, results, index, method, query))
        except Refusal as refusal:
            results.error[key] = refusal.body()
            if halt:
                break
    return results.as_json()


async def _command(request: Request, methods: Methods, results: Results, index: int, method: str, query: str) -> Done:
    if index >= MAX_COMMANDS:
        raise refusals.BATCH_TOO_LONG.refusal()
    known = methods.get(method.lower())
    if method.lower() in FILE_METHODS or (known is not None and not known.in_batch):
        raise refusals.BATCH_NOT_ALLOWED.refusal()
    params = resolve(parse_query(query), results)
    struck = request.portal.faults.for_command(method.lower())
    if struck is not None:
        raise struck
    return await execute(request.portal, methods, request.caller, method, params)


def resolve(value: Any, results: Results) -> Any:
    """Parameters with their references replaced, in names and in values."""
    if isinstance(value, dict):
        named = {text(_replace(name, results)): resolve(item, results) for name, item in value.items()}
        return as_array(named)
    if isinstance(value, list):
        return [resolve(item, results) for item in value]
    return _replace(value, results) if isinstance(value, str) else value


def _replace(written: str, results: Results) -> Any:
    """A value that is nothing but a reference becomes what it points to; inside a text only scalars are put in."""
    whole = _REFERENCE.fullmatch(written)
    if whole:
        return _look_up(whole, results)

    def put_in(found: re.Match[str]) -> str:
        value = _look_up(found, results)
        return found.group() if isinstance(value, dict | list) else text(value)

    return _REFERENCE.sub(put_in, written)


def _look_up(reference: re.Match[str], results: Results) -> Any:
    """What the path leads to; where it breaks off, the deepest that was found."""
    value: Any = results.of(reference.group(1))
    for part in _PATH.findall(reference.group(2)):
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            break
    return value
