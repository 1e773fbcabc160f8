"""``/api/v1``: calls and orders asked for by programs, and by forms on the company's site.

Who asks shows a token (``Authorization: Bearer …``); no cookie has a part in it. A form's token is known to every
visitor of the site, so it may order calls and nothing else, from the sites that it names; what limits its abuse are
the guards of `routing.dialing` and the limits here. Answers are JSON, a refusal is ``{"error": code, "text": words}``.

Sources: RFC 6750 (bearer tokens); Fetch standard, "CORS protocol".
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ringbridge.routing.dialing import DialRequest, Refusal
from ringbridge.service.api_config import ApiToken, Permission
from ringbridge.service.gate import Gate
from ringbridge.store import dials, orders
from ringbridge.store.dials import Dial, DialState
from ringbridge.store.errors import StoreError
from ringbridge.store.orders import Order
from ringbridge.web.api.desk import ApiDesk
from ringbridge.web.api.told import told_of_dial, told_of_order
from ringbridge.web.api.wishes import (
    NotUnderstood,
    WantedCall,
    WantedCallback,
    call_request,
    callback_request,
    source_by,
    wish_in,
)
from ringbridge.web.bitrix24 import TooLarge, body_of

log = structlog.get_logger(__name__)

MINUTE = timedelta(minutes=1)
PER_TOKEN = 300  # requests a minute
PER_VISITOR = 5  # orders a minute of one address
MISTAKEN = 30  # requests with a wrong token a minute of one address
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
PERMISSION_LIVES = "600"  # seconds a browser need not ask again

Answer = Callable[[Request, ApiToken], Awaitable[Response]]


class ApiPages:
    def __init__(self, desk: ApiDesk, *, now: Callable[[], datetime]) -> None:
        self.desk = desk
        self._now = now
        self._tokens = Gate(now, most=PER_TOKEN, within=MINUTE)
        self._visitors = Gate(now, most=PER_VISITOR, within=MINUTE)
        self._mistaken = Gate(now, most=MISTAKEN, within=MINUTE)

    @property
    def routes(self) -> list[Route]:
        def route(path: str, permission: Permission, answer: Answer, method: str) -> Route:
            return Route(f"/api/v1/{path}", self._guarded(permission, answer), methods=[method, "OPTIONS"])

        return [
            route("calls", Permission.DIAL, self.call, "POST"),
            route("calls/{id}", Permission.DIAL, self.call_state, "GET"),
            route("callbacks", Permission.CALLBACK, self.callback, "POST"),
            route("callbacks/{id}", Permission.CALLBACK, self.callback_state, "GET"),
            route("callbacks/{id}", Permission.CALLBACK, self.cancel, "DELETE"),
            Route("/api/{path:path}", unknown_address, methods=METHODS),
        ]

    # Who may ask

    def _guarded(self, permission: Permission, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
        async def guarded(request: Request) -> Response:
            if request.method == "OPTIONS":
                return permission_for(request, self.desk)
            return permitted(await self._answered(request, permission, answer), request, self.desk)

        return guarded

    async def _answered(self, request: Request, permission: Permission, answer: Answer) -> Response:
        token = self.desk.token_of(request.headers.get("authorization", ""))
        if token is None:
            return self._unknown(request)
        if permission not in token.may:
            return refused("not_permitted", f"This token may not do this: it may {', '.join(token.may)}.", 403)
        origin = request.headers.get("origin")
        if origin is not None and origin not in token.origins:
            return refused("origin", "This token is not for pages of this site: see its origins.", 403)
        if not self._tokens.lets_in(token.name):
            return too_often()
        try:
            return await answer(request, token)
        except NotUnderstood as error:
            return refused(error.code, str(error), error.status)
        except TooLarge:
            return refused("too_large", "This is more than a request holds.", 413)
        except StoreError as error:
            log.error("api_request_not_stored", token=token.name, reason=str(error))
            return refused("store", "Nothing can be stored at the moment: try again.", 503)

    def _unknown(self, request: Request) -> Response:
        if not self._mistaken.lets_in(address_of(request)):
            return too_often()
        log.warning("api_token_unknown", address=address_of(request), path=request.url.path)
        answer = refused("no_token", "Show a token that is configured under [[api_token]].", 401)
        answer.headers["WWW-Authenticate"] = "Bearer"
        return answer

    # Calls

    async def call(self, request: Request, token: ApiToken) -> Response:
        wanted = call_request(wish_in(WantedCall, await json_of(request)), self.desk, token.name, self._now())
        if self.desk.dialing is None:
            raise NO_PBX
        dial = await self.desk.dialing.dial(wanted)
        if dial is None:
            return await self._once_more(wanted)
        if dial.state is DialState.REFUSED:
            return refused("not_dialled", dial.reason, 409, id=dial.id)
        return JSONResponse({"id": dial.id, "state": "dialling", "extension": dial.extension}, status_code=202)

    async def _once_more(self, wanted: DialRequest) -> Response:
        """What became of the request that came by this name before."""
        async with self.desk.database.reading() as tx:
            order = await orders.named(tx, wanted.portal, wanted.source)
            dial = await dials.named(tx, wanted.portal, wanted.source)
            told = told_of_order(order) if order else await told_of_dial(tx, dial) if dial else {}
        return JSONResponse(told | {"again": True})

    async def call_state(self, request: Request, token: ApiToken) -> Response:
        async with self.desk.database.reading() as tx:
            dial = await dials.get(tx, request.path_params["id"])
            if dial is None or not is_of(token, dial.request):
                raise UNKNOWN
            return JSONResponse(await told_of_dial(tx, dial))

    # Orders

    async def callback(self, request: Request, token: ApiToken) -> Response:
        if request.headers.get("origin") and not self._visitors.lets_in(address_of(request)):
            return too_often()
        wish = wish_in(WantedCallback, await json_of(request))
        wanted = callback_request(wish, self.desk, token.name, self._now())
        if self.desk.dialing is None:
            raise NO_PBX
        due = wish.at if wish.at and wish.at > self._now() else None
        match await self.desk.dialing.order(wanted, due):
            case Dial(state=DialState.REFUSED, reason=reason) | Refusal(reason=reason):
                return refused("not_dialled", reason, 409)
            case Dial(request=accepted):
                return JSONResponse({"id": accepted.order, "state": "dialling"}, status_code=202)
            case Order() as order:
                return JSONResponse(told_of_order(order), status_code=202)
            case None:
                return await self._once_more(wanted)

    async def callback_state(self, request: Request, token: ApiToken) -> Response:
        return JSONResponse(told_of_order(await self._order(request, token)))

    async def cancel(self, request: Request, token: ApiToken) -> Response:
        order = await self._order(request, token)
        if self.desk.dialing is None or not await self.desk.dialing.orders.cancel(order.id, by=token.name):
            return refused("not_waiting", "Only an order that waits can be cancelled.", 409)
        return JSONResponse(told_of_order(await self._order(request, token)))

    async def _order(self, request: Request, token: ApiToken) -> Order:
        async with self.desk.database.reading() as tx:
            order = await orders.get(tx, request.path_params["id"])
        if order is None or not is_of(token, order.request):
            raise UNKNOWN
        return order


async def unknown_address(request: Request) -> Response:
    return refused("not_found", f"There is no {request.method} {request.url.path}.", 404)


NO_PBX = NotUnderstood("no_pbx", "The office has no PBX.", 409)
UNKNOWN = NotUnderstood("not_found", "This token asked for nothing of this id, or it was too long ago.", 404)


def is_of(token: ApiToken, request: DialRequest) -> bool:
    return request.source.startswith(source_by(token.name, ""))


async def json_of(request: Request) -> Any:
    try:
        return json.loads(await body_of(request))
    except (ValueError, RecursionError) as error:
        raise NotUnderstood("not_understood", "The body is no JSON.") from error


def refused(code: str, text: str, status: int, **more: str) -> Response:
    return JSONResponse({"error": code, "text": text, **more}, status_code=status)


def too_often() -> Response:
    answer = refused("too_often", "Too many requests: try again in a minute.", 429)
    answer.headers["Retry-After"] = "60"
    return answer


def address_of(request: Request) -> str:
    return request.client.host if request.client else ""


# Permission across origins


def permission_for(request: Request, desk: ApiDesk) -> Response:
    """The answer to a browser's question before its request."""
    if not desk.is_page_of_ours(request.headers.get("origin", "")):
        return permitted(refused("origin", "No form of this site may ask here: see origins.", 403), request, desk)
    headers = {
        "Access-Control-Allow-Methods": "POST, GET, DELETE",
        "Access-Control-Allow-Headers": "Authorization, Content-Type",
        "Access-Control-Max-Age": PERMISSION_LIVES,
    }
    return permitted(Response(status_code=204, headers=headers), request, desk)


def permitted(answer: Response, request: Request, desk: ApiDesk) -> Response:
    answer.headers.add_vary_header("Origin")
    answer.headers["Cache-Control"] = "no-store"
    origin = request.headers.get("origin", "")
    if desk.is_page_of_ours(origin):
        answer.headers["Access-Control-Allow-Origin"] = origin
        answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return answer
