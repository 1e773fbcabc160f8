"""The keys to an account: an integration's tokens, or one long-lived token.

Sources: amoCRM developer documentation, "OAuth 2.0"; Kommo, "Long-lived token"; the official PHP library for an account
that moved. An access token lives a day, a refresh token three months, and a refresh token opens once: the new pair is
stored before its first use, and the old one is kept until it is.
"""

from __future__ import annotations

import base64
import json
from binascii import Error as NotBase64
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from urllib.parse import urlsplit

from ringbridge.crm.amocrm.errors import error_of
from ringbridge.crm.amocrm.settings import DOMAINS
from ringbridge.crm.amocrm.values import as_map, text, whole
from ringbridge.crm.client import Answer, Door, Request, SingleFlight
from ringbridge.crm.contract import CrmError, Rejected, Transient, Unauthorized

NOT_CONNECTED = "The account is not connected yet: press the button on the connection's page, or enter a code."
EARLY = timedelta(minutes=5)  # so long before its end a token is renewed: a request refused for it costs a request
CONNECT_AGAIN = "Connect the account again."


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """An integration as its page in the account shows it."""

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LongLived:
    """A token that a person made in the settings, for one day to five years."""

    address: str  # https://example.amocrm.ru
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What an integration holds for one account."""

    address: str  # https://example.amocrm.ru
    access: str = field(repr=False, default="")
    refresh: str = field(repr=False, default="")  # empty: not connected yet
    account: int | None = None  # stays the same when the account's address changes
    api_domain: str = ""  # whom to ask where an account has moved to
    expires: datetime | None = None


Credentials = LongLived | Tokens
Save = Callable[[Credentials], Awaitable[None]]
"""Stores credentials durably before it returns."""


class Key(Protocol):
    """What opens the account."""

    @property
    def credentials(self) -> Credentials: ...

    def headers(self) -> Mapping[str, str]: ...

    def address(self, path: str) -> str: ...

    def secrets(self) -> tuple[str, ...]: ...

    @property
    def is_stale(self) -> bool:
        """Whether it is sure to be refused soon, so is better renewed before it is used."""
        ...

    async def renew(self, spent: Mapping[str, str], door: Door) -> None:
        """Make `headers` other than those that were `spent`. Raises `CrmError`."""
        ...

    async def moved(self, old: str, new: str) -> None:
        """The account answers at another origin now."""
        ...

    async def aclose(self) -> None: ...


class LongLivedKey:
    """Opens the account by one token that nothing renews."""

    is_stale = False

    def __init__(self, credentials: LongLived, *, save: Save) -> None:
        self._held = credentials
        self._save = save

    @property
    def credentials(self) -> LongLived:
        return self._held

    def headers(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self._held.token}"}

    def address(self, path: str) -> str:
        return self._held.address.rstrip("/") + path

    def secrets(self) -> tuple[str, ...]:
        return (self._held.token,)

    async def renew(self, spent: Mapping[str, str], door: Door) -> None:
        raise Unauthorized(
            "The long-lived token is not taken any more: it has ended, the integration was switched off, or the "
            "account's address has changed. Make a new token in the integration's settings and enter it here."
        )

    async def moved(self, old: str, new: str) -> None:
        moved = replace(self._held, address=new)
        await self._save(moved)
        self._held = moved

    async def aclose(self) -> None:
        pass


class TokenKey:
    """Opens the account by an access token, renewed once for all who find it expired."""

    def __init__(
        self,
        application: Application,
        tokens: Tokens,
        *,
        save: Save,
        domains: tuple[str, ...] = DOMAINS,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._application = application
        self._tokens = tokens
        self._unsaved: Tokens | None = None
        self._save = save
        self._domains = domains
        self._now = now
        self._renewal: SingleFlight[None] = SingleFlight()

    @property
    def credentials(self) -> Tokens:
        return self._tokens

    @property
    def is_stale(self) -> bool:
        expires = self._tokens.expires
        return bool(self._tokens.refresh) and expires is not None and expires - EARLY <= self._now()

    def headers(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self._tokens.access}"}

    def address(self, path: str) -> str:
        if not self._tokens.refresh:
            raise Unauthorized(NOT_CONNECTED)
        return self._tokens.address.rstrip("/") + path

    def secrets(self) -> tuple[str, ...]:
        held = (self._tokens.access, self._tokens.refresh, self._application.client_secret)
        return tuple(filter(None, held))

    async def replace(self, tokens: Tokens) -> None:
        """Another pair from now on: the account was connected, anew or for the first time, or disconnected."""
        await self._save(tokens)
        self._tokens, self._unsaved = tokens, None

    async def renew(self, spent: Mapping[str, str], door: Door) -> None:
        if spent == self.headers():
            await self._renewal.join(lambda: self._renew(door))

    async def moved(self, old: str, new: str) -> None:
        moved = replace(self._tokens, address=new)
        await self._save(moved)
        self._tokens = moved

    async def exchange(self, code: str, address: str, door: Door) -> Tokens:
        """The first pair, for the code that the account's page gave; not stored yet. Raises `CrmError`."""
        check_domain(address, self._domains)
        grant = {"grant_type": "authorization_code", "code": code}
        return await self._ask(Tokens(address=address.rstrip("/"), account=self._tokens.account), grant, door)

    async def aclose(self) -> None:
        await self._renewal.aclose()

    async def _renew(self, door: Door) -> None:
        # Kept when storing fails: the old pair opens nothing any more.
        self._unsaved = self._unsaved or await self._renewed(door)
        try:
            await self._save(self._unsaved)
        except Exception as error:
            raise Transient(f"The account's renewed key could not be stored: {error}") from error
        self._tokens, self._unsaved = self._unsaved, None

    async def _renewed(self, door: Door) -> Tokens:
        held = self._tokens
        grant = {"grant_type": "refresh_token", "refresh_token": held.refresh}
        try:
            return await self._ask(held, grant, door)
        except (Unauthorized, Rejected) as refusal:
            address = await self._new_address(door)
            if address is None or address == held.address:
                raise Unauthorized(f"{refusal} {CONNECT_AGAIN}") from refusal
        try:
            return await self._ask(replace(held, address=address), grant, door)
        except (Unauthorized, Rejected) as refusal:
            raise Unauthorized(f"{refusal} {CONNECT_AGAIN}") from refusal

    async def _ask(self, held: Tokens, grant: Mapping[str, str], door: Door) -> Tokens:
        application = self._application
        client = {
            "client_id": application.client_id,
            "client_secret": application.client_secret,
            "redirect_uri": application.redirect_uri,
        }
        url = f"{held.address}/oauth2/access_token"
        try:
            answer = await door.send_elsewhere(Request(url=url, json={**client, **grant}))
        except Transient as error:
            # Whatever the account was asked to do was refused before: it is not in doubt.
            raise Transient(f"The key could not be renewed: {error}") from error
        return renewed(held, answer, now=self._now())

    async def _new_address(self, door: Door) -> str | None:
        """Where the account lives now, as the platform tells it; None when it does not."""
        held = self._tokens
        host = held.api_domain or text(claims_of(held.access).get("api_domain"))
        if not host:
            return None
        origin = f"{urlsplit(held.address).scheme}://{host}"
        check_domain(origin, self._domains)
        url = f"{origin}/oauth2/account/current/subdomain"
        request = Request(method="GET", url=url, headers={"X-Refresh-Token": held.refresh})
        answer = await door.send_elsewhere(request)
        if answer.status >= 500 or answer.status == 429:
            raise Transient(f"Where the account has moved to was not told: HTTP {answer.status}")
        return moved_to(held, answer, domains=self._domains)


