"""A part of the configuration as what stands in the inputs of a form, and back. Pure.

An empty input is a setting at its default. A single ``-`` says: nothing at all. A secret goes one way: an empty input
leaves it as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ringbridge.web.settings.fields import Field, Kind

NOTHING = "-"
KEPT = "••••••"
"""Stands for a secret among others that is kept as it is."""
ON, REMOVED = "!on", "!remove"
"""Behind a field's place: the inputs that take a group in, and a secret or a row out."""

MOST_ROWS = 200

Document = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """A field at its place in the form. `rows`: the inputs of each row, one empty row behind the last."""

    field: Field
    place: str
    text: str = ""
    given: bool = False  # of a secret: there is one; of a group: it is not left out
    inputs: tuple[Input, ...] = ()
    rows: tuple[tuple[Input, ...], ...] = ()


def inputs_of(fields: Iterable[Field], document: Mapping[str, Any], prefix: str = "") -> tuple[Input, ...]:
    return tuple(_input(field, document.get(field.name), f"{prefix}{field.name}") for field in fields)


def _input(field: Field, value: Any, place: str) -> Input:
    match field.kind:
        case Kind.GROUP:
            inputs = inputs_of(field.fields, value or {}, f"{place}.")
            return Input(field=field, place=place, given=value is not None, inputs=inputs)
        case Kind.ROWS:
            filled: Sequence[Any] = value or ()
            rows = tuple(inputs_of(field.fields, row, f"{place}.{n}.") for n, row in enumerate((*filled, {})))
            return Input(field=field, place=place, rows=rows)
        case Kind.SECRET:
            return Input(field=field, place=place, given=bool(value))
    return Input(field=field, place=place, text=_text(field, value))


def _text(field: Field, value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case list() | tuple():
            return ", ".join(map(str, value)) or NOTHING
        case dict() if field.kind is Kind.JSON:
            return json.dumps(value, ensure_ascii=False, indent=1)
        case dict():
            hidden = field.name == "secrets"
            return "\n".join(f"{name} = {KEPT if hidden else one}" for name, one in value.items())
        case "":
            return NOTHING
    return str(value)


def document_of(
    fields: Iterable[Field], form: Mapping[str, str], before: Mapping[str, Any], prefix: str = ""
) -> Document:
    """What was typed, as plain values that the model has yet to judge. `before`: what is stored."""
    found = ((field, _given(field, form, before.get(field.name), f"{prefix}{field.name}")) for field in fields)
    return {field.name: value for field, value in found if value is not None}


def _given(field: Field, form: Mapping[str, str], before: Any, place: str) -> Any:
    """None: the setting is at its default."""
    text = form.get(place, "").strip()
    match field.kind:
        case Kind.GROUP if field.optional:
            inside = document_of(field.fields, form, before or {}, f"{place}.")
            # What is filled in is meant, also where nobody ticked it; what is there already is taken out by the tick.
            return inside if f"{place}{ON}" in form or (inside and before is None) else None
        case Kind.GROUP:
            return document_of(field.fields, form, before or {}, f"{place}.") or None
        case Kind.ROWS:
            return list(_rows(field, form, before or (), place)) or None
        case Kind.SECRET:
            return None if f"{place}{REMOVED}" in form else text or before
        case Kind.LIST:
            return _list(text)
        case Kind.MAP:
            return dict(_pairs(text, before or {})) or None
        case Kind.JSON:
            return _json(text)
        case Kind.YES_NO:
            return {"yes": True, "no": False}.get(text)
    return "" if text == NOTHING else text or None


def _rows(field: Field, form: Mapping[str, str], before: Sequence[Any], place: str) -> Iterator[Document]:
    for n in range(MOST_ROWS):
        at = f"{place}.{n}."
        if not any(name.startswith(at) for name in form):
            return
        stored = before[n] if n < len(before) else {}
        row = document_of(field.fields, form, stored, at)
        if row and f"{place}.{n}{REMOVED}" not in form:
            yield row


def _list(text: str) -> list[str] | None:
    if text == NOTHING:
        return []
    return [part.strip() for part in re.split(r"[,;\n]", text) if part.strip()] or None


def _pairs(text: str, before: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        name, _, value = (part.strip() for part in line.partition("="))
        if name:
            yield name, before.get(name, "") if value == KEPT else value


def _json(text: str) -> Any:
    """What is no JSON goes on as text: the model says what is wrong with it."""
    try:
        return json.loads(text) if text else None
    except ValueError:
        return text


def as_typed(inputs: Iterable[Input], form: Mapping[str, str]) -> tuple[Input, ...]:
    """The inputs of a form that was refused, with what was typed into them. Rows are as they were understood: those
    that were taken out or left empty have moved the others up."""
    return tuple(_as_typed(each, form) for each in inputs)


def _as_typed(each: Input, form: Mapping[str, str]) -> Input:
    match each.field.kind:
        case Kind.ROWS:
            return each
        case Kind.GROUP:
            return replace(each, inputs=as_typed(each.inputs, form))
    return replace(each, text=form.get(each.place, ""))


def places(inputs: Iterable[Input]) -> Iterator[str]:
    for each in inputs:
        yield each.place
        yield from places(each.inputs)
        for row in each.rows:
            yield from places(row)
