"""Why a recording cannot be handed over: not yet, or never. The telephone side answers so, the CRM side reads it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NotYet:
    """The file is still being written, converted or waited for."""

    until: datetime  # when to ask again
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Absent:
    """There is no recording and none will come: never written, or nothing but a header."""

    reason: str  # for people
