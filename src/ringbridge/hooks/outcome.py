"""What came of asking hooks.

HookError
├── HookTimeout   it did not answer before its deadline
├── HookFailed    it raised, ended wrongly, or gave back what it may not
└── HookBroken    its file cannot be loaded
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any


class HookError(Exception):
    """A hook brought nothing. The text is for people: which file and line, what to do."""


class HookTimeout(HookError):
    pass


class HookFailed(HookError):
    pass


class HookBroken(HookError):
    pass


class _Unchanged:
    """A hook that says nothing."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNCHANGED"


UNCHANGED = _Unchanged()


@dataclass(frozen=True, slots=True, kw_only=True)
class HookOutcome:
    """`value` goes on; where `cancelled_by` names a file, the request is not sent."""

    value: Any
    cancelled_by: str = ""
    notes: tuple[str, ...] = ()  # what was changed, by which file
    errors: tuple[str, ...] = ()  # the value went on unchanged past these
    spent: float = 0.0  # seconds

    @property
    def cancelled(self) -> bool:
        return bool(self.cancelled_by)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """An error as the page shows it."""

    at: datetime
    hook: str
    call: str  # the call's key in the journal; empty where there is none
    text: str
