"""Tokens of other programs: made, shown this once, and revoked by an administrator."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ringbridge.service.api_tokens import TokenBook
from ringbridge.service.config import ConfigError
from ringbridge.service.config.api import Permission
from ringbridge.store.errors import StoreError
from ringbridge.web.auth.visitor import by_whom
from ringbridge.web.pages.delivery import NOT_STORED
from ringbridge.web.rendering import Pages
from ringbridge.web.words import N_

GONE = N_("This token is not there any more.")
LONGEST = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What stands in the form of a new token."""

    name: str = ""
    may: frozenset[str] = frozenset()
    origins: tuple[str, ...] = ()


class TokensPage:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    @property
    def routes(self) -> list[Route]:
        return [
            Route("/config/tokens", self.page, methods=["GET"]),
            Route("/config/tokens", self.act, methods=["POST"]),
        ]

    async def page(self, request: Request) -> Response:
        return await self._shown(request)

    async def act(self, request: Request) -> Response:
        """POST: `act` (make, revoke), `name`; of a new one `may`, once for each permission, and `origins`."""
        async with request.form(max_files=0, max_fields=16, max_part_size=LONGEST) as form:
            act = str(form.get("act", ""))
            typed = Typed(
                name=str(form.get("name", "")).strip(),
                may=frozenset(map(str, form.getlist("may"))),
                origins=tuple(str(form.get("origins", "")).replace(",", " ").split()),
            )
        try:
            if act == "revoke":
                return await self._revoked(request, typed.name)
            return await self._made(request, typed)
        except StoreError:
            return await self._pages.notice(request, 503, *NOT_STORED)

    async def _made(self, request: Request, typed: Typed) -> Response:
        try:
            secret = await self._book.make(typed.name, typed.may, typed.origins, by=by_whom(request))
        except ConfigError as error:
            return await self._shown(request, typed, refused=str(error), code=422)
        return await self._shown(request, made=typed.name, secret=secret)

    async def _revoked(self, request: Request, name: str) -> Response:
        if not await self._book.revoke(name, by=by_whom(request)):
            return await self._shown(request, refused=GONE, code=422)
        return RedirectResponse("/config/tokens", status_code=303)

    async def _shown(
        self,
        request: Request,
        typed: Typed | None = None,
        *,
        refused: str = "",
        made: str = "",
        secret: str = "",
        code: int = 200,
    ) -> Response:
        """`secret`: of the one that has just been made; it is shown this once."""
        return await self._pages.page(
            request,
            "tokens.html",
            code=code,
            tokens=await self._book.known(),
            permissions=tuple(Permission),
            typed=typed or Typed(),
            refused=refused.splitlines(),
            made=made,
            secret=secret,
        )

    @property
    def _book(self) -> TokenBook:
        if self._pages.services.api is None:
            raise HTTPException(404)
        return self._pages.services.api.book
