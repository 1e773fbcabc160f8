"""A row of the rules as a form, and back. Pure.

An empty field is left out: the row asks for nothing there, or leaves the question to the next row. A single ``-`` in a
text says "nothing", which is an answer too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

from pydantic import ValidationError

from ringbridge.service.config import WORDS
from ringbridge.service.config.rules import RuleRow
from ringbridge.web.rule_words import FIELDS, YES_NO, Field, Kind

NOTHING = "-"
INSIDE = frozenset({"TaskConfig", "CallbackConfig", "bool"})
"""Which of two kinds of value was looked for: of no interest to people."""


class Form(Protocol):
    def getlist(self, key: Any) -> list[Any]: ...


Values = dict[str, list[str]]
"""What stands in the fields, by their names."""


def values_of(row: RuleRow | Mapping[str, Any]) -> Values:
    document = row.model_dump(mode="json", by_alias=True, exclude_none=True) if isinstance(row, RuleRow) else row
    return {name: _shown(each, _at(document, name)) for name, each in FIELDS.items()}


def _at(document: Mapping[str, Any], name: str) -> Any:
    outer, _, inner = name.partition(".")
    value = document.get(outer)
    if inner:
        return value.get(inner) if isinstance(value, Mapping) else None
    return True if isinstance(value, Mapping) else value


def _shown(field: Field, value: Any) -> list[str]:
    match value:
        case None:
            return []
        case bool():
            return ["yes" if value else "no"]
        case "" if field.kind in {Kind.TEXT, Kind.AREA} and "." not in field.name:
            return [NOTHING]
        case []:
            return [NOTHING] if field.name == "tags" else []
        case list() | tuple():
            return [str(one) for one in value]
    return [str(value)]


def submitted(form: Form) -> Values:
    """What was typed, to be shown again where it is refused."""
    return {name: list(_given(each, [str(one) for one in form.getlist(name)])) for name, each in FIELDS.items()}


def _given(field: Field, texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        parts = re.split(r"[,;\n]", text) if field.kind is Kind.LIST else [text]
        yield from (part.strip() for part in parts if part.strip())


def document_of(values: Values) -> dict[str, Any]:
    """For `RuleRow`."""
    document: dict[str, Any] = {}
    for name, given in values.items():
        outer, _, inner = name.partition(".")
        if not given:
            continue
        if not inner:
            document[outer] = _value(FIELDS[name], given)
        elif isinstance(document.get(outer), dict):
            document[outer][inner] = _value(FIELDS[name], given)
        elif document.get(outer) is not False:
            document[outer] = {inner: _value(FIELDS[name], given)}
    return document


def _value(field: Field, given: list[str]) -> Any:
    if field.choices is YES_NO:
        return given[0] == "yes"
    if field.kind in {Kind.LIST, Kind.MANY, Kind.ORDER}:
        return [] if given == [NOTHING] else list(dict.fromkeys(given))
    return "" if given[0] == NOTHING else given[0]


def errors_of(error: ValidationError) -> dict[str, list[str]]:
    """By the field's name, in words."""
    found: dict[str, list[str]] = {}
    for each in error.errors():
        if each["loc"][-1:] == ("bool",) and isinstance(each["input"], dict):
            continue
        steps = [str(step) for step in each["loc"] if not isinstance(step, int) and step not in INSIDE]
        name = next((".".join(steps[:n]) for n in (2, 1) if ".".join(steps[:n]) in FIELDS), _first_of(steps))
        words = WORDS.get(each["type"], each["msg"].removeprefix("Value error, "))
        found.setdefault(name, []).append(words)
    return found


def _first_of(steps: list[str]) -> str:
    """A part as a whole has no field of its own everywhere: the list's phones stand for the list."""
    return next((name for name in FIELDS if steps and name.startswith(f"{steps[0]}.")), "name")


def told(row: RuleRow, fields: Iterable[Field]) -> list[tuple[Field, list[str]]]:
    """What the row says in these fields; values that are chosen stand as they are called in the configuration. A part
    that is at its default is left out."""
    document = row.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    shown = ((field, _shown(field, _at(document, field.name))) for field in fields)
    return [(field, values) for field, values in shown if values]
