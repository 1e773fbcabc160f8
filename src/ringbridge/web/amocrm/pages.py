"""What our widget asks of us, and where an account's platform comes in.

A page of the account (``https://example.amocrm.ru``) asks across origins, so browsers want our permission first: it is
given to that account's pages and to no others. Permission opens nothing by itself: each request carries a one-time
token that the platform signed for the logged-in user, and no cookie has a part in it.

Sources: Fetch standard, "CORS protocol"; Kommo developer documentation, "One-time tokens".
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from ringbridge import __version__
from ringbridge.crm.amocrm.values import as_map
from ringbridge.crm.amocrm.widget_token import Visitor
from ringbridge.routing.dialing import DialRequest
from ringbridge.routing.intents import UserId
from ringbridge.service.config import ConfigError
from ringbridge.service.gate import Gate
from ringbridge.service.portals.extensions import Table, TableRefused, Wanted
from ringbridge.store.dials import DialState
from ringbridge.store.errors import StoreError
from ringbridge.web.amocrm.connecting import Connecting
from ringbridge.web.amocrm.desk import AmoDesk
from ringbridge.web.amocrm.socket import Sockets
from ringbridge.web.amocrm.visitors import NotLetIn, Reception
from ringbridge.web.amocrm.webhooks import WebhookPage
from ringbridge.web.bitrix24 import TooLarge, body_of

log = structlog.get_logger(__name__)

HEADERS = "Content-Type, X-Auth-Token, X-Requested-With"
PERMISSION_LIVES = "600"  # seconds a browser need not ask again
LONGEST_NUMBER, LONGEST_NAME = 64, 64
PER_SENDER = 600  # requests a minute of one address: an office stands behind one
PER_USER = 120
MINUTE = timedelta(minutes=1)

Answer = Callable[[Request, AmoDesk], Awaitable[Response]]
Known = Callable[[Request, AmoDesk, Visitor], Awaitable[Response]]


class NotUnderstood(Exception):
    """What was posted is not what a widget posts."""


class AmoPages:
    def __init__(self, portals: Mapping[str, AmoDesk], *, now: Callable[[], datetime]) -> None:
        self._portals = portals
        self._now = now
        self._gate = Gate(now, most=PER_SENDER, within=MINUTE)
        self._users = Gate(now, most=PER_USER, within=MINUTE)
        self._reception = Reception(now)
        self._connecting = Connecting(now)
        self._sockets = Sockets(portals, self._reception, self._gate)
        self._webhooks = WebhookPage(portals, self._gate, now)

    @property
    def routes(self) -> list[BaseRoute]:
        def route(name: str, answer: Answer, *methods: str) -> Route:
            return Route(f"/amocrm/{{portal}}/{name}", self._guarded(answer), methods=[*methods, "OPTIONS"])

        return [
            route("hello", self.hello, "GET"),
            route("session", self._known(self.session), "POST"),
            route("dial", self._known(self.dial), "POST"),
            route("extensions", self._known(self.extensions), "GET", "PUT"),
            route("authorize", self._connecting.authorize, "GET"),
            route("oauth", self._connecting.oauth, "GET"),
            route("disabled", self._connecting.disabled, "GET"),
            Route("/amocrm/{portal}/webhooks/{secret}", self._webhooks.answer, methods=["POST"]),
            WebSocketRoute("/amocrm/{portal}/socket", self._sockets.serve),
        ]

    # Who may ask

    def _guarded(self, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
        async def guarded(request: Request) -> Response:
            desk = self._portals.get(request.path_params["portal"])
            if desk is None:
                return unknown_portal()
            if not self._gate.lets_in(request.client.host if request.client else ""):
                return permitted(refused("too_often", "Too many requests.", 429), request, desk)
            if request.method == "OPTIONS":
                return permission(request, desk)
            return permitted(await self._answered(answer, request, desk), request, desk)

        return guarded

    async def _answered(self, answer: Answer, request: Request, desk: AmoDesk) -> Response:
        try:
            return await answer(request, desk)
        except NotLetIn as error:
            log.warning("widget_refused", portal=desk.portal, reason=str(error))
            return refused(error.code, str(error), error.status)
        except TableRefused as error:
            return refused(error.code, str(error), 409, subject=error.subject)
        except (NotUnderstood, TooLarge) as error:
            return refused("not_understood", str(error) or "This is more than a widget posts.", 400)
        except (StoreError, ConfigError) as error:
            log.error("widget_request_not_stored", portal=desk.portal, reason=str(error))
            return refused("store", "Nothing can be stored at the moment.", 503)

    def _known(self, answer: Known) -> Answer:
        """Only for a user of the account."""

        async def known(request: Request, desk: AmoDesk) -> Response:
            origin = request.headers.get("origin")
            if origin is not None and not desk.is_page_of_account(origin):
                raise NotLetIn("origin", "The request came from another site's page.", 403)
            visitor = self._reception.visitor(desk, request.headers.get("x-auth-token", ""))
            if not self._users.lets_in(f"{desk.portal} {visitor.user}"):
                return refused("too_often", "Too many requests.", 429)
            return await answer(request, desk, visitor)

        return known

    # What is asked

    async def hello(self, request: Request, desk: AmoDesk) -> Response:
        """For the connection check: that it is us, for whom, and what our clock says. Readable without a token, also by
        a request that asks for no permission."""
        told = {
            "name": "ringbridge",
            "version": __version__,
            "portal": desk.portal,
            "time": self._now().timestamp(),
            "connected": desk.is_connected,
        }
        return JSONResponse(told, headers={"Cache-Control": "no-store", "Cross-Origin-Resource-Policy": "cross-origin"})

    async def session(self, request: Request, desk: AmoDesk, visitor: Visitor) -> Response:
        staff = desk.routing().staff
        return JSONResponse(
            {
                "session": self._reception.session(desk, visitor),
                "user": visitor.user,
                "is_admin": visitor.is_admin,
                "extensions": [phone for phone, user in staff.users.items() if user == visitor.user],
                "can_dial": desk.dialing is not None,
                "now": self._now().timestamp(),
            }
        )

    async def dial(self, request: Request, desk: AmoDesk, visitor: Visitor) -> Response:
        if desk.dialing is None:
            return refused("no_pbx", "The office has no PBX.", 409)
        dial = await desk.dialing.dial(self._wanted_call(await json_of(request), desk, visitor))
        if dial is None:
            return JSONResponse({"dialled": True, "again": True})
        log.info("widget_clicked", portal=desk.portal, user=visitor.user, dial=dial.id, state=dial.state)
        if dial.state is DialState.REFUSED:
            return refused("not_dialled", dial.reason, 409)
        return JSONResponse({"dialled": True, "extension": dial.extension}, status_code=202)

    def _wanted_call(self, said: Mapping[str, Any], desk: AmoDesk, visitor: Visitor) -> DialRequest:
        number, click = said.get("number"), said.get("click")
        if not isinstance(number, str) or not number.strip() or len(number) > LONGEST_NUMBER:
            raise NotUnderstood("`number` is a telephone number.")
        if not isinstance(click, str) or not 8 <= len(click) <= LONGEST_NAME:
            raise NotUnderstood("`click` is a name of this click, 8 to 64 characters.")
        return DialRequest(
            portal=desk.portal,
            source=f"widget-{visitor.user}-{click}",
            number=number.strip(),
            at=self._now(),
            user=visitor.user,
            entity=entity_in(said.get("entity")),
        )

    async def extensions(self, request: Request, desk: AmoDesk, visitor: Visitor) -> Response:
        if not visitor.is_admin:
            raise NotLetIn("not_admin", "Only an administrator of the account sees and changes extensions.", 403)
        if request.method != "PUT":
            return table_answer(await desk.table.read())
        said = await json_of(request)
        version = said.get("version")
        if not isinstance(version, str):
            raise NotUnderstood("`version` is the one that came with the table.")
        by = f"user {visitor.user} of {desk.portal}"
        return table_answer(await desk.table.save(wanted_in(said.get("rows")), version=version, by=by))


def entity_in(said: Any) -> tuple[str, str] | None:
    """The card in which the number was clicked, where the platform told it."""
    if not isinstance(said, dict):
        return None
    kind, number = str(said.get("type", "")), str(said.get("id", ""))
    return (kind, number) if kind.isidentifier() and len(kind) <= 32 and number.isdigit() else None


def wanted_in(rows: Any) -> Wanted:
    wanted: dict[UserId, tuple[str, ...]] = {}
    for row in rows if isinstance(rows, list) else [None]:
        phones = as_map(row).get("extensions")
        if not isinstance(phones, list) or not all(isinstance(phone, str) for phone in phones):
            raise NotUnderstood("`rows` is a list of users with their `extensions`.")
        found = (phone.strip() for phone in phones)
        wanted[UserId(str(as_map(row).get("user", "")))] = tuple(dict.fromkeys(phone for phone in found if phone))
    return wanted


def table_answer(table: Table) -> Response:
    rows = [
        {
            "user": row.user,
            "name": row.name,
            "active": row.active,
            "extensions": list(row.extensions),
            "suggested": list(row.suggested),
        }
        for row in table.rows
    ]
    return JSONResponse({"version": table.version, "rows": rows})


async def json_of(request: Request) -> Mapping[str, Any]:
    try:
        said = json.loads(await body_of(request))
    except (ValueError, RecursionError) as error:
        raise NotUnderstood("This is no JSON.") from error
    if not isinstance(said, dict):
        raise NotUnderstood("This is no JSON object.")
    return said


def refused(code: str, text: str, status: int, *, subject: str = "") -> Response:
    about = {"subject": subject} if subject else {}
    return JSONResponse({"error": code, "text": text, **about}, status_code=status)


def unknown_portal() -> Response:
    """Readable by every page, so that the connection check can say it."""
    answer = refused("no_portal", "No account has this name here.", 404)
    answer.headers["Access-Control-Allow-Origin"] = "*"
    answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return answer


# Permission across origins


def permission(request: Request, desk: AmoDesk) -> Response:
    """The answer to a browser's question before its request."""
    if not desk.is_page_of_account(request.headers.get("origin", "")):
        return PlainTextResponse("No page of this account.", status_code=403, headers={"Vary": "Origin"})
    headers = {
        "Access-Control-Allow-Methods": "GET, POST, PUT",
        "Access-Control-Allow-Headers": HEADERS,
        "Access-Control-Max-Age": PERMISSION_LIVES,
    }
    if request.headers.get("access-control-request-private-network") == "true":
        headers["Access-Control-Allow-Private-Network"] = "true"  # we may stand in the office's own network
    return permitted(Response(status_code=204, headers=headers), request, desk)


def permitted(answer: Response, request: Request, desk: AmoDesk) -> Response:
    answer.headers.add_vary_header("Origin")
    origin = request.headers.get("origin", "")
    if desk.is_page_of_account(origin):
        answer.headers["Access-Control-Allow-Origin"] = origin
    return answer
