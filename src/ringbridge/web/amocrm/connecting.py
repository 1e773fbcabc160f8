"""How an account comes to us and leaves: the authorization page and the way back, the widget's installation, the hook
that says our integration was switched off.

Sources: amoCRM developer documentation, "OAuth 2.0", "Disconnecting an integration"; Kommo, "Public integrations": at a
widget's installation the platform itself asks our redirect address, waits three seconds and does not look at the
answer, so it is answered first and the code exchanged after.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import structlog
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from ringbridge.crm.amocrm.connection import Connection, address_of, authorization_address, is_disable_hook
from ringbridge.crm.contract import CrmError
from ringbridge.store.errors import StoreError
from ringbridge.web.amocrm.desk import AmoDesk, is_platforms, same_account
from ringbridge.web.bare_page import BEGIN_AGAIN, CONNECTED, page
from ringbridge.web.language import N_

log = structlog.get_logger(__name__)

STATE_LIVES = timedelta(minutes=10)
MOST_STATES = 100
NOT_CONNECTED = N_("The account is not connected")
NOTHING_TO_DO = (N_("Nothing to authorize"), N_("This account is connected by a long-lived token."))


class Connecting:
    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._states: OrderedDict[str, tuple[str, datetime]] = OrderedDict()  # state -> portal, until when

    async def authorize(self, request: Request, desk: AmoDesk) -> Response:
        if desk.application is None or desk.connection is None:
            return page(request, *NOTHING_TO_DO, status=409)
        state = secrets.token_urlsafe(24)
        self._states[state] = (desk.portal, self._now() + STATE_LIVES)
        while len(self._states) > MOST_STATES:
            self._states.popitem(last=False)
        return RedirectResponse(authorization_address(desk.application, state=state, brand=desk.brand), status_code=302)

    async def oauth(self, request: Request, desk: AmoDesk) -> Response:
        """The redirect address of our integration."""
        query = request.query_params
        if query.get("error"):
            text = N_("The account did not let us in: on its page the answer was no.")
            return page(request, NOT_CONNECTED, text, status=400)
        code, referer = query.get("code", ""), query.get("referer", "")
        if desk.connection is None:
            return page(request, *NOTHING_TO_DO, status=409)
        if not code or not referer:
            return page(request, BEGIN_AGAIN, N_("The account's page has sent no code."), status=400)
        if not self._is_expected(desk, query.get("state", ""), referer):
            log.warning("account_code_refused", portal=desk.portal, host=urlsplit(address_of(referer)).hostname)
            text = N_(
                "This code belongs to nothing that was begun here. Open this server's authorize page and try again."
            )
            return page(request, BEGIN_AGAIN, text, status=400)
        if query.get("from_widget"):
            exchange = BackgroundTask(accept_later, desk.connection, desk, code, referer)
            return PlainTextResponse("", background=exchange)
        try:
            await desk.connection.accept(code, referer)
        except CrmError as error:
            log.warning("account_not_connected", portal=desk.portal, reason=str(error))
            return page(request, NOT_CONNECTED, str(error), status=400)
        answer = page(request, *CONNECTED)
        answer.background = BackgroundTask(desk.connected)
        return answer

    def _is_expected(self, desk: AmoDesk, state: str, referer: str) -> bool:
        """A way back that was begun here; or a code of the very account that was configured: pressing "install" in the
        account begins there, and brings no state of ours. Anybody can get a code for an account of their own."""
        portal, until = self._states.pop(state, ("", self._now()))
        host = urlsplit(address_of(referer)).hostname or ""
        known = desk.address and (same_account(address_of(referer, scheme=urlsplit(desk.address).scheme), desk.address))
        if portal == desk.portal and until > self._now():
            return bool(known) or is_platforms(host, desk.domains)
        return bool(known)

    async def disabled(self, request: Request, desk: AmoDesk) -> Response:
        """The hook of an integration that was switched off."""
        if desk.application is None or not is_disable_hook(request.query_params, desk.application):
            log.warning("disable_hook_refused", portal=desk.portal)
            return PlainTextResponse("This is not signed by the platform.", status_code=403)
        gone = desk.connection is not None and await desk.connection.disconnected(request.query_params)
        return PlainTextResponse("", background=BackgroundTask(desk.removed) if gone else None)


async def accept_later(connection: Connection, desk: AmoDesk, code: str, referer: str) -> None:
    """After the answer. Nobody waits for it: whatever goes wrong stands in the log and on the status page."""
    try:
        await connection.accept(code, referer)
    except (CrmError, StoreError) as error:
        log.error("account_not_connected", portal=desk.portal, reason=str(error))
    else:
        await desk.connected()
