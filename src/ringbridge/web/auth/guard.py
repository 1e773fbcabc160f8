"""The guard before the page: finds out who asks, and lets in whom it may."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from ringbridge.web.auth.accounts import Accounts
from ringbridge.web.auth.places import has_own_door, is_for_programs, is_nameless, needed
from ringbridge.web.auth.visitor import Visitor
from ringbridge.web.rendering import Pages
from ringbridge.web.words import N_

NO_ACCOUNT = (
    N_("Nobody has an account yet"),
    N_("Until then this page opens only on the machine that it runs on. There: ringbridge user add NAME --role admin"),
)
NOT_YOURS = (N_("This is not for you"), N_("Your account does not open this page. An administrator can change that."))


class Guard:
    """ASGI middleware: sets `visitor` (see `visitor_of`), asks to log in, refuses what a role may not."""

    def __init__(self, app: ASGIApp, *, accounts: Accounts, pages: Pages) -> None:
        self.app = app
        self._accounts, self._pages = accounts, pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        visitor = scope["visitor"] = await self._visitor(scope)
        if has_own_door(scope["path"]) or is_for_programs(scope) or (visitor and visitor.may(needed(scope["path"]))):
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await WebSocketClose(code=1008)(scope, receive, send)
        else:
            answer = await self._refusal(Request(scope), visitor)
            await answer(scope, receive, send)

    async def _visitor(self, scope: Scope) -> Visitor | None:
        return None if is_nameless(scope["path"]) else await self._accounts.visitor(HTTPConnection(scope))

    async def _refusal(self, request: Request, visitor: Visitor | None) -> Response:
        if visitor is not None:
            return await self._pages.notice(request, 403, *NOT_YOURS)
        if not await self._accounts.are_there():
            return await self._pages.notice(request, 403, *NO_ACCOUNT)
        return to_login(request)


def to_login(request: Request) -> Response:
    """A page leads to the login and back again; a part of a page makes the whole one go there; a stream just ends."""
    if "hx-request" in request.headers:
        return Response(status_code=401, headers={"HX-Redirect": "/login"})
    if request.method != "GET" or "text/html" not in request.headers.get("accept", "text/html"):
        return Response("Log in first: /login", status_code=401, media_type="text/plain")
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"/login?{urlencode({'next': request.url.path + query})}", status_code=303)
