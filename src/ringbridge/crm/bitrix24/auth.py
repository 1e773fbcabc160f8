"""The keys to a portal: an incoming webhook, or a local application's tokens.

Sources: Bitrix24 REST docs, "General principles", "OAuth 2.0: automatic renewal"; the two authorization servers,
the official PHP SDK. A refresh token opens once: the new pair is stored before its first use.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol
from urllib.parse import urlencode, urlsplit

from ringbridge.crm.bitrix24.errors import error_of, no_json, said_in
from ringbridge.crm.client import Answer, Door, Request, SingleFlight
from ringbridge.crm.contract import CrmError, Transient, Unauthorized
from ringbridge.telephony.channels import whole_number

WEST = "https://oauth.bitrix.info"
EAST = "https://oauth.bitrix24.tech"
AUTHORIZATION_SERVERS = (WEST, EAST)

NOT_INSTALLED = "The portal waits for our application to be installed there: nothing can be told to it before that."


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """An incoming webhook: acts as the user who made it."""

    address: str = field(repr=False)  # https://portal/rest/<user id>/<secret>/

    @classmethod
    def parse(cls, text: str) -> Webhook:
        """From what the portal's page shows, with or without a method at its end. Raises `ValueError`."""
        parts = urlsplit(text.strip())
        path = [part for part in parts.path.split("/") if part]
        if parts.scheme not in {"http", "https"} or not parts.hostname or len(path) < 3 or path[0] != "rest":
            raise ValueError("An incoming webhook's address looks like https://portal.bitrix24.com/rest/1/secret/")
        if not path[1].isdigit():
            raise ValueError("After /rest/ an incoming webhook's address has the number of its user")
        return cls(address=f"{parts.scheme}://{parts.netloc}/rest/{path[1]}/{path[2]}/")

    @property
    def secret(self) -> str:
        return self.address.rstrip("/").rpartition("/")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """A local application as the portal's page shows it."""

    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What an application holds for one portal."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    endpoint: str  # client_endpoint: https://portal/rest/
    server: str = ""  # server_endpoint: https://oauth.bitrix.info/rest/
    member: str = ""  # member_id: stays the same when the portal's address changes
    expires: datetime | None = None
    application_token: str = field(repr=False, default="")  # by which the portal's events show that they are its


Credentials = Webhook | Tokens
Save = Callable[[Credentials], Awaitable[None]]
"""Stores credentials durably before it returns."""


class Key(Protocol):
    """What opens the portal."""

    @property
    def credentials(self) -> Credentials: ...

    def address(self, method: str) -> str: ...

    def parameters(self) -> Mapping[str, str]:
        """What goes into each request's body."""
        ...

    def secrets(self) -> tuple[str, ...]: ...

    async def renew(self, spent: Mapping[str, str], door: Door) -> None:
        """Make `parameters` other than those that were `spent`. Raises `CrmError`."""
        ...

    async def moved(self, old: str, new: str) -> None:
        """The portal answers at another origin now."""
        ...

    async def aclose(self) -> None: ...


class WebhookKey:
    """Opens the portal by the secret in its address."""

    def __init__(self, webhook: Webhook, *, save: Save) -> None:
        self._webhook = webhook
        self._save = save

    @property
    def credentials(self) -> Webhook:
        return self._webhook

    def address(self, method: str) -> str:
        return f"{self._webhook.address}{method}.json"

    def parameters(self) -> Mapping[str, str]:
        return {}

    def secrets(self) -> tuple[str, ...]:
        return (self._webhook.secret,)

    async def renew(self, spent: Mapping[str, str], door: Door) -> None:
        raise Unauthorized("The incoming webhook has expired: make a new one on the portal and enter it here.")

    async def moved(self, old: str, new: str) -> None:
        moved = replace(self._webhook, address=_at_origin(self._webhook.address, new))
        await self._save(moved)
        self._webhook = moved

    async def aclose(self) -> None:
        pass


