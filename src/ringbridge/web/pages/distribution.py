"""Distribution: how it stands, the last answers and why, an imagined call, and the dialplan."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from ringbridge.routing.dialplan import By, Kind
from ringbridge.routing.distribution import RouteQuestion
from ringbridge.service.distribution.desk import DistributionDesk
from ringbridge.service.distribution.router import shortened
from ringbridge.store.users import Role
from ringbridge.web.auth.visitor import visitor_of
from ringbridge.web.rendering import Pages

SHOWN = 30  # answers
FIELDS = ("number", "did", "trunk", "choice")


class DistributionPage:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._services = pages.services

    @property
    def routes(self) -> list[Route]:
        return [
            Route("/distribution", self.page, methods=["GET"]),
            Route("/dialplan/{kind}/{by}", self.dialplan, methods=["GET"]),
        ]

    async def page(self, request: Request) -> Response:
        """`number` (and `did`, `trunk`, `choice`): a call that is tried, with nothing rung."""
        desk, visitor = self._desk, visitor_of(request)
        question = shortened(RouteQuestion(**{name: request.query_params.get(name, "") for name in FIELDS}))
        status = await self._services.status()
        may_see_tokens = visitor is not None and visitor.may(Role.ADMIN)
        return await self._pages.page(
            request,
            "distribution.html",
            office=desk.office(),
            portals=[portal for portal in status.portals if portal.mirror],
            answers=desk.latest(SHOWN),
            question=question,
            trial=await desk.trial(question, self._services.now()) if question.number else None,
            dialplans={kind: desk.dialplan(kind, By.CURL) for kind in Kind} if may_see_tokens else {},
        )

    async def dialplan(self, request: Request) -> Response:
        """A file; for administrators alone, since the token stands in it."""
        try:
            kind, by = Kind(request.path_params["kind"]), By(request.path_params["by"])
        except ValueError as error:
            raise HTTPException(404) from error
        disposition = f'attachment; filename="ringbridge-{kind}.conf"'
        headers = {"Content-Disposition": disposition, "Cache-Control": "no-store"}
        return PlainTextResponse(self._desk.dialplan(kind, by), headers=headers)

    @property
    def _desk(self) -> DistributionDesk:
        if self._services.distribution is None:
            raise HTTPException(404)
        return self._services.distribution
