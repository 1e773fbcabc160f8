"""telephony.externalCall.finish: the statistics row, the activity, the list of missed calls.

Source: Bitrix24 REST docs, `telephony.externalCall.finish` and `crm.activity.get`; the order of the effects, the
on-premise edition.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from ringbridge.emulators.bitrix24 import changes, recordings
from ringbridge.emulators.bitrix24.calls import ActiveCall, CallRecord, CallType, MissedCall
from ringbridge.emulators.bitrix24.fields import TYPE_IDS, Kind
from ringbridge.emulators.bitrix24.phones import display, normalise
from ringbridge.emulators.bitrix24.portal import Portal
from ringbridge.emulators.bitrix24.request import Request, telephony_refusal
from ringbridge.emulators.bitrix24.settings import Language, Wording
from ringbridge.emulators.bitrix24.telephony import call_id_of, clients_of, user_of
from ringbridge.emulators.bitrix24.wire import DATE_OBJECT, text, truthy, whole

NO_CLIENT = "Could not find associated crm entity for the current call"
NOT_FOUND = {
    Wording.DOCS: "Call is not found (call should be registered prior to finishing)",
    Wording.BOX: "Call is not found (call should be registered prior to finishing",
}
_SUBJECTS = {
    Language.EN: ("Incoming call from {number}", "Outgoing call to {number}"),
    Language.RU: ("Входящий звонок от {number}", "Исходящий звонок на {number}"),
}
_MISSED = "304"
_ANSWERED = "200"


async def finish(request: Request) -> Any:
    """The call is over. Answers with the row of the statistics; a second time it is not found."""
    portal, telephony = request.portal, request.portal.telephony
    call_id = call_id_of(request)
    user_id = user_of(request)
    call = telephony.active.get(call_id)
    if call is None or _outlived(portal, call):
        raise telephony_refusal(portal, NOT_FOUND[portal.settings.wording])
    if portal.staff.active(user_id) is None:
        raise telephony_refusal(portal, "User is not found or is not active")
    record = _record(request, call, user_id)
    telephony.cards.hide(user_id, call_id, portal.clock(), "finish")
    for kind, number in call.created:
        changes.change(portal, Kind(kind), number, {"ASSIGNED_BY_ID": user_id}, user_id=user_id)
    _add_activity(portal, record)
    _note_missed(portal, record)
    _write_to_chat(request, record)
    del telephony.active[call_id]
    telephony.finished[call_id] = record
    _announce(portal, record)
    if url := request.text("RECORD_URL"):
        portal.chores.add(lambda: recordings.fetch_quietly(portal, record, url))
    return _answer(portal, record)


def _outlived(portal: Portal, call: ActiveCall) -> bool:
    lifetime = portal.settings.unfinished_call_lifetime
    return lifetime is not None and portal.clock() - call.registered > lifetime


def _record(request: Request, call: ActiveCall, user_id: int) -> CallRecord:
    duration = max(0, request.whole("DURATION"))
    default_code = _ANSWERED if duration else _MISSED
    return CallRecord(
        id=len(request.portal.telephony.finished) + 1,
        call=call,
        user_id=user_id,
        duration=duration,
        code=request.text("STATUS_CODE") or default_code,
        reason=request.text("FAILED_REASON"),
        cost=_amount(request.text("COST")),
        currency=request.text("COST_CURRENCY"),
        vote=request.whole("VOTE") or None,
        finished=request.portal.clock(),
        application_name=request.application.name if request.application else "",
    )


def _amount(written: str) -> float:
    try:
        return float(written)
    except ValueError:
        return 0.0


def _add_activity(portal: Portal, record: CallRecord) -> None:
    call = record.call
    if call.internal:
        return
    if not call.bindings:  # the client may have been created while they talked
        call.bindings = clients_of(portal, call.written)
    if call.bindings:
        record.activity_id = portal.activities.add(_activity(portal, record))
        portal.emit("ONCRMACTIVITYADD", {"FIELDS": {"ID": record.activity_id}}, user_id=record.user_id)


def _activity(portal: Portal, record: CallRecord) -> dict[str, Any]:
    call = record.call
    kind, client = call.bindings[0]
    start, end = portal.local(call.started), portal.local(call.started + timedelta(seconds=record.duration))
    incoming = call.type in {CallType.INCOMING, CallType.REDIRECTED}
    subject = _SUBJECTS[portal.settings.language][0 if incoming else 1]
    now, user = portal.local(record.finished), str(record.user_id)
    completed = _completed(portal, record)
    return {
        "OWNER_ID": str(client),
        "OWNER_TYPE_ID": str(TYPE_IDS[Kind(kind)]),
        "TYPE_ID": "2",
        "PROVIDER_ID": "VOXIMPLANT_CALL",
        "PROVIDER_TYPE_ID": "CALLBACK" if call.type is CallType.CALLBACK else "CALL",
        "PROVIDER_GROUP_ID": None,
        "ASSOCIATED_ENTITY_ID": "0",
        "SUBJECT": subject.format(number=display(call.written)),
        "CREATED": now,
        "LAST_UPDATED": now,
        "START_TIME": start,
        "END_TIME": end,
        "DEADLINE": end,
        "COMPLETED": "Y" if completed else "N",
        "STATUS": "2" if completed else "1",
        "RESPONSIBLE_ID": user,
        "AUTHOR_ID": user,
        "EDITOR_ID": user,
        "PRIORITY": "2",
        "NOTIFY_TYPE": "0",
        "NOTIFY_VALUE": "0",
        "DESCRIPTION": "",
        "DESCRIPTION_TYPE": "1",
        "DIRECTION": _direction(call),
        "LOCATION": "",
        "SETTINGS": {"MISSED_CALL": True} if _is_missed_activity(record) else {},
        "ORIGINATOR_ID": None,
        "ORIGIN_ID": f"VI_{call.call_id}",
        "PROVIDER_PARAMS": {},
        "PROVIDER_DATA": None,
        "RESULT_MARK": _mark(record.vote),
        "RESULT_STREAM": _stream(record),
        "AUTOCOMPLETE_RULE": "0",
        "COMMUNICATIONS": [
            {
                "TYPE": "PHONE",
                "VALUE": call.written,
                "ENTITY_ID": str(client),
                "ENTITY_TYPE_ID": str(TYPE_IDS[Kind(kind)]),
            }
        ],
        "BINDINGS": [{"OWNER_ID": str(n), "OWNER_TYPE_ID": str(TYPE_IDS[Kind(k)])} for k, n in call.bindings],
        "STORAGE_ELEMENT_IDS": [],
        "FILES": [],
    }


def _direction(call: ActiveCall) -> str | None:
    if call.type is CallType.CALLBACK:
        return None
    return "1" if call.type in {CallType.INCOMING, CallType.REDIRECTED} else "2"


def _completed(portal: Portal, record: CallRecord) -> bool:
    if record.call.type not in {CallType.INCOMING, CallType.CALLBACK}:
        return True
    return record.code != _MISSED or portal.settings.missed_activity_completed


def _is_missed_activity(record: CallRecord) -> bool:
    return record.code == _MISSED and record.call.type in {CallType.INCOMING, CallType.CALLBACK}


def _mark(vote: int | None) -> str:
    """What the client's vote is as a mark: 1 positive, 2 neutral, 3 negative, 0 none."""
    if vote is None:
        return "0"
    return "1" if vote > 3 else "2" if vote == 3 else "3"


