"""Live: who calls now, who rings, who talks; pushed."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from ringbridge.service.hanging_up import OVER
from ringbridge.store.calls import Own, is_own
from ringbridge.store.errors import StoreError
from ringbridge.store.keys import CallKey
from ringbridge.store.users import Role
from ringbridge.web.auth.accounts import Accounts
from ringbridge.web.auth.visitor import by_whom, visitor_of
from ringbridge.web.glance import Phase, glance, talked
from ringbridge.web.language import language_of
from ringbridge.web.live import stream
from ringbridge.web.pages.dial import form_of
from ringbridge.web.pages.orders import orders_of
from ringbridge.web.people import people, queues
from ringbridge.web.rendering import Pages
from ringbridge.web.words import N_

TEMPLATE = "live_region.html"
HUNG_UP, NOT_HUNG_UP = N_("The call was hung up"), N_("The call was not hung up")


Seen = tuple[str, Own]
"""The language, and whose calls: all who share both share one picture."""


class Live:
    def __init__(self, pages: Pages, accounts: Accounts) -> None:
        self._pages, self._accounts = pages, accounts
        self._feed = pages.services.live
        self._drawn: dict[Seen, tuple[int, str]] = {}  # the feed's version and its picture

    @property
    def routes(self) -> list[Route]:
        return [
            Route("/live", self.page),
            Route("/live/stream", self.stream),
            Route("/live/hangup", self.hang_up, methods=["POST"]),
        ]

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

    async def hang_up(self, request: Request) -> Response:
        """POST `call`: it is ended. Says what came of it, as a part of the page or as a whole one."""
        services, visitor = self._pages.services, visitor_of(request)
        async with request.form(max_files=0, max_fields=8) as form:
            key = CallKey(str(form.get("call", "")))
        entry = next((each for each in self._feed.calls if each.key == key), None)
        if services.hang_up is None or visitor is None or not visitor.may(Role.SUPERVISOR):
            raise HTTPException(404)
        try:
            refused = await services.hang_up(entry, by=by_whom(request)) if entry else OVER
        except StoreError as error:
            refused = str(error)
        if "hx-request" in request.headers:
            return await self._pages.page(request, "hung_up.html", refused=refused)
        return await self._pages.notice(request, 200, NOT_HUNG_UP if refused else HUNG_UP, refused)

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
        services, in_progress = self._pages.services, [each.call for each, _ in calls]
        staff = people(services.phones(), in_progress, services.reach) if own is None else []
        return {
            "may_hang_up": own is None and services.hang_up is not None,
            "staff": staff,
            "doing": Counter(person.doing for person in staff),
            "queues": queues(in_progress, services.reach),
            "calls": calls,
            "ended": [(each, glance(each.call), talked(each.call)) for each in ended],
            "ringing": phases[Phase.RINGING],
            "talking": phases[Phase.TALKING],
            "waiting": phases[Phase.WAITING],
        }


def own_of(request: Request) -> Own:
    visitor = visitor_of(request)
    return visitor.own if visitor else ()
