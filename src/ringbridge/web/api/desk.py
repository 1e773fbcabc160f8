"""What other programs find here: who may ask, whom they may let ring, who dials."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from ringbridge.routing.dialing import DialRequest, Refusal
from ringbridge.routing.intents import PortalId
from ringbridge.routing.office import Portal
from ringbridge.service.api_tokens import Program, TokenBook
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
    book: TokenBook
    groups: frozenset[str] = field(default_factory=frozenset)  # groups and queues that may ring first

    async def program_of(self, authorization: str) -> Program | None:
        """Whose token the header ``Authorization: Bearer …`` shows. Raises `StoreError`."""
        kind, _, shown = authorization.partition(" ")
        return await self.book.program(shown.strip()) if kind.lower() == "bearer" else None
