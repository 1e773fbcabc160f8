"""What lower floors say to people, as it stands in their code: a sentence with a place for each value."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path("src/ringbridge")
SPEAKERS = {
    "crm": {"Transient", "Throttled", "Unauthorized", "Rejected", "NotReached", "AddressRefused", "missing.append"},
    "pbx": {"NotConnected", "LoginRefused", "PeerSpokeNonsense"},
    "routing": {"Refusal"},
    "service": {"Refusal", "failure", "warning", "ok", "Absent", "NotYet"},
}
"""By folder: what is called with a sentence for people."""


def sentences() -> dict[str, str]:
    """Sentence -> where it stands."""
    found: dict[str, str] = {}
    for folder, names in SPEAKERS.items():
        for path in sorted((SOURCE / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and called(node) in names:
                    for argument in spoken(node):
                        for text in texts(argument):
                            found.setdefault(text, f"{path.relative_to(SOURCE)}:{node.lineno}")
    return found


def called(node: ast.Call) -> str:
    match node.func:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=ast.Name(id="missing"), attr="append"):
            return "missing.append"
    return ""


def spoken(node: ast.Call) -> Iterator[ast.expr]:
    yield from node.args
    yield from (keyword.value for keyword in node.keywords if keyword.arg in {"reason", "words", "advice", "why"})


def texts(node: ast.expr) -> Iterator[str]:
    """Both branches of a choice; nothing of a text that is made elsewhere."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp(body=body, orelse=orelse):
            yield from texts(body)
            yield from texts(orelse)
        case ast.JoinedStr(values=values):
            yield "".join(part.value if isinstance(part, ast.Constant) else "%s" for part in values)
