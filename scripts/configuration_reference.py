"""Writes docs/reference/configuration.md from the configuration's own model, so that the two cannot differ.

python scripts/configuration_reference.py [--check]
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from ringbridge.routing.templates import FIELDS
from ringbridge.service.bootstrap import Bootstrap
from ringbridge.service.config import Office
from ringbridge.service.config.web import WebConfig

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "configuration.md"


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from models_in(argument)


def default_of(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is None or value is PydanticUndefined or isinstance(value, BaseModel) or value in ((), {}, ""):
        return ""
    if isinstance(value, tuple) and any(isinstance(each, BaseModel) for each in value):
        return ""
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    if isinstance(value, Enum):
        return f"`{value.value}`"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def section(title: str, model: type[BaseModel]) -> Iterator[str]:
    yield f"\n## {title}\n"
    yield "| setting | default | |"
    yield "| --- | --- | --- |"
    nested: list[tuple[str, type[BaseModel]]] = []
    for name, field in model.model_fields.items():
        shown = field.alias or name
        text = (field.description or "").replace("|", "\\|")
        yield f"| `{shown}` | {default_of(field)} | {text} |"
        nested += [(shown, inner) for inner in dict.fromkeys(models_in(field.annotation))]
    for name, inner in nested:
        base = title.strip("`[]")
        path = name if base == "The office" else f"{base}.{name}"
        yield from section(f"`[{path}]`", inner)


def page() -> str:
    lines = [
        "# Configuration",
        "",
        "Made from the configuration's own model by `python scripts/configuration_reference.py`.",
        "",
        "`ringbridge config import office.toml` takes a file, `ringbridge config export` prints the present one.",
        "Tables that may stand several times are written with double brackets: `[[pbx]]`.",
        *section("The office", Office),
        "",
        "## Templates",
        "",
        *(f"- `{{{name}}}`: {what}" for name, what in FIELDS.items()),
        "",
        "## Before the database is open",
        "",
        "From the environment (`RINGBRIDGE_` and the name in capitals), else from `/etc/ringbridge/ringbridge.toml`.",
        "",
        "| setting | default | |",
        "| --- | --- | --- |",
        *(
            f"| `{name}` | {default_of(field)} | {field.description} |"
            for name, field in Bootstrap.model_fields.items()
        ),
        *section("`[web]`", WebConfig),
        "",
        "From the environment: `RINGBRIDGE_WEB__CERTIFICATE` and so on.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(0 if PAGE.read_text(encoding="utf-8") == page() else f"{PAGE} is not up to date: run {sys.argv[0]}")
    PAGE.write_text(page(), encoding="utf-8")
