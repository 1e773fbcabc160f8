"""Our application at one portal: installed, connected by a code, removed."""

from __future__ import annotations

from dataclasses import replace

from ringbridge.crm.bitrix24.auth import Application, Key, TokenKey, Tokens
from ringbridge.crm.bitrix24.events import Proof, comes_from
from ringbridge.crm.bitrix24.install import Offer, authorization_page, check_portal, exchange, prove
from ringbridge.crm.bitrix24.rest import Rest
from ringbridge.crm.bitrix24.telephony import as_map, text
from ringbridge.crm.bitrix24.users import is_yes
from ringbridge.crm.client import Request
from ringbridge.crm.contract import CrmError, Unauthorized
from ringbridge.routing.intents import Priority


class NoApplication(Unauthorized):
    """The portal is connected by an incoming webhook."""


class Installation:
    """What changes the key of a portal. Methods raise `CrmError`; what they take is stored before they return."""

    def __init__(self, key: Key, rest: Rest, application: Application | None, server: str | None) -> None:
        self._key = key
        self._rest = rest
        self._application = application
        self._server = server

    @property
    def possible(self) -> bool:
        """The portal is connected as an application, or shall be."""
        return isinstance(self._key, TokenKey)

    @property
    def done(self) -> bool:
        """There are tokens."""
        return isinstance(self._key, TokenKey) and bool(self._key.credentials.refresh)

    @property
    def origin(self) -> str:
        """``https://portal`` as far as it is known."""
        return self._key.credentials.endpoint.partition("/rest/")[0] if isinstance(self._key, TokenKey) else ""

    async def take(self, offer: Offer) -> None:
        """Keys that the portal brought: proven, stored, used from now on."""
        key, application = self._tokens()
        tokens = await prove(offer, application, self._rest.door, server=self._server)
        await self._keep(key, tokens)

    async def take_code(self, code: str) -> None:
        """The same by what a browser brought back from the portal's authorization page."""
        key, application = self._tokens()
        tokens = await exchange(code, key.credentials, application, self._rest.door, server=self._server)
        await self._keep(key, tokens)

    async def take_token(self, application_token: str) -> None:
        """How the portal's events show that they are its: told by itself, over our own connection."""
        key, _ = self._tokens()
        await key.replace(replace(key.credentials, application_token=application_token))

    async def remove(self) -> None:
        """The application was removed there: its keys open nothing any more. Which portal it was stays known."""
        key, _ = self._tokens()
        await key.replace(Tokens(access="", refresh="", endpoint=self.endpoint, member=key.credentials.member))

    @property
    def endpoint(self) -> str:
        return self._key.credentials.endpoint if isinstance(self._key, TokenKey) else ""

    def page(self, state: str) -> str:
        """The portal's authorization page, for an administrator's browser."""
        key, application = self._tokens()
        if not key.credentials.endpoint:
            raise Unauthorized("Where the portal is, is not known: enter its address as endpoint under oauth.")
        return authorization_page(key.credentials.endpoint, application, state)

    def is_from_portal(self, proof: Proof) -> bool:
        if not isinstance(self._key, TokenKey):
            return False
        known = self._key.credentials
        return comes_from(proof, member=known.member, application_token=known.application_token)

    async def vouch(self, proof: Proof) -> bool:
        """Whether the portal itself says that an event's token is of our application, for a key that came without the
        secret of its events (by an authorization code). That secret is then known."""
        if not isinstance(self._key, TokenKey) or self._application is None or not proof.access_token:
            return False
        key, member = self._key, self._key.credentials.member
        if not key.credentials.refresh or (member and member != proof.member):
            return False
        asked = Request(url=key.address("app.info"), json={"auth": proof.access_token})
        try:
            answer = await self._rest.door.send(lambda: asked, priority=Priority.CARD)
        except CrmError:
            return False
        told = as_map(as_map(answer.json).get("result"))
        if text(told.get("CODE")) != self._application.client_id:
            return False
        await self.take_token(proof.application_token)
        return True

    async def opens(self) -> bool:
        """Whether our key still opens the portal."""
        try:
            await self._rest.call("profile", priority=Priority.REST)
        except Unauthorized:
            return False
        except CrmError:
            pass  # nobody knows: a key that opens nothing will show itself
        return True

    @property
    def knows_token(self) -> bool:
        return isinstance(self._key, TokenKey) and bool(self._key.credentials.application_token)

    async def _keep(self, key: TokenKey, tokens: Tokens) -> None:
        known = key.credentials
        check_portal(tokens, endpoint=known.endpoint, member=known.member)
        if self.done and not await self._is_administrators(tokens):
            raise Unauthorized("The portal is connected already; only an administrator of it can connect it anew.")
        if not tokens.application_token:
            tokens = replace(tokens, application_token=known.application_token)
        await key.replace(tokens)

    async def _is_administrators(self, tokens: Tokens) -> bool:
        """Any employee may open the application, and is not taken for the administrator who installed it."""
        asked = Request(url=f"{tokens.endpoint.rstrip('/')}/profile.json", json={"auth": tokens.access})
        answer = await self._rest.door.send(lambda: asked, priority=Priority.REST)
        return is_yes(as_map(as_map(answer.json).get("result")).get("ADMIN"))

    def _tokens(self) -> tuple[TokenKey, Application]:
        if not isinstance(self._key, TokenKey) or self._application is None:
            raise NoApplication("This portal is connected by an incoming webhook, not as an application.")
        return self._key, self._application
