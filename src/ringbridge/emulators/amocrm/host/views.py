"""The host page and what it asks the account for.

Source: amoCRM developer documentation, "Web SDK": `callbacks`, `self`'s methods, `APP`, "One-time tokens"
(`$authorizedAjax`), the settings window and `locations` of `manifest.json`.
"""

from __future__ import annotations

import json
import mimetypes
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from ringbridge.emulators.amocrm import deskwork
from ringbridge.emulators.amocrm.account import Account
from ringbridge.emulators.amocrm.door import SESSION
from ringbridge.emulators.amocrm.entities import Entity, Kind
from ringbridge.emulators.amocrm.notes import CALLS
from ringbridge.emulators.amocrm.staff import User

_HERE = Path(__file__).parent
_SCRIPTS = ("jquery.js", "twig.js", "boot.js", "loader.js", "platform.js", "context.js", "page.js")
_TEXTS = {
    "ru": {"settings": "Настройки виджета", "off": "Отключить", "save": "Сохранить", "close": "Закрыть",
           "rings": "Входящие звонки", "notifications": "Уведомления"},
    "en": {"settings": "Widget settings", "off": "Switch off", "save": "Save", "close": "Close",
           "rings": "Incoming calls", "notifications": "Notifications"},
}  # fmt: skip
_SHOWN_RINGS = 5
_TEMPLATES = Environment(loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined)


def _account(http: Request) -> Account:
    account: Account = http.app.state.account
    return account


def _user(account: Account, http: Request) -> User | None:
    given = http.query_params.get("user", "")
    user = account.staff.users.get(int(given)) if given.isdecimal() else None
    return user if user and user.active else None


async def page(http: Request) -> Response:
    """`?user=ID[&card=/contacts/detail/ID][&area=settings|advanced_settings][&lang=ru|en]`."""
    account = _account(http)
    user = _user(account, http) or next(one for one in account.staff.users.values() if one.active)
    language = http.query_params.get("lang", account.settings.language)
    language = language if language in _TEXTS else "en"
    boot = _boot(account, user, language) | {
        "area": http.query_params.get("area", "everywhere"),
        "card": http.query_params.get("card", ""),
    }
    cards = [
        {"path": f"/{kind.value}/detail/{one.id}", "name": one.name}
        for kind in Kind
        for one in account.entities.shown(kind)
    ]
    response = HTMLResponse(
        _TEMPLATES.get_template("page.html").render(boot=boot, cards=cards, scripts=_SCRIPTS),
        headers={"Cache-Control": "no-store"},
    )
    response.set_cookie(SESSION, str(user.id), httponly=True, samesite="strict")
    return response


def _boot(account: Account, user: User, language: str) -> dict[str, Any]:
    """All that the page's scripts start with."""
    widget, integration = account.widget, deskwork.integration_of(account)
    managers = {
        str(one.id): {"id": one.id, "title": one.name, "option": one.name, "group": f"group_{one.group_id}",
                      "login": one.email, "active": one.active, "is_admin": "Y" if one.admin else "N"}
        for one in account.staff.users.values()
        if one.active
    }  # fmt: skip
    return {
        "language": language,
        "texts": _TEXTS[language],
        "user": {"id": user.id, "name": user.name, "login": user.email, "is_admin": user.admin},
        "account": {"id": account.id, "name": account.name, "subdomain": account.subdomain, "language": language},
        "managers": managers,
        "groups": {f"group_{one.id}": one.name for one in account.staff.groups},
        "client_id": integration.client_id,
        "code": widget.code if widget else "",
        "path": "/_emulator/widget/files" if widget else "",
        "version": widget.version if widget else "",
        "manifest": widget.manifest if widget else {},
        "words": widget.words(language) if widget else {},
        "settings": _values(account),
        "active": bool(widget and widget.active),
    }


def _values(account: Account) -> dict[str, Any]:
    """The widget's settings; a map of users comes as its JSON where the account is so."""
    values = account.widget.values if account.widget else {}
    if not account.settings.widget_maps_as_text:
        return values
    return {name: json.dumps(one) if isinstance(one, dict) else one for name, one in values.items()}


