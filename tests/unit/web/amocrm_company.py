"""An office with an emulated amoCRM account, our server for its widget, and a PBX in memory: everything but the PBX on
real ports."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
from starlette.applications import Starlette
from starlette.middleware import Middleware
from tests.unit.service.dialing_twins import Switchboard

from ringbridge.crm.amocrm import AmoCrm, Application, Credentials, Settings, Tokens
from ringbridge.crm.contract import RecordingFile
from ringbridge.crm.reach import Reach
from ringbridge.delivery.local import LocalEngine
from ringbridge.emulators.amocrm import Account, Integration, serve
from ringbridge.emulators.amocrm import Settings as AccountSettings
from ringbridge.emulators.amocrm.demo import ADMIN_ID
from ringbridge.routing.dialing import DialPlan, DialRequest
from ringbridge.routing.intents import AttachRecording, PortalId, UserId
from ringbridge.routing.office import Portal, staff_of
from ringbridge.routing.recordings import Absent, NotYet
from ringbridge.service.config import Office, office_of
from ringbridge.service.dialing.dialing import Dialing
from ringbridge.service.portals.extensions import EmployeeTable
from ringbridge.service.settings import save_office
from ringbridge.store import directory
from ringbridge.store.database import Database
from ringbridge.store.directory import DirectoryUser
from ringbridge.store.keys import PbxId
from ringbridge.store.vault import Vault
from ringbridge.supervisor import listening
from ringbridge.telephony.model import Call, CallId, Direction, Disposition, Extension, Leg, LegResult, Talk
from ringbridge.web.amocrm import AmoDesk, AmoPages, CardBoard
from ringbridge.web.security import SameOrigin, SecurityHeaders

MAIN, PBX = PortalId("main"), PbxId("office")
ADMIN, ANTON, KATE, SERGEY = (UserId(str(ADMIN_ID + at)) for at in range(4))
CLIENT = "79125551122"  # Андрей Волков, the demonstration office's first contact
STRANGER = "79990001122"
OFFICE = {
    "pbx": [{"name": "office", "username": "ringbridge", "secret": "s"}],
    "portal": [{"name": "main", "webhook": "https://main.example/rest/1/secret/", "default_user": ADMIN}],
    "employee": [
        {"name": "Антон Громов", "extensions": ["101"], "users": {"main": ANTON}},
        {"name": "Kate Miller", "extensions": ["102"], "users": {"main": KATE}},
        {"name": "Зимин Сергей", "extensions": ["103"]},
        {"name": "Guard", "extensions": ["110"]},
    ],
}


@dataclass
class Clock:
    """The real time, and as much more as a test wants."""

    ahead: timedelta = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def forward(self, **how_long: float) -> None:
        self.ahead += timedelta(**how_long)


@dataclass
class KeyStore:
    """Where the account's keys are kept; a test may hold it up."""

    saved: list[Credentials] = field(default_factory=list)
    open: asyncio.Event = field(default_factory=asyncio.Event)
    came: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    async def save(self, credentials: Credentials) -> None:
        await self.open.wait()
        self.saved.append(credentials)

    async def connected(self) -> None:
        self.came.set()

    async def removed(self) -> None:
        self.gone.set()


class NoRecordings:
    async def fetch(self, intent: AttachRecording) -> RecordingFile | NotYet | Absent:
        return Absent(reason="nothing is recorded here")


@dataclass
class Crm:
    """A portal as dialling sees it."""

    routing: Portal

    def expect(self, channels: tuple[str, ...], request: DialRequest) -> None: ...

    def forget(self, channels: tuple[str, ...]) -> None: ...


@dataclass
class Company:
    account: Account
    database: Database
    vault: Vault
    clock: Clock
    pbx: Switchboard
    portal: Crm
    crm: AmoCrm
    desk: AmoDesk
    desks: dict[str, AmoDesk]
    server: str  # http://host:port
    http: httpx2.AsyncClient
    keys: KeyStore

    @property
    def address(self) -> str:
        """As it is entered in the widget's settings."""
        return f"{self.server}/amocrm/main"

    @property
    def integration(self) -> Integration:
        return self.account.access.integrations[0]

    @property
    def board(self) -> CardBoard:
        return self.desk.board

    def token(self, user: UserId = ANTON, **claims: Any) -> str:
        return self.account.one_time_token(self.integration, int(user), **claims)

    async def ask(self, method: str, path: str, *, user: UserId = ANTON, token: str | None = None, **more: Any) -> Any:
        """As the widget asks, on a page of the account."""
        shown = self.token(user) if token is None else token
        headers = {"Origin": self.account.address, "X-Auth-Token": shown, **more.pop("headers", {})}
        return await self.http.request(method, f"{self.address}/{path}", headers=headers, **more)

    async def session(self, user: UserId = ANTON) -> str:
        answer = await self.ask("POST", "session", user=user)
        assert answer.status_code == 200, answer.text
        found: str = answer.json()["session"]
        return found

    def tell(self, call: Call) -> Call:
        self.board.tell(PBX, call)
        return call


# Calls

_ids = itertools.count(1)


