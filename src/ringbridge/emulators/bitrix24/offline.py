"""event.offline.*: the queue of events that an application fetches.

Source: Bitrix24 REST docs, "Offline events", `event.offline.get`, `event.offline.list`, `event.offline.clear`,
`event.offline.error`, with their error tables.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection
from typing import Any

from ringbridge.emulators.bitrix24 import refusals
from ringbridge.emulators.bitrix24.bus import Handler, OfflineEvent
from ringbridge.emulators.bitrix24.listing import select_rows, sort_rows
from ringbridge.emulators.bitrix24.refusals import Refusal
from ringbridge.emulators.bitrix24.request import Method, Page, Request
from ringbridge.emulators.bitrix24.wire import Params, many, text, truthy, whole

_OF_GET = ("ID", "TIMESTAMP_X", "EVENT_NAME", "MESSAGE_ID")
_OF_LIST = (*_OF_GET, "PROCESS_ID", "ERROR")
_COMPARED = ("", "=", ">", "<", ">=", "<=")
_OPERATION = re.compile(r"(\W*)(.*)", re.DOTALL)


async def get(request: Request) -> Params:
    """Take what waits. With `clear=0` it is only reserved, under `process_id`, until it is cleared; whoever names a
    process and clears forgets all of it, also what the limit has left out."""
    _admin(request)
    clear = truthy(request.params.get("clear", 1))
    if not clear and not request.portal.settings.offline_confirmation:
        raise refusals.WRONG_LICENSE.refusal(f"{refusals.WRONG_LICENSE.text}: extended offline events handling")
    named = request.text("process_id")
    process_id = named or secrets.token_hex(16)
    waiting = [one for one in _queue(request) if one.process_id == named]
    rows = [one for one in waiting if one.error is truthy(request.params.get("error"))]
    rows = _chosen(request, rows, _OF_GET, _COMPARED, first="TIMESTAMP_X")[: _limit(request)]
    for one in rows:
        one.process_id = process_id
    events = [{name: value for name, value in _row(request, one).items() if name not in _OF_LIST[-2:]} for one in rows]
    for one in (waiting if named else rows) if clear else ():
        request.portal.bus.offline.remove(one)
    return {"process_id": process_id if named or not clear else None, "events": events}


async def listed(request: Request) -> Page:
    _admin(request)
    rows = _chosen(request, _queue(request), _OF_LIST, (*_COMPARED, "@", "%"), first="ID")
    return Page.cut([_row(request, one) for one in rows], request.whole("start"))


async def clear(request: Request) -> bool:
    """Forget what was reserved: all of the process, or these rows. Ids go before keys."""
    _admin(request)
    ids, messages = [whole(one) for one in many(request.params.get("id"))], _messages(request)
    for one in _process(request):
        if one.id in ids or (not ids and (not messages or one.message_id in messages)):
            request.portal.bus.offline.remove(one)
    return True


async def error(request: Request) -> bool:
    """Give back what could not be handled, marked."""
    _admin(request)
    for one in _process(request):
        if one.message_id in _messages(request):
            one.error, one.process_id = True, ""
    return True


def _admin(request: Request) -> None:
    if not request.is_admin:
        raise refusals.ACCESS_DENIED.refusal()


def _limit(request: Request) -> int:
    limit = whole(request.params.get("limit", 50))
    if limit < 1:
        raise _wrong("Value must be positive integer")
    return limit


def _queue(request: Request) -> list[OfflineEvent]:
    if request.application is None:
        raise refusals.WRONG_AUTH_TYPE.refusal()
    return [one for one in request.portal.bus.offline if one.application_id == request.application.id]


def _process(request: Request) -> list[OfflineEvent]:
    process_id = request.text("process_id")
    if not process_id:
        raise refusals.missing_argument("PROCESS_ID")
    return [one for one in _queue(request) if one.process_id == process_id]


def _messages(request: Request) -> list[str]:
    return [text(one) for one in many(request.params.get("message_id"))]


def _chosen(
    request: Request, rows: list[OfflineEvent], fields: Collection[str], operations: Collection[str], *, first: str
) -> list[OfflineEvent]:
    """Those that the request's filter passes, in its order; by `first` where it asks for none."""
    condition, order = request.params.get("filter") or {}, request.params.get("order") or {first: "ASC"}
    _check_filter(condition, fields, operations)
    _check_order(order, fields)
    known = {_row(request, one)["ID"]: one for one in rows}
    shown: list[Any] = [_row(request, one) for one in rows]
    return [known[row["ID"]] for row in sort_rows(select_rows(shown, condition, fields=fields), order, fields=fields)]


def _check_filter(condition: Any, fields: Collection[str], operations: Collection[str]) -> None:
    if not isinstance(condition, dict):
        raise _wrong("The filter is not an array.")
    for key, value in condition.items():
        found = _OPERATION.fullmatch(key)
        operation, name = found.groups() if found else ("", key)
        if operation not in operations:
            raise _wrong(f"Filter operation not allowed: {operation}")
        if name not in fields:
            raise _wrong(f"Filter field not allowed: {name}")
        if isinstance(value, list | dict) and operation != "@":
            raise _wrong(f"The value of an argument '{name}' has an invalid type")


def _check_order(order: Any, fields: Collection[str]) -> None:
    if not isinstance(order, dict):
        raise _wrong("The order is not an array.")
    for name, direction in order.items():
        if name not in fields:
            raise _wrong(f"Order field not allowed: {name}")
        if text(direction).upper() not in {"ASC", "DESC"}:
            raise _wrong("Order direction should be one of {ASC|DESC}")


def _wrong(words: str) -> Refusal:
    return Refusal("ERROR_ARGUMENT", words)


def _row(request: Request, one: OfflineEvent) -> Params:
    return {
        "ID": str(one.id),
        "TIMESTAMP_X": request.portal.local(one.at),
        "EVENT_NAME": one.event,
        "EVENT_DATA": one.data,
        "EVENT_ADDITIONAL": request.portal.event_auth(_as_handler(one), None),
        "MESSAGE_ID": one.message_id,
        "PROCESS_ID": one.process_id,
        "ERROR": "1" if one.error else "0",
    }


def _as_handler(one: OfflineEvent) -> Handler:
    return Handler(id=0, event=one.event, application_id=one.application_id)


METHODS = (
    Method(name="event.offline.get", run=get, application_only=True),
    Method(name="event.offline.list", run=listed, application_only=True),
    Method(name="event.offline.clear", run=clear, application_only=True),
    Method(name="event.offline.error", run=error, application_only=True),
)
