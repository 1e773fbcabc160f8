"""The texts an office writes with holes in them: ``Call back {number}``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta, tzinfo

from ringbridge.routing.office import Staff
from ringbridge.telephony.model import Call, Direction
from ringbridge.telephony.numbers import parse_number

FIELDS = {
    "number": "the client's number",
    "name": "the client's name as the provider sent it",
    "line": "the company's line",
    "trunk": "the trunk",
    "date": "day of the call",
    "time": "time of the call",
    "wait": "how long the client waited for an answer",
    "talk": "how long was spoken",
    "hold": "how long the client was on hold",
    "rung": "whom it rang",
    "speakers": "who spoke with the client",
    "transfers": "who handed the call to whom",
    "queue": "the queue it waited in",
    "menu": "what the client chose in the menu",
    "result": "how it ended",
}
HOLE = re.compile(r"\{(\w+)\}")


class BadTemplate(ValueError):
    """A template with a hole that nothing fills. The text names it."""


def check(template: str) -> str:
    """The template itself. Raises `BadTemplate`."""
    for name in HOLE.findall(template):
        if name not in FIELDS:
            raise BadTemplate(f"{{{name}}} is nothing that can be filled in; there are: {', '.join(FIELDS)}")
    return template


def fill(template: str, values: Mapping[str, str]) -> str:
    """What has no value leaves nothing behind."""
    return HOLE.sub(lambda hole: values.get(hole[1], ""), template).strip()


def values_of(call: Call, staff: Staff, *, line: str | None, zone: tzinfo) -> dict[str, str]:
    start = call.start.astimezone(zone)
    number = parse_number(call.external, staff.region)
    answered = min((talk.start for talk in call.talks), default=None)
    waited_until = answered or call.end
    talked = sum((talk.length for talk in call.talks), timedelta())
    held = sum((hold.length for hold in call.holds), timedelta())
    return {
        "number": str(number) if number else "",
        "name": call.external_name or "",
        "line": line or "",
        "trunk": call.trunk or "",
        "date": f"{start:%d.%m.%Y}",
        "time": f"{start:%H:%M}",
        "wait": minutes(waited_until - call.start) if waited_until and call.direction is Direction.INBOUND else "",
        "talk": minutes(talked) if call.talks else "",
        "hold": minutes(held) if call.holds else "",
        "rung": ", ".join(dict.fromkeys(staff.name_of(leg.extension) for leg in call.legs)),
        "speakers": ", ".join(staff.name_of(extension) for extension in call.answered_by),
        "transfers": ", ".join(f"{staff.name_of(t.by)} → {staff.name_of(t.to)}" for t in call.transfers),
        "queue": call.queue or "",
        "menu": call.menu,
        "result": call.disposition.value if call.disposition else "",
    }


def minutes(length: timedelta) -> str:
    seconds = max(0, round(length.total_seconds()))
    return f"{seconds // 60}:{seconds % 60:02d}"