def inbound(now: datetime, *phones: str, number: str | None = CLIENT, **more: Any) -> Call:
    """A call that rings these phones."""
    legs = tuple(Leg(extension=Extension(one), channel=f"1.{one}", ring_start=now) for one in phones or ("101",))
    values = {"external": number, "did": "74951112233", "trunk": "volga", "legs": legs, **more}
    return Call(id=CallId(f"1700000000.{next(_ids)}"), direction=Direction.INBOUND, start=now, **values)


def answered(call: Call, phone: str, at: datetime) -> Call:
    legs = tuple(
        Leg(
            extension=leg.extension,
            channel=leg.channel,
            ring_start=leg.ring_start,
            answer=at if leg.extension == phone else None,
            end=None if leg.extension == phone else at,
            result=LegResult.ANSWERED if leg.extension == phone else LegResult.ANSWERED_ELSEWHERE,
        )
        for leg in call.legs
    )
    return changed(call, legs=legs, talks=(Talk(extension=Extension(phone), start=at),))


def ended(call: Call, at: datetime) -> Call:
    done = Disposition.ANSWERED if call.talks else Disposition.MISSED
    talks = tuple(Talk(extension=one.extension, start=one.start, end=at) for one in call.talks)
    legs = tuple(
        Leg(extension=leg.extension, channel=leg.channel, ring_start=leg.ring_start, answer=leg.answer, end=at,
            result=leg.result or LegResult.CANCELLED)
        for leg in call.legs
    )  # fmt: skip
    return changed(call, legs=legs, talks=talks, end=at, disposition=done)


def changed(call: Call, **changes: Any) -> Call:
    return Call(**{name: getattr(call, name) for name in Call.__slots__} | changes)


# The office


def routing_of(office: Office) -> Portal:
    pairs = ((phone, UserId(one.users["main"])) for one in office.employee if "main" in one.users
             for phone in one.extensions)  # fmt: skip
    names = {phone: one.name for one in office.employee for phone in one.extensions}
    staff, _ = staff_of(pairs, default=ADMIN, names=names)
    return Portal(id=MAIN, staff=staff, lines={"volga": "Volga"})


@asynccontextmanager
async def open_company(folder: Path, *, connected: bool = True, **settings: Any) -> AsyncIterator[Company]:
    clock, keys = Clock(), KeyStore()
    keys.open.set()
    account = Account.demo(settings=AccountSettings(**{"rate_limit": False, **settings}), clock=clock)
    desks: dict[str, AmoDesk] = {}
    app = Starlette(
        routes=AmoPages(desks, now=clock).routes, middleware=[Middleware(SecurityHeaders), Middleware(SameOrigin)]
    )
    vault = Vault.open(folder / "key")
    async with (
        serve(account),
        await Database.open(f"sqlite:///{folder}/widget.db") as database,
        listening(app, "127.0.0.1", 0) as server,
        httpx2.AsyncClient(trust_env=False) as http,
    ):
        integration = account.access.integrations[0]
        integration.redirect_uri = f"{server}/amocrm/main/oauth"
        crm = adapter(account, integration, keys, connected=connected)
        portal, pbx = Crm(await furnished(database, vault, account)), Switchboard()
        dialing = Dialing(
            DialPlan(), name=PBX, pbx=pbx, database=database, announcer=LocalEngine(database, [MAIN]),
            portals={MAIN: portal}, clock=clock,
        )  # fmt: skip

        async def staff_changed(office: Office) -> None:
            portal.routing = routing_of(office)

        desk = desks["main"] = AmoDesk(
            portal=MAIN,
            crm=crm,
            application=application_of(integration),
            routing=lambda: portal.routing,
            board=CardBoard(lambda: portal.routing, clock),
            table=EmployeeTable(MAIN, database=database, vault=vault, changed=staff_changed),
            dialing=dialing,
            domains=(urlsplit(account.address).hostname or "",),
            connected=keys.connected,
            removed=keys.removed,
        )
        dialing.told = desk.board.fail
        ringing = asyncio.create_task(dialing.run())
        try:
            yield Company(account, database, vault, clock, pbx, portal, crm, desk, desks, server, http, keys)
        finally:
            desk.board.close()
            ringing.cancel()
            await asyncio.gather(ringing, return_exceptions=True)
            await crm.aclose()


def application_of(integration: Integration) -> Application:
    return Application(
        client_id=integration.client_id,
        client_secret=integration.client_secret,
        redirect_uri=integration.redirect_uri,
    )


def adapter(account: Account, integration: Integration, keys: KeyStore, *, connected: bool) -> AmoCrm:
    held = Tokens(address=account.address)
    if connected:
        access, refresh = account.issue(integration, ADMIN_ID)
        held = Tokens(address=account.address, access=access, refresh=refresh, account=account.id)
    host = urlsplit(account.address).hostname or ""
    settings = Settings(portal=MAIN, reach=Reach(allow_http=True, allow_private=True), domains=(host,), rate=1000.0)
    application = application_of(integration)
    return AmoCrm(settings, held, recordings=NoRecordings(), save=keys.save, application=application)


async def furnished(database: Database, vault: Vault, account: Account) -> Portal:
    """The office's configuration and the account's users, as they were read."""
    office = office_of(OFFICE)
    await save_office(database, vault, office, by="test")
    users = [
        DirectoryUser(id=UserId(str(user.id)), name=user.name, active=user.active, email=user.email)
        for user in account.staff.users.values()
    ]
    async with database.transaction() as tx:
        await directory.replace(tx, MAIN, users)
    return routing_of(office)
