"""One method, from its name and parameters to its result: rights first, then the quota, then the work."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ringbridge.emulators.bitrix24 import refusals
from ringbridge.emulators.bitrix24.oauth import Caller
from ringbridge.emulators.bitrix24.portal import Portal
from ringbridge.emulators.bitrix24.refusals import Refusal
from ringbridge.emulators.bitrix24.request import Method, Page, Request
from ringbridge.emulators.bitrix24.settings import Permission, ScopeRefusal
from ringbridge.emulators.bitrix24.traffic import Executed
from ringbridge.emulators.bitrix24.wire import Params

Methods = Mapping[str, Method]
"""By lower-case name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a method gave, with the `time` block that goes beside it."""

    page: Page
    time: Params


async def execute(portal: Portal, methods: Methods, caller: Caller, name: str, params: Params) -> Done:
    """Run one method. Raises `Refusal`; either way it stands in the portal's traffic."""
    name = name.lower()
    started = portal.clock()
    try:
        method = _permitted(portal, methods, caller, name)
        seconds, answer = await _run(portal, method, Request(portal=portal, caller=caller, params=params))
    except Refusal as refusal:
        _note(portal, name, params, error=f"{refusal.code}: {refusal.text}")
        raise
    page = answer if isinstance(answer, Page) else Page(rows=answer, total=None)
    if name != "batch":
        _note(portal, name, params, result=page.rows)
    return Done(page=page, time=_time(portal, caller, method, started, seconds))


def _permitted(portal: Portal, methods: Methods, caller: Caller, name: str) -> Method:
    """The method, where the caller may call it now."""
    method = methods.get(name)
    if method is None:
        raise refusals.METHOD_NOT_FOUND.refusal()
    if method.scopes and not set(method.scopes) & set(caller.scopes):
        raise _scope_refusal(portal, caller)
    denied = portal.settings.webhook_telephony is Permission.DENY
    if caller.application is None and (method.application_only or (method.telephony and denied)):
        raise refusals.WRONG_AUTH_TYPE.refusal()
    if method.counted and _overspent(portal, caller, name):
        raise refusals.OPERATION_LIMIT.refusal()
    return method


def _scope_refusal(portal: Portal, caller: Caller) -> Refusal:
    if portal.settings.scope_refusal is ScopeRefusal.METHOD_NOT_FOUND:
        return refusals.METHOD_NOT_FOUND.refusal()
    token = "access token" if caller.application else "webhook token"
    text = f"The request requires higher privileges than provided by the {token}"
    return Refusal("insufficient_scope", text, status=portal.settings.insufficient_scope_status)


def _overspent(portal: Portal, caller: Caller, name: str) -> bool:
    settings = portal.settings
    if not settings.operating_limit:
        return False
    return portal.operating.spent(caller.owner, name, portal.clock()) >= settings.operating_limit_seconds


async def _run(portal: Portal, method: Method, request: Request) -> tuple[float, Any]:
    """Seconds it took and what it gave; the call that crosses the limit is still carried out."""
    before = time.perf_counter()
    try:
        answer = await method.run(request)
    finally:
        seconds = portal.settings.operating_cost.get(method.name.lower(), time.perf_counter() - before)
        if method.counted:
            portal.operating.add(request.caller.owner, method.name.lower(), seconds, portal.clock())
    return seconds, answer


def _time(portal: Portal, caller: Caller, method: Method, started: datetime, seconds: float) -> Params:
    finished = portal.clock()
    block: Params = {
        "start": started.timestamp(),
        "finish": finished.timestamp(),
        "duration": (finished - started).total_seconds(),
        "processing": seconds,
        "date_start": portal.local(started),
        "date_finish": portal.local(finished),
    }
    if portal.settings.operating_limit and method.counted:
        name = method.name.lower()
        frees = portal.operating.frees_at(caller.owner, name, finished)
        block["operating_reset_at"] = int(frees.timestamp())
        block["operating"] = portal.operating.spent(caller.owner, name, finished)
    return block


def _note(portal: Portal, name: str, params: Params, *, result: Any = None, error: str | None = None) -> None:
    known = {key: value for key, value in params.items() if key != "auth"}
    portal.traffic.add(
        Executed(
            at=portal.clock(),
            request=portal.traffic.requests,
            method=name,
            params=known,
            result=result,
            error=error,
        )
    )


def envelope(done: Done) -> Params:
    """The success answer of a direct call."""
    page = done.page
    body: Params = {"result": page.rows}
    if page.next is not None:
        body["next"] = page.next
    if page.total is not None:
        body["total"] = page.total
    return {**body, "time": done.time}
