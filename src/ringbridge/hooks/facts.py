"""From the journal's call to what hooks see of it at one portal."""

from __future__ import annotations

from datetime import datetime

from ringbridge.hooks.values import Employee, PhoneCall, Ringing, Speaking, Stage
from ringbridge.routing.office import Portal
from ringbridge.telephony.events import CallAnswered, CallEnded, CallEvent, LegLeft, LegLost
from ringbridge.telephony.model import Call
from ringbridge.telephony.numbers import parse_number


def phone_call(call: Call, *, pbx: str, portal: Portal) -> PhoneCall:
    number = parse_number(call.external, portal.region)
    return PhoneCall(
        id=f"{pbx}-{call.id}",
        pbx=pbx,
        direction=call.direction.value,
        number=call.external or "",
        e164=(number and number.e164) or "",
        name=call.external_name or "",
        did=call.did or "",
        trunk=call.trunk or "",
        line=portal.line_of(call.trunk, call.did) or "",
        queue=call.queue or "",
        menu=call.menu,
        started=call.start,
        answered=answered_at(call),
        ended=call.end,
        disposition=call.disposition.value if call.disposition else "",
        wait=seconds_of_waiting(call),
        talk=sum(int(talk.length.total_seconds()) for talk in call.talks),
        hold=sum(int(hold.length.total_seconds()) for hold in call.holds),
        caller=employee(call.caller, portal) if call.caller else None,
        legs=tuple(
            Ringing(
                extension=leg.extension,
                channel=leg.channel,
                started=leg.ring_start,
                answered=leg.answer,
                ended=leg.end,
                result=leg.result.value if leg.result else "",
            )
            for leg in call.legs
        ),
        talks=tuple(
            Speaking(
                extension=talk.extension,
                started=talk.start,
                ended=talk.end,
                seconds=int(talk.length.total_seconds()),
            )
            for talk in call.talks
        ),
        employees=tuple(employee(extension, portal) for extension in call.answered_by),
        recordings=tuple(recording.path for recording in call.recordings if recording.path),
        voicemail=call.voicemail,
    )


def employee(extension: str, portal: Portal) -> Employee:
    user = portal.staff.user_of(extension)
    return Employee(extension=extension, name=portal.staff.name_of(extension), user=user or "")


def answered_at(call: Call) -> datetime | None:
    return min((talk.start for talk in call.talks), default=None)


def seconds_of_waiting(call: Call) -> int:
    until = answered_at(call) or call.end
    return max(0, int((until - call.start).total_seconds())) if until else 0


def stage_of(event: CallEvent) -> Stage:
    match event:
        case CallEnded():
            return Stage.CALL_ENDED
        case CallAnswered():
            return Stage.ACCEPTED
        case LegLost() | LegLeft():
            return Stage.ENDED
    return Stage.REQUESTED


def stage_reached(call: Call) -> Stage:
    """Where a call stands, when no event of it is at hand."""
    if call.end is not None:
        return Stage.CALL_ENDED
    return Stage.ACCEPTED if call.talks else Stage.REQUESTED
