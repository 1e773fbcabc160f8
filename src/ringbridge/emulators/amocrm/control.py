"""What tests and people steer the account by; nothing of it exists in amoCRM."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.requests import Request

from ringbridge.emulators.amocrm import deskwork
from ringbridge.emulators.amocrm.account import Account
from ringbridge.emulators.amocrm.entities import Kind
from ringbridge.emulators.amocrm.faults import Fault, FaultKind
from ringbridge.emulators.amocrm.state import snapshot
from ringbridge.emulators.amocrm.widget import Widget
from ringbridge.emulators.common.control import actions_route, faults_route, state_route


def _account(http: Request) -> Account:
    account: Account = http.app.state.account
    return account


def _fault(item: dict[str, Any]) -> Fault:
    return Fault(**{**item, "kind": FaultKind(item["kind"])})


def _act(http: Request, action: str, details: dict[str, Any]) -> dict[str, Any] | None:
    if action not in _ACTIONS:
        raise ValueError(f"no such action: {', '.join(_ACTIONS)}")
    return _ACTIONS[action](_account(http), **details)


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
    state_route(lambda http: snapshot(_account(http))),
    faults_route(lambda http: _account(http).faults, _fault),
    actions_route(_act),
]
