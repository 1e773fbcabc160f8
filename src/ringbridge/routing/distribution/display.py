"""What a phone shows of a call that comes in."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from ringbridge.routing.distribution.policy import LineRules, NamePart, Policy
from ringbridge.routing.distribution.question import RouteClient

LONGEST = 80
FORBIDDEN = frozenset('"\\`<>;,|{}[]$')
"""Characters that end a quoted name in SIP, or mean something to a dialplan that puts the name into an expression:
FreePBX 15 rejects the call of whoever has a quote in the name."""


def caller_name(client: RouteClient | None, line: LineRules, policy: Policy) -> str:
    """The parts the office wants, in its order; a part that is not known leaves no trace. Empty: the phone keeps what
    it would have shown."""
    known: Mapping[NamePart, str] = {
        NamePart.CLIENT: client.name if client else "",
        NamePart.COMPANY: client.company if client else "",
        NamePart.TRUNK: line.title,
    }
    parts = dict.fromkeys(displayable(known[part]) for part in policy.caller_name)
    return " - ".join(part for part in parts if part)[:LONGEST].strip()


def displayable(text: str) -> str:
    """One line without control characters, quotes and what a dialplan would read as its own."""
    plain = "".join(" " if _is_forbidden(letter) else letter for letter in unicodedata.normalize("NFC", text))
    return " ".join(plain.split())[:LONGEST]


def _is_forbidden(letter: str) -> bool:
    return letter in FORBIDDEN or unicodedata.category(letter)[0] == "C"