async def script(http: Request) -> Response:
    """The host's own scripts and style."""
    path = _HERE / "static" / http.path_params["name"]
    if path.parent != _HERE / "static" or not path.is_file():
        return PlainTextResponse("No such file", status_code=404)
    return FileResponse(path, headers={"Cache-Control": "no-store"})


async def file(http: Request) -> Response:
    """A file of the widget's archive."""
    widget, name = _account(http).widget, http.path_params["path"]
    if widget is None or name not in widget.files:
        return PlainTextResponse("No such file", status_code=404)
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return Response(widget.files[name], media_type=kind, headers={"Cache-Control": "no-store"})


async def token(http: Request) -> Response:
    """What `$authorizedAjax` sends for the person who is logged in."""
    account = _account(http)
    user = _user(account, http)
    if user is None:
        return JSONResponse({"error": "no such user"}, status_code=404)
    return JSONResponse({"token": account.one_time_token(deskwork.integration_of(account), user.id)})


async def settings(http: Request) -> Response:
    """Keep what the settings window says."""
    widget = _account(http).widget
    given = await http.json()
    if widget is None:
        return JSONResponse({"error": "no widget"}, status_code=409)
    widget.values, widget.active = dict(given["fields"]), bool(given["active"])
    return JSONResponse({"active": widget.active})


async def card(http: Request) -> Response:
    """A contact, company or lead with phones, what hangs on it and its calls."""
    account = _account(http)
    kind, number = http.query_params.get("kind", ""), http.query_params.get("id", "")
    known = account.entities.rows.get(Kind(kind)) if kind in list(Kind) else None
    one = known.get(int(number)) if known and number.isdecimal() else None
    if one is None or not one.shown:
        return JSONResponse({"error": "not found"}, status_code=404)
    return JSONResponse(_card(account, one))


def _card(account: Account, one: Entity) -> dict[str, Any]:
    linked = {
        kind.value: [{"id": number, "name": account.entities.rows[kind][number].name} for number in one.linked(kind)]
        for kind in Kind
        if kind is not one.kind
    }
    calls = [
        {"direction": note["note_type"], **note["params"]}
        for note in account.notes.values()
        if note["note_type"] in CALLS and (note["entity_type"], note["entity_id"]) == (one.kind.value, one.id)
    ]
    shown = {"id": one.id, "name": one.name, "phones": account.entities.phones(one)}
    return shown | {"linked": linked, "calls": calls}


async def rings(http: Request) -> Response:
    """The latest pop-ups of this person."""
    account = _account(http)
    user = _user(account, http)
    shown = [one for one in account.ringing if user and user.id in one.users][-_SHOWN_RINGS:]
    return JSONResponse(
        [
            {
                "uid": one.uid,
                "phone": one.phone,
                "name": one.place.name if one.place else "",
                "path": f"/{one.place.kind.value}/detail/{one.place.id}"
                if one.place
                else f"/contacts/add?phone={quote(one.phone, safe='')}",
            }
            for one in reversed(shown)
        ]
    )


async def crm_post(http: Request) -> Response:
    """`self.crm_post`: the platform's server posts for the widget, without any authorization."""
    given = await http.json()
    try:
        async with httpx2.AsyncClient(timeout=_account(http).settings.webhook_patience, trust_env=False) as client:
            answer = await client.post(given["url"], data=given.get("data") or {})
    except httpx2.HTTPError as error:
        return JSONResponse({"error": str(error)}, status_code=502)
    return Response(answer.content, status_code=answer.status_code, media_type=answer.headers.get("content-type"))


ROUTES = [
    Route("/_emulator/widget", page),
    Route("/_emulator/host/{name}", script),
    Route("/_emulator/widget/files/{path:path}", file),
    Route("/_emulator/widget/token", token),
    Route("/_emulator/widget/settings", settings, methods=["POST"]),
    Route("/_emulator/widget/card", card),
    Route("/_emulator/widget/rings", rings),
    Route("/_emulator/widget/crm_post", crm_post, methods=["POST"]),
]
