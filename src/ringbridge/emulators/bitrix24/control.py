"""What tests and people steer the portal by; nothing of it exists in Bitrix24."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ringbridge.emulators.bitrix24 import deskwork
from ringbridge.emulators.bitrix24.faults import Fault, FaultKind
from ringbridge.emulators.bitrix24.portal import Portal
from ringbridge.emulators.bitrix24.state import snapshot

_FAULT_FIELDS = {"method", "times", "skip", "location", "code", "text", "status"}


def _portal(http: Request) -> Portal:
    portal: Portal = http.app.state.portal
    return portal


async def state(http: Request) -> Response:
    """Everything the portal knows, as JSON."""
    return JSONResponse(snapshot(_portal(http)))


async def faults(http: Request) -> Response:
    """GET what waits, POST one fault or a list of them, DELETE all."""
    waiting = _portal(http).faults
    if http.method == "DELETE":
        waiting.clear()
    if http.method == "POST":
        try:
            given: Any = await http.json()
            for one in [_fault(item) for item in (given if isinstance(given, list) else [given])]:
                waiting.add(one)
        except (ValueError, TypeError, KeyError) as error:
            return JSONResponse({"error": f"not a fault: {error}"}, status_code=422)
    return JSONResponse([{"kind": one.kind, "method": one.method, "times": one.times} for one in waiting.waiting])


def _fault(item: dict[str, Any]) -> Fault:
    unknown = set(item) - _FAULT_FIELDS - {"kind"}
    if unknown:
        raise ValueError(f"unknown keys {', '.join(sorted(unknown))}")
    details = {name: value for name, value in item.items() if name in _FAULT_FIELDS}
    return Fault(kind=FaultKind(item["kind"]), **details)


async def recording(http: Request) -> Response:
    """A stored recording, for the player on the page."""
    stored = _portal(http).telephony.files.get(http.path_params["number"])
    if stored is None:
        return Response("No such file", status_code=404)
    return Response(stored.content, media_type=stored.media_type)


async def act(http: Request) -> Response:
    """Do what a person would do on the portal; a JSON body carries the details."""
    portal, action = _portal(http), http.path_params["action"]
    try:
        details: dict[str, Any] = await http.json() if await http.body() else {}
        return JSONResponse(_act(portal, action, details))
    except deskwork.NoSuchApplication as error:
        return JSONResponse({"error": str(error)}, status_code=409)
    except (ValueError, TypeError, KeyError) as error:
        return JSONResponse({"error": f"{action}: {error!r}"}, status_code=422)


def _act(portal: Portal, action: str, details: dict[str, Any]) -> dict[str, Any]:
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
        case _:
            raise ValueError("no such action: click, callback, install, uninstall, expire-tokens, move")
    return {}


ROUTES = [
    Route("/_emulator/state", state),
    Route("/_emulator/faults", faults, methods=["GET", "POST", "DELETE"]),
    Route("/_emulator/files/{number:int}", recording),
    Route("/_emulator/do/{action}", act, methods=["POST"]),
]
