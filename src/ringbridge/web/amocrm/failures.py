"""Calls that somebody asked for and that did not come to be, as our widget tells them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ringbridge.routing.asked import NOT_RUNG, NOT_TAKEN, why_not_reached
from ringbridge.routing.intents import UserId
from ringbridge.routing.office import Portal
from ringbridge.store.dials import Dial
from ringbridge.store.keys import CallKey, call_key
from ringbridge.telephony.dialling import OURS
from ringbridge.telephony.model import Call, CallId

TOLD_FOR = timedelta(minutes=1)
"""Whoever clicked looks at the page; who comes a minute later is told nothing."""

CODES = {NOT_RUNG: "not_rung", NOT_TAKEN: "not_taken"}
"""Reasons that the widget has words of its own for; any other is told as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    key: CallKey
    user: UserId  # who asked
    number: str
    reason: str
    at: datetime

    def document(self) -> dict[str, Any]:
        """JSON-ready; the time in Unix seconds."""
        return {
            "key": self.key,
            "number": self.number,
            "code": CODES.get(self.reason, "not_dialled"),
            "text": self.reason,
            "at": self.at.timestamp(),
        }


def failed_of(key: CallKey, call: Call, portal: Portal) -> Failed | None:
    """What whoever asked for the call is told at its end; None where the client was called, or nobody asked."""
    asked = call.click_to_call is not None and call.click_to_call.startswith(OURS)
    user = portal.staff.user_of(call.caller) if call.caller else None
    if call.end is None or not asked or user is None or not (reason := why_not_reached(call)):
        return None
    return Failed(key=key, user=user, number=call.external or "", reason=reason, at=call.end)


def failed_dial(dial: Dial, reason: str, now: datetime) -> Failed | None:
    """The same of a request that never became a call; None where no user asked for it."""
    if (user := dial.request.user) is None:
        return None
    key = call_key(dial.pbx, CallId(dial.id))
    return Failed(key=key, user=user, number=dial.request.number, reason=reason, at=now)
