"""A portal whose clients and deals cannot be read is told of by the service, its page and the examination."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from ringbridge.emulators.bitrix24 import Fault, FaultKind, Portal, serve
from ringbridge.emulators.bitrix24 import Settings as PortalSettings
from ringbridge.routing.intents import PortalId
from ringbridge.service.bootstrap import Bootstrap
from ringbridge.service.config import office_of
from ringbridge.service.doctor.examination import crms, open_premises
from ringbridge.service.doctor.findings import Finding
from ringbridge.service.runtime import Runtime, open_runtime
from ringbridge.service.settings import save_office
from ringbridge.status import status_of
from ringbridge.store import waits
from ringbridge.store.database import Database
from ringbridge.store.vault import Vault

MAIN = PortalId("main")
DEALS, CONTACTS = "crm.deal.list", "crm.contact.list"


async def configure(bootstrap: Bootstrap, at: Portal, **more: Any) -> None:
    quick = {"requests_per_second": 50, "burst": 250}
    reached = {"webhook": at.webhook_url, "allow_http": True, "allow_private": True, **quick}
    office = office_of({"portal": [{"name": "main", "default_user": "1", "mirror": True, **reached, **more}]})
    async with await Database.open(bootstrap.database) as database:
        await save_office(database, Vault.open(bootstrap.key), office, by="test")


@pytest.fixture
async def at() -> AsyncIterator[Portal]:
    portal = Portal.demo(settings=PortalSettings(rate_limit=False))
    async with serve(portal):
        yield portal


@asynccontextmanager
async def running(bootstrap: Bootstrap) -> AsyncIterator[Runtime]:
    async with open_runtime(bootstrap) as runtime, asyncio.timeout(30):
        task = asyncio.create_task(runtime.run())
        try:
            yield runtime
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def examined(bootstrap: Bootstrap) -> list[Finding]:
    async with open_premises(bootstrap) as premises:
        return list(await crms(premises))


async def until_waiting(runtime: Runtime, *names: str) -> None:
    while True:
        async with runtime.database.reading() as tx:
            if (await waits.waits(tx, MAIN)).keys() == set(names):
                return
        await asyncio.sleep(0.02)  # nobody is told of it


def refuse(at: Portal, *methods: str) -> None:
    for method in methods:
        at.faults.add(Fault(kind=FaultKind.REFUSE, method=method, text="Access denied.", times=1000))


async def test_a_service_that_cannot_read_them_says_so_until_it_can(tmp_path: Path, at: Portal) -> None:
    bootstrap = Bootstrap(data=tmp_path, port=0)
    await configure(bootstrap, at)
    refuse(at, DEALS)
    async with running(bootstrap) as runtime:
        await until_waiting(runtime, "sales", "mirror")
        (portal,) = (await status_of(runtime)).portals
        assert portal.sales is not None
        assert portal.mirror is not None
        assert "Leads and deals cannot be read" in (portal.sales.trouble or "")
        assert portal.sales.again is not None
        found = {finding.words: finding.advice for finding in await examined(bootstrap)}
    (deals,) = (words for words in found if words.startswith("its leads and deals are not read: Leads and deals can"))
    (clients,) = (words for words in found if words.startswith("its clients are not copied: "))
    assert "permission crm" in deals
    assert "deals in the portal's settings" in found[deals]
    assert "mirror in the portal's settings" in found[clients]
    at.faults.clear()
    async with running(bootstrap) as runtime:
        await until_waiting(runtime)
        told = [finding.words for finding in await examined(bootstrap)]
        assert not [words for words in told if "are not read: " in words or "are not copied: " in words]


async def test_without_the_service_the_portal_itself_is_asked(tmp_path: Path, at: Portal) -> None:
    bootstrap = Bootstrap(data=tmp_path, port=0)
    await configure(bootstrap, at)
    refuse(at, DEALS)
    told = [finding.words.partition(":")[0] for finding in await examined(bootstrap)]
    assert told[-2:] == ["its clients are not copied", "its leads and deals are not read"]


async def test_what_is_not_wanted_is_not_asked_for(tmp_path: Path, at: Portal) -> None:
    bootstrap = Bootstrap(data=tmp_path, port=0)
    await configure(bootstrap, at, mirror=False, deals=False)
    refuse(at, DEALS, CONTACTS)
    assert [finding.words for finding in await examined(bootstrap) if finding.words.startswith("its ")] == []
    assert at.traffic.methods[DEALS] == 0
