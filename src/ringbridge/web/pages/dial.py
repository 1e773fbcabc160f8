"""A call asked for on the page: the chosen phone rings, then the client's. And what became of it.

The page's own forms only may ask (see `security.SameOrigin`), an employee for their own phones only; everything else is
refused or not where every request is: by the guards of `routing.dialing`.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ringbridge.routing.asked import why_not_reached
from ringbridge.routing.dialing import DialRequest
from ringbridge.routing.intents import PortalId, UserId
from ringbridge.routing.orders import reached
from ringbridge.store import calls, dials
from ringbridge.store.calls import JournalEntry, call_key
from ringbridge.store.dials import Dial, DialState
from ringbridge.store.errors import StoreError
from ringbridge.telephony.model import CallId
from ringbridge.web.auth.visitor import visitor_of
from ringbridge.web.rendering import Pages, call_address
from ringbridge.web.services import Services
from ringbridge.web.words import N_

REASONS = (
    N_("There is no number to dial."),
    N_("This is no complete telephone number."),
    N_("Not dialled: calls are made in working hours only."),
    N_("Not dialled: the same number was asked for a moment ago."),
    N_("Not dialled: numbers that begin so are not allowed."),
    N_("Not dialled: calls to this country are not allowed."),
    N_("There is no connection to the PBX at the moment."),
    N_("The PBX was told to dial, and nothing was heard of the call."),
    N_("The employee's phone could not be rung: is it registered?"),
    N_("The employee did not answer their own phone."),
)
"""Why a call was not made, where the words are always the same: the catalogues have them."""

LONGEST = 64
YEAR = 365 * 24 * 3600
COOKIE = "phone"

NOT_YOURS = (N_("This phone is not yours"), N_("Choose a phone of your own, or ask an administrator."))
NOT_STORED = (N_("The call was not made"), N_("Nothing can be stored at the moment: see the status page."))


@dataclass(frozen=True, slots=True, kw_only=True)
class Phone:
    """A phone that may ring for the visitor, and whose it is at which portal."""

    extension: str
    name: str
    portal: PortalId
    user: UserId


def phones_of(services: Services, request: Request) -> list[Phone]:
    """Of everybody; of an employee their own. None where nothing can be dialled."""
    visitor = visitor_of(request)
    own = visitor.own if visitor else ()
    found: dict[str, Phone] = {}
    for phone in _phones(services):
        found.setdefault(phone.extension, phone)  # the first portal's, where several know it
    return [phone for phone in found.values() if own is None or phone.extension in own]


def _phones(services: Services) -> Iterator[Phone]:
    if services.api is None or services.api.dialing is None:
        return
    for portal, routing in services.api.portals.items():
        staff = routing().staff
        for extension, user in sorted(staff.users.items()):
            name = services.employee(extension) or staff.name_of(extension)
            yield Phone(extension=extension, name=name, portal=portal, user=user)


def form_of(services: Services, request: Request) -> dict[str, Any]:
    """What a page with the form needs: `phones`, the `chosen` one, and a name for the `click`."""
    chosen = request.cookies.get(COOKIE, "")
    return {"phones": phones_of(services, request), "chosen": chosen, "click": secrets.token_urlsafe(12)}


class DialPage:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._services = pages.services

    @property
    def routes(self) -> list[Route]:
        return [Route("/dials", self.dial, methods=["POST"]), Route("/dials/{id}", self.page)]

    async def dial(self, request: Request) -> Response:
        """POST: `number`, `phone`, and `click`, by which a form that is sent twice is one call."""
        async with request.form(max_files=0, max_fields=8) as form:
            number, extension, click = (str(form.get(name, ""))[:LONGEST] for name in ("number", "phone", "click"))
        phone = next((one for one in phones_of(self._services, request) if one.extension == extension), None)
        if phone is None:
            return await self._pages.notice(request, 403, *NOT_YOURS)
        try:
            dial = await self._dialled(number, phone, click or secrets.token_urlsafe(12))
        except StoreError:
            return await self._pages.notice(request, 503, *NOT_STORED)
        answer = RedirectResponse(f"/dials/{dial.id}", status_code=303)
        secure = request.url.scheme == "https"
        answer.set_cookie(COOKIE, extension, max_age=YEAR, samesite="lax", httponly=True, secure=secure)
        return answer

    async def _dialled(self, number: str, phone: Phone, click: str) -> Dial:
        assert self._services.api is not None and self._services.api.dialing is not None  # noqa: S101, PT018 - a phone
        request = DialRequest(
            portal=phone.portal,
            source=f"page/{click}",
            number=number.strip(),
            at=self._services.now(),
            user=phone.user,
            to=phone.extension,
        )
        if dial := await self._services.api.dialing.dial(request):
            return dial
        async with self._services.database.reading() as tx:
            known = await dials.named(tx, phone.portal, request.source)
        if known is None:
            raise HTTPException(404)
        return known

    async def page(self, request: Request) -> Response:
        """Until the call is in the journal this page tells how it goes; then the call's own does, unless it came to
        nothing."""
        dial = await self._known(request)
        entry = await self._call(dial)
        if entry and (entry.call.end is None or reached(entry.call)):
            address = call_address(entry.key)
            if "hx-request" in request.headers:
                return Response(headers={"HX-Redirect": address})
            return RedirectResponse(address, status_code=303)
        refused = dial.state is DialState.REFUSED
        return await self._pages.page(
            request,
            "dial.html",
            dial=dial,
            entry=entry,
            waiting=not refused and entry is None,
            reason=dial.reason if refused else why_not_reached(entry.call) if entry else "",
            **form_of(self._services, request),
        )

    async def _known(self, request: Request) -> Dial:
        async with self._services.database.reading() as tx:
            dial = await dials.get(tx, request.path_params["id"])
        visitor = visitor_of(request)
        own = visitor.own if visitor else ()
        if dial is None or (own is not None and dial.request.to not in own):
            raise HTTPException(404)
        return dial

    async def _call(self, dial: Dial) -> JournalEntry | None:
        async with self._services.database.reading() as tx:
            entry = await calls.get(tx, call_key(dial.pbx, CallId(dial.id)))
            if entry and entry.call.merged_into:
                return await calls.get(tx, call_key(dial.pbx, entry.call.merged_into))
            return entry
