"""Up to fifty commands in one request.

Source: Bitrix24 REST docs, "batch". Commands run in their order; one may take a value from the answer of an earlier
one by a reference, which is why a call that is over can be registered and finished in the same request. A batch
counts as one request for the portal's quota.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from ringbridge.crm.bitrix24.errors import Said, said_in
from ringbridge.crm.bitrix24.telephony import Command, as_map

LARGEST = 50

_REFERENCE = re.compile(r"\$+(?=(?:result|error|total|next)\[)", re.IGNORECASE)


class Reference(str):
    """Stands in a command for a value from the answer of an earlier command of the same batch."""

    __slots__ = ()


def call_id_of(key: str) -> Reference:
    """The CALL_ID that the register command `key` will bring. It must be the whole value: then it is replaced as it
    is; what follows it up to the next blank would be swallowed."""
    return Reference(f"$result[{key}][CALL_ID]")


def body_of(commands: Mapping[str, Command]) -> dict[str, Any]:
    """The parameters of ``batch``. Keys must be no bare numbers: PHP would turn the answer's maps into lists."""
    if not 0 < len(commands) <= LARGEST:
        raise ValueError(f"a batch holds 1 to {LARGEST} commands, not {len(commands)}")
    return {"halt": 0, "cmd": {key: written(command) for key, command in commands.items()}}


def written(command: Command) -> str:
    return f"{command.method}?{urlencode(list(_pairs(command.params)))}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came back for one command: a result, or a refusal; neither when the batch stopped before it."""

    result: Any = None
    refusal: Said | None = None
    reached: bool = True
    free_at: datetime | None = None  # when the method's operating time drops, as the answer says
    next: int | None = None  # where the next page of a list begins
    total: int | None = None  # how many rows a list has that was counted


def outcomes_in(keys: Iterable[str], result: Any) -> dict[str, Outcome]:
    """By key, from the ``result`` of a batch."""
    maps = as_map(result)
    results, refusals = as_map(maps.get("result")), as_map(maps.get("result_error"))
    times, following = as_map(maps.get("result_time")), as_map(maps.get("result_next"))
    totals = as_map(maps.get("result_total"))
    found: dict[str, Outcome] = {}
    for key in keys:
        free_at = _reset(as_map(times.get(key)))
        if key in refusals:
            refusal = said_in(refusals[key]) or Said(text=str(refusals[key]))
            found[key] = Outcome(refusal=refusal, free_at=free_at)
        elif key in results:
            found[key] = Outcome(
                result=results[key], free_at=free_at, next=_number(following.get(key)), total=_number(totals.get(key))
            )
        else:
            found[key] = Outcome(reached=False)
    return found


def _number(value: Any) -> int | None:
    return int(value) if str(value).isdecimal() else None


def _reset(time: Mapping[str, Any]) -> datetime | None:
    try:
        return datetime.fromtimestamp(float(time["operating_reset_at"]), UTC)
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        return None


def _pairs(value: Any, name: str = "") -> Iterable[tuple[str, str]]:
    """Nested values in PHP's brackets."""
    match value:
        case dict():
            for key, item in value.items():
                yield from _pairs(item, f"{name}[{key}]" if name else str(key))
        case list() | tuple():
            for index, item in enumerate(value):
                yield from _pairs(item, f"{name}[{index}]")
        case bool():
            yield name, str(int(value))
        case Reference():
            yield name, str(value)
        case _:
            # A value from outside must not work as a reference.
            yield name, _REFERENCE.sub("", str(value))
