"""event.bind, unbind, get; the offline queue; what a user does that an application hears of.

Source: Bitrix24 REST docs, "Events": `event.*`, `event.offline.*`, `OnExternalCallStart`, `OnExternalCallBackStart`,
`OnAppInstall`, `OnAppUninstall`.
"""

from __future__ import annotations

import secrets
from typing import Any

from ringbridge.emulators.bitrix24 import refusals
from ringbridge.emulators.bitrix24.bus import KNOWN_EVENTS, SCOPES, Handler, OfflineEvent
from ringbridge.emulators.bitrix24.listing import select_rows, sort_rows
from ringbridge.emulators.bitrix24.oauth import Application
from ringbridge.emulators.bitrix24.refusals import Refusal
from ringbridge.emulators.bitrix24.request import Method, Page, Request
from ringbridge.emulators.bitrix24.wire import Params, many, text, truthy, whole

_ROW_NAMES = ("ID", "TIMESTAMP_X", "EVENT_NAME", "EVENT_DATA", "EVENT_ADDITIONAL", "MESSAGE_ID", "PROCESS_ID", "ERROR")


async def bind(request: Request) -> bool:
    event, url = _event(request), request.text("handler")
    offline = request.text("event_type").lower() == "offline"
    auth_type = request.whole("auth_type")
    if not offline and not url:
        raise refusals.missing_argument("HANDLER")
    if not request.is_admin and (offline or auth_type not in {0, request.caller.user_id}):
        raise refusals.ACCESS_DENIED.refusal()
    if any(one.url == url and one.auth_type == auth_type for one in _bound(request, event, offline=offline)):
        raise Refusal("ERROR_EVENT_BINDING_EXISTS", "Unable to set event handler: Handler already binded")
    request.portal.bus.bind(
        event, application_id=_application(request).id, url=url, offline=offline, auth_type=auth_type
    )
    return True


async def unbind(request: Request) -> Params:
    event, url = _event(request), request.text("handler")
    offline = request.text("event_type").lower() == "offline"
    if not offline and not url:
        raise refusals.missing_argument("HANDLER")
    gone = [one for one in _bound(request, event, offline=offline) if offline or one.url == url]
    if "auth_type" in request.params:
        gone = [one for one in gone if one.auth_type == request.whole("auth_type")]
    for one in gone:
        request.portal.bus.handlers.remove(one)
    return {"count": len(gone)}


async def get(request: Request) -> Any:
    return [
        {"event": one.event, "handler": one.url, "auth_type": str(one.auth_type), "offline": int(one.offline)}
        for one in request.portal.bus.handlers
        if one.application_id == _application(request).id
    ]


async def names(_: Request) -> Any:
    return sorted(KNOWN_EVENTS)


def _event(request: Request) -> str:
    event = request.text("event").upper()
    if not event:
        raise refusals.missing_argument("EVENT")
    scope = next((scope for beginning, scope in SCOPES.items() if event.startswith(beginning)), "")
    if event not in KNOWN_EVENTS or (scope and scope not in request.caller.scopes):
        raise Refusal("ERROR_EVENT_NOT_FOUND", "Event not found")
    return event


def _bound(request: Request, event: str, *, offline: bool) -> list[Handler]:
    number = _application(request).id
    wanted = (event, number, offline)
    return [one for one in request.portal.bus.handlers if (one.event, one.application_id, one.offline) == wanted]


def _application(request: Request) -> Application:
    if request.application is None:
        raise refusals.WRONG_AUTH_TYPE.refusal()
    return request.application


async def offline_get(request: Request) -> Params:
    """Take what waits. With `clear=0` it is only reserved, under `process_id`, until it is cleared."""
    _admin(request)
    clear = truthy(request.params.get("clear", 1))
    process_id = request.text("process_id")
    rows = [one for one in _queue(request) if one.process_id == process_id]
    if not process_id:
        rows = [one for one in rows if one.error is truthy(request.params.get("error"))]
    rows = _chosen(request, rows)[: request.whole("limit") or 50]
    process_id = process_id or secrets.token_hex(16)
    for one in rows:
        one.process_id = process_id
        if clear:
            request.portal.bus.offline.remove(one)
    shown = ("PROCESS_ID", "ERROR")
    events = [{name: value for name, value in _row(request, one).items() if name not in shown} for one in rows]
    return {"process_id": None if clear else process_id, "events": events}


async def offline_list(request: Request) -> Page:
    _admin(request)
    rows = [_row(request, one) for one in _chosen(request, _queue(request))]
    return Page.cut(rows, request.whole("start"))


async def offline_clear(request: Request) -> bool:
    """Forget what was reserved: all of the process, or these rows."""
    _admin(request)
    ids, messages = [whole(one) for one in many(request.params.get("id"))], _messages(request)
    for one in _process(request):
        if (not ids and not messages) or one.id in ids or one.message_id in messages:
            request.portal.bus.offline.remove(one)
    return True


async def offline_error(request: Request) -> bool:
    """Give back what could not be handled, marked."""
    _admin(request)
    for one in _process(request):
        if one.message_id in _messages(request):
            one.error, one.process_id = True, ""
    return True


def _admin(request: Request) -> None:
    if not request.is_admin:
        raise refusals.ACCESS_DENIED.refusal()


def _queue(request: Request) -> list[OfflineEvent]:
    return [one for one in request.portal.bus.offline if one.application_id == _application(request).id]


def _process(request: Request) -> list[OfflineEvent]:
    process_id = request.text("process_id")
    if not process_id:
        raise refusals.missing_argument("PROCESS_ID")
    return [one for one in _queue(request) if one.process_id == process_id]


def _messages(request: Request) -> list[str]:
    return [text(one) for one in many(request.params.get("message_id"))]


def _chosen(request: Request, rows: list[OfflineEvent]) -> list[OfflineEvent]:
    known = {_row(request, one)["ID"]: one for one in rows}
    shown: list[Any] = [_row(request, one) for one in rows]
    shown = select_rows(shown, request.params.get("filter"), fields=_ROW_NAMES)
    order = request.params.get("order") or {"TIMESTAMP_X": "ASC"}
    return [known[row["ID"]] for row in sort_rows(shown, order, fields=_ROW_NAMES)]


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
    Method(name="event.bind", run=bind, application_only=True),
    Method(name="event.unbind", run=unbind, application_only=True),
    Method(name="event.get", run=get, application_only=True),
    Method(name="events", run=names),
    Method(name="event.offline.get", run=offline_get, application_only=True),
    Method(name="event.offline.list", run=offline_list, application_only=True),
    Method(name="event.offline.clear", run=offline_clear, application_only=True),
    Method(name="event.offline.error", run=offline_error, application_only=True),
)