def _stream(record: CallRecord) -> str:
    """The column of the statistics: 1 incoming, 2 outgoing, 3 reversing, 4 missing."""
    if record.call.type is CallType.CALLBACK:
        return "3"
    if record.call.type in {CallType.INCOMING, CallType.REDIRECTED}:
        return "4" if record.code == _MISSED else "1"
    return "2"


def _note_missed(portal: Portal, record: CallRecord) -> None:
    call, missed = record.call, portal.telephony.missed
    if record.code == _MISSED and call.type in {CallType.INCOMING, CallType.REDIRECTED}:
        missed.append(MissedCall(call_id=call.call_id, phone=call.phone, user_id=record.user_id, at=record.finished))
    if record.code == _ANSWERED and call.type is CallType.OUTGOING:
        for one in missed:
            if one.closed_by is None and normalise(one.phone) == normalise(call.phone):
                one.closed_by = call.call_id


def _write_to_chat(request: Request, record: CallRecord) -> None:
    given = request.params.get("ADD_TO_CHAT")
    record.chat_message = truthy(given) if given is not None else request.portal.settings.add_to_chat_default
    if record.chat_message:
        said = f"{display(record.call.written)}: {record.code}, {record.duration} s"
        request.portal.telephony.chat.append((record.call.call_id, said))


def _announce(portal: Portal, record: CallRecord) -> None:
    call = record.call
    portal.emit(
        "ONVOXIMPLANTCALLEND",
        {
            "CALL_ID": call.call_id,
            "CALL_TYPE": int(call.type),
            "PHONE_NUMBER": call.phone,
            "PORTAL_NUMBER": record.portal_number,
            "PORTAL_USER_ID": record.user_id,
            "CALL_DURATION": record.duration,
            "CALL_START_DATE": portal.local(call.started),
            "COST": record.cost,
            "COST_CURRENCY": record.currency,
            "CALL_FAILED_CODE": record.code,
            "CALL_FAILED_REASON": record.reason,
            "CRM_ACTIVITY_ID": record.activity_id,
        },
    )


def _answer(portal: Portal, record: CallRecord) -> dict[str, Any]:
    call = record.call
    as_object = portal.settings.finish_start_date_as_object
    application = call.application_id
    row: dict[str, Any] = {
        "CALL_ID": call.call_id,
        "EXTERNAL_CALL_ID": call.external_call_id,
        "PORTAL_USER_ID": record.user_id,
        "PHONE_NUMBER": call.phone,
        "PORTAL_NUMBER": record.portal_number,
        "INCOMING": str(int(call.type)),
        "CALL_DURATION": record.duration,
        "CALL_START_DATE": DATE_OBJECT if as_object else portal.local(call.started),
        "CALL_STATUS": int(record.duration > 0),
        "CALL_VOTE": whole(record.vote),
        "COST": record.cost,
        "COST_CURRENCY": record.currency,
        "CALL_FAILED_CODE": record.code,
        "CALL_FAILED_REASON": record.reason,
        "REST_APP_ID": text(application) or None,
        "REST_APP_NAME": record.application_name or None,
        "CRM_ACTIVITY_ID": record.activity_id or False,
        "COMMENT": None,
    }
    if call.primary is not None:
        row["CRM_ENTITY_TYPE"], row["CRM_ENTITY_ID"] = call.primary
    elif not call.internal:
        row["ERRORS"] = {"ACTIVITY_CREATION": NO_CLIENT}
    return {**row, "ID": record.id}
