"""Templates to answers: in the visitor's language, at the portal's time, with headers that keep the page to itself."""

from __future__ import annotations

import hashlib
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from ringbridge.emulators.bitrix24.page.board import screen_of
from ringbridge.emulators.bitrix24.page.telephony import lines_to_dial_by
from ringbridge.emulators.bitrix24.page.visitor import LANGUAGE_COOKIE, Visitor
from ringbridge.emulators.bitrix24.page.words import STATUSES, WORDS
from ringbridge.emulators.bitrix24.portal import Portal

STATIC = Path(__file__).parent / "static"
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; media-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-cache",
    "Referrer-Policy": "same-origin",
    "Vary": "Accept-Language, Cookie",
    "X-Content-Type-Options": "nosniff",
}
_MONTH = 30 * 24 * 3600

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(http: Request, template: str, *, status: int = 200, **context: Any) -> Response:
    """A whole page, or 304 where the browser has just this one."""
    portal: Portal = http.app.state.portal
    visitor = Visitor.of(http, portal)
    html = _TEMPLATES.get_template(template).render(_frame(http, portal, visitor) | context)
    tag = f'"{hashlib.sha256(html.encode()).hexdigest()[:32]}"'
    if http.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers={**HEADERS, "ETag": tag})
    response = HTMLResponse(html, status_code=status, headers={**HEADERS, "ETag": tag})
    if http.query_params.get("lang") == visitor.language:
        response.set_cookie(LANGUAGE_COOKIE, visitor.language, max_age=_MONTH, samesite="lax")
    return response


def _frame(http: Request, portal: Portal, visitor: Visitor) -> dict[str, Any]:
    """What every page needs."""
    words, me = WORDS[visitor.language], visitor.employee
    return {
        "w": words,
        "statuses": STATUSES[visitor.language],
        "visitor": visitor,
        "link": visitor.link,
        "path": http.url.path,
        "me": screen_of(portal, me) if me else None,
        "employees": [user for user in portal.staff.users.values() if portal.staff.active(user.id)],
        "dial_lines": lines_to_dial_by(portal),
        "said": words.get(f"said_{http.query_params.get('said', '')}", ""),
        "clock": partial(clock, portal, visitor.language),
        "talk": talk,
    }


def clock(portal: Portal, language: str, written: str) -> str:
    """A moment in the portal's time; of today the time alone. What is no moment stays as it is."""
    try:
        at = datetime.fromisoformat(written)
    except ValueError:
        return written
    zone = timezone(portal.settings.utc_offset)
    at = at.replace(tzinfo=zone) if at.tzinfo is None else at.astimezone(zone)
    if at.date() == portal.clock().astimezone(zone).date():
        return at.strftime("%H:%M:%S")
    return at.strftime("%d.%m.%Y %H:%M" if language == "ru" else "%Y-%m-%d %H:%M")


def talk(seconds: int) -> str:
    """``1:13``, or ``1:00:05`` from an hour on."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
