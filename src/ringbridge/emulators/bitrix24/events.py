"""event.bind, unbind, get: who hears of what. What waits to be fetched is `offline`'s.

Source: Bitrix24 REST docs, "Events": `event.*`, `OnExternalCallStart`, `OnExternalCallBackStart`, `OnAppInstall`,
`OnAppUninstall`.
"""

from __future__ import annotations

from typing import Any

from ringbridge.emulators.bitrix24 import refusals
from ringbridge.emulators.bitrix24.bus import KNOWN_EVENTS, SCOPES, Handler
from ringbridge.emulators.bitrix24.oauth import Application
from ringbridge.emulators.bitrix24.refusals import Refusal
from ringbridge.emulators.bitrix24.request import Method, Request
from ringbridge.emulators.bitrix24.wire import Params


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


METHODS = (
    Method(name="event.bind", run=bind, application_only=True),
    Method(name="event.unbind", run=unbind, application_only=True),
    Method(name="event.get", run=get, application_only=True),
    Method(name="events", run=names),
)
