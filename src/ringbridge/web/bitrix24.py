"""Where a Bitrix24 portal comes in: its events, the frame in which our application is installed, and the way back from
its authorization page.

Nobody is logged in here. An event carries the portal's secret, keys are proven before they are taken, and whoever posts
too much or too often is sent away.

The installation page is the only page of ours that loads a script from elsewhere: the portal ends an installation when
``BX24.installFinish()`` is called, and BX24 is Bitrix24's own library, which speaks to the portal around the frame.
Where browsers cannot load it (a closed network), the application is added as one that "uses the API only": then the
portal posts ONAPPINSTALL to the events' address, and no page is needed.

Source: Bitrix24 REST docs, "Events", "Installing applications", "OAuth 2.0", "BX24 JS SDK".
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from ringbridge.crm.bitrix24.events import NotAnEvent
from ringbridge.crm.bitrix24.install import NoOffer
from ringbridge.crm.bitrix24.installation import Installation
from ringbridge.crm.contract import CrmError
from ringbridge.service.gate import Gate
from ringbridge.service.portals.events import Verdict
from ringbridge.store.errors import StoreError
from ringbridge.web.bare_page import BEGIN_AGAIN, CONNECTED, page
from ringbridge.web.language import N_

log = structlog.get_logger(__name__)

LIBRARY = "https://api.bitrix24.com"
LARGEST = 64 * 1024  # bytes of a form; the longest event is some 3 kB
MOST, WITHIN = 600, timedelta(minutes=1)  # requests of one sender
STATE_LIVES = timedelta(minutes=10)
MOST_STATES = 100

NOT_CONNECTED = N_("The application is not connected")


class BitrixDesk(Protocol):
    """One portal, as far as these pages go."""

    @property
    def installation(self) -> Installation: ...

    async def receive(self, body: bytes) -> Verdict: ...

    async def install(self, query: Mapping[str, Any], form: Mapping[str, Any]) -> None: ...

    async def authorize(self, code: str) -> None: ...


class TooLarge(Exception):
    """More was posted than any portal posts."""


class BitrixPages:
    def __init__(self, portals: Mapping[str, BitrixDesk], *, now: Callable[[], datetime]) -> None:
        self._portals = portals
        self._now = now
        self._gate = Gate(now, most=MOST, within=WITHIN)
        self._states: OrderedDict[str, tuple[str, datetime]] = OrderedDict()  # state -> portal, until when

    @property
    def routes(self) -> list[Route]:
        return [
            Route("/bitrix24/{portal}/events", self._guarded(self.events), methods=["POST"]),
            Route("/bitrix24/{portal}/install", self._guarded(self.install), methods=["POST"]),
            Route("/bitrix24/{portal}/authorize", self._guarded(self.authorize)),
            Route("/bitrix24/{portal}/authorized", self._guarded(self.authorized)),
            Route("/bitrix24/finish.js", finish),
        ]

    def _guarded(
        self, answer: Callable[[Request, BitrixDesk], Awaitable[Response]]
    ) -> Callable[..., Awaitable[Response]]:
        async def guarded(request: Request) -> Response:
            desk = self._portals.get(request.path_params["portal"])
            if desk is None:
                return PlainTextResponse("No portal has this name here.", status_code=404)
            if not self._gate.lets_in(sender_of(request)):
                return PlainTextResponse("Too many requests.", status_code=429)
            try:
                return await answer(request, desk)
            except TooLarge:
                return PlainTextResponse("This is more than a portal posts.", status_code=413)
            except StoreError as error:
                log.error("portal_request_not_stored", reason=str(error))
                return PlainTextResponse("Nothing can be stored at the moment.", status_code=503)

        return guarded

    async def events(self, request: Request, desk: BitrixDesk) -> Response:
        try:
            verdict = await desk.receive(await body_of(request))
        except (NotAnEvent, NoOffer) as error:
            log.warning("portal_event_not_understood", reason=str(error))
            return PlainTextResponse("This is no event of a portal.", status_code=400)
        except CrmError as error:
            log.warning("portal_keys_refused", reason=str(error))
            return PlainTextResponse("These keys do not open the portal.", status_code=403)
        if verdict is Verdict.TAKEN:
            self._gate.forgive(sender_of(request))  # an import of clients must not keep clicks away
        return PlainTextResponse("", status_code=403 if verdict is Verdict.REFUSED else 200)

    # The installation frame

    async def install(self, request: Request, desk: BitrixDesk) -> Response:
        form = dict(parse_qsl((await body_of(request)).decode("utf-8", "replace"), keep_blank_values=True))
        try:
            await desk.install(request.query_params, form)
        except (NoOffer, CrmError) as error:
            log.warning("application_not_installed", reason=str(error))
            return page(request, NOT_CONNECTED, str(error), status=400)
        script = f'<script src="{LIBRARY}/api/v1/"></script><script src="/bitrix24/finish.js"></script>'
        answer = page(request, *CONNECTED, script=script)
        answer.headers["Content-Security-Policy"] = frame_policy(desk.installation.origin)
        return answer

    # The authorization page and back

    async def authorize(self, request: Request, desk: BitrixDesk) -> Response:
        state = secrets.token_urlsafe(24)
        try:
            target = desk.installation.page(state)
        except CrmError as error:
            return page(request, N_("The portal cannot be asked"), str(error), status=409)
        self._states[state] = (request.path_params["portal"], self._now() + STATE_LIVES)
        while len(self._states) > MOST_STATES:
            self._states.popitem(last=False)
        return RedirectResponse(target, status_code=302)

    async def authorized(self, request: Request, desk: BitrixDesk) -> Response:
        portal, until = self._states.pop(request.query_params.get("state", ""), ("", self._now()))
        code = request.query_params.get("code", "")
        if portal != request.path_params["portal"] or until <= self._now() or not code:
            text = N_("This way back from the portal is not the one that was begun here.")
            return page(request, BEGIN_AGAIN, text, status=400)
        try:
            await desk.authorize(code)
        except CrmError as error:
            log.warning("application_not_authorized", reason=str(error))
            return page(request, NOT_CONNECTED, str(error), status=400)
        return page(request, *CONNECTED)


def sender_of(request: Request) -> str:
    return request.client.host if request.client else ""


async def body_of(request: Request, largest: int = LARGEST) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > largest:
            raise TooLarge
    return bytes(body)


def frame_policy(origin: str) -> str:
    """Only the portal that has just proven itself may show the page, and only its library may run there."""
    parts = urlsplit(origin)
    around = f"{parts.scheme}://{parts.netloc}"
    return f"default-src 'none'; script-src 'self' {LIBRARY}; base-uri 'none'; frame-ancestors {around}"


async def finish(request: Request) -> Response:
    return Response("BX24.init(function () { BX24.installFinish(); });\n", media_type="text/javascript")
