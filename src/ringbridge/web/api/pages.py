"""``/api/v1``: calls and orders asked for by programs, and by forms on the company's site.

Who asks shows a token (``Authorization: Bearer …``); no cookie has a part in it. A form's token is known to every
visitor of the site, so it may order calls and nothing else, from the sites that it names; what limits its abuse are
the guards of `routing.dialing` and the limits here. Answers are JSON, a refusal is ``{"error": code, "text": words}``.

Source: RFC 6750 (bearer tokens).
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route

from ringbridge.routing.dialing import DialRequest, Refusal
from ringbridge.service.api_tokens import Program
from ringbridge.service.config.api import Permission
from ringbridge.service.gate import Gate
from ringbridge.store import dials, orders
from ringbridge.store.dials import Dial, DialState
from ringbridge.store.errors import StoreError
from ringbridge.store.orders import Order, OrderState
from ringbridge.web.api import described
from ringbridge.web.api.answers import refused, told, too_often
from ringbridge.web.api.desk import ApiDesk
from ringbridge.web.api.operation import Operation
from ringbridge.web.api.origins import permission_for, permitted
from ringbridge.web.api.refusals import ErrorCode, NotUnderstood
from ringbridge.web.api.told import (
    CallState,
    DialAgain,
    OrderAgain,
    ToldDial,
    ToldOrder,
    told_of_dial,
    told_of_order,
)
from ringbridge.web.api.wishes import (
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

Answer = Callable[[Request, Program], Awaitable[Response]]


class ApiPages:
    operations = described.OPERATIONS

    def __init__(self, desk: ApiDesk, *, now: Callable[[], datetime]) -> None:
        self.desk = desk
        self._now = now
        self._tokens = Gate(now, most=PER_TOKEN, within=MINUTE)
        self._visitors = Gate(now, most=PER_VISITOR, within=MINUTE)
        self._mistaken = Gate(now, most=MISTAKEN, within=MINUTE)

    @property
    def routes(self) -> list[Route]:
        def route(operation: Operation, answer: Answer) -> Route:
            methods = [operation.method, "OPTIONS"]
            return Route(operation.path, self._guarded(operation.permission, answer), methods=methods)

        known = [
            route(described.CALL, self.call),
            route(described.CALL_STATE, self.call_state),
            route(described.CALLBACK, self.callback),
            route(described.CALLBACK_STATE, self.callback_state),
            route(described.CANCEL, self.cancel),
        ]
        return [*known, Route("/api/{path:path}", otherwise(known), methods=METHODS)]

    # Who may ask

    def _guarded(self, permission: Permission | None, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
        async def guarded(request: Request) -> Response:
            if request.method == "OPTIONS":
                return await permission_for(request, self.desk.book)
            return await permitted(await self._answered(request, permission, answer), request, self.desk.book)

        return guarded

    async def _answered(self, request: Request, permission: Permission | None, answer: Answer) -> Response:
        try:
            program = await self.desk.program_of(request.headers.get("authorization", ""))
            if program is None:
                return self._unknown(request)
            if refusal := self._refusal(request, permission, program):
                return refusal
            await self.desk.book.note_use(program)
            return await answer(request, program)
        except NotUnderstood as error:
            return refused(error.code, str(error), error.status)
        except TooLarge:
            return refused(ErrorCode.TOO_LARGE, "This is more than a request holds.", 413)
        except StoreError as error:
            log.error("api_request_not_stored", path=request.url.path, reason=str(error))
            return refused(ErrorCode.STORE, "Nothing can be stored at the moment: try again.", 503)

    def _refusal(self, request: Request, permission: Permission | None, program: Program) -> Response | None:
        """Why this program does not get what it asks for."""
        if permission not in program.may:
            may = ", ".join(sorted(program.may))
            return refused(ErrorCode.NOT_PERMITTED, f"This token may not do this: it may {may}.", 403)
        origin = request.headers.get("origin")
        if origin is not None and origin not in program.origins:
            return refused(ErrorCode.ORIGIN, "This token is not for pages of this site: see its origins.", 403)
        return None if self._tokens.lets_in(program.name) else too_often()

    def _unknown(self, request: Request) -> Response:
        if not self._mistaken.lets_in(address_of(request)):
            return too_often()
        log.warning("api_token_unknown", address=address_of(request), path=request.url.path)
        words = "Show a token: one that was made under Settings, Tokens, or is configured under [[api_token]]."
        answer = refused(ErrorCode.NO_TOKEN, words, 401)
        answer.headers["WWW-Authenticate"] = "Bearer"
        return answer

    # Calls

    async def call(self, request: Request, token: Program) -> Response:
        wanted = call_request(wish_in(WantedCall, await json_of(request)), self.desk, token.name, self._now())
        if self.desk.dialing is None:
            raise NO_PBX
        dial = await self.desk.dialing.dial(wanted)
        if dial is None:
            return await self._once_more(wanted)
        if dial.state is DialState.REFUSED:
            return refused(ErrorCode.NOT_DIALLED, dial.reason, 409, id=dial.id)
        return told(ToldDial(id=dial.id, state=CallState.DIALLING, extension=dial.extension), 202)

    async def _once_more(self, wanted: DialRequest) -> Response:
        """What became of the request that came by this name before."""
        async with self.desk.database.reading() as tx:
            order = await orders.named(tx, wanted.portal, wanted.source)
            dial = await dials.named(tx, wanted.portal, wanted.source)
            if order:
                return told(OrderAgain(again=True, **told_of_order(order).given))
            if dial:
                return told(DialAgain(again=True, **(await told_of_dial(tx, dial)).given))
        raise UNKNOWN

    async def call_state(self, request: Request, token: Program) -> Response:
        async with self.desk.database.reading() as tx:
            dial = await dials.get(tx, request.path_params["id"])
            if dial is None or not is_of(token, dial.request):
                raise UNKNOWN
            return told(await told_of_dial(tx, dial))

    # Orders

    async def callback(self, request: Request, token: Program) -> Response:
        if request.headers.get("origin") and not self._visitors.lets_in(address_of(request)):
            return too_often()
        wish = wish_in(WantedCallback, await json_of(request))
        wanted = callback_request(wish, self.desk, token.name, self._now())
        if self.desk.dialing is None:
            raise NO_PBX
        due = wish.at if wish.at and wish.at > self._now() else None
        match await self.desk.dialing.order(wanted, due):
            case Dial(state=DialState.REFUSED, reason=reason) | Refusal(reason=reason):
                return refused(ErrorCode.NOT_DIALLED, reason, 409)
            case Dial(request=accepted):
                return told(ToldOrder(id=str(accepted.order), state=OrderState.DIALLING), 202)
            case Order() as order:
                return told(told_of_order(order), 202)
            case None:
                return await self._once_more(wanted)

    async def callback_state(self, request: Request, token: Program) -> Response:
        return told(told_of_order(await self._order(request, token)))

    async def cancel(self, request: Request, token: Program) -> Response:
        order = await self._order(request, token)
        if self.desk.dialing is None or not await self.desk.dialing.orders.cancel(order.id, by=token.name):
            return refused(ErrorCode.NOT_WAITING, "Only an order that waits can be cancelled.", 409)
        return told(told_of_order(await self._order(request, token)))

    async def _order(self, request: Request, token: Program) -> Order:
        async with self.desk.database.reading() as tx:
            order = await orders.get(tx, request.path_params["id"])
        if order is None or not is_of(token, order.request):
            raise UNKNOWN
        return order


def otherwise(known: Sequence[Route]) -> Callable[[Request], Awaitable[Response]]:
    """What is answered where nothing is: also this as JSON."""

    async def answer(request: Request) -> Response:
        here = [route.methods or set() for route in known if route.matches(request.scope)[0] is not Match.NONE]
        if not here:
            return refused(ErrorCode.NOT_FOUND, f"There is nothing at {request.url.path}.", 404)
        there_is = ", ".join(sorted(set().union(*here)))
        answer = refused(ErrorCode.METHOD, f"There is no {request.method} here, but {there_is}.", 405)
        answer.headers["Allow"] = there_is
        return answer

    return answer


NO_PBX = NotUnderstood(ErrorCode.NO_PBX, "The office has no PBX.", 409)
UNKNOWN = NotUnderstood(ErrorCode.NOT_FOUND, "This token asked for nothing of this id, or it was too long ago.", 404)


def is_of(token: Program, request: DialRequest) -> bool:
    return request.source.startswith(source_by(token.name, ""))


async def json_of(request: Request) -> Any:
    try:
        return json.loads(await body_of(request))
    except (ValueError, RecursionError) as error:
        raise NotUnderstood(ErrorCode.NOT_UNDERSTOOD, "The body is no JSON.") from error


def address_of(request: Request) -> str:
    return request.client.host if request.client else ""
