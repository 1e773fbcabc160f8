"""The configuration's model as fields of a form, so that a new setting is on the page without a line of the page."""

from __future__ import annotations

import types
from dataclasses import dataclass
from enum import Enum, StrEnum
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined


class Kind(StrEnum):
    TEXT = "text"
    NUMBER = "number"
    SECRET = "secret"  # noqa: S105 the name of a kind
    YES_NO = "yes_no"
    CHOICE = "choice"
    LIST = "list"
    MAP = "map"
    JSON = "json"
    GROUP = "group"
    ROWS = "rows"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """`name`: as the configuration has it. `default`: in words, empty where there is none to be named. `fields`: of a
    group, or of each row; an `optional` group may be left out as a whole. `suggests`: a kind of `Suggestions`."""

    name: str
    help: str
    kind: Kind
    default: str = ""
    required: bool = False
    optional: bool = False
    choices: tuple[str, ...] = ()
    suggests: str = ""
    fields: tuple[Field, ...] = ()


@cache
def fields_of(model: type[BaseModel]) -> tuple[Field, ...]:
    return tuple(_field(info.alias or name, info) for name, info in model.model_fields.items())


def _field(name: str, info: FieldInfo) -> Field:
    kind, inner = _kind(info.annotation)
    return Field(
        name=name,
        help=info.description or "",
        kind=kind,
        default="" if info.is_required() else _told(info.get_default(call_default_factory=True, validated_data={})),
        required=info.is_required(),
        optional=kind is Kind.GROUP and types.NoneType in get_args(info.annotation),
        choices=_choices(inner),
        suggests=_suggests(info.json_schema_extra),
        fields=fields_of(inner) if isinstance(inner, type) and issubclass(inner, BaseModel) else (),
    )


def _kind(annotation: Any) -> tuple[Kind, Any]:
    """And the type of what is in it."""
    plain = _plain(annotation)
    origin, inside = get_origin(plain), [_plain(each) for each in get_args(plain)]
    if origin is tuple:
        return (Kind.ROWS if _is(inside[0], BaseModel) else Kind.LIST), inside[0]
    if origin is dict:
        return (Kind.MAP if _is(inside[1], str) or _is(inside[1], SecretStr) else Kind.JSON), inside[1]
    for known, kind in KINDS:
        if _is(plain, known):
            return kind, plain
    return (Kind.CHOICE if origin is Literal else Kind.TEXT), plain


def _plain(annotation: Any) -> Any:
    """Without its validators, and without None."""
    if get_origin(annotation) is Annotated:
        return _plain(get_args(annotation)[0])
    if get_origin(annotation) in {Union, types.UnionType}:
        return _plain(next(each for each in get_args(annotation) if each is not types.NoneType))
    return annotation


def _is(annotation: Any, kind: type) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, kind)


KINDS: tuple[tuple[type, Kind], ...] = (
    (BaseModel, Kind.GROUP),
    (SecretStr, Kind.SECRET),
    (bool, Kind.YES_NO),
    (Enum, Kind.CHOICE),
    (int, Kind.NUMBER),
    (float, Kind.NUMBER),
)


def _choices(inner: Any) -> tuple[str, ...]:
    if _is(inner, Enum):
        return tuple(str(each.value) for each in inner)
    return tuple(map(str, get_args(inner))) if get_origin(inner) is Literal else ()


def _suggests(extra: Any) -> str:
    return str(extra.get("suggests", "")) if isinstance(extra, dict) else ""


def _told(default: Any) -> str:
    match default:
        case None | BaseModel() | SecretStr() | dict():
            return ""
        case bool():
            return "yes" if default else "no"
        case tuple():
            return ", ".join(_told(each) for each in default)
        case Enum():
            return str(default.value)
    return "" if default is PydanticUndefined else str(default)
