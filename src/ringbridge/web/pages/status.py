"""Status: the links to the PBXs and the portals, and what waits to be sent."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from ringbridge.web.api.operation import Answer, Door, Operation
from ringbridge.web.auth.places import is_for_programs
from ringbridge.web.monitoring import Monitoring
from ringbridge.web.rendering import Pages
from ringbridge.web.services import LinkState

HEALTH = Operation(
    name="health",
    method="GET",
    path="/healthz",
    title="Whether the service runs",
    door=Door.OPEN,
    answers={200: Answer(words="ok"), 503: Answer(words="stopping")},
)
RUNGS = (LinkState.CONNECTING, LinkState.RESYNCING, LinkState.UP)


class StatusPage:
    operations = (HEALTH,)

    def __init__(self, pages: Pages, monitoring: Monitoring) -> None:
        self._pages, self._monitoring = pages, monitoring

    @property
    def routes(self) -> list[Route]:
        return [Route("/status", self.page), Route(HEALTH.path, self.health)]

    async def page(self, request: Request) -> Response:
        if is_for_programs(request.scope):
            return await self._monitoring.status(request)
        status = await self._pages.services.status()
        return await self._pages.page(
            request, "status.html", status=status, rungs=RUNGS, may_examine=self._pages.services.examine is not None
        )

    async def health(self, request: Request) -> Response:
        """For monitoring: the service runs. Whether its links are up is on the status page."""
        stopping = self._pages.services.live.closed
        return PlainTextResponse("stopping" if stopping else "ok", status_code=503 if stopping else 200)
