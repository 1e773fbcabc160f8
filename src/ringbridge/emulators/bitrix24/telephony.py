"""telephony.externalCall.register, finish, show, hide, searchCrmEntities.

Source: Bitrix24 REST docs, `telephony.externalCall.*`; the order of the checks, the de-duplication and PHP's idea of
truth, the on-premise edition. Parameter names are upper case and not folded.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any

from ringbridge.emulators.bitrix24 import leads
from ringbridge.emulators.bitrix24.calls import ActiveCall, CallType, Entity, Line
from ringbridge.emulators.bitrix24.fields import Kind
from ringbridge.emulators.bitrix24.people import User
from ringbridge.emulators.bitrix24.phones import strip_letters
from ringbridge.emulators.bitrix24.portal import Portal
from ringbridge.emulators.bitrix24.refusals import Refusal
from ringbridge.emulators.bitrix24.request import Request, telephony_refusal
from ringbridge.emulators.bitrix24.wire import many, parse_date, text, truthy, whole

SAME_CALL_WINDOW = timedelta(minutes=30)
MAX_LINE_NUMBER = 50
GIVEN_KINDS = {"CONTACT", "COMPANY", "LEAD", "DEAL"}


async def register(request: Request) -> Any:
    """A call exists. Answers with its id and the client it was bound to."""
    portal = request.portal
    user_id = user_of(request)
    kind = _type(request)
    started = _started(request)
    phone = _phone(request)
    if portal.staff.active(user_id) is None:
        raise telephony_refusal(portal, "User is not found or is not active")
    line = _line(request)
    call = _new_call(request, user_id=user_id, kind=kind, started=started, phone=phone, line=line)
    _announce(portal, "ONVOXIMPLANTCALLINIT", call)
    known = _same_call(portal, call, by_line=line is not None)
    if known is None:
        portal.telephony.active[call.call_id] = call
        _bind(request, call)
        portal.emit("ONVOXIMPLANTCALLSTART", {"CALL_ID": call.call_id, "USER_ID": call.user_id})
    call = known or call
    if "SHOW" not in request.params or truthy(request.params["SHOW"]):
        portal.telephony.cards.show(user_id, call.call_id, portal.clock(), "register")
    return _registered(call)


def user_of(request: Request) -> int:
    """USER_ID, else the owner of USER_PHONE_INNER."""
    user_id = request.whole("USER_ID")
    if user_id > 0:
        return user_id
    user = request.portal.staff.by_inner_phone(request.text("USER_PHONE_INNER"))
    if user is None:
        raise telephony_refusal(request.portal, "USER_ID or USER_PHONE_INNER should be set")
    return user.id


def _type(request: Request) -> CallType:
    try:
        return CallType(request.whole("TYPE"))
    except ValueError:
        raise telephony_refusal(request.portal, "Unknown TYPE") from None


def _started(request: Request) -> datetime:
    written = request.text("CALL_START_DATE")
    if not written:
        return request.portal.clock()
    started = parse_date(written)
    if started is None:
        raise telephony_refusal(request.portal, "CALL_START_DATE should be in the ISO-8601 format")
    return started


def _phone(request: Request) -> str:
    phone = strip_letters(request.text("PHONE_NUMBER"))
    if not phone:
        raise telephony_refusal(request.portal, "Unsupported phone number format")
    return phone


def _line(request: Request) -> Line | None:
    number = request.text("LINE_NUMBER").strip()[:MAX_LINE_NUMBER]
    if not number:
        return None
    lines = request.portal.telephony.lines
    application_id = request.application.id if request.application else None
    for line in lines:
        if line.number == number and line.application_id == application_id:
            return line
    line = Line(id=next_line_id(lines), number=number, application_id=application_id)
    lines.append(line)
    return line


def next_line_id(lines: list[Line]) -> int:
    return max((line.id for line in lines), default=0) + 1


def _new_call(
    request: Request, *, user_id: int, kind: CallType, started: datetime, phone: str, line: Line | None
) -> ActiveCall:
    portal = request.portal
    now = portal.clock()
    return ActiveCall(
        call_id=f"externalCall.{secrets.token_hex(16)}.{int(now.timestamp())}",
        user_id=user_id,
        phone=phone,
        written=request.text("PHONE_NUMBER").strip(),
        type=kind,
        started=started,
        registered=now,
        application_id=request.application.id if request.application else None,
        external_call_id=request.text("EXTERNAL_CALL_ID") or None,
        line=line,
        call_list_id=0 if portal.settings.ignore_call_list else request.whole("CALL_LIST_ID"),
        internal=_is_internal(portal, phone),
    )


def _is_internal(portal: Portal, phone: str) -> bool:
    return portal.staff.by_inner_phone(phone) is not None


def _same_call(portal: Portal, call: ActiveCall, *, by_line: bool) -> ActiveCall | None:
    """An unfinished call that this one repeats. The window is measured on the call's start, so a call registered
    late, with a start of more than half an hour ago, is never recognised."""
    since = portal.clock() - SAME_CALL_WINDOW
    for other in portal.telephony.active.values():
        same = (other.application_id, other.user_id, other.phone, other.type) == (
            call.application_id, call.user_id, call.phone, call.type,
        )  # fmt: skip
        if not same or other.started <= since:
            continue
        if by_line and other.line is not call.line:
            continue
        if call.external_call_id is None or other.external_call_id == call.external_call_id:
            return other
    return None


def _bind(request: Request, call: ActiveCall) -> None:
    """The clients of the call: given, else found by phone, else, if wished, created."""
    if call.internal:
        return
    kind, number = request.text("CRM_ENTITY_TYPE").upper(), request.whole("CRM_ENTITY_ID")
    if kind in GIVEN_KINDS and number > 0:
        call.bindings = [(kind, number)]
    else:
        call.bindings = clients_of(request.portal, call.written)
    if truthy(request.params.get("CRM_CREATE")):
        leads.create_for(request.portal, call, source=request.text("CRM_SOURCE"))


def clients_of(portal: Portal, number: str) -> list[Entity]:
    """Contacts, then companies, then open leads; lowest id first."""
    kinds = (Kind.CONTACT, Kind.COMPANY, Kind.LEAD)
    found = portal.clients.by_number(number, kinds, closed_leads=portal.settings.closed_leads_match)
    return [(kind.value, client) for kind, client in found]


def _announce(portal: Portal, event: str, call: ActiveCall) -> None:
    portal.emit(
        event,
        {
            "CALL_ID": call.call_id,
            "CALL_TYPE": int(call.type),
            "CALLER_ID": call.phone,
            "REST_APP_ID": call.application_id,
        },
    )


def _registered(call: ActiveCall) -> dict[str, Any]:
    result: dict[str, Any] = {
        "CALL_ID": call.call_id,
        "CRM_CREATED_LEAD": call.created_lead,
        "CRM_CREATED_ENTITIES": [{"ENTITY_TYPE": kind, "ENTITY_ID": number} for kind, number in call.created],
        "CRM_ENTITY_TYPE": call.primary[0] if call.primary else "",
        "CRM_ENTITY_ID": call.primary[1] if call.primary else None,
    }
    if call.lead_error:
        result["LEAD_CREATION_ERROR"] = call.lead_error
    return result


async def show(request: Request) -> Any:
    """Open the card for one employee or several; False when the call does not run."""
    return _move_card(request, "show")


async def hide(request: Request) -> Any:
    """Close the card; the call goes on."""
    return _move_card(request, "hide")


def _move_card(request: Request, what: str) -> bool:
    portal = request.portal
    call = portal.telephony.active.get(request.text("CALL_ID"))
    if call is None:
        return False
    users = [whole(user) for user in many(request.params.get("USER_ID"))] or [call.user_id]
    cards = portal.telephony.cards
    for user_id in users:
        if portal.staff.active(user_id) is None:
            continue
        move = cards.show if what == "show" else cards.hide
        move(user_id, call.call_id, portal.clock(), what)
    return True


async def search_crm_entities(request: Request) -> Any:
    """Whom a number belongs to and who is responsible: contacts, leads, companies."""
    portal = request.portal
    number = request.text("PHONE_NUMBER")
    if not strip_letters(number):
        raise telephony_refusal(portal, "PHONE_NUMBER is empty")
    kinds = (Kind.CONTACT, Kind.LEAD, Kind.COMPANY)
    found = portal.clients.by_number(number, kinds, closed_leads=portal.settings.closed_leads_match)
    return [_found(portal, kind, client) for kind, client in found]


def _found(portal: Portal, kind: Kind, number: int) -> dict[str, Any]:
    responsible = whole(portal.clients.rows[kind][number]["ASSIGNED_BY_ID"])
    user = portal.user(responsible)
    return {
        "CRM_ENTITY_TYPE": kind.value,
        "CRM_ENTITY_ID": number,
        "ASSIGNED_BY_ID": responsible,
        "NAME": portal.clients.name(kind, number),
        "ASSIGNED_BY": _responsible(user) if user else None,
    }


def _responsible(user: User) -> dict[str, Any]:
    return {
        "ID": str(user.id),
        "TIMEMAN_STATUS": user.working_day.value,
        "USER_PHONE_INNER": user.inner_phone or None,
        "WORK_PHONE": user.work_phone or None,
        "PERSONAL_PHONE": user.personal_phone or None,
        "PERSONAL_MOBILE": user.personal_mobile or None,
    }


def call_id_of(request: Request) -> str:
    """CALL_ID, which must be a string: a number in JSON is refused like a missing one."""
    call_id = request.params.get("CALL_ID")
    if not isinstance(call_id, str):
        raise Refusal("INVALID_ARGUMENT", "CALL_ID must be a string")
    return text(call_id)
