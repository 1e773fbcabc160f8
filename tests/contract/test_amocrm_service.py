"""The whole service and an amoCRM account: connected by the widget's installation, left alone when our integration is
switched off, taken up again at once. And the widget's cards know the calls that were in progress before a start."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest
from tests.ports import free_port
from websockets.asyncio.client import connect

from ringbridge.emulators.amocrm import Account, deskwork, serve
from ringbridge.emulators.amocrm.demo import ADMIN_ID
from ringbridge.routing.intents import PortalId
from ringbridge.serve import running
from ringbridge.service.bootstrap import Bootstrap
from ringbridge.service.config import office_of
from ringbridge.service.dialing.asking import REMOVED
from ringbridge.service.mirror.changes import secrets_of
from ringbridge.service.settings import save_office
from ringbridge.store import calls, portals
from ringbridge.store.database import Database
from ringbridge.store.keys import PbxId
from ringbridge.store.vault import Vault
from ringbridge.telephony.model import Call, CallId, Direction, Extension, Leg

MAIN, PBX = PortalId("main"), PbxId("office")


async def configure(bootstrap: Bootstrap, account: Account, *opened: Call, **portal: object) -> None:
    integration = account.access.integrations[0]
    office = office_of(
        {
            "public_address": f"http://127.0.0.1:{bootstrap.port}",
            "pbx": [{"name": PBX, "host": "127.0.0.1", "port": 1, "username": "ringbridge", "secret": "s"}],
            "portal": [
                {
                    "name": MAIN,
                    "kind": "amocrm",
                    "default_user": str(ADMIN_ID),
                    "allow_http": True,
                    "allow_private": True,
                    "amocrm": {
                        "address": account.address,
                        "client_id": integration.client_id,
                        "client_secret": integration.client_secret,
                        "local": True,
                    },
                    **portal,
                }
            ],
            "employee": [{"name": "Anton", "extensions": ["101"], "users": {MAIN: str(ADMIN_ID + 1)}}],
        }
    )
    async with await Database.open(bootstrap.database) as database:
        await save_office(database, Vault.open(bootstrap.key), office, by="test")
        async with database.transaction() as tx:
            await calls.record(tx, PBX, opened)


async def reason(bootstrap: Bootstrap) -> str | None:
    """Why the account is left alone, as the running service has it written down."""
    async with await Database.open(bootstrap.database) as database, database.reading() as tx:
        parked = await portals.parked(tx, MAIN)
        return parked.reason if parked else None


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await holds():  # noqa: ASYNC110 - the service is another party, seen from outside
            await asyncio.sleep(0.05)


@asynccontextmanager
async def service(bootstrap: Bootstrap, account: Account) -> AsyncIterator[tuple[str, httpx2.AsyncClient]]:
    """The service, and the integration's page in the account leads to it."""
    async with running(bootstrap) as address, httpx2.AsyncClient(trust_env=False) as http:
        integration = account.access.integrations[0]
        integration.redirect_uri = f"{address}/amocrm/main/oauth"
        integration.disable_hook = f"{address}/amocrm/main/disabled"
        yield address, http


async def connected(http: httpx2.AsyncClient, address: str, account: Account) -> bool:
    answer = await http.get(f"{address}/amocrm/main/hello", headers={"Origin": account.address})
    return bool(answer.json()["connected"])


async def test_an_account_comes_goes_and_comes_again(tmp_path: Path) -> None:
    account = Account.demo()
    bootstrap = Bootstrap(data=tmp_path, port=free_port())
    async with serve(account):
        await configure(bootstrap, account)
        async with service(bootstrap, account) as (address, http):

            async def removed() -> bool:
                return await reason(bootstrap) == REMOVED

            async def taken_up() -> bool:
                return await connected(http, address, account) and await reason(bootstrap) is None

            assert not await connected(http, address, account)
            deskwork.install(account, user_id=ADMIN_ID)
            await until(taken_up)
            deskwork.disable(account)
            await until(removed)
            assert not await connected(http, address, account)
            deskwork.install(account, user_id=ADMIN_ID)
            await until(taken_up)


async def test_cards_know_the_calls_that_were_in_progress_before_a_start(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    phone = Leg(extension=Extension("101"), channel="1.101", ring_start=now)
    call = Call(
        id=CallId("1700000000.1"), direction=Direction.INBOUND, start=now, external="79125551122", legs=(phone,)
    )
    account = Account.demo()
    bootstrap = Bootstrap(data=tmp_path, port=free_port())
    async with serve(account):
        await configure(bootstrap, account, call)
        async with service(bootstrap, account) as (address, http):
            deskwork.install(account, user_id=ADMIN_ID)
            await until(lambda: connected(http, address, account))
            token = account.one_time_token(account.access.integrations[0], ADMIN_ID + 1)
            asked = {"Origin": account.address, "X-Auth-Token": token}
            session = (await http.post(f"{address}/amocrm/main/session", headers=asked)).json()["session"]
            origin = {"Origin": account.address}
            at = f"{address}/amocrm/main/socket".replace("http://", "ws://")
            async with connect(at, additional_headers=origin, proxy=None) as line:
                await line.send(json.dumps({"session": session}))
                (card,) = json.loads(await line.recv())["cards"]
            assert (card["number"], card["state"]) == ("+79125551122", "ringing")


@pytest.mark.parametrize("mirror", [True, False])
async def test_a_mirrored_account_is_heard_and_one_that_is_not_is_asked_to_be_silent(
    tmp_path: Path, mirror: bool
) -> None:
    account = Account.demo()
    bootstrap = Bootstrap(data=tmp_path, port=free_port())
    form = {"account[id]": str(account.id), "contacts[update][0][id]": "1", "contacts[update][0][type]": "contact"}
    async with serve(account):
        await configure(bootstrap, account, mirror=mirror)
        (secret,) = secrets_of(Vault.open(bootstrap.key), MAIN)
        former = {"id": 1, "destination": f"https://old.example/amocrm/main/webhooks/{secret}", "client_id": "",
                  "settings": [], "disabled": False}  # fmt: skip
        account.webhooks[1] = former
        async with service(bootstrap, account) as (address, http):

            async def forgotten() -> bool:
                return not account.webhooks

            deskwork.install(account, user_id=ADMIN_ID)
            await until(forgotten)
            assert (await http.post(f"{address}/amocrm/main/webhooks/{secret}", data=form)).status_code == 200
            assert (await http.post(f"{address}/amocrm/main/webhooks/{'0' * 64}", data=form)).status_code == 403
            shown = (await http.get(f"{address}/status", headers={"Accept": "text/html"})).text
            assert ("public_address with https" in shown) is mirror
