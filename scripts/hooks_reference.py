"""Writes docs/reference/hooks.md from the hooks' own signatures, so that the two cannot differ.

python scripts/hooks_reference.py [--check]
"""

from __future__ import annotations

import inspect
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_type_hints

from ringbridge.hooks import samples, values
from ringbridge.hooks.itgrix import OLDER_NAMES
from ringbridge.hooks.specs import SPECS, HookSpec, Of

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "hooks.md"

CHAPTERS = {
    Of.ANY: "Asked at every CRM",
    Of.BITRIX24: "Asked at Bitrix24",
    Of.AMOCRM: "Asked at amoCRM and Kommo",
}

HEAD = """Made from the hooks' own signatures by `python scripts/hooks_reference.py`. How to write one:
[hooks](../howto/hooks.md). The first argument is the value; what a hook gives back takes its place, and `None` leaves
it as it is. A hook names only the arguments that it wants. `ctx` has `settings`, `secrets`, `portal`, `log`, `crm` and
`journal`."""
OTHERS = "Other fields may be there, and may be added, where nothing else is said."

SEEN = (values.PhoneCall, values.Employee, values.Ringing, values.Speaking)
PARAMS = (
    values.RegistrationParams,
    values.CardParams,
    values.FinalParams,
    values.RecordParams,
    values.TaskParams,
    values.OriginateParams,
    values.CallParams,
)


def name_of(kind: Any) -> str:
    if kind is values.Id:
        return "int or str"
    if isinstance(kind, UnionType):
        return " or ".join(name_of(each) for each in get_args(kind))
    if arguments := [each for each in get_args(kind) if each is not Ellipsis]:
        return f"{kind.__origin__.__name__} of {', '.join(map(name_of, arguments))}"
    return "None" if kind is type(None) else str(kind.__name__)


def signature(spec: HookSpec) -> str:
    arguments = ", ".join(f"{name}: {name_of(kind)}" for name, kind in spec.arguments.items())
    return f"{spec.name}({arguments}) -> {name_of(spec.returns)}"


def wrapped(text: str) -> list[str]:
    return textwrap.wrap(" ".join(text.split()), 116, break_long_words=False, break_on_hyphens=False)


def chapter(spec: HookSpec) -> Iterator[str]:
    yield f"### {spec.name}"
    yield ""
    yield "```python"
    yield signature(spec)
    yield "```"
    yield ""
    yield from wrapped(spec.text)
    notes = []
    if spec.cancels:
        notes.append("`{}` cancels.")
    if spec.urgent:
        notes.append("A phone rings meanwhile: `urgent_deadline` applies.")
    if spec.kept:
        notes.append(f"Cannot be changed: {', '.join(f'`{name}`' for name in sorted(spec.kept))}.")
    if older := [old for old, names in OLDER_NAMES.items() if spec.name in names]:
        notes.append(f"Itgrix's older name: {', '.join(f'`{name}`' for name in older)}.")
    if notes:
        yield ""
        yield from wrapped(" ".join(notes))
    yield ""
    yield "```python"
    yield inspect.getsource(getattr(samples, spec.name)).rstrip()
    yield "```"
    yield ""


def table(kind: Any) -> Iterator[str]:
    yield f"### {kind.__name__}"
    yield ""
    yield from wrapped(kind.__doc__ or "")
    yield ""
    yield "| field | type | |"
    yield "| --- | --- | --- |"
    hints = get_type_hints(kind, include_extras=True)
    names = [field.name for field in fields(kind)] if is_dataclass(kind) else list(hints)
    for name in names:
        what, text = get_args(hints[name])
        yield f"| `{name}` | {name_of(what)} | {text} |"
    yield ""


def page() -> str:
    lines = ["# Hooks", "", *wrapped(HEAD), ""]
    for of, title in CHAPTERS.items():
        lines += [f"## {title}", ""]
        for spec in SPECS.values():
            if spec.of is of:
                lines += chapter(spec)
    lines += ["## What hooks see", ""]
    for kind in SEEN:
        lines += table(kind)
    lines += ["`stage`: " + ", ".join(f"`{stage}`" for stage in values.Stage) + ".", ""]
    lines += [
        "## What requests are made of",
        "",
        "Other fields may be there, and may be added, where nothing else is said.",
        "",
    ]
    for kind in PARAMS:
        lines += table(kind)
    return "\n".join(lines).rstrip() + "\n"


def main() -> int:
    text = page()
    if "--check" in sys.argv[1:]:
        if PAGE.read_text(encoding="utf-8") == text:
            return 0
        print(f"{PAGE} is not up to date: python scripts/hooks_reference.py", file=sys.stderr)
        return 1
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
