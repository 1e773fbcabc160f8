"""Backups: those of the folder, to be downloaded, and one more when an administrator wants it."""

from __future__ import annotations

from asyncio import to_thread

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import Route

from ringbridge.service.backup.archive import NoBackup
from ringbridge.service.backup.folder import Backups
from ringbridge.store.errors import StoreError
from ringbridge.web.auth.visitor import by_whom
from ringbridge.web.rendering import Pages

log = structlog.get_logger(__name__)


class BackupPage:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    @property
    def routes(self) -> list[Route]:
        return [
            Route("/config/backup", self.page, methods=["GET"]),
            Route("/config/backup", self.make, methods=["POST"]),
            Route("/config/backup/{name}", self.download, methods=["GET"]),
        ]

    async def page(self, request: Request) -> Response:
        return await self._shown(request)

    async def make(self, request: Request) -> Response:
        try:
            await self._backups.make()
        except (StoreError, NoBackup) as error:
            return await self._shown(request, str(error), code=503)
        return RedirectResponse("/config/backup", status_code=303)

    async def download(self, request: Request) -> Response:
        """One of the folder: no other file has a name here."""
        found = [one for one in await to_thread(self._backups.kept) if one.name == request.path_params["name"]]
        if not found:
            raise HTTPException(404)
        log.info("backup_downloaded", file=found[0].name, by=by_whom(request))
        headers = {"Cache-Control": "no-store"}
        return FileResponse(found[0].path, media_type="application/gzip", filename=found[0].name, headers=headers)

    async def _shown(self, request: Request, refused: str = "", *, code: int = 200) -> Response:
        backups, kept = self._backups, []
        try:
            kept = await to_thread(backups.kept)
        except OSError as error:
            refused = f"{backups.folder} cannot be read: {error.strerror}"
        return await self._pages.page(
            request,
            "backup.html",
            code=code,
            kept=kept,
            config=backups.config,
            folder=str(backups.folder),
            refused=refused,
        )

    @property
    def _backups(self) -> Backups:
        backups = self._pages.services.backups
        if backups is None:
            raise HTTPException(404)
        return backups
