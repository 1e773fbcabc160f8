"""An emulated portal and our entrance for it, on real ports: what the portal posts arrives, and what is asked for is
dialled on a PBX in memory."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx2
from starlette.applications import Starlette
from starlette.middleware import Middleware
from tests.contract.bitrix24_office import Shelf, portal
from tests.unit.service.dialing_twins import MAIN, Crm, Switchboard

from ringbridge.crm.bitrix24 import Application, Bitrix24, Credentials, Settings, Tokens
from ringbridge.crm.reach import Reach
from ringbridge.delivery.local import LocalEngine
from ringbridge.emulators.bitrix24 import Portal, demo, serve
from ringbridge.routing.dialing import DialPlan
from ringbridge.routing.hours import WorkingHours
from ringbridge.service.dialing.dialing import Dialing
from ringbridge.service.mirror.keeper import MirrorKeeper
from ringbridge.service.portals.events import PortalEvents, Sense
from ringbridge.store import dials
from ringbridge.store.database import Database
from ringbridge.store.dials import Dial
from ringbridge.store.keys import PbxId
from ringbridge.supervisor import listening
from ringbridge.web.bitrix24 import BitrixDesk, BitrixPages
from ringbridge.web.security import SameOrigin, SecurityHeaders

ALWAYS = WorkingHours(days=frozenset())
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass
class Entrance:
    portal: Portal
    crm: Bitrix24
    events: PortalEvents
    pbx: Switchboard
    address: str
    http: httpx2.AsyncClient
    database: Database
    saved: list[Credentials]
    mirror: MirrorKeeper
    heard: list[str] = field(default_factory=list)  # connected, welcome, removed

    @property
    def application_token(self) -> str:
        return self.portal.access.applications[0].application_token

    def form(self, event: str, data: dict[str, Any], *, ts: float | None = None, **auth: str) -> bytes:
        """An event as the portal would post it; whatever is given goes before what is right."""
        proof = {"application_token": self.application_token, "member_id": self.portal.member_id, **auth}
        moment = int(datetime.now(UTC).timestamp() if ts is None else ts)
        pairs = {"event": event, "ts": str(moment), **{f"data[{k}]": v for k, v in data.items()}}
        return urlencode({**pairs, **{f"auth[{k}]": v for k, v in proof.items()}}).encode()

    async def post(self, body: bytes, path: str = "/bitrix24/main/events", **more: Any) -> int:
        headers = {"Content-Type": "application/x-www-form-urlencoded", **more}
        return (await self.http.post(f"{self.address}{path}", content=body, headers=headers)).status_code

    async def restarted(self) -> MirrorKeeper:
        """The mirror's keeper as after a start."""
        keeper = keeper_of(self.crm, self.database)
        await keeper.recall()
        return keeper

    async def dials(self) -> list[Dial]:
        async with self.database.reading() as tx:
            return await dials.since(tx, LONG_AGO)

    async def until_dialled(self, count: int = 1) -> list[Dial]:
        async with asyncio.timeout(60):
            while len(found := await self.dials()) < count:  # noqa: ASYNC110 - rows tell nobody that they were written
                await asyncio.sleep(0.02)
        return found

    async def until_forgotten(self) -> None:
        """The portal's queue is empty: what was fetched is confirmed."""
        async with asyncio.timeout(60):
            while self.portal.bus.offline:  # noqa: ASYNC110 - the portal's own state
                await asyncio.sleep(0.02)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Handlers are bound, the queue is fetched."""
        task = asyncio.create_task(self.events.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def until_bound(self) -> None:
        async with asyncio.timeout(60):
            while not self.portal.bus.handlers:  # noqa: ASYNC110 - the portal's own state
                await asyncio.sleep(0.02)


def click(**more: Any) -> dict[str, Any]:
    now = int(datetime.now(UTC).timestamp())
    call_id = f"externalCall.{secrets.token_hex(16)}.{now}"
    return {"CALL_ID": call_id, "USER_ID": "1", "PHONE_NUMBER": "8 912 555-11-22", "LINE_NUMBER": "", **more}


def tokens_of(portal: Portal, *, user_id: int = demo.ADMIN_ID, application_token: bool = True) -> Tokens:
    access, refresh = portal.access.issue(portal.access.applications[0], user_id, portal.clock())
    return Tokens(
        access=access,
        refresh=refresh,
        endpoint=f"{portal.address}/rest/",
        server=f"{portal.address}/rest/",
        member=portal.member_id,
        application_token=portal.access.applications[0].application_token if application_token else "",
    )


def keeper_of(crm: Bitrix24, database: Database) -> MirrorKeeper:
    async def quiet() -> bool:
        return True

    return MirrorKeeper(MAIN, crm, database, region="RU", every=timedelta(days=1), quiet=quiet)


def crm_of(at: Portal, tokens: Tokens, saved: list[Credentials]) -> Bitrix24:
    """Our adapter, which may ask as often as it likes and leaves its keys in `saved`."""

    async def save(credentials: Credentials) -> None:
        saved.append(credentials)

    settings = Settings(
        portal=MAIN,
        reach=Reach(allow_http=True, allow_private=True),
        authorization_server=at.address,
        rate=1000.0,
        burst=1000,
    )
    application = Application(client_id=demo.CLIENT_ID, client_secret=demo.CLIENT_SECRET)
    return Bitrix24(settings, tokens, recordings=Shelf(), save=save, application=application)


def dialing_of(pbx: Switchboard, database: Database) -> Dialing:
    return Dialing(
        DialPlan(callback_to="600"),
        name=PbxId("office"),
        pbx=pbx,
        database=database,
        announcer=LocalEngine(database, [MAIN]),
        portals={MAIN: Crm()},
    )


def events_of(
    crm: Bitrix24, dialing: Dialing, sense: Sense, handler: str, heard: list[str], mirror: MirrorKeeper | None
) -> PortalEvents:
    """Busy round the clock; notes in `heard` what it tells of the portal's key."""

    def noting(what: str) -> Callable[[], Awaitable[None]]:
        async def note() -> None:
            heard.append(what)

        return note

    async def is_busy() -> bool:
        return True

    return PortalEvents(
        MAIN,
        desk=crm.desk,
        installation=crm.installation,
        dialing=dialing,
        sense=sense,
        handler=handler,
        hours=ALWAYS,
        connected=noting("connected"),
        removed=noting("removed"),
        welcome=noting("welcome"),
        is_busy=is_busy,
        mirror=mirror,
    )


