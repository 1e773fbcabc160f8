"""What lower floors say to people, as it stands in their code: a sentence with a place for each value."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path("src/ringbridge")
SPEAKERS = {
    "crm": {"Transient", "Throttled", "Unauthorized", "Rejected", "NotReached", "AddressRefused", "missing.append"},
    "hooks": {"HookFailed", "HookTimeout", "HookBroken"},
    "pbx": {"NotConnected", "LoginRefused", "PeerSpokeNonsense", "ConversionFailed", "BadLink", "ExpiredLink"},
    "routing": {"Refusal"},
    "service": {"Refusal", "failure", "warning", "ok", "Absent", "NotYet"},
    "service/config": {"ValueError"},
}
"""By folder: what is called with a sentence for people."""

PARTED = {
    "did not end within %s s and was killed%s",  # with what the program complained of, or without
    "gave back what it may not: %s%s, not %s",
    "%s %s stands twice",
}
"""Put together of parts: the whole ones are known."""

ELSEWHERE = {
    "service/config/trunk.py",  # in a setting's description, which has a catalogue of its own
    "service/itgrix/words.py",  # on the command line
    "service/journal/reporting.py",  # in a file that is handed on
}
"""Where sentences that have a name are told in another place than on the page."""


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
                for text in told_by_name(node) if str(path.relative_to(SOURCE)) not in ELSEWHERE else ():
                    found.setdefault(text, f"{path.relative_to(SOURCE)}:{node.lineno}")
    return {text: where for text, where in found.items() if text not in PARTED}


def told_by_name(node: ast.AST) -> Iterator[str]:
    """Whole sentences that have a name (``NO_RIGHT = "…"``), and what is kept as a trouble."""
    match node:
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if name.isupper():
            yield from (text for text in texts(value) if text.endswith((".", "?")) and text.count(" ") > 2)
        case ast.Assign(targets=[ast.Attribute(attr="trouble")], value=value):
            yield from texts(value)


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
