"""Where an account posts what changed in it. Its secret stands in the address; whoever does not know it learns nothing
here, not even whether there is such an account.

The platform posts from few addresses, and a proxy before us may make them one: so what is genuine is not counted with
what the widgets ask for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from ringbridge.crm.amocrm.webhooks import NotAWebhook
from ringbridge.service.gate import Gate
from ringbridge.web.amocrm.desk import AmoDesk
from ringbridge.web.bitrix24 import TooLarge, body_of

log = structlog.get_logger(__name__)

LARGEST = 512 * 1024  # bytes: a change of many leads at once comes in one form, with all their fields
PER_ACCOUNT, WITHIN = 6000, timedelta(minutes=1)


class WebhookPage:
    """`gate` counts strangers."""

    def __init__(self, portals: Mapping[str, AmoDesk], gate: Gate, now: Callable[[], datetime]) -> None:
        self._portals = portals
        self._strangers = gate
        self._accounts = Gate(now, most=PER_ACCOUNT, within=WITHIN)

    async def answer(self, request: Request) -> Response:
        desk = self._portals.get(request.path_params["portal"])
        changes = desk.changes if desk else None
        if desk is None or changes is None or not changes.knows(request.path_params["secret"]):
            return self._refuse_stranger(request)
        if not self._accounts.lets_in(desk.portal):
            return PlainTextResponse("Too many requests.", status_code=429)
        try:
            genuine = changes.receive(await body_of(request, LARGEST))
        except NotAWebhook as error:
            log.warning("account_webhook_not_understood", portal=desk.portal, reason=str(error))
            return PlainTextResponse("This is no webhook of an account.", status_code=400)
        except TooLarge:
            log.warning("account_webhook_too_large", portal=desk.portal)
            return PlainTextResponse("This is more than an account posts.", status_code=413)
        return PlainTextResponse("", status_code=200 if genuine else 403)

    def _refuse_stranger(self, request: Request) -> Response:
        if not self._strangers.lets_in(request.client.host if request.client else ""):
            return PlainTextResponse("Too many requests.", status_code=429)
        log.warning("account_webhook_refused")
        return PlainTextResponse("Nobody posts to this address.", status_code=403)