def pages_of(doors: dict[str, BitrixDesk]) -> Starlette:
    return Starlette(
        routes=BitrixPages(doors, now=lambda: datetime.now(UTC)).routes,
        middleware=[Middleware(SecurityHeaders), Middleware(SameOrigin)],
    )


@asynccontextmanager
async def entrance(
    folder: Path,
    *,
    sense: Sense = Sense.POSTED,
    installed: bool = True,
    knows_token: bool = True,
    endpoint: str = "",
    mirrored: bool = False,
) -> AsyncIterator[Entrance]:
    at, doors = portal(), dict[str, BitrixDesk]()
    async with (
        serve(at),
        await Database.open(f"sqlite:///{folder}/ringbridge.db") as database,
        listening(pages_of(doors), "127.0.0.1", 0) as address,
        httpx2.AsyncClient(trust_env=False) as http,
    ):
        nothing = Tokens(access="", refresh="", endpoint=endpoint)
        pbx, saved, heard = Switchboard(), list[Credentials](), list[str]()
        async with aclosing(
            crm_of(at, tokens_of(at, application_token=knows_token) if installed else nothing, saved)
        ) as crm:
            mirror, handler = keeper_of(crm, database), f"{address}/bitrix24/main/events"
            events = events_of(crm, dialing_of(pbx, database), sense, handler, heard, mirror if mirrored else None)
            doors["main"] = events
            yield Entrance(
                portal=at,
                crm=crm,
                events=events,
                pbx=pbx,
                address=address,
                http=http,
                database=database,
                saved=saved,
                mirror=mirror,
                heard=heard,
            )
