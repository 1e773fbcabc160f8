"""Calls that we dialled because somebody asked for them: what a CRM is told of those differs a little."""

from __future__ import annotations

from ringbridge.routing.results import CallStatus, status_of
from ringbridge.telephony.model import Call

NOT_RUNG = "The employee's phone could not be rung: is it registered?"
NOT_TAKEN = "The employee did not answer their own phone."


def why_not_reached(call: Call) -> str:
    """Why the client was never called; empty when he was."""
    if call.client_channels or any(leg.answer for leg in call.legs):
        return ""
    return NOT_TAKEN if call.legs else NOT_RUNG


def seconds_among_colleagues(call: Call) -> int:
    """How long two colleagues spoke: since the second of their phones was answered."""
    answers = sorted(leg.answer for leg in call.legs if leg.answer)
    return max(1, round((call.end - answers[1]).total_seconds())) if call.end and len(answers) > 1 else 0


def status_of_asked(call: Call, *, ordered: bool) -> CallStatus:
    """The status of a call without a talk. A client's order that nobody here took is a missed call of the client's."""
    if call.concerns_client:
        return CallStatus.MISSED if ordered and why_not_reached(call) else status_of(call)
    return CallStatus.ANSWERED if seconds_among_colleagues(call) else CallStatus.NO_ANSWER
