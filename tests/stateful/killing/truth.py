"""What the emulated office played, and what the portal must hold of it.

The recorded calls lie in the tests' own folder of traces as well, each with what truly happened in it: what its phones
did and what a human would say of it.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ringbridge.emulators.asterisk.renewal import Renewal

TRACES = Path(__file__).parents[2] / "traces"
PBX = "main"
CODES = {"answered": "200", "missed": "304", "busy": "486"}


@functools.cache
def told(name: str) -> dict[str, Any]:
    """What truly happened in a recorded call, by its name in the emulator: ``ast22_inbound_answered``."""
    folder, _, scenario = name.partition("_")
    truth = json.loads((TRACES / folder / f"{scenario}.json").read_text(encoding="utf-8"))
    (call,) = (call for call in truth["calls"] if call["direction"] in {"inbound", "outbound"})
    return dict(call)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A record: whose it is, and how many seconds they spoke where that is known."""

    user: str
    seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """One call as it was played. `nth` tells them apart for people."""

    nth: int
    name: str
    key: str
    phone: str
    outbound: bool
    disposition: str
    shares: tuple[Share, ...]  # in the order in which they first spoke; empty when nobody did
    rung: frozenset[str]  # users whose phones rang, or who called
    life: int | None  # the life whose link was up when it began
    at: float  # seconds since the office opened

    @property
    def code(self) -> str:
        return CODES[self.disposition]


def user_of(extension: str) -> str:
    """Employees 101 to 106 are the portal's users 1 to 6."""
    return str(int(extension) - 100)


def played(renewal: Renewal, *, nth: int, life: int | None, at: float, speed: float) -> Played:
    truth = told(renewal.call.name)
    today = renewal.cast.extensions
    seconds: dict[str, float] = {}
    for talk in truth["talks"] or ():
        seconds[talk["extension"]] = seconds.get(talk["extension"], 0.0) + talk["seconds"] / speed
    return Played(
        nth=nth,
        name=renewal.call.name,
        key=f"{PBX}-{renewal.linkedid}",
        phone=renewal.cast.client,
        outbound=truth["direction"] == "outbound",
        disposition=truth["disposition"],
        shares=tuple(Share(user=user_of(today[who]), seconds=seconds.get(who)) for who in truth["answered_by"]),
        rung=frozenset(user_of(today[phone]) for phone in renewal.call.extensions),
        life=life,
        at=at,
    )
