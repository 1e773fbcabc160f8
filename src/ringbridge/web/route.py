"""``GET /route``: the dialplan asks by HTTP whom a call is for.

This machine needs no token (see `sits_here`); others show theirs, as ``Authorization: Bearer …`` or ``?token=…``, since
the CURL of an old Asterisk sets no headers.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import quote

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from ringbridge.routing.distribution import Route as CallRoute
from ringbridge.routing.distribution import RouteQuestion
from ringbridge.routing.route_answer import document_of, fields_of
from ringbridge.telephony.channels import endpoint_of
from ringbridge.web.auth.visitor import sits_here

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteDesk:
    """Who answers, and the token that opens it from elsewhere; without one it is closed there."""

    ask: Callable[[RouteQuestion], Awaitable[CallRoute]]
    token: str = ""


class RoutePage:
    def __init__(self, desk: RouteDesk | None) -> None:
        self._desk = desk

    @property
    def routes(self) -> list[Route]:
        return [] if self._desk is None else [Route("/route", self.answer, methods=["GET"])]

    async def answer(self, request: Request) -> Response:
        """Always 200 for who may ask: what cannot be understood is the normal route."""
        if self._desk is None or not may_ask(request, self._desk.token):
            peer = request.client.host if request.client else ""
            log.warning("route_question_refused", peer=peer, hint="distribution.token opens /route to other machines")
            return PlainTextResponse("Not without the token: see distribution.token.\n", status_code=403)
        route = await self._desk.ask(question_of(request))
        if request.query_params.get("format") == "json":
            return JSONResponse(document_of(route))
        return PlainTextResponse(form_of(route))


def question_of(request: Request) -> RouteQuestion:
    """A trunk that is not named is told by the caller's channel."""
    asked = request.query_params
    return RouteQuestion(
        number=asked.get("number", ""),
        did=asked.get("did", ""),
        trunk=asked.get("trunk", "") or endpoint_of(asked.get("channel", "")),
        uniqueid=asked.get("uniqueid", ""),
        choice=asked.get("choice", ""),
    )


def form_of(route: CallRoute) -> str:
    """As Asterisk's CURL reads it with ``CURLOPT(hashcompat)=yes``: blanks as %20, since a plus stays one there."""
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in fields_of(route).items())


def may_ask(request: Request, token: str) -> bool:
    shown = request.headers.get("authorization", "").removeprefix("Bearer ") or request.query_params.get("token", "")
    if token and hmac.compare_digest(shown.encode(), token.encode()):
        return True
    return sits_here(request.scope)
