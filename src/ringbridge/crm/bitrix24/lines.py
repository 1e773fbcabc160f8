"""The portal's external lines, kept equal to the office's trunks.

Source: Bitrix24 REST docs, telephony.externalLine.get, add, update. A line is known by its number; one that a call
brought up is there already, without a name. Lines that are not ours are never touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ringbridge.crm.bitrix24.telephony import LONGEST_LINE, Command, as_list, as_map
from ringbridge.crm.bitrix24.users import is_yes
from ringbridge.crm.contract import Line, LinesReport

GET, ADD, UPDATE = "telephony.externalLine.get", "telephony.externalLine.add", "telephony.externalLine.update"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    words: str  # what is not as it should be
    command: Command


def lines_in(result: Any) -> dict[str, Line]:
    """By number."""
    rows = (as_map(row) for row in as_list(result))
    lines = (
        Line(
            number=str(row.get("NUMBER") or "").strip(),
            name=str(row.get("NAME") or "").strip(),
            auto_create=is_yes(row.get("CRM_AUTO_CREATE", "Y")),
        )
        for row in rows
    )
    return {line.number: line for line in lines if line.number}


def changes(wanted: Sequence[Line], there: dict[str, Line]) -> list[Change]:
    """What it takes to make the portal's lines as they are wanted."""
    found: list[Change] = []
    for line in {_number(line): line for line in wanted if _number(line)}.values():
        known = there.get(_number(line))
        if known is None:
            found.append(Change(words=f"Line {_number(line)} is missing.", command=_write(ADD, line)))
        elif differences := _differences(line, known):
            words = f"Line {_number(line)}: {', '.join(differences)}."
            found.append(Change(words=words, command=_write(UPDATE, line)))
    return found


def strangers(wanted: Sequence[Line], there: dict[str, Line]) -> tuple[str, ...]:
    ours = {_number(line) for line in wanted}
    return tuple(number for number in there if number not in ours)


def report(found: Sequence[Change], strange: Sequence[str], failures: Sequence[str]) -> LinesReport:
    extra = [f"Line {number} belongs to no trunk; it is left as it is." for number in strange]
    return LinesReport(drift=tuple(change.words for change in found), strange=tuple(extra), failures=tuple(failures))


def _differences(line: Line, known: Line) -> list[str]:
    found = []
    if line.name and line.name != known.name:
        found.append(
            f"its name is “{known.name}”, not “{line.name}”" if known.name else f"its name “{line.name}” is missing"
        )
    if line.auto_create != known.auto_create:
        found.append(f"new clients are {'not ' if line.auto_create else ''}made of unknown numbers")
    return found


def _write(method: str, line: Line) -> Command:
    params: dict[str, Any] = {"NUMBER": _number(line), "CRM_AUTO_CREATE": "Y" if line.auto_create else "N"}
    if line.name:
        params["NAME"] = line.name
    return Command(method=method, params=params)


def _number(line: Line) -> str:
    return line.number.strip()[:LONGEST_LINE]
