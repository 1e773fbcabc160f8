"""Language and theme, kept in the visitor's browser."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ringbridge.web import language
from ringbridge.web.rendering import THEME_COOKIE, THEMES

YEAR = 365 * 24 * 3600

CHOICES = {language.COOKIE: tuple(language.LANGUAGES), THEME_COOKIE: THEMES}


async def choose(request: Request) -> Response:
    """POST: `language` or `theme`, and `next`, the page to come back to. What is not on offer is not kept."""
    async with request.form(max_files=0, max_fields=8) as form:
        secure = request.url.scheme == "https"
        answer = RedirectResponse(own_address(str(form.get("next", ""))), status_code=303)
        for name, offered in CHOICES.items():
            if (value := form.get(name)) in offered:
                answer.set_cookie(name, str(value), max_age=YEAR, samesite="lax", httponly=True, secure=secure)
    return answer


def own_address(address: str) -> str:
    """Only a path of this page: a foreign address would make us a signpost for deceivers."""
    parts = urlsplit(address)
    is_own = not parts.scheme and not parts.netloc and address.startswith("/") and "\\" not in address
    return address if is_own else "/"


routes = [Route("/preferences", choose, methods=["POST"])]
