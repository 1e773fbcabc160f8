"""/oauth and /oauth2: the page where a person agrees, tokens for codes, where an account lives now.

Source: amoCRM developer documentation, "OAuth 2.0", and the official PHP library's `OAuth/AmoCRMOAuth.php`
(`/oauth2/account/current/subdomain` with `X-Refresh-Token`). The platform's own host and all accounts are one here.
"""

from __future__ import annotations

import html
import json
from urllib.parse import urlencode, urlsplit

import httpx2
from starlette.requests import Request as HttpRequest
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from ringbridge.emulators.amocrm.account import Account, Row
from ringbridge.emulators.amocrm.door import PROBLEM
from ringbridge.emulators.amocrm.faults import FaultKind
from ringbridge.emulators.amocrm.oauth import Integration
from ringbridge.emulators.amocrm.problems import Problem, oauth_problem, unauthorized
from ringbridge.emulators.common.connection import cut, hang


def _account(http: HttpRequest) -> Account:
    account: Account = http.app.state.account
    return account


async def access_token(http: HttpRequest) -> Response:
    """A code or a refresh token for a fresh pair."""
    account = _account(http)
    fault = account.faults.for_request(http.method, http.url.path)
    try:
        if fault is not None and fault.kind is FaultKind.HANG:
            return await hang(http)
        if fault is not None and fault.kind is FaultKind.CUT:
            return await cut(http)
        if fault is not None and (problem := fault.problem()) is not None:
            raise problem
        pair = _exchange(account, http, await http.body())
    except Problem as refusal:
        return JSONResponse(refusal.body(), status_code=refusal.status, media_type=PROBLEM)
    if fault is not None and fault.kind is FaultKind.LOSE_ANSWER:
        return await cut(http)
    return JSONResponse(pair)


def _exchange(account: Account, http: HttpRequest, raw: bytes) -> Row:
    if http.url.netloc in account.former:
        raise Problem(account.settings.moved_status, "Account not found")
    try:
        body = json.loads(raw)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise oauth_problem("Check the request body")
    grant = account.access.exchange(body, account.clock())
    access, refresh = account.issue(grant.integration, grant.user_id)
    return {
        "token_type": "Bearer",
        "expires_in": int(account.settings.access_token_lifetime.total_seconds()),
        "server_time": account.now(),
        "access_token": access,
        "refresh_token": refresh,
    }


async def current_subdomain(http: HttpRequest) -> Response:
    """Where the account of this refresh token lives now. It is answered at the host of `api_domain` too."""
    account = _account(http)
    grant = account.access.refresh.get(http.headers.get("x-refresh-token", ""))
    if grant is None or grant.used or grant.revoked or grant.expires <= account.clock():
        problem = unauthorized()
        return JSONResponse(problem.body(), status_code=problem.status, media_type=PROBLEM)
    host = account.host
    return JSONResponse(
        {
            "id": account.id,
            "subdomain": account.subdomain,
            "domain": host,
            "top_level_domain": host.rpartition(".")[2].partition(":")[0],
        }
    )


async def authorize(http: HttpRequest) -> Response:
    """The page where an administrator lets an integration in; posted, it sends the browser back."""
    account = _account(http)
    form: Row = dict(await http.form()) if http.method == "POST" else {}
    query: Row = dict(http.query_params) | form
    integration = account.access.integration(str(query.get("client_id", "")))
    if "client_id" in query and integration is None:
        return PlainTextResponse("Integration not found", status_code=404)
    if integration is None and not (query.get("redirect_uri") and query.get("secrets_uri")):
        return PlainTextResponse("Integration not found", status_code=404)
    if http.method == "GET":
        return HTMLResponse(_consent(account, query, integration))
    user_id = int(str(form.get("user_id", min(account.staff.users))))
    if form.get("answer") != "allow":
        redirect = integration.redirect_uri if integration else str(query["redirect_uri"])
        return _back(redirect, {"error": "access_denied", "state": str(query.get("state", ""))}, query)
    integration = integration or await _made(account, query)
    return _back(integration.redirect_uri, granted(account, integration, user_id, str(query.get("state", ""))), query)


