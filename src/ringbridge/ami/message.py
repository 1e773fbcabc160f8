"""What travels over AMI: a Message comes from the PBX, an Action goes to it.

Header names are compared without case (Asterisk itself writes ``UniqueID`` in CEL and ``Uniqueid`` elsewhere), and a
header may stand several times (``ChanVariable``, ``Variable``, ``Output``), so a message is a list of pairs first.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NewType

ActionId = NewType("ActionId", str)

Headers = tuple[tuple[str, str], ...]


class Message:
    """One block of headers: an event, a response, or one row of a list."""

    __slots__ = ("_first", "headers")

    def __init__(self, headers: Iterable[tuple[str, str]]) -> None:
        self.headers: Headers = tuple(headers)
        # The first of several wins: a dict keeps the last, so it is filled from the end.
        self._first = {name.lower(): value for name, value in reversed(self.headers)}

    def get(self, name: str, default: str = "") -> str:
        """The first value of a header; ``default`` when it is missing."""
        return self._first.get(name.lower(), default)

    def all(self, name: str) -> list[str]:
        """Every value of a header, in the order they came."""
        name = name.lower()
        return [value for key, value in self.headers if key.lower() == name]

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._first

    @property
    def event(self) -> str:
        """The event's name; empty for a response."""
        return self._first.get("event", "")

    @property
    def response(self) -> str:
        """``Success``, ``Error``, ``Follows``, ``Goodbye``; empty for an event."""
        return self._first.get("response", "")

    @property
    def action_id(self) -> ActionId:
        return ActionId(self._first.get("actionid", ""))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Message) and self.headers == other.headers

    def __hash__(self) -> int:
        return hash(self.headers)

    def __repr__(self) -> str:
        return f"<Message {self.event or self.response} {len(self.headers)} headers>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One request to the PBX. The ActionID is given by the protocol unless the caller sets one."""

    name: str
    headers: Headers = field(default=())
    action_id: ActionId | None = None
