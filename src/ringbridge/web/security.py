"""Headers that keep the page to itself.

The policy allows our own files only: no inline script or style, no foreign host, no frame. Sources: Content Security
Policy Level 3; OWASP Secure Headers Project.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",  # Tabler's CSS holds its small pictures as data
        "connect-src 'self'",
        "media-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class SecurityHeaders:
    """ASGI middleware: every answer carries `HEADERS`, unless it has set its own."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, send_with_headers)


class StrictTransport:
    """ASGI middleware of the encrypted page: browsers shall ask for nothing else of this host (RFC 6797)."""

    def __init__(self, app: ASGIApp, days: int) -> None:
        self.app = app
        self._told = f"max-age={days * 24 * 60 * 60}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_header(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Strict-Transport-Security"] = self._told
            await send(message)

        await self.app(scope, receive, send_with_header)


FOR_PORTALS = ("/bitrix24/", "/amocrm/", "/api/")
"""Addresses that a portal's own pages post to, from inside a frame or by a widget. What is posted there proves itself,
and no cookie of ours has a part in it."""

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class SameOrigin:
    """ASGI middleware: a browser may change something here only from a page of ours.

    Browsers say where a request comes from (Fetch Metadata: Sec-Fetch-Site; older ones: Origin). Programs, such as a
    CRM that calls a webhook, say nothing and carry no cookies, so they pass.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        own = scope["type"] == "http" and not scope["path"].startswith(FOR_PORTALS)
        if own and scope["method"] not in SAFE and is_foreign(Headers(scope=scope)):
            answer = PlainTextResponse("This request came from another site's page.", status_code=403)
            await answer(scope, receive, send)
            return
        await self.app(scope, receive, send)


def is_foreign(headers: Headers) -> bool:
    site = headers.get("sec-fetch-site")
    if site:
        return site not in {"same-origin", "none"}
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("host")
