"""Delivery: what waits to be sent to each portal and why, what a portal refused, and what a person may do about it."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ringbridge.routing.intents import PortalId
from ringbridge.store import interventions
from ringbridge.store.errors import StoreError
from ringbridge.store.interventions import Delay, Refusal
from ringbridge.store.keys import CallKey
from ringbridge.web.auth.visitor import by_whom
from ringbridge.web.rendering import Pages
from ringbridge.web.services import PortalStatus
from ringbridge.web.words import N_

SHOWN = 50  # calls of which something was refused
NOT_STORED = (N_("Nothing was changed"), N_("Nothing can be stored at the moment: see the status page."))


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalDelivery:
    portal: PortalStatus
    delays: list[Delay]
    refusals: list[Refusal]


class DeliveryPage:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._services = pages.services

    @property
    def routes(self) -> list[Route]:
        return [
            Route("/delivery", self.page, methods=["GET"]),
            Route("/delivery", self.act, methods=["POST"]),
        ]

    async def page(self, request: Request) -> Response:
        status = await self._services.status()
        portals = [await self._of(portal) for portal in status.portals]
        may_act = self._services.dispatch is not None
        return await self._pages.page(request, "delivery.html", portals=portals, may_act=may_act)

    async def _of(self, portal: PortalStatus) -> PortalDelivery:
        async with self._services.database.reading() as tx:
            return PortalDelivery(
                portal=portal,
                delays=await interventions.delays(tx, portal.name),
                refusals=await interventions.refusals(tx, portal.name, SHOWN),
            )

    async def act(self, request: Request) -> Response:
        """POST: `act`, `portal`, and for a call's steps its `call`."""
        async with request.form(max_files=0, max_fields=8) as form:
            act, name, key = (str(form.get(field, "")) for field in ("act", "portal", "call"))
        known = {portal.name for portal in (await self._services.status()).portals}
        if self._services.dispatch is None or name not in known:
            raise HTTPException(404)
        try:
            await self._do(act, PortalId(name), CallKey(key), by_whom(request))
        except StoreError:
            return await self._pages.notice(request, 503, *NOT_STORED)
        return RedirectResponse("/delivery", status_code=303)

    async def _do(self, act: str, portal: PortalId, call: CallKey, by: str) -> None:
        assert self._services.dispatch is not None  # noqa: S101 - asked before
        match act:
            case "now":
                await self._services.dispatch.try_now(portal, by=by)
            case "again":
                await self._services.dispatch.again(portal, [call], by=by)
            case "all again":
                await self._services.dispatch.again(portal, None, by=by)
            case "forget":
                await self._services.dispatch.forget(portal, [call], by=by)
            case _:
                raise HTTPException(404)
