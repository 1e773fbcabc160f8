"""What is kept beside each portal, one keeper for each; of a portal that has none any more nothing is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import Generic, Protocol, TypeVar

import structlog

from ringbridge.routing.intents import PortalId
from ringbridge.store.database import Database, Transaction
from ringbridge.store.errors import StoreError

log = structlog.get_logger(__name__)


class Keeper(Protocol):
    portal: PortalId

    async def run(self) -> None:
        """Until cancelled."""
        ...


K = TypeVar("K", bound=Keeper)
Strangers = Callable[[Transaction, Collection[PortalId]], Awaitable[Collection[PortalId]]]
Forget = Callable[[Database, PortalId], Awaitable[None]]


class Keepers(Generic[K]):
    """`strangers` tells of which other portals something is kept, `forget` forgets it; `what` names it in the log."""

    def __init__(
        self, keepers: Iterable[K], database: Database, *, what: str, strangers: Strangers, forget: Forget
    ) -> None:
        self._keepers = {keeper.portal: keeper for keeper in keepers}
        self._database = database
        self._what = what
        self._strangers, self._forget = strangers, forget

    def of(self, portal: PortalId) -> K | None:
        """None: nothing is kept of this portal, as it is set, or as its CRM has no such thing."""
        return self._keepers.get(portal)

    async def run(self) -> None:
        """Until cancelled."""
        await self._forget_strangers()
        async with asyncio.TaskGroup() as group:
            for keeper in self._keepers.values():
                group.create_task(keeper.run())

    async def _forget_strangers(self) -> None:
        try:
            async with self._database.reading() as tx:
                strangers = await self._strangers(tx, self._keepers)
            for portal in strangers:
                await self._forget(self._database, portal)
                log.info(f"{self._what}_forgotten", portal=portal)
        except StoreError as error:
            log.warning(f"{self._what}_not_forgotten", reason=str(error))
