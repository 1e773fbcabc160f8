"""The office as it is changed from the page: a part of it at a time, in the database and in what runs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import Protocol

from ringbridge.hooks.runner import Hooks
from ringbridge.service.config import ConfigError, Office
from ringbridge.service.settings import load_office, save_office
from ringbridge.store.database import Database
from ringbridge.store.vault import Vault


class Reconfigurable(Protocol):
    async def reconfigured(self, office: Office) -> None: ...


Changed = Callable[[Office], Awaitable[None]]


class OfficeEditor:
    """`changed` is awaited with the office as it is from now on."""

    def __init__(self, database: Database, vault: Vault, changed: Changed) -> None:
        self.database = database
        self._vault = vault
        self._changed = changed
        self._changing = asyncio.Lock()

    async def read(self) -> Office:
        """Raises `ConfigError`, `StoreError`."""
        office = await load_office(self.database, self._vault)
        if office is None:
            raise ConfigError("Nothing is configured yet: ringbridge config import OFFICE.toml")
        return office

    async def change(self, alter: Callable[[Office], Office], *, by: str) -> Office:
        """`alter` gives the office as it shall be; who did it is kept. Raises `ConfigError`, `StoreError`."""
        async with self._changing:
            office = await self.read()
            changed = alter(office)
            if changed != office:
                await save_office(self.database, self._vault, changed, by=by)
                await self._changed(changed)
        return changed


async def reconfigured(portals: Iterable[Reconfigurable], hooks: Hooks, office: Office) -> None:
    """What counts while we run: rules and employees, and which hooks are asked."""
    for portal in portals:
        await portal.reconfigured(office)
    hooks.settings = replace(hooks.settings, only=frozenset(office.hooks.only), off=frozenset(office.hooks.off))
