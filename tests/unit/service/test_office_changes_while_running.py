"""The service takes a changed office without being started again, and keeps every call while it does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from tests.unit.web.office_page import client

from ringbridge.ami.message import Message
from ringbridge.emulators.asterisk.library import recorded_calls
from ringbridge.emulators.asterisk.renewal import Cast, Counters, Renewal
from ringbridge.emulators.asterisk.server import Server
from ringbridge.emulators.asterisk.users import User
from ringbridge.emulators.bitrix24.portal import Portal
from ringbridge.emulators.bitrix24.server import serve
from ringbridge.pbx.link import LinkState
from ringbridge.serve import opened, running
from ringbridge.service.bootstrap import Bootstrap
from ringbridge.service.config import Office, office_of
from ringbridge.service.reopening import counts_at_once
from ringbridge.service.runtime import Runtime
from ringbridge.service.settings import load_office, save_office
from ringbridge.store import calls, settings
from ringbridge.store.database import Database
from ringbridge.store.keys import PbxId
from ringbridge.store.vault import Vault
from ringbridge.supervisor import Opened, supervised
from ringbridge.telephony.model import Disposition
from ringbridge.web.stage import Stage

MANAGER = User(name="ringbridge", secret="s")
PBX = PbxId("office")


class Service:
    """The service in this process; each runtime that it opens is handed out."""

    def __init__(self, folder: Path) -> None:
        self.bootstrap = Bootstrap(data=folder, port=0)
        self.opened: asyncio.Queue[Runtime] = asyncio.Queue()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        async with asyncio.timeout(120), supervised(self.bootstrap, self._open) as address:
            yield address

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Opened]:
        async with opened(self.bootstrap) as one:
            self.opened.put_nowait(one.runtime)
            yield one

    async def configure(self, office: Office, runtime: Runtime | None = None) -> None:
        """As another process does it; `runtime` need not wait for its next look."""
        async with await Database.open(self.bootstrap.database) as database:
            await save_office(database, Vault.open(self.bootstrap.key), office, by="the test")
        if runtime is not None:
            runtime.watch.look()


def office(port: int, **more: Any) -> Office:
    pbx = {"name": PBX, "port": port, "username": MANAGER.name, "secret": MANAGER.secret}
    return office_of({"pbx": [pbx], "trunk": [{"name": "mango"}], **more})


async def test_pbx_that_is_configured_while_the_service_runs_is_followed_at_once(tmp_path: Path) -> None:
    service = Service(tmp_path)
    async with Server([MANAGER]).listen() as server, service.running() as address:
        nothing = await service.opened.get()
        assert not nothing.links
        await service.configure(office(server.port), nothing)
        configured = await service.opened.get()
        await configured.links[PBX].until(LinkState.READY)
        async with httpx2.AsyncClient(base_url=address, trust_env=False) as browser:
            page = (await browser.get("/status", headers={"Accept": "text/html"})).text
        assert f"127.0.0.1:{server.port}" in page


async def test_office_that_another_process_imported_is_noticed(tmp_path: Path) -> None:
    service = Service(tmp_path)
    async with service.running():
        await service.opened.get()
        await service.configure(office_of({"trunk": [{"name": "mango"}]}))
        assert (await service.opened.get()).office.trunk[0].name == "mango"


async def test_call_in_progress_goes_on_when_the_office_is_opened_anew(tmp_path: Path) -> None:
    service = Service(tmp_path)
    async with Server([MANAGER]).listen() as server:
        await service.configure(office(server.port))
        events = inbound_call()
        answered = [event.event for event in events].index("BridgeEnter") + 2
        async with service.running():
            first = await service.opened.get()
            await first.links[PBX].until(LinkState.READY)
            play(server, events[:answered])
            await call_of(first, talking=True)
            changed = office(server.port, trunk=[{"name": "mango", "title": "Main line"}])
            await service.configure(changed, first)
            second = await service.opened.get()
            await second.links[PBX].until(LinkState.READY)
            play(server, events[answered:])
            call = await call_of(second, talking=False)
    assert call.disposition is Disposition.ANSWERED
    assert not call.interrupted


async def test_portal_has_a_call_once_that_was_on_its_way_when_the_office_was_opened_anew(tmp_path: Path) -> None:
    service, portal = Service(tmp_path), Portal.demo()
    events = inbound_call()
    answered = [event.event for event in events].index("BridgeEnter") + 2
    async with Server([MANAGER]).listen() as server, serve(portal):
        key = {"name": "acme", "webhook": portal.webhook_url, "default_user": "1", "allow_http": True}
        quick = {"allow_private": True, "requests_per_second": 50, "burst": 250}
        before = office(server.port, portal=[key | quick])
        await service.configure(before)
        async with service.running():
            first = await service.opened.get()
            await first.links[PBX].until(LinkState.READY)
            play(server, events[:answered])
            await call_of(first, talking=True)  # its card is being shown
            await service.configure(before.model_copy(update={"timezone": "Asia/Almaty"}), first)
            second = await service.opened.get()
            await second.links[PBX].until(LinkState.READY)
            play(server, events[answered:])
            await call_of(second, talking=False)
            while not portal.telephony.finished:
                await call_of(second, talking=False)
    (record,) = portal.telephony.finished.values()
    assert record.code == "200"
    assert not portal.telephony.active


async def test_rules_and_employees_are_taken_without_opening_anything_anew(tmp_path: Path) -> None:
    service = Service(tmp_path)
    async with service.running():
        runtime = await service.opened.get()
        changed = office_of({"rule": [{"name": "none", "register": False}], "employee": [{"name": "Anna"}]})
        await service.configure(changed, runtime)
        await taken(runtime, changed)
        assert service.opened.empty()


async def test_office_that_cannot_be_opened_is_put_back_and_the_history_says_why(tmp_path: Path) -> None:
    service = Service(tmp_path)
    before = office_of({"trunk": [{"name": "mango"}]})
    await service.configure(before)
    portal = {
        "name": "acme",
        "webhook": "https://acme.example/rest/1/abcdefghijklmnop/",
        "default_user": "1",
        "ca_file": str(tmp_path / "no such file.pem"),
    }
    async with service.running():
        runtime = await service.opened.get()
        await service.configure(before.model_copy(update={"portal": office_of({"portal": [portal]}).portal}), runtime)
        again = await service.opened.get()
        assert again.office == before
        async with again.database.reading() as tx:
            newest = (await settings.changes(tx, "office", limit=1))[0]
        assert "no such file.pem" in newest.by
        assert await load_office(again.database, again.vault) == before


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"rule": [{"name": "none"}]}, True),
        ({"employee": [{"name": "Anna", "extensions": ["101"]}]}, True),
        ({"hooks": {"off": ["spread.py"]}}, True),
        ({"hooks": {"deadline": 5}}, False),
        ({"trunk": [{"name": "mango"}]}, False),
        ({"timezone": "Asia/Almaty"}, False),
    ],
)
def test_only_what_is_looked_up_counts_at_once(change: dict[str, Any], expected: bool) -> None:
    assert counts_at_once(Office(), office_of(change)) is expected


async def test_service_that_cannot_be_opened_at_the_start_says_why(tmp_path: Path) -> None:
    bootstrap = Bootstrap(data=tmp_path, port=0)
    async with running(bootstrap):
        pass
    (tmp_path / "secret.key").chmod(0o644)
    with pytest.raises(ExceptionGroup) as told:
        async with running(bootstrap):
            pass
    assert "chmod 600" in str(told.value.exceptions[0])


# The stage


async def test_visitor_who_comes_between_two_applications_waits_for_the_second() -> None:
    stage = Stage()
    stage.put(saying("first"))
    async with client(stage) as browser:
        assert (await browser.get("/")).text == "first"
        stage.hold()
        asked = asyncio.create_task(browser.get("/"))
        await asyncio.sleep(0)
        stage.put(saying("second"))
        assert (await asked).text == "second"


async def test_request_in_progress_is_answered_by_its_own_application() -> None:
    stage, going_on = Stage(), asyncio.Event()
    came = asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        came.set()
        await going_on.wait()
        await saying("saved")(scope, receive, send)

    stage.put(slow)
    async with client(stage) as browser:
        asked = asyncio.create_task(browser.post("/"))
        await came.wait()
        stage.hold()
        empty = asyncio.create_task(stage.empty())
        await asyncio.sleep(0)
        assert not empty.done()
        going_on.set()
        assert (await asked).text == "saved"
        await empty


async def test_nobody_is_held_when_no_application_follows() -> None:
    stage = Stage()
    async with client(stage) as browser:
        asked = asyncio.create_task(browser.get("/"))
        await asyncio.sleep(0)
        stage.close()
        assert (await asked).status_code == 503


def saying(text: str) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await Request(scope, receive).body()
        await PlainTextResponse(text)(scope, receive, send)

    return app


def inbound_call() -> list[Message]:
    recorded = next(call for call in recorded_calls() if call.name == "ast22_inbound_answered")
    renewal = Renewal(recorded, Cast(client="79125551122"), Counters(), start=datetime.now(UTC))
    return [renewal.renewed(event.message) for event in recorded.events]


def play(server: Server, events: list[Message]) -> None:
    for event in events:
        server.send(event)


async def taken(runtime: Runtime, office: Office) -> None:
    while runtime.watch.office != office:  # noqa: ASYNC110 - the watch tells nobody
        await asyncio.sleep(0)  # the watch has its turn


async def call_of(runtime: Runtime, *, talking: bool) -> Any:
    """The only call, once it is so in the journal."""
    while True:
        async with runtime.database.reading() as tx:
            found = [entry.call for entry in (await calls.page(tx)).entries]
            found += await calls.open_calls(tx, PBX)
        if found and bool(found[0].talks) and (found[0].end is None) is talking:
            return found[0]
