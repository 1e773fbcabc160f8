"""Live: who calls now, who rings, who talks; pushed."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from ringbridge.store.calls import Own, is_own
from ringbridge.web.auth.accounts import Accounts
from ringbridge.web.auth.visitor import visitor_of
from ringbridge.web.glance import Phase, glance, talked
from ringbridge.web.language import language_of
from ringbridge.web.live import stream
from ringbridge.web.pages.dial import form_of
from ringbridge.web.pages.orders import orders_of
from ringbridge.web.rendering import Pages

TEMPLATE = "live_region.html"


Seen = tuple[str, Own]
"""The language, and whose calls: all who share both share one picture."""


class Live:
    def __init__(self, pages: Pages, accounts: Accounts) -> None:
        self._pages, self._accounts = pages, accounts
        self._feed = pages.services.live
        self._drawn: dict[Seen, tuple[int, str]] = {}  # the feed's version and its picture

    @property
    def routes(self) -> list[Route]:
        return [Route("/live", self.page), Route("/live/stream", self.stream)]

    async def page(self, request: Request) -> Response:
        services = self._pages.services
        context = self._context(own_of(request)) | form_of(services, request) | await orders_of(services, request)
        return await self._pages.page(request, "live.html", **context)

    async def stream(self, request: Request) -> Response:
        """Ends soon after the visitor's session does."""
        seen: Seen = language_of(request), own_of(request)
        return StreamingResponse(
            stream(self._feed, lambda: self._draw(seen), partial(self._goes_on, request)),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    async def _goes_on(self, request: Request) -> bool:
        return await self._accounts.visitor(request) == visitor_of(request)

    def _draw(self, seen: Seen) -> str:
        version, picture = self._drawn.get(seen, (-1, ""))
        if version != self._feed.version:
            language, own = seen
            picture = self._pages.fragment(language, TEMPLATE, **self._context(own))
            self._drawn[seen] = (self._feed.version, picture)
        return picture

    def _context(self, own: Own) -> dict[str, Any]:
        calls = [(each, glance(each.call)) for each in self._feed.calls if is_own(each.call, own)]
        phases = Counter(seen.phase for _, seen in calls)
        ended = [each for each in self._feed.ended if is_own(each.call, own)]
        return {
            "calls": calls,
            "ended": [(each, glance(each.call), talked(each.call)) for each in ended],
            "ringing": phases[Phase.RINGING],
            "talking": phases[Phase.TALKING],
            "waiting": phases[Phase.WAITING],
        }


def own_of(request: Request) -> Own:
    visitor = visitor_of(request)
    return visitor.own if visitor else ()
