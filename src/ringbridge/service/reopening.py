"""Notices that the stored office is another one than the one that runs, whoever changed it: the page, or a command
beside the service.

What is only looked up while calls are decided counts at once: rules, employees, which hooks are asked. Everything else
is held by what runs, by a connection, a port or a file: then the runtime is opened anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime

import structlog

from ringbridge.service.config import ConfigError, Office
from ringbridge.service.settings import SECTION, load_office
from ringbridge.store import settings
from ringbridge.store.database import Database
from ringbridge.store.errors import StoreError
from ringbridge.store.vault import Vault

log = structlog.get_logger(__name__)

LOOK_EVERY = 2.0  # seconds

LOOKED_UP = {"rule": (), "employee": ()}


def counts_at_once(before: Office, after: Office) -> bool:
    """Whether what runs can take this change as it is."""
    return _held(before) == _held(after)


def _held(office: Office) -> Office:
    hooks = office.hooks.model_copy(update={"only": (), "off": ()})
    return office.model_copy(update={**LOOKED_UP, "hooks": hooks})


class OfficeWatch:
    """`apply` is awaited with an office that counts at once."""

    def __init__(
        self, database: Database, vault: Vault, office: Office, apply: Callable[[Office], Awaitable[None]]
    ) -> None:
        self.office = office  # as it runs
        self._database, self._vault = database, vault
        self._apply = apply
        self._seen: datetime | None = None
        self._woken = asyncio.Event()

    def look(self) -> None:
        """Somebody of this process has just changed the office: do not wait for the next look."""
        self._woken.set()

    async def until_outdated(self) -> None:
        """Until the stored office is one for which the runtime has to be opened anew."""
        while not await self._is_outdated():
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY):
                    await self._woken.wait()
            self._woken.clear()

    async def _is_outdated(self) -> bool:
        try:
            async with self._database.reading() as tx:
                changed = await settings.changed_at(tx, SECTION)
            if changed == self._seen:
                return False
            self._seen = changed
            return await self._differs(await load_office(self._database, self._vault) or Office())
        except (ConfigError, StoreError) as error:
            log.error("changed_office_not_read", reason=str(error))
            return False

    async def _differs(self, stored: Office) -> bool:
        if stored == self.office:
            return False
        if not counts_at_once(self.office, stored):
            return True
        await self._apply(stored)
        self.office = stored
        log.info("office_changed", opened_anew=False)
        return False
