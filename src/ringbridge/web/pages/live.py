"""Live: who calls now, who rings, who talks; pushed."""

from __future__ import annotations

from collections import Counter
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from ringbridge.web.glance import Phase, glance, talked
from ringbridge.web.language import language_of
from ringbridge.web.live import stream
from ringbridge.web.rendering import Pages

TEMPLATE = "live_region.html"


class Live:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._feed = pages.services.live
        self._drawn: dict[str, tuple[int, str]] = {}  # by language: the feed's version and its picture

    @property
    def routes(self) -> list[Route]:
        return [Route("/live", self.page), Route("/live/stream", self.stream)]

    async def page(self, request: Request) -> Response:
        return await self._pages.page(request, "live.html", **self._context())

    async def stream(self, request: Request) -> Response:
        language = language_of(request)
        return StreamingResponse(
            stream(self._feed, lambda: self._draw(language)),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    def _draw(self, language: str) -> str:
        """All open pages of one language share one picture of each version."""
        version, picture = self._drawn.get(language, (-1, ""))
        if version != self._feed.version:
            picture = self._pages.fragment(language, TEMPLATE, **self._context())
            self._drawn[language] = (self._feed.version, picture)
        return picture

    def _context(self) -> dict[str, Any]:
        calls = [(each, glance(each.call)) for each in self._feed.calls]
        phases = Counter(seen.phase for _, seen in calls)
        return {
            "calls": calls,
            "ended": [(each, glance(each.call), talked(each.call)) for each in self._feed.ended],
            "ringing": phases[Phase.RINGING],
            "talking": phases[Phase.TALKING],
            "waiting": phases[Phase.WAITING],
        }
