"""What a program is told of its requests, JSON-ready. Times are ISO 8601, UTC."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from ringbridge.routing.asked import why_not_reached
from ringbridge.routing.orders import reached
from ringbridge.store import calls
from ringbridge.store.calls import call_key
from ringbridge.store.database import Transaction
from ringbridge.store.dials import Dial, DialState
from ringbridge.store.orders import Order, OrderState
from ringbridge.telephony.model import Call, CallId


async def told_of_dial(tx: Transaction, dial: Dial) -> dict[str, Any]:
    """What became of a request."""
    entry = await calls.get(tx, call_key(dial.pbx, CallId(dial.id)))
    call = entry.call if entry else None
    if call and call.merged_into and (whole := await calls.get(tx, call_key(dial.pbx, call.merged_into))):
        call = whole.call
    told: dict[str, Any] = {"id": dial.id, "state": state_of(dial, call), "extension": dial.extension}
    if dial.reason:
        told["reason"] = dial.reason
    return told if call is None or dial.state is DialState.REFUSED else told | {"call": told_of_call(call, dial)}


def state_of(dial: Dial, call: Call | None) -> str:
    if dial.state is DialState.REFUSED:
        return "refused"
    if call is None:
        return "dialling"
    return "going_on" if call.end is None else "ended"


def told_of_call(call: Call, dial: Dial) -> dict[str, Any]:
    return {
        "key": call_key(dial.pbx, call.id),
        "result": str(call.disposition) if call.disposition else None,
        "started": call.start.isoformat(),
        "ended": call.end.isoformat() if call.end else None,
        "reached": reached(call),
        "talked_seconds": round(sum((talk.length for talk in call.talks), timedelta()).total_seconds()),
        "talked": list(call.answered_by),
        "reason": why_not_reached(call) if call.end else "",
    }


def told_of_order(order: Order) -> dict[str, Any]:
    told: dict[str, Any] = {"id": order.id, "state": str(order.state), "attempts": order.attempts}
    if order.state is OrderState.WAITING:
        told["due"] = order.due.isoformat()
    return told | ({"reason": order.reason} if order.reason else {})
