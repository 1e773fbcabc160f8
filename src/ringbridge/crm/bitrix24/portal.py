"""Bitrix24 as a `Crm`."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

import httpx2

from ringbridge.crm.bitrix24 import users
from ringbridge.crm.bitrix24.auth import Application, Credentials, Key, Save, TokenKey, Webhook, WebhookKey
from ringbridge.crm.bitrix24.check import QUESTIONS, portal_info
from ringbridge.crm.bitrix24.clients import SEARCH, by_duplicates, client_by_duplicates, client_in
from ringbridge.crm.bitrix24.commands import Commands
from ringbridge.crm.bitrix24.ledger import Ledger
from ringbridge.crm.bitrix24.reconcile import Reconciliation
from ringbridge.crm.bitrix24.recordings import Recordings
from ringbridge.crm.bitrix24.rest import Rest
from ringbridge.crm.bitrix24.sender import Sender
from ringbridge.crm.bitrix24.settings import REQUEST_LIMIT, Settings
from ringbridge.crm.client import Door
from ringbridge.crm.contract import (
    Client,
    CrmError,
    CrmUser,
    PortalInfo,
    Receipt,
    RecordingSource,
    Step,
    Unauthorized,
)
from ringbridge.routing.intents import Priority


class Bitrix24:
    """One portal. Make it inside the event loop that uses it, and `aclose` it."""

    request_limit = REQUEST_LIMIT  # the longest the portal works on one request

    def __init__(
        self,
        settings: Settings,
        credentials: Credentials,
        *,
        recordings: RecordingSource,
        save: Save,
        application: Application | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        """`save` stores credentials that changed (tokens renewed, portal moved) before they are used; `application`
        is needed with `Tokens`; `transport` replaces the network by a portal in this process."""
        self._settings = settings
        self._recordings = recordings
        self._key = _key(settings, credentials, application, save)
        self._door = Door(
            portal=settings.portal,
            quota=settings.quota,
            reach=settings.reach,
            secrets=self._key.secrets,
            moved=self._key.moved,
            answer_within=REQUEST_LIMIT.total_seconds() + 5,
            transport=transport,
        )
        self._rest = Rest(self._door, self._key)
        self._sender = Sender(self._rest)

    async def check(self) -> PortalInfo:
        answers = await self._rest.batch(QUESTIONS, priority=Priority.FINISH)
        host = urlsplit(self._key.address("")).hostname or self._settings.portal
        return portal_info(host, answers, application=isinstance(self._key, TokenKey))

    async def users(self) -> Sequence[CrmUser]:
        rows = await self._rest.everything(users.METHOD, users.PARAMS, priority=Priority.REST)
        return users.users_in(rows)

    async def find(self, number: str) -> Client | None:
        try:
            reply = await self._rest.call(SEARCH, {"PHONE_NUMBER": number}, priority=Priority.CARD)
        except Unauthorized:
            # Perhaps only the telephony scope is missing; if it is the key itself, this says so.
            outcomes = await self._rest.batch(by_duplicates(number), priority=Priority.CARD)
            return client_by_duplicates(outcomes)
        return client_in(reply.result)

    async def carry_out(self, steps: Sequence[Step]) -> Sequence[Receipt | CrmError]:
        """As the contract says. A recording is sent before this returns, so give recordings a run of their own where
        the answers to other steps are waited for."""
        ledger = Ledger(steps)
        chat = self._settings.add_to_chat
        reconciliation = Reconciliation(ledger, self._sender, add_to_chat=chat)
        await reconciliation.clear_doubts()
        await Commands(ledger, self._sender, add_to_chat=chat).send()
        await reconciliation.find_lost_calls()
        await Recordings(ledger, self._sender, source=self._recordings, settings=self._settings).send()
        return ledger.results()

    async def aclose(self) -> None:
        await self._key.aclose()
        await self._door.aclose()


def _key(settings: Settings, credentials: Credentials, application: Application | None, save: Save) -> Key:
    if isinstance(credentials, Webhook):
        return WebhookKey(credentials, save=save)
    if application is None:
        raise ValueError("tokens are renewed with the application's client_id and client_secret: both are needed")
    return TokenKey(application, credentials, save=save, authorization_server=settings.authorization_server)
