"""What a person mended is noticed: a parked portal that answers again is served, without a restart and after one; and
while nothing can be written, only what is to be written waits."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from ringbridge.emulators.bitrix24 import Fault, FaultKind, Portal, serve
from ringbridge.routing.intents import PortalId
from ringbridge.service.bootstrap import Bootstrap
from ringbridge.service.config import office_of
from ringbridge.service.portals.watch import ask_again, refresh
from ringbridge.service.runtime import Runtime, open_runtime
from ringbridge.service.settings import save_office
from ringbridge.store import portals
from ringbridge.store.database import Database
from ringbridge.store.errors import StoreError
from ringbridge.store.vault import Vault

MAIN = PortalId("main")


@asynccontextmanager
async def office(folder: Path, webhook: str) -> AsyncIterator[Runtime]:
    """Ringbridge as it is after `ringbridge config import` and a start, before anything runs."""
    portal = {"name": "main", "webhook": webhook, "default_user": "1", "allow_http": True, "allow_private": True}
    portal["requests_per_second"] = 50.0  # a portal that was left alone takes as many
    bootstrap = Bootstrap(data=folder, port=0)
    async with await Database.open(bootstrap.database) as database:
        await save_office(database, Vault.open(bootstrap.key), office_of({"portal": [portal]}), by="test")
    async with open_runtime(bootstrap) as runtime:
        yield runtime


async def parked(runtime: Runtime) -> portals.Parked | None:
    async with runtime.database.reading() as tx:
        return await portals.parked(tx, MAIN)


async def park(runtime: Runtime, until: datetime | None = None) -> None:
    await runtime.engine.park(MAIN, until, "Bitrix24 refused: NO_AUTH_FOUND")


async def test_a_portal_that_is_connected_anew_with_a_right_webhook_is_served_again(tmp_path: Path) -> None:
    async with serve(Portal.demo()) as address:
        async with office(tmp_path, f"{address}/rest/1/wrong/") as runtime:
            await park(runtime)
            assert not await refresh(runtime.portals[0], runtime.engine)
            assert await parked(runtime), "a key that is refused opens nothing"
        portal = Portal.demo()
        async with (
            serve(portal) as address,
            office(tmp_path, portal.webhook_url) as runtime,
        ):
            assert await runtime.engine.waits_for_a_person(MAIN)
            assert await refresh(runtime.portals[0], runtime.engine)
            assert await parked(runtime) is None


async def test_a_portal_that_is_left_alone_for_a_time_is_not_opened_early(tmp_path: Path) -> None:
    portal = Portal.demo()
    async with serve(portal), office(tmp_path, portal.webhook_url) as runtime:
        until = datetime.now(UTC) + timedelta(minutes=15)
        await park(runtime, until)
        assert not await runtime.engine.waits_for_a_person(MAIN)
        assert await refresh(runtime.portals[0], runtime.engine)
        assert await parked(runtime) is not None


async def test_a_portal_that_was_down_and_answers_again_is_noticed_by_asking_it(tmp_path: Path) -> None:
    portal = Portal.demo()
    async with serve(portal), office(tmp_path, portal.webhook_url) as runtime:
        portal.faults.add(Fault(kind=FaultKind.UNAVAILABLE))
        await ask_again(runtime.portals[0], runtime.engine)
        assert runtime.engine.is_down(MAIN)
        await ask_again(runtime.portals[0], runtime.engine)
        assert not runtime.engine.is_down(MAIN)


async def test_while_nothing_can_be_written_the_users_wait_and_not_the_service(tmp_path: Path) -> None:
    portal = Portal.demo()
    async with serve(portal), office(tmp_path, portal.webhook_url) as runtime:
        async with runtime.database.transaction() as tx:
            await tx.execute(text("PRAGMA query_only = ON"))
        assert not await refresh(runtime.portals[0], runtime.engine)
        with pytest.raises(StoreError):  # it really cannot
            await runtime.portals[0].refresh()
