"""One amoCRM or Kommo account, as far as its widget and its connection go, and which pages may speak for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from ringbridge.crm.amocrm.auth import Application, Credentials
from ringbridge.crm.amocrm.connection import Brand, Connection
from ringbridge.crm.amocrm.settings import DOMAINS
from ringbridge.routing.dialing import DialRequest
from ringbridge.routing.intents import PortalId
from ringbridge.routing.office import Portal
from ringbridge.service.portals.extensions import EmployeeTable
from ringbridge.store.dials import Dial
from ringbridge.web.amocrm.cards import CardBoard

TWINS = frozenset({"amocrm.ru", "amocrm.com"})  # one account answers under both


class Dials(Protocol):
    """Whoever dials, as far as the widget goes."""

    async def dial(self, request: DialRequest) -> Dial | None: ...


class Account(Protocol):
    """The adapter, as far as its keys go."""

    @property
    def credentials(self) -> Credentials: ...

    @property
    def account(self) -> int | None: ...

    @property
    def is_connected(self) -> bool: ...

    connection: Connection | None  # None: connected by a long-lived token


class Changes(Protocol):
    """Who hears what the account posts of its clients and leads."""

    def knows(self, secret: str) -> bool:
        """Whether the address is one of ours; takes the same time whatever the secret is."""
        ...

    def receive(self, body: bytes) -> bool:
        """Whether it was this account's. Raises `NotAWebhook`."""
        ...


async def nothing() -> None:
    """What a coming or going account means to nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AmoDesk:
    """`connected` and `removed` are awaited after the account's keys have come or gone; they raise nothing."""

    portal: PortalId
    crm: Account
    application: Application | None  # None: the integration's secret was not entered, so no widget can be believed
    routing: Callable[[], Portal]
    board: CardBoard
    table: EmployeeTable
    dialing: Dials | None  # None: the office has no PBX
    brand: Brand = Brand.AMOCRM
    domains: tuple[str, ...] = DOMAINS
    changes: Changes | None = None  # None: nobody wants to know
    connected: Callable[[], Awaitable[object]] = nothing
    removed: Callable[[], Awaitable[object]] = nothing

    @property
    def connection(self) -> Connection | None:
        return self.crm.connection

    @property
    def address(self) -> str:
        """``https://example.amocrm.ru`` as far as it is known."""
        return self.crm.credentials.address

    @property
    def account(self) -> int | None:
        return self.crm.account

    @property
    def is_connected(self) -> bool:
        return self.crm.is_connected

    def is_page_of_account(self, origin: str) -> bool:
        """Whether a page of this origin may ask. Before the account's address is known, any of the platform's."""
        if self.address:
            return same_account(origin, self.address)
        parts = urlsplit(origin)
        return parts.scheme == "https" and is_platforms(parts.hostname or "", self.domains)


def is_platforms(host: str, domains: tuple[str, ...]) -> bool:
    return any(host == domain or host.endswith(f".{domain}") for domain in domains)


def same_account(origin: str, address: str) -> bool:
    one, other = urlsplit(origin), urlsplit(address)
    if (one.scheme, one.netloc) == (other.scheme, other.netloc):
        return bool(one.netloc)
    name, _, domain = one.netloc.partition(".")
    known, _, home = other.netloc.partition(".")
    return one.scheme == other.scheme == "https" and name == known and {domain, home} == TWINS