def granted(account: Account, integration: Integration, user_id: int, state: str) -> dict[str, str]:
    """What goes back to the integration's redirect address."""
    integration.enabled = True
    told = {
        "code": account.access.issue_code(integration, user_id, account.clock()),
        "referer": account.host,
        "state": state,
    }
    if account.settings.redirect_tells_client:
        told |= {"client_id": integration.client_id, "platform": str(account.settings.brand.platform)}
    return told


async def _made(account: Account, query: Row) -> Integration:
    """The simplified way: an integration is made on the spot, its secrets are posted to its server first."""
    integration = Integration(name=str(query.get("name", "")), redirect_uri=str(query["redirect_uri"]))
    account.access.integrations.append(integration)
    told = {
        "client_id": integration.client_id,
        "client_secret": integration.client_secret,
        "state": str(query.get("state", "")),
        "name": integration.name,
        "scopes": list(integration.scopes),
    }
    url = str(query["secrets_uri"])
    try:
        async with httpx2.AsyncClient(timeout=account.settings.webhook_patience, trust_env=False) as client:
            status = (await client.post(url, json=told)).status_code
    except httpx2.HTTPError:
        status = 0
    account.delivered.append(("secrets", url, status))
    return integration


def _back(redirect_uri: str, told: dict[str, str], query: Row) -> Response:
    if query.get("mode") != "post_message":
        glue = "&" if urlsplit(redirect_uri).query else "?"
        return RedirectResponse(f"{redirect_uri}{glue}{urlencode(told)}", status_code=302)
    said = json.dumps(told).replace("<", "\\u003c")
    return HTMLResponse(f"<script>window.opener && window.opener.postMessage({said}, '*'); window.close()</script>")


def _consent(account: Account, query: Row, integration: Integration | None) -> str:
    name = html.escape(integration.name if integration else str(query.get("name", "")))
    hidden = "".join(
        f'<input type="hidden" name="{html.escape(key)}" value="{html.escape(str(value))}">'
        for key, value in query.items()
    )
    admins = [one for one in account.staff.users.values() if one.admin and one.active]
    people = "".join(f'<option value="{one.id}">{html.escape(one.name)}</option>' for one in admins)
    russian = account.settings.language == "ru"
    asks = f"{name} просит доступ к аккаунту" if russian else f"{name} asks for access to the account"
    allow, deny = ("Разрешить", "Отказать") if russian else ("Allow", "Deny")
    return (
        f'<!doctype html><html lang="{account.settings.language}"><meta charset="utf-8"><title>{asks}</title>'
        f"<h1>{asks}</h1><p>{html.escape(account.host)}</p><form method='post'>{hidden}"
        f"<select name='user_id'>{people}</select> <button name='answer' value='allow'>{allow}</button> "
        f"<button name='answer' value='deny'>{deny}</button></form></html>"
    )


async def button(http: HttpRequest) -> Response:
    """The script that turns a marked element of a foreign page into a button which opens the page above."""
    script = _BUTTON.replace("%ADDRESS%", json.dumps(_account(http).address))
    return Response(script, media_type="text/javascript")


_BUTTON = """for (const place of document.querySelectorAll("script.amocrm_oauth, script.kommo_oauth")) {
  const told = place.dataset;
  const query = new URLSearchParams({ state: told.state || "", mode: told.mode || "popup" });
  if (told.clientId) query.set("client_id", told.clientId);
  else for (const [key, value] of [["name", told.name], ["redirect_uri", told.redirect_uri],
    ["secrets_uri", told.secrets_uri], ["description", told.description], ["scopes", told.scopes]]) {
    if (value) query.set(key, value);
  }
  const button = document.createElement("button");
  button.type = "button";
  button.className = "amocrm-oauth " + (told.className || "");
  button.textContent = told.title || "amoCRM";
  button.onclick = () => window.open(%ADDRESS% + "/oauth?" + query, "amocrm", "width=750,height=580");
  place.after(button);
}
"""

ROUTES = [
    Route("/oauth2/access_token", access_token, methods=["POST"]),
    Route("/oauth2/account/current/subdomain", current_subdomain),
    Route("/oauth", authorize, methods=["GET", "POST"]),
    Route("/oauth/", authorize, methods=["GET", "POST"]),
    Route("/auth/button.min.js", button),
]