def renewed(held: Tokens, answer: Answer, *, now: datetime) -> Tokens:
    """The tokens in an answer of the token endpoint. Raises `CrmError` when it gives none for this account."""
    body = as_map(answer.json)
    access, refresh = text(body.get("access_token")), text(body.get("refresh_token"))
    if answer.status >= 400 or not access or not refresh:
        raise _not_in_doubt(error_of(answer, now=now, reading=True))
    claims = claims_of(access)
    account = whole(claims.get("account_id")) or held.account
    if held.account and account != held.account:
        raise Unauthorized("The token is another account's: connect this one again.")
    lives = whole(body.get("expires_in"))
    return replace(
        held,
        access=access,
        refresh=refresh,
        account=account,
        api_domain=text(claims.get("api_domain")) or held.api_domain,
        expires=now + timedelta(seconds=lives) if lives else None,
    )


def moved_to(held: Tokens, answer: Answer, *, domains: tuple[str, ...]) -> str | None:
    """The account's address in the platform's answer to where it is."""
    body = as_map(answer.json)
    domain = text(body.get("domain"))
    if answer.status != 200 or not domain or (held.account and whole(body.get("id")) not in {None, held.account}):
        return None
    address = f"{urlsplit(held.address).scheme}://{domain}"
    check_domain(address, domains)
    return address


def check_domain(address: str, domains: tuple[str, ...]) -> None:
    """Raises `Unauthorized` for an address that is not the platform's: our secret stays here."""
    host = urlsplit(address).hostname or ""
    if not any(host == domain or host.endswith(f".{domain}") for domain in domains):
        raise Unauthorized(f"{host or address!r} is no address of amoCRM or Kommo: nothing was sent there.")


def claims_of(token: str) -> Mapping[str, Any]:
    """What an access token says of itself, unchecked: the platform alone has the key to check it, and it came from
    there. Empty for what is no such token."""
    part = token.split(".")[1:2]
    try:
        return as_map(json.loads(base64.urlsafe_b64decode(part[0] + "=" * (-len(part[0]) % 4)))) if part else {}
    except (NotBase64, ValueError):
        return {}


def _not_in_doubt(error: CrmError) -> CrmError:
    return Transient(str(error)) if isinstance(error, Transient) else error
