"""Live: who calls now, who rings, who talks; pushed."""

from __future__ import annotations

from functools import partial

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from ringbridge.service.dialing.hanging_up import OVER
from ringbridge.store.calls import Own
from ringbridge.store.errors import StoreError
from ringbridge.store.keys import CallKey
from ringbridge.store.users import Role
from ringbridge.web.auth.accounts import Accounts
from ringbridge.web.auth.visitor import by_whom, visitor_of
from ringbridge.web.language import language_of
from ringbridge.web.live import stream
from ringbridge.web.live_drawing import Drawing, Shown
from ringbridge.web.pages.dial import form_of
from ringbridge.web.pages.orders import orders_of
from ringbridge.web.picture import Picture
from ringbridge.web.rendering import Pages
from ringbridge.web.words import N_

HUNG_UP, NOT_HUNG_UP = N_("The call was hung up"), N_("The call was not hung up")


class Live:
    def __init__(self, pages: Pages, accounts: Accounts) -> None:
        self._pages, self._accounts = pages, accounts
        self._feed = pages.services.live
        self._shown: dict[tuple[str, Own], Shown] = {}  # by language, and by whose calls

    @property
    def routes(self) -> list[Route]:
        return [
            Route("/live", self.page),
            Route("/live/stream", self.stream),
            Route("/live/hangup", self.hang_up, methods=["POST"]),
        ]

    async def page(self, request: Request) -> Response:
        services = self._pages.services
        picture = Drawing(self._pages, language_of(request), own_of(request)).draw(Picture())
        context = form_of(services, request) | await orders_of(services, request)
        return await self._pages.page(request, "live.html", picture=picture, **context)

    async def stream(self, request: Request) -> Response:
        """Ends soon after the visitor's session does."""
        kind = language_of(request), own_of(request)
        if kind not in self._shown:
            self._shown[kind] = Shown(self._feed, Drawing(self._pages, *kind).draw)
        return StreamingResponse(
            stream(self._feed, self._shown[kind], partial(self._goes_on, request)),
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


def own_of(request: Request) -> Own:
    visitor = visitor_of(request)
    return visitor.own if visitor else ()
