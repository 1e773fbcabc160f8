"""Set-up, at Itgrix's addresses: what is connected, who has an account, and what to do next."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ringbridge.store import users
from ringbridge.web.rendering import Pages


class SetupPage:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._services = pages.services

    @property
    def routes(self) -> list[Route]:
        return [Route("/config", self.page)]

    async def page(self, request: Request) -> Response:
        async with self._services.database.reading() as tx:
            accounts = await users.everybody(tx)
        return await self._pages.page(request, "setup.html", status=await self._services.status(), accounts=accounts)
