"""Calls that we dialled because somebody asked for them: what a CRM is told of those differs a little."""

from __future__ import annotations

from datetime import datetime

from ringbridge.routing.dialing import DialKind, DialRequest, Refusal
from ringbridge.routing.intents import AdoptCall, FinishCall, Intent, RecordKey, RecordKind, RegisterCall
from ringbridge.routing.office import Portal
from ringbridge.routing.results import CallStatus, status_of
from ringbridge.telephony.model import Call, CallId, Direction, Disposition, Extension
from ringbridge.telephony.numbers import parse_number

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


def call_in_vain(request: DialRequest, dial: str, *, extension: str, at: datetime) -> Call:
    """The call that was asked for and never came to be, for the journal. It has the name that its channel would have
    had: should the PBX tell of it after all, it is the same call."""
    return Call(
        id=CallId(dial),
        direction=Direction.OUTBOUND,
        start=at,
        end=at,
        external=request.number,
        caller=Extension(extension) if extension else None,
        disposition=Disposition.FAILED,
        click_to_call=dial,
    )


def told_in_vain(request: DialRequest, call: Call, refusal: Refusal, portal: Portal, pbx: str) -> list[Intent]:
    """A click's call waits in the CRM for its end; a client's order is put there, so that somebody calls back."""
    record, user = RecordKey(f"{pbx}-{call.id}"), request.user or portal.staff.default
    beginning: Intent
    if request.crm_call_id:
        beginning = AdoptCall(record=record, call=call.id, call_id=request.crm_call_id)
    elif request.kind is DialKind.CALLBACK and refusal.told:
        number = parse_number(request.number, portal.region)
        beginning = RegisterCall(
            record=record,
            call=call.id,
            kind=RecordKind.CALLBACK,
            number=str(number) if number else request.number,
            user=user,
            started=call.start,
            line=request.line or None,
            show=False,
            live=False,
        )
    else:
        return []
    end = FinishCall(record=record, call=call.id, user=user, duration=0, status=refusal.status, reason=refusal.reason)
    return [beginning, end]
