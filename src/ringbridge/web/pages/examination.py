"""The installation examined: what is missing, the last lines of the log, and both in one file for whoever helps."""

from __future__ import annotations

from dataclasses import asdict

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ringbridge.service.doctor.diagnostics import bundle
from ringbridge.service.doctor.findings import Verdict, failure
from ringbridge.service.log_tail import LEVELS
from ringbridge.store.errors import StoreError
from ringbridge.store.users import Role
from ringbridge.web.auth.visitor import visitor_of
from ringbridge.web.rendering import Pages

SHOWN = 300  # lines
LONGEST = 100  # of a text that is looked for
ORDER = (Verdict.FAILURE, Verdict.WARNING, Verdict.OK)


class ExaminationPages:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._services = pages.services

    @property
    def routes(self) -> list[Route]:
        return [
            Route("/status/doctor", self.doctor),
            Route("/status/log", self.log),
            Route("/status/diagnostics", self.diagnostics),
        ]

    async def doctor(self, request: Request) -> Response:
        """Looks at everything when it is asked for; that takes some seconds."""
        if self._services.examine is None:
            raise HTTPException(404)
        try:
            findings = await self._services.examine()
        except StoreError as error:
            findings = (failure("Database", str(error)),)
        findings = sorted(findings, key=lambda finding: ORDER.index(finding.verdict))
        return await self._pages.page(request, "doctor.html", findings=findings)

    async def log(self, request: Request) -> Response:
        """Filtered by the least `level` and a `text`."""
        level, text = request.query_params.get("level", ""), request.query_params.get("text", "").strip()[:LONGEST]
        level = level if level in LEVELS else LEVELS[0]
        lines = self._services.log.lines(least=level, text=text, most=SHOWN)
        return await self._pages.page(request, "log.html", lines=lines, level=level, levels=LEVELS, text=text)

    async def diagnostics(self, request: Request) -> Response:
        visitor = visitor_of(request)
        if self._services.examine is None or visitor is None or not visitor.may(Role.ADMIN):
            raise HTTPException(404)
        packed = bundle(
            self._services.office(),
            status=asdict(await self._services.status()),
            findings=await self._services.examine(),
            lines=self._services.log.lines(),
        )
        name = f'attachment; filename="ringbridge-{self._services.now():%Y%m%d-%H%M}.zip"'
        return Response(packed, media_type="application/zip", headers={"Content-Disposition": name})
