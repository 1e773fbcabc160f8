"""The dialplan that the emulated Asterisk says it has loaded, out of the text of an ``extensions.conf``. It is only
shown: calls are played as they were recorded.

Source: Asterisk 22, ``main/pbx.c``, `manager_show_dialplan`; a real 22.10.1's answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ringbridge.ami.message import Headers

CONTEXT = re.compile(r"\[([^]]+)\]")
STEP = re.compile(r"(?:exten\s*=>\s*([^,]+)|same\s*=>\s*n)\s*,(?:(\d+|n),)?\s*(\w+)\((.*)\)\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Priority:
    context: str
    extension: str
    number: int
    application: str
    data: str

    @property
    def row(self) -> Headers:
        return (
            ("Event", "ListDialplan"),
            ("Context", self.context),
            ("Extension", self.extension),
            ("Priority", str(self.number)),
            ("Application", self.application),
            ("AppData", self.data),
            ("Registrar", "pbx_config"),
        )


def loaded(text: str) -> tuple[Priority, ...]:
    """Every step of it; comments, inclusions and what is no step are passed over."""
    return tuple(_steps(text.splitlines()))


def _steps(lines: Iterable[str]) -> Iterator[Priority]:
    context, extension, number = "", "", 0
    for line in lines:
        if match := CONTEXT.match(line):
            context = match[1]
        elif match := STEP.fullmatch(line.strip()):
            extension, number = (match[1], 1) if match[1] else (extension, number + 1)
            yield Priority(context=context, extension=extension, number=number, application=match[3], data=match[4])


def totals(steps: Iterable[Priority]) -> Headers:
    """What ends a list of them."""
    shown = list(steps)
    return (
        ("ListExtensions", str(len({(step.context, step.extension) for step in shown}))),
        ("ListPriorities", str(len(shown))),
        ("ListContexts", str(len({step.context for step in shown}))),
    )
