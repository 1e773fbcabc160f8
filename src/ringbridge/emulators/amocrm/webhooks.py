"""Webhooks: who asked to hear of what, and the telling.

Source: amoCRM API v4, "Webhooks": a form with PHP's brackets, top key, action, index; no signature. A company is told
among the contacts, with its `type`.
"""

from __future__ import annotations

from typing import Any

import httpx2

from ringbridge.emulators.amocrm.account import Account, Row
from ringbridge.emulators.amocrm.oauth import Caller
from ringbridge.emulators.amocrm.request import NOTHING, Answer, Endpoint, Request
from ringbridge.emulators.amocrm.validation import every, item, one_of, text, whole
from ringbridge.emulators.common.forms import flatten

_KINDS = ("lead", "contact", "company")
EVENTS = frozenset(
    {f"{action}_{kind}" for action in ("add", "update", "delete", "restore", "responsible", "note") for kind in _KINDS}
    | {f"{action}_{kind}" for action in ("add", "update", "delete", "responsible", "note") for kind in ("customer",)}
    | {f"{action}_task" for action in ("add", "update", "delete", "responsible")}
    | {f"{action}_unsorted" for action in ("add", "update", "delete")}
    | {"status_lead", "add_talk", "update_talk", "add_message"}
)


def tell(account: Account, event: str, top: str, row: Row, by: Caller | None) -> None:
    """Send one event to everybody who asked for it; the account does it behind its answers."""
    action = event.partition("_")[0]
    form = {
        top: {action: [row]},
        "account": {"id": account.id, "subdomain": account.subdomain, "_links": {"self": account.address}},
    }
    for hook in account.webhooks.values():
        own = by is not None and by.integration is not None and by.integration.client_id == hook["client_id"]
        if event in hook["settings"] and not hook["disabled"]:
            if own and not account.settings.webhooks_for_own_changes:
                continue
            post(account, event, hook["destination"], form)


def post(account: Account, what: str, url: str, form: Row) -> None:
    """One form to one address, with the retries that the settings say."""
    content = dict(flatten(form))

    async def send() -> None:
        for _ in range(1 + account.settings.webhook_retries):
            status = await _attempt(account, "POST", url, data=content)
            account.delivered.append((what, url, status))
            if 0 < status < 400:
                return

    account.chores.add(send)


def visit(account: Account, what: str, url: str, query: dict[str, str], *, patience: float) -> None:
    """GET an address once; nobody looks at the answer."""

    async def send() -> None:
        account.delivered.append((what, url, await _attempt(account, "GET", url, patience=patience, params=query)))

    account.chores.add(send)


async def _attempt(account: Account, method: str, url: str, *, patience: float | None = None, **request: Any) -> int:
    patience = patience or account.settings.webhook_patience
    try:
        async with httpx2.AsyncClient(timeout=patience, trust_env=False) as client:
            return (await client.request(method, url, **request)).status_code
    except httpx2.HTTPError:
        return 0


_FIELDS = {"destination": text(blank=False), "settings": every(one_of(EVENTS)), "sort": whole(), "request_id": text()}


def subscribe(request: Request) -> Answer:
    request.admin_only()
    given = request.item(item(_FIELDS, required=("destination", "settings"), strict=request.strict))
    account, at = request.account, request.account.now()
    known = next((one for one in account.webhooks.values() if one["destination"] == given["destination"]), None)
    hook = known or {"id": account.next_id(), "created_by": request.user.id, "created_at": at, "disabled": False}
    hook |= {
        "destination": given["destination"],
        "settings": list(given["settings"]),
        "sort": given.get("sort", 0),
        "updated_at": at,
        "account_id": account.id,
        "client_id": request.caller.integration.client_id if request.caller.integration else "",
    }
    account.webhooks[hook["id"]] = hook
    return Answer(status=account.settings.webhook_status, body=_row(hook))


def listed(request: Request) -> Answer:
    request.admin_only()
    wanted = request.filter.get("destination")
    hooks = [_row(one) for one in request.account.webhooks.values() if wanted in {None, one["destination"]}]
    return request.page("webhooks", hooks, total=True)


def unsubscribe(request: Request) -> Answer:
    request.admin_only()
    given = request.item(item({"destination": text(blank=False)}, required=("destination",), strict=False))
    hooks = request.account.webhooks
    for number in [one["id"] for one in hooks.values() if one["destination"] == given["destination"]]:
        del hooks[number]
    return NOTHING


def _row(hook: Row) -> Row:
    return {name: value for name, value in hook.items() if name != "client_id"}


ENDPOINTS = (Endpoint(path="/api/v4/webhooks", handlers={"GET": listed, "POST": subscribe, "DELETE": unsubscribe}),)
