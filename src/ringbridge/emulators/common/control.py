"""What tests and people steer an emulated CRM by; nothing of it exists in the CRM itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ringbridge.emulators.common.faults import F, FaultQueue

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Details = dict[str, Any]


class NobodyThere(LookupError):
    """The CRM has no application that the action could reach. The text is for people."""


def state_route(snapshot: Callable[[Request], Details]) -> Route:
    """Everything the CRM knows, as JSON."""

    async def state(http: Request) -> Response:
        return JSONResponse(snapshot(http))

    return Route("/_emulator/state", state)


def faults_route(waiting: Callable[[Request], FaultQueue[F]], make: Callable[[Details], F]) -> Route:
    """GET what waits, POST one fault or a list of them, DELETE all. `make` raises what a constructor raises."""

    async def faults(http: Request) -> Response:
        queue = waiting(http)
        if http.method == "DELETE":
            queue.clear()
        if http.method == "POST":
            try:
                given: Any = await http.json()
                for one in [make(item) for item in (given if isinstance(given, list) else [given])]:
                    queue.add(one)
            except (ValueError, TypeError, KeyError) as error:
                return JSONResponse({"error": f"not a fault: {error}"}, status_code=422)
        return JSONResponse([shown(one) for one in queue.waiting])

    return Route("/_emulator/faults", faults, methods=["GET", "POST", "DELETE"])


def shown(fault: Any) -> Details:
    known: DataclassInstance = fault
    return asdict(known)


def actions_route(act: Callable[[Request, str, Details], Details | None]) -> Route:
    """Do what a person would do in the CRM; a JSON body carries the details."""

    async def answer(http: Request) -> Response:
        action = http.path_params["action"]
        try:
            details: Details = await http.json() if await http.body() else {}
            return JSONResponse(act(http, action, details) or {})
        except NobodyThere as error:
            return JSONResponse({"error": str(error)}, status_code=409)
        except (ValueError, TypeError, KeyError) as error:
            return JSONResponse({"error": f"{action}: {error!r}"}, status_code=422)

    return Route("/_emulator/do/{action}", answer, methods=["POST"])
