"""The pages' addresses, and what their buttons do."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request as HttpRequest
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from ringbridge.emulators.amocrm import unsorted
from ringbridge.emulators.amocrm.account import Account
from ringbridge.emulators.amocrm.entities import Kind
from ringbridge.emulators.amocrm.oauth import Caller
from ringbridge.emulators.amocrm.page import shown
from ringbridge.emulators.amocrm.page.words import STATUSES, WORDS
from ringbridge.emulators.amocrm.problems import Problem
from ringbridge.emulators.amocrm.request import Request

_HERE = Path(__file__).parent
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; media-src http: https:; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-cache",
    "X-Content-Type-Options": "nosniff",
}
_TEMPLATES = Environment(
    loader=FileSystemLoader(_HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def _account(http: HttpRequest) -> Account:
    account: Account = http.app.state.account
    return account


def _language(http: HttpRequest, account: Account) -> str:
    """What the address says, else what the browser prefers, else the account's own."""
    asked = http.query_params.get("lang", "")
    accepted = [
        part.partition(";")[0].strip()[:2].lower() for part in http.headers.get("accept-language", "").split(",")
    ]
    return next((one for one in (asked, *accepted) if one in WORDS), account.settings.language)


def _user_id(http: HttpRequest, account: Account) -> int | None:
    given = http.query_params.get("user", "")
    return int(given) if given.isdecimal() and int(given) in account.staff.users else None


def _page(http: HttpRequest, template: str, *, status: int = 200, **context: Any) -> Response:
    account = _account(http)
    language, user_id = _language(http, account), _user_id(http, account)
    query = {"lang": http.query_params.get("lang"), "user": user_id}
    said = urlencode({name: value for name, value in query.items() if value})
    html = _TEMPLATES.get_template(template).render(
        w=WORDS[language],
        language=language,
        statuses=STATUSES[language],
        query=f"?{said}" if said else "",
        account=account,
        user_id=user_id,
        people=[one for one in account.staff.users.values() if one.active],
        **context,
    )
    tag = f'"{hashlib.sha256(html.encode()).hexdigest()[:32]}"'
    if http.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers={**_HEADERS, "ETag": tag})
    return HTMLResponse(html, status_code=status, headers={**_HEADERS, "ETag": tag})


async def office(http: HttpRequest) -> Response:
    """`/?user=ID&lang=ru|en`: one employee's desk, or everybody's."""
    account = _account(http)
    user_id = _user_id(http, account)
    return _page(
        http,
        "office.html",
        rings=shown.rings(account, user_id),
        calls=shown.calls(account),
        incoming=shown.incoming(account),
        tasks=shown.tasks(account, user_id=user_id),
        clients={kind.value: [shown.link(one) for one in account.entities.shown(kind)] for kind in Kind},
    )


async def detail(http: HttpRequest) -> Response:
    """A contact's, company's or lead's page, at the address that the real one has."""
    account, kind = _account(http), http.path_params["kind"]
    one = account.entities.get(Kind(kind), http.path_params["id"]) if kind in list(Kind) else None
    if one is None or not one.shown:
        return _page(http, "missing.html", status=404)
    return _page(
        http,
        "detail.html",
        one=shown.sheet(account, one),
        calls=shown.calls(account, one),
        tasks=shown.tasks(account, one),
    )


async def decide(http: HttpRequest) -> Response:
    """A person accepts or declines an incoming lead."""
    account, form = _account(http), await http.form()
    user_id = _user_id(http, account) or min(account.staff.users)
    act = unsorted.accept if form.get("answer") == "accept" else unsorted.decline
    parts = {"uid": str(form.get("uid", ""))}
    request = Request(account=account, caller=Caller(user_id=user_id), method="POST", path=http.url.path, parts=parts)
    try:
        act(request)
    except Problem as problem:
        return PlainTextResponse(problem.detail, status_code=409)
    return RedirectResponse(f"/?{http.url.query}" if http.url.query else "/", status_code=303)


async def static(http: HttpRequest) -> Response:
    path = _HERE / "static" / http.path_params["name"]
    if path.parent != _HERE / "static" or not path.is_file():
        return PlainTextResponse("No such file", status_code=404)
    return FileResponse(path, headers={"Cache-Control": "no-cache"})


ROUTES = [
    Route("/", office),
    Route("/{kind}/detail/{id:int}", detail),
    Route("/_emulator/page/decide", decide, methods=["POST"]),
    Route("/_emulator/page/{name}", static),
]
