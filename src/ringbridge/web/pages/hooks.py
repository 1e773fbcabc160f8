"""The office's own code: which files there are, what went wrong with them, and a trial on a past call."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ringbridge.service.config import ConfigError
from ringbridge.web.rendering import Pages

LONGEST = 128


class HooksPage:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._desk = pages.services.hooks

    @property
    def routes(self) -> list[Route]:
        return [Route("/hooks", self.page), Route("/hooks", self.trial, methods=["POST"])]

    async def page(self, request: Request) -> Response:
        return await self._shown(request)

    async def trial(self, request: Request) -> Response:
        """POST: `hook`, and `call` by its key or its page's address."""
        async with request.form(max_files=0, max_fields=4) as form:
            hook, call = (str(form.get(name, ""))[:LONGEST].strip() for name in ("hook", "call"))
        key = call.rstrip("/").rpartition("/")[2]
        if self._desk is None or hook not in self._desk.names:
            return await self._shown(request, call=key)
        try:
            return await self._shown(request, hook=hook, call=key, told=await self._desk.trial(hook, key))
        except ConfigError as error:
            return await self._shown(request, hook=hook, call=key, told=str(error))

    async def _shown(self, request: Request, *, hook: str = "", call: str = "", told: str = "") -> Response:
        files = await self._desk.files() if self._desk else ()
        return await self._pages.page(
            request, "hooks.html", desk=self._desk, files=files, hook=hook, call=call, told=told
        )
