"""What tests and people steer the account by; nothing of it exists in amoCRM."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ringbridge.emulators.amocrm import deskwork
from ringbridge.emulators.amocrm.account import Account
from ringbridge.emulators.amocrm.entities import Kind
from ringbridge.emulators.amocrm.faults import Fault, FaultKind
from ringbridge.emulators.amocrm.state import snapshot
from ringbridge.emulators.amocrm.widget import Widget

_FAULT_FIELDS = {"method", "path", "times", "skip", "status", "text"}


def _account(http: Request) -> Account:
    account: Account = http.app.state.account
    return account


async def state(http: Request) -> Response:
    """Everything the account knows, as JSON."""
    return JSONResponse(snapshot(_account(http)))


async def faults(http: Request) -> Response:
    """GET what waits, POST one fault or a list of them, DELETE all."""
    waiting = _account(http).faults
    if http.method == "DELETE":
        waiting.clear()
    if http.method == "POST":
        try:
            given: Any = await http.json()
            for one in [_fault(item) for item in (given if isinstance(given, list) else [given])]:
                waiting.add(one)
        except (ValueError, TypeError, KeyError) as error:
            return JSONResponse({"error": f"not a fault: {error}"}, status_code=422)
    return JSONResponse(
        [{"kind": one.kind, "method": one.method, "path": one.path, "times": one.times} for one in waiting.waiting]
    )


def _fault(item: dict[str, Any]) -> Fault:
    unknown = set(item) - _FAULT_FIELDS - {"kind"}
    if unknown:
        raise ValueError(f"unknown keys {', '.join(sorted(unknown))}")
    details = {name: value for name, value in item.items() if name in _FAULT_FIELDS}
    return Fault(kind=FaultKind(item["kind"]), **details)


async def act(http: Request) -> Response:
    """Do what a person would do in the account; a JSON body carries the details."""
    account, action = _account(http), http.path_params["action"]
    try:
        details: dict[str, Any] = await http.json() if await http.body() else {}
        return JSONResponse(_act(account, action, details))
    except deskwork.NoSuchIntegration as error:
        return JSONResponse({"error": str(error)}, status_code=409)
    except (ValueError, TypeError, KeyError) as error:
        return JSONResponse({"error": f"{action}: {error!r}"}, status_code=422)


def _act(account: Account, action: str, details: dict[str, Any]) -> dict[str, Any]:
    if action not in _ACTIONS:
        raise ValueError(f"no such action: {', '.join(_ACTIONS)}")
    return _ACTIONS[action](account, **details) or {}


def _tokens(account: Account, *, user_id: int) -> dict[str, Any]:
    access, refresh = account.issue(deskwork.integration_of(account), user_id)
    return {"access_token": access, "refresh_token": refresh}


def _long_lived(account: Account, *, user_id: int, days: int = 365) -> dict[str, Any]:
    return {"access_token": account.long_lived_token(deskwork.integration_of(account), user_id, days=days)}


def _widget(account: Account, *, path: str, active: bool = True, values: dict[str, Any] | None = None) -> None:
    """Host the widget of a folder or zip on this machine."""
    account.widget = Widget.load(Path(path))
    account.widget.active, account.widget.values = active, values or {}


def _add(account: Account, *, kind: str, **details: Any) -> dict[str, Any]:
    return {"id": deskwork.add_client(account, Kind(kind), **details).id}


def _change(account: Account, *, kind: str, id: int, **details: Any) -> None:  # noqa: A002 as the interface names it
    deskwork.change(account, Kind(kind), id, **details)


def _remove(account: Account, *, kind: str, id: int, user_id: int) -> None:  # noqa: A002 as the interface names it
    deskwork.remove(account, Kind(kind), id, user_id=user_id)


_ACTIONS: dict[str, Callable[..., dict[str, Any] | None]] = {
    "code": lambda account, **details: {"code": deskwork.code(account, **details)},
    "tokens": _tokens,
    "long-lived": _long_lived,
    "install": deskwork.install,
    "disable": deskwork.disable,
    "dismiss": deskwork.dismiss,
    "expire-tokens": lambda account: account.access.expire_all(),
    "revoke": lambda account: account.access.revoke(deskwork.integration_of(account)),
    "move": lambda account, *, to: account.move(to),
    "block": lambda account: account.throttle.block(account.clock().timestamp()),
    "widget": _widget,
    "add": _add,
    "change": _change,
    "remove": _remove,
}

ROUTES = [
    Route("/_emulator/state", state),
    Route("/_emulator/faults", faults, methods=["GET", "POST", "DELETE"]),
    Route("/_emulator/do/{action}", act, methods=["POST"]),
]
