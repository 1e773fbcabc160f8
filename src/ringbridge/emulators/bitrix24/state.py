"""The portal's memory as one JSON document, for tests and for the page."""

from __future__ import annotations

from typing import Any

from ringbridge.emulators.bitrix24.calls import ActiveCall, CallRecord
from ringbridge.emulators.bitrix24.fields import Kind
from ringbridge.emulators.bitrix24.portal import Portal
from ringbridge.emulators.bitrix24.statistics import row_of
from ringbridge.emulators.bitrix24.wire import write


def snapshot(portal: Portal) -> dict[str, Any]:
    """Running and finished calls, cards and how they moved, clients, activities, and what was asked of the portal."""
    telephony, traffic = portal.telephony, portal.traffic
    return {
        "active": [active_call(portal, call) for call in telephony.active.values()],
        "finished": [finished_call(portal, record) for record in telephony.finished.values()],
        "missed": [
            {"call_id": one.call_id, "phone": one.phone, "user_id": one.user_id, "closed_by": one.closed_by}
            for one in telephony.missed
        ],
        "cards": {str(user_id): calls for user_id, calls in telephony.cards.shown.items()},
        "card_log": [
            {
                "at": move.at.isoformat(),
                "action": move.action.value,
                "user_id": move.user_id,
                "call_id": move.call_id,
                "why": move.why,
            }
            for move in telephony.cards.log
        ],
        "lines": [{"number": line.number, "name": line.name} for line in telephony.lines],
        "leads": _rows(portal, Kind.LEAD),
        "contacts": _rows(portal, Kind.CONTACT),
        "companies": _rows(portal, Kind.COMPANY),
        "deals": _rows(portal, Kind.DEAL),
        "activities": [write(row) for row in portal.activities.rows.values()],
        "tasks": list(portal.tasks.values()),
        "notifications": portal.notifications,
        "requests": {
            "http": traffic.requests,
            "statuses": {str(status): count for status, count in traffic.statuses.items()},
            "methods": dict(traffic.methods),
            "token_refreshes": portal.access.refreshes,
        },
    }


def _rows(portal: Portal, kind: Kind) -> list[dict[str, Any]]:
    return [write(row) for row in portal.clients.rows[kind].values()]


def active_call(portal: Portal, call: ActiveCall) -> dict[str, Any]:
    kind, client = call.primary or ("", None)
    return {
        "call_id": call.call_id,
        "external_call_id": call.external_call_id,
        "user_id": call.user_id,
        "user": portal.user_name(call.user_id),
        "phone": call.phone,
        "type": int(call.type),
        "started": call.started.isoformat(),
        "line": call.line.number if call.line else None,
        "entity_type": kind,
        "entity_id": client,
        "entity_name": portal.clients.name(Kind(kind), client) if client is not None else "",
        "shown_to": portal.telephony.cards.viewers(call.call_id),
    }


def finished_call(portal: Portal, record: CallRecord) -> dict[str, Any]:
    return {
        **active_call(portal, record.call),
        "user_id": record.user_id,
        "user": portal.user_name(record.user_id),
        "registered_for": record.call.user_id,
        "duration": record.duration,
        "code": record.code,
        "reason": record.reason,
        "activity_id": record.activity_id,
        "record_file_id": record.record_file_id,
        "row": row_of(portal, record),
    }