class TokenKey:
    """Opens the portal by an access token, renewed once for all who find it expired."""

    def __init__(
        self, application: Application, tokens: Tokens, *, save: Save, authorization_server: str | None = None
    ) -> None:
        self._application = application
        self._tokens = tokens
        self._unsaved: Tokens | None = None
        self._save = save
        self._server = authorization_server
        self._renewal: SingleFlight[None] = SingleFlight()

    @property
    def credentials(self) -> Tokens:
        return self._tokens

    def address(self, method: str) -> str:
        if not self._tokens.refresh:
            raise Unauthorized(NOT_INSTALLED)
        return f"{self._tokens.endpoint.rstrip('/')}/{method}.json"

    def parameters(self) -> Mapping[str, str]:
        return {"auth": self._tokens.access}

    def secrets(self) -> tuple[str, ...]:
        tokens = self._tokens
        held = (tokens.access, tokens.refresh, tokens.application_token, self._application.client_secret)
        return tuple(filter(None, held))

    async def replace(self, tokens: Tokens) -> None:
        """Another pair from now on: the application was installed, anew or for the first time, or removed."""
        await self._save(tokens)
        self._tokens, self._unsaved = tokens, None

    async def renew(self, spent: Mapping[str, str], door: Door) -> None:
        if spent == self.parameters():
            await self._renewal.join(lambda: self._renew(door))

    async def moved(self, old: str, new: str) -> None:
        moved = replace(self._tokens, endpoint=_at_origin(self._tokens.endpoint, new))
        await self._save(moved)
        self._tokens = moved

    async def aclose(self) -> None:
        await self._renewal.aclose()

    async def _renew(self, door: Door) -> None:
        # Kept when storing fails: the old pair opens nothing any more.
        self._unsaved = self._unsaved or await self._ask_servers(door)
        try:
            await self._save(self._unsaved)
        except Exception as error:
            raise Transient(f"The portal's renewed key could not be stored: {error}") from error
        self._tokens, self._unsaved = self._unsaved, None

    async def _ask_servers(self, door: Door) -> Tokens:
        first, *others = authorization_servers(self._tokens, self._server)
        try:
            return await self._ask(first, door)
        except Transient as failure:
            for other in others:
                try:
                    return await self._ask(other, door)
                except CrmError:
                    continue  # the other server may not know this application: the first one's word counts
            raise failure

    async def _ask(self, server: str, door: Door) -> Tokens:
        query = urlencode(
            {
                "grant_type": "refresh_token",
                "client_id": self._application.client_id,
                "client_secret": self._application.client_secret,
                "refresh_token": self._tokens.refresh,
            }
        )
        try:
            answer = await door.send_elsewhere(Request(method="GET", url=f"{server}/oauth/token/?{query}"))
        except Transient as error:
            # Whatever the portal was asked to do was refused before: it is not in doubt.
            raise Transient(f"The key could not be renewed: {error}") from error
        return renewed(self._tokens, answer, now=datetime.now(UTC))


def authorization_servers(tokens: Tokens, chosen: str | None = None) -> list[str]:
    """Whom to ask for new tokens, in this order: the server that gave the old ones, then Bitrix24's other one.

    Our application's secret goes to these and to no others, whatever address came with the tokens.
    """
    if chosen:
        return [chosen.rstrip("/")]
    known = f"https://{urlsplit(tokens.server).hostname}"
    first = known if known in AUTHORIZATION_SERVERS else WEST
    return [first, *(server for server in AUTHORIZATION_SERVERS if server != first)]


def renewed(tokens: Tokens, answer: Answer, *, now: datetime) -> Tokens:
    """The tokens in an authorization server's answer. Raises `Unauthorized` when it gives none for this portal."""
    if said := said_in(answer.json, answer.status):
        raise _not_in_doubt(error_of(said, now=now))
    body = answer.json
    if not isinstance(body, dict) or not body.get("access_token") or not body.get("refresh_token"):
        raise _not_in_doubt(error_of(no_json(answer.status, answer.brief), now=now))
    member = str(body.get("member_id") or tokens.member)
    if tokens.member and member != tokens.member:
        raise Unauthorized("The authorization server gave tokens of another portal: connect this one anew.")
    lives = whole_number(str(body.get("expires_in") or ""))
    return Tokens(
        access=str(body["access_token"]),
        refresh=str(body["refresh_token"]),
        endpoint=_endpoint(body.get("client_endpoint")) or tokens.endpoint,
        server=str(body.get("server_endpoint") or tokens.server),
        member=member,
        expires=now + timedelta(seconds=lives) if lives is not None else None,
        application_token=tokens.application_token,
    )


def _endpoint(value: object) -> str | None:
    text = str(value or "")
    parts = urlsplit(text)
    return text if parts.scheme in {"http", "https"} and parts.hostname else None


def _not_in_doubt(error: CrmError) -> CrmError:
    """A renewal that failed leaves the request it was for undone, whatever happened to the renewal."""
    return Transient(str(error)) if isinstance(error, Transient) else error


def _at_origin(address: str, origin: str) -> str:
    return origin + urlsplit(address).path
