"""The office as the command line looks at it: read only, beside a service that may be running."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ringbridge.routing.intents import PortalId
from ringbridge.routing.office import Portal
from ringbridge.service.bootstrap import Bootstrap, open_vault
from ringbridge.service.config import ConfigError, Office
from ringbridge.service.portals.office import routing_of
from ringbridge.service.settings import load_office
from ringbridge.store import calls, directory
from ringbridge.store.calls import CallKey
from ringbridge.store.database import Database
from ringbridge.telephony.model import Call


class OfficeView:
    def __init__(self, office: Office, database: Database) -> None:
        self.office = office
        self.database = database

    async def call(self, key: str) -> Call:
        """Raises `ConfigError` where the journal has no such call."""
        async with self.database.reading() as tx:
            entry = await calls.get(tx, CallKey(key))
        if entry is None:
            raise ConfigError(f"The journal has no call {key}: its key is the last part of its page's address")
        return entry.call

    async def portals(self, only: str | None = None) -> list[Portal]:
        """As they would decide now. Raises `ConfigError` for a portal that is not configured."""
        chosen = [config for config in self.office.portal if only in {None, config.name}]
        if not chosen:
            raise ConfigError(f"No portal is named {only}" if only else "No portal is configured")
        async with self.database.reading() as tx:
            users = {config.name: await directory.read(tx, PortalId(config.name)) for config in chosen}
        return [routing_of(config, self.office, users[config.name])[0] for config in chosen]


@asynccontextmanager
async def open_office(bootstrap: Bootstrap) -> AsyncIterator[OfficeView]:
    """Raises `ConfigError` where nothing is configured, `StoreError`."""
    async with await Database.open(bootstrap.database) as database:
        office = await load_office(database, await open_vault(bootstrap, database))
        if office is None:
            raise ConfigError("Nothing is configured yet: ringbridge config import OFFICE.toml")
        yield OfficeView(office, database)
