"""What travels over AMI: a Message comes from the PBX, an Action goes to it.

Header names are compared without case (Asterisk itself writes ``UniqueID`` in CEL and ``Uniqueid`` elsewhere), and a
header may stand several times (``ChanVariable``, ``Variable``, ``Output``), so a message is a list of pairs first.

Of the thirty headers of an event nobody reads more than a few. So a message that came is kept as its text, and a header
is looked for when it is asked for; the text is taken apart only for who wants all of it, or spells a name differently.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NewType

ActionId = NewType("ActionId", str)

Headers = tuple[tuple[str, str], ...]

HEADER = re.compile(r"^([^:\r\n]+): ?([^\r]*)", re.MULTILINE)


class Message:
    """One block of headers: an event, a response, or one row of a list. ``event`` is the event's name; empty for a
    response."""

    __slots__ = ("_first", "_headers", "_text", "event")

    def __init__(self, headers: Iterable[tuple[str, str]]) -> None:
        self._text = ""
        self._headers: Headers | None = tuple(headers)
        self._first: dict[str, str] | None = None
        self.event = self.get("Event")

    @classmethod
    def read(cls, text: str) -> Message:
        """The message of a block, as it came. What is not a header in it is left out."""
        message = cls.__new__(cls)
        message._text = text = f"\r\n{text}\r\n"
        message._headers = message._first = None
        message.event = text[9 : text.find("\r", 9)] if text.startswith("\r\nEvent: ") else message.get("Event")
        return message

    @property
    def headers(self) -> Headers:
        """All of them, in the order they came."""
        if self._headers is None:
            self._headers = tuple(HEADER.findall(self._text))
        return self._headers

    def get(self, name: str, default: str = "") -> str:
        """The first value of a header; ``default`` when it is missing."""
        text, line = self._text, f"\r\n{name}: "
        start = text.find(line)
        if start >= 0:
            start += len(line)
            return text[start : text.find("\r", start)]
        return self._first_values(name).get(name.lower(), default)

    def all(self, name: str) -> list[str]:
        """Every value of a header, in the order they came."""
        name = name.lower()
        return [value for key, value in self.headers if key.lower() == name]

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._first_values(name)

    def _first_values(self, name: str) -> dict[str, str]:
        """By the names in lower case; spared where `name` does not occur in the text at all."""
        if self._first is None:
            if self._text and name.lower() not in self._text.lower():
                return {}
            # The first of several wins: a dict keeps the last, so it is filled from the end.
            self._first = {key.lower(): value for key, value in reversed(self.headers)}
        return self._first

    @property
    def response(self) -> str:
        """``Success``, ``Error``, ``Follows``, ``Goodbye``; empty for an event."""
        return self.get("Response")

    @property
    def action_id(self) -> ActionId:
        return ActionId(self.get("ActionID"))

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
