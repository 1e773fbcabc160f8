"""Writes docs/reference/api.md from the interface's own description, so that the two cannot differ.

python scripts/api_reference.py [--check]
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ringbridge.web.api.document import document
from ringbridge.web.api.operation import Door, Operation
from ringbridge.web.programs import OPERATIONS

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "api.md"

DOORS = {
    Door.BEARER: "a token that may `{}`",
    Door.HERE_OR_BEARER: "programs on this machine; from elsewhere a token that may `{}`",
    Door.HERE_OR_ACCOUNT: "programs on this machine; from elsewhere a token that may `{}`, or name and password of an "
    "administrator or a supervisor (HTTP Basic)",
    Door.OPEN: "everybody",
}

HEAD = """\
# The interface for programs

Made from the code's own types by `python scripts/api_reference.py`. Every installation serves the same as OpenAPI 3.1
at `/api/openapi.json`, open to everybody: there is no secret in it. How to use it:
[Call by a program](../howto/call-by-api.md).

A token is shown as `Authorization: Bearer …`. Times are ISO 8601; what is answered is UTC.
"""


def page() -> str:
    described = document(OPERATIONS)
    lines = [HEAD]
    for operation in OPERATIONS:
        lines += section(operation, described["paths"][operation.path][operation.method.lower()])
    lines.append("## What is sent and answered\n")
    for name, schema in sorted(described["components"]["schemas"].items()):
        if schema:  # else it may be anything
            lines += model(name, schema)
    return "\n".join(lines).rstrip() + "\n"


def section(operation: Operation, described: Mapping[str, Any]) -> Iterator[str]:
    yield f"## {operation.method} {operation.path}\n"
    yield f"{operation.title}. Open to {DOORS[operation.door].format(operation.permission)}.{after(operation.text)}\n"
    if described["parameters"]:
        yield "| in the address | | |\n| --- | --- | --- |"
        for each in described["parameters"]:
            yield f"| `{each['name']}` | {kind(each['schema'])} | {each['description']} |"
        yield ""
    if body := described.get("requestBody"):
        yield f"Sent: {kind(body['content']['application/json']['schema'])}.\n"
    yield "| status | | answered |\n| --- | --- | --- |"
    for status, answer in described["responses"].items():
        shown = [kind(one["schema"]) if "json" in form else "text" for form, one in answer["content"].items()]
        yield f"| {status} | {cell(answer['description'])} | {', or '.join(shown)} |"
    yield ""


def model(name: str, schema: Mapping[str, Any]) -> Iterator[str]:
    yield f"### {name}\n"
    if words := schema.get("description"):
        yield f"{cell(words)}\n"
    if values := schema.get("enum"):
        yield f"One of {', '.join(f'`{value}`' for value in values)}.\n"
    if not schema.get("properties"):
        return
    yield "| field | | |\n| --- | --- | --- |"
    for field, part in schema["properties"].items():
        needed = ", required" if field in schema.get("required", ()) else ""
        yield f"| `{field}` | {kind(part)}{needed} | {cell(part.get('description', ''))} |"
    yield ""


def kind(schema: Mapping[str, Any]) -> str:
    """A schema in a few words, with the way to what it names."""
    if reference := schema.get("$ref"):
        name = reference.rpartition("/")[2]
        if name == "JsonValue":
            return "any JSON"
        return f"[{name}](#{name.lower()})"
    if several := schema.get("anyOf"):
        return " or ".join(dict.fromkeys(map(kind, several)))
    if values := schema.get("enum", [schema["const"]] if "const" in schema else None):
        return " or ".join(f"`{value}`" if value else "empty" for value in values)
    match schema.get("type"):
        case "array":
            return f"list of {kind(schema['items'])}"
        case "object" if isinstance(inner := schema.get("additionalProperties"), dict):
            return f"{kind(inner)} by name"
        case "string" if schema.get("format") == "date-time":
            return "time"
        case "string":
            return f"text, at most {schema['maxLength']} characters" if "maxLength" in schema else "text"
        case str(plain):
            return plain
        case _:
            return "any JSON"


def after(text: str) -> str:
    return f" {text}" if text else ""


def cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(0 if PAGE.read_text(encoding="utf-8") == page() else f"{PAGE} is not up to date: run {sys.argv[0]}")
    PAGE.write_text(page(), encoding="utf-8")
