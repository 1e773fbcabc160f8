"""What other programs find here: who may ask, whom they may let ring, who dials."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from ringbridge.routing.dialing import DialRequest, Refusal
from ringbridge.routing.intents import PortalId
from ringbridge.routing.office import Portal
from ringbridge.service.api_config import ApiToken, Permission
from ringbridge.store.database import Database
from ringbridge.store.dials import Dial
from ringbridge.store.orders import Order


class CallsOff(Protocol):
    """Whoever keeps client's orders, as far as programs go."""

    async def cancel(self, order: str, *, by: str) -> bool: ...


class Dials(Protocol):
    """Whoever dials, as far as programs go."""

    @property
    def orders(self) -> CallsOff: ...

    async def dial(self, request: DialRequest) -> Dial | None: ...

    async def order(self, request: DialRequest, due: datetime | None) -> Dial | Order | Refusal | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiDesk:
    database: Database
    dialing: Dials | None  # None: the office has no PBX
    portals: Mapping[PortalId, Callable[[], Portal]]  # the first one is meant where a request names none
    tokens: tuple[ApiToken, ...] = ()
    groups: frozenset[str] = field(default_factory=frozenset)  # groups and queues that may ring first

    def token_of(self, authorization: str) -> ApiToken | None:
        """The token that the header ``Authorization: Bearer …`` shows. Every one is compared in full."""
        kind, _, shown = authorization.partition(" ")
        if kind.lower() != "bearer" or not shown:
            return None
        found = [token for token in self.tokens if is_same(shown.strip(), token.secret.get_secret_value())]
        return found[0] if found else None

    def is_page_of_ours(self, origin: str) -> bool:
        """Whether a form on this site may order calls here."""
        return any(origin in token.origins for token in self.tokens if Permission.CALLBACK in token.may)


def is_same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
