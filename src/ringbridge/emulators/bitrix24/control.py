"""What tests and people steer the portal by; nothing of it exists in Bitrix24."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ringbridge.emulators.bitrix24 import changes, deskwork
from ringbridge.emulators.bitrix24.demo import ADMIN_ID
from ringbridge.emulators.bitrix24.faults import Fault, FaultKind
from ringbridge.emulators.bitrix24.fields import Kind
from ringbridge.emulators.bitrix24.portal import Portal
from ringbridge.emulators.bitrix24.state import snapshot
from ringbridge.emulators.common.control import actions_route, faults_route, state_route


def _portal(http: Request) -> Portal:
    portal: Portal = http.app.state.portal
    return portal


def _fault(item: dict[str, Any]) -> Fault:
    return Fault(**{**item, "kind": FaultKind(item["kind"])})


async def recording(http: Request) -> Response:
    """A stored recording, for the player on the page."""
    stored = _portal(http).telephony.files.get(http.path_params["number"])
    if stored is None:
        return Response("No such file", status_code=404)
    return Response(stored.content, media_type=stored.media_type)


def _act(http: Request, action: str, details: dict[str, Any]) -> dict[str, Any] | None:
    portal = _portal(http)
    match action:
        case "click":
            return {"call_id": deskwork.click(portal, **details)}
        case "callback":
            deskwork.order_callback(portal, **details)
        case "install":
            deskwork.install(portal, **details)
        case "uninstall":
            deskwork.uninstall(portal, **details)
        case "expire-tokens":
            portal.access.expire_all()
        case "move":
            portal.moved_to = details["to"]
        case "create":
            return {"id": changes.create(portal, Kind(details["kind"].upper()), details["fields"], user_id=ADMIN_ID)}
        case "change":
            kind, number = Kind(details["kind"].upper()), details["id"]
            return {"there": changes.change(portal, kind, number, details["fields"], user_id=ADMIN_ID)}
        case "delete":
            kind, number = Kind(details["kind"].upper()), details["id"]
            return {"there": changes.delete(portal, kind, number, user_id=ADMIN_ID)}
        case _:
            raise ValueError(
                "no such action: click, callback, install, uninstall, expire-tokens, move, create, change, delete"
            )
    return None


ROUTES = [
    state_route(lambda http: snapshot(_portal(http))),
    faults_route(lambda http: _portal(http).faults, _fault),
    Route("/_emulator/files/{number:int}", recording),
    actions_route(_act),
]
