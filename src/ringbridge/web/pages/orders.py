"""Client's orders that wait for their call, beside the calls in progress: for who may see every call."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from ringbridge.store import orders
from ringbridge.store.errors import StoreError
from ringbridge.web.auth.visitor import visitor_of
from ringbridge.web.language import language_of
from ringbridge.web.pages.dial import NOT_STORED
from ringbridge.web.rendering import Pages
from ringbridge.web.services import Services

SHOWN = 50


async def orders_of(services: Services, request: Request) -> dict[str, Any]:
    """What the region needs: `orders`, the first due first; None for who may not see them."""
    visitor = visitor_of(request)
    if visitor is None or visitor.own is not None:
        return {"orders": None}
    async with services.database.reading() as tx:
        return {"orders": await orders.waiting(tx, SHOWN)}


class OrdersPart:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._services = pages.services

    @property
    def routes(self) -> list[Route]:
        return [Route("/orders", self.region), Route("/orders/{id}/cancel", self.cancel, methods=["POST"])]

    async def region(self, request: Request) -> Response:
        """The region alone, by which an open page keeps it up to date."""
        context = await orders_of(self._services, request)
        html = self._pages.fragment(language_of(request), "orders_region.html", **context)
        return HTMLResponse(html, headers={"Cache-Control": "no-store"})

    async def cancel(self, request: Request) -> Response:
        visitor, api = visitor_of(request), self._services.api
        try:
            if api is not None and api.dialing is not None:
                by = visitor.name if visitor and visitor.name else "somebody at this machine"
                await api.dialing.orders.cancel(request.path_params["id"], by=by)
        except StoreError:
            return await self._pages.notice(request, 503, *NOT_STORED)
        return RedirectResponse("/live", status_code=303)
