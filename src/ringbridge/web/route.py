"""``GET /route``: the dialplan asks by HTTP whom a call is for.

This machine needs no token (see `sits_here`); others show theirs, as ``Authorization: Bearer …`` or ``?token=…``, since
the CURL of an old Asterisk sets no headers.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import quote

import structlog
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ringbridge.routing.distribution import Route as CallRoute
from ringbridge.routing.distribution import RouteQuestion
from ringbridge.routing.route_answer import ToldRoute, document_of, fields_of
from ringbridge.service.api_tokens import TokenBook, is_same
from ringbridge.service.config.api import Permission
from ringbridge.store.errors import StoreError
from ringbridge.telephony.channels import endpoint_of
from ringbridge.web.api.operation import Answer, Door, Operation
from ringbridge.web.auth.visitor import sits_here

log = structlog.get_logger(__name__)

CLOSED = "Other machines show a token: distribution.token, or one that was made under Settings, Tokens."


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteDesk:
    """Who answers, and what opens it from elsewhere: the token of the configuration, and those in the book that may.
    Without one it is closed there."""

    ask: Callable[[RouteQuestion], Awaitable[CallRoute]]
    token: str = ""
    book: TokenBook | None = None


class AskedRoute(BaseModel):
    """What the dialplan puts into the address. Anything may be missing, nothing makes it a mistake: a caller waits."""

    number: str = Field("", description="The caller's.")
    did: str = Field("", description="The company's number that was called.")
    trunk: str = Field("", description="Endpoint name of the trunk.")
    channel: str = Field("", description="The caller's channel, which tells the trunk where it is not named.")
    uniqueid: str = Field("", description="Of the caller's channel.")
    choice: str = Field("", description="What the client chose in a menu.")
    format: str = Field("", description="json: names and texts as they are; else a form, for Asterisk's CURL.")


ROUTE = Operation(
    name="route",
    method="GET",
    path="/route",
    title="Whom a call is put through to",
    text="For the dialplan, while the caller waits. What cannot be understood is the normal route (count=0).",
    door=Door.HERE_OR_BEARER,
    permission=Permission.ROUTE,
    query=AskedRoute,
    answers={
        200: Answer(words="The phones to ring, one after the other", model=ToldRoute, also_text=True),
        403: Answer(words="Asked from elsewhere without a token that may"),
    },
)


class RoutePage:
    operations = (ROUTE,)

    def __init__(self, desk: RouteDesk | None) -> None:
        self._desk = desk

    @property
    def routes(self) -> list[Route]:
        return [] if self._desk is None else [Route(ROUTE.path, self.answer, methods=[ROUTE.method])]

    async def answer(self, request: Request) -> Response:
        """Always 200 for who may ask: what cannot be understood is the normal route."""
        if self._desk is None or not await may_ask(request, self._desk):
            peer = request.client.host if request.client else ""
            log.warning("route_question_refused", peer=peer, hint=CLOSED)
            return PlainTextResponse(f"{CLOSED}\n", status_code=403)
        asked = AskedRoute.model_validate(dict(request.query_params))
        route = await self._desk.ask(question_of(asked))
        if asked.format == "json":
            return JSONResponse(document_of(route))
        return PlainTextResponse(form_of(route))


class InAHurry:
    """ASGI middleware: the dialplan's question goes past all that is made for browsers and stands behind this one."""

    def __init__(self, app: ASGIApp, *, page: RoutePage) -> None:
        self._app, self._page = app, page
        self._ours = {(route.path, ROUTE.method) for route in page.routes}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (scope["path"], scope["method"]) in self._ours:
            answer = await self._page.answer(Request(scope, receive))
            await answer(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def question_of(asked: AskedRoute) -> RouteQuestion:
    """A trunk that is not named is told by the caller's channel."""
    return RouteQuestion(
        number=asked.number,
        did=asked.did,
        trunk=asked.trunk or endpoint_of(asked.channel),
        uniqueid=asked.uniqueid,
        choice=asked.choice,
    )


def form_of(route: CallRoute) -> str:
    """As Asterisk's CURL reads it with ``CURLOPT(hashcompat)=yes``: blanks as %20, since a plus stays one there."""
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in fields_of(route).items())


async def may_ask(request: Request, desk: RouteDesk) -> bool:
    if sits_here(request.scope):
        return True
    shown = request.headers.get("authorization", "").removeprefix("Bearer ") or request.query_params.get("token", "")
    if desk.token and is_same(shown, desk.token):
        return True
    return desk.book is not None and await may_by_book(shown, desk.book)


async def may_by_book(shown: str, book: TokenBook) -> bool:
    try:
        program = await book.program(shown)
    except StoreError as error:
        log.error("api_token_not_read", reason=str(error))
        return False
    if program is None or Permission.ROUTE not in program.may:
        return False
    await book.note_use(program)
    return True
