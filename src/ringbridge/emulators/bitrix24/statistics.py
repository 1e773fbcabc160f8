"""voximplant.statistic.get and telephony.call.attachTranscription.

Source: Bitrix24 REST docs, `voximplant.statistic.get`, `telephony.call.attachTranscription`.
"""

from __future__ import annotations

from typing import Any

from ringbridge.emulators.bitrix24 import refusals
from ringbridge.emulators.bitrix24.calls import CallRecord
from ringbridge.emulators.bitrix24.listing import select_rows, sort_rows
from ringbridge.emulators.bitrix24.portal import Portal
from ringbridge.emulators.bitrix24.request import Page, Request, telephony_refusal
from ringbridge.emulators.bitrix24.wire import Params, many, mapping, text, whole

_NOT_SORTABLE = {"CALL_TYPE"}


async def get(request: Request) -> Page:
    """Finished calls. Unknown fields and operators of FILTER are dropped; SORT needs ORDER."""
    if request.user is None or not request.user.sees_statistics:
        raise refusals.ACCESS_DENIED.refusal()
    params = request.upper()
    rows: list[Any] = [row_of(request.portal, record) for record in request.portal.telephony.finished.values()]
    fields = list(rows[0]) if rows else []
    rows = select_rows(rows, params.get("FILTER"), fields=fields, extra=">< !>< ?")
    sort, order = text(params.get("SORT")).upper(), text(params.get("ORDER")).upper()
    if order in {"ASC", "DESC"} and sort not in _NOT_SORTABLE:
        rows = sort_rows(rows, {sort: order}, fields=fields)
    return Page.cut(rows, whole(params.get("START")))


def row_of(portal: Portal, record: CallRecord) -> Params:
    """One finished call as the statistics show it: strings or null."""
    call = record.call
    kind, client = call.primary or (None, None)
    return {
        "ID": str(record.id),
        "PORTAL_USER_ID": str(record.user_id),
        "PORTAL_NUMBER": record.portal_number,
        "PHONE_NUMBER": call.phone,
        "CALL_ID": call.call_id,
        "EXTERNAL_CALL_ID": call.external_call_id,
        "CALL_CATEGORY": "external",
        "CALL_LOG": None,
        "CALL_DURATION": str(record.duration),
        "CALL_START_DATE": portal.local(call.started),
        "CALL_RECORD_URL": record.record_url or None,
        "CALL_VOTE": text(record.vote) or None,
        "COST": f"{record.cost:.4f}",
        "COST_CURRENCY": record.currency,
        "CALL_FAILED_CODE": record.code,
        "CALL_FAILED_REASON": record.reason,
        "CRM_ENTITY_TYPE": kind,
        "CRM_ENTITY_ID": text(client) or None,
        "CRM_ACTIVITY_ID": text(record.activity_id) or None,
        "REST_APP_ID": text(call.application_id) or None,
        "REST_APP_NAME": record.application_name or None,
        "TRANSCRIPT_ID": text(record.transcript_id) or None,
        "TRANSCRIPT_PENDING": "N",
        "SESSION_ID": None,
        "REDIAL_ATTEMPT": None,
        "COMMENT": None,
        "RECORD_DURATION": None,
        "RECORD_FILE_ID": record.record_file_id,
        "CALL_TYPE": str(int(call.type)),
    }


async def attach_transcription(request: Request) -> Params:
    """What was said, phrase by phrase, for a finished call."""
    portal, call_id = request.portal, request.text("CALL_ID")
    if not call_id:
        raise telephony_refusal(portal, "CALL_ID should be set")
    messages = request.params.get("MESSAGES")
    if not isinstance(messages, list):
        raise telephony_refusal(portal, "MESSAGES should be an array")
    for index, message in enumerate(many(messages)):
        _check_phrase(portal, index, mapping(message))
    record = portal.telephony.finished.get(call_id)
    if record is None:
        raise telephony_refusal(portal, f"Call {call_id} is not found. Is it finished?")
    record.transcript_id = len(portal.telephony.transcripts) + 1
    portal.telephony.transcripts[record.transcript_id] = {"CALL_ID": call_id, "MESSAGES": messages}
    return {"TRANSCRIPT_ID": record.transcript_id}


def _check_phrase(portal: Portal, index: int, message: Params) -> None:
    checks = (
        ("SIDE", message.get("SIDE") in {"User", "Client"}, "should be either Client or User"),
        ("START_TIME", whole(message.get("START_TIME")) >= 0, "should be greater or equal to zero"),
        ("STOP_TIME", whole(message.get("STOP_TIME")) > 0, "should be greater than zero"),
        ("MESSAGE", text(message.get("MESSAGE")) != "", "is empty"),
    )
    for name, holds, words in checks:
        if not holds:
            raise telephony_refusal(portal, f"MESSAGES[{index}][{name}] {words}")
