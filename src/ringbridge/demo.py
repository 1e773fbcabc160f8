"""The main job on an embedded default: an emulated office calls, an emulated Bitrix24 portal gets the calls."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import as_file, files
from pathlib import Path
from zoneinfo import ZoneInfo

from ringbridge.demo_deals import put_deals
from ringbridge.demo_past import write_past
from ringbridge.emulators.asterisk import Script, Setup, User, emulated_asterisk
from ringbridge.emulators.bitrix24 import Portal, serve
from ringbridge.emulators.bitrix24 import Settings as PortalSettings
from ringbridge.emulators.bitrix24.demo import ADMIN_ID
from ringbridge.routing.dialplan import By, DialplanWords, Kind, dialplan
from ringbridge.serve import NoPort, running, stop_signal
from ringbridge.service.bootstrap import Bootstrap
from ringbridge.service.config import ConfigError, Office, office_of
from ringbridge.service.settings import save_office
from ringbridge.store.database import Database
from ringbridge.store.keys import PbxId
from ringbridge.store.vault import Vault

PBX = PbxId("office")
TRUNKS = (
    {"name": "mango", "line": "73432723033", "source": "Radio"},
    {"name": "mtt", "line": "74993508890", "source": "Website"},
    {"name": "provider"},
)
NUMBERS = ({"number": "74993508890", "title": "Website", "trunk": "mtt", "lead": {"source": "WEB"}},)
RULES = (
    {"name": "the radio advertisement", "direction": "inbound", "trunks": ["mango"], "source": "ADVERTISING"},
    {"name": "missed calls are somebody's task", "results": ["missed"], "task": {"within_minutes": 30}},
)
HOOK = "waiting_time.py"
HOST = "127.0.0.1"
ZONE = ZoneInfo("Europe/Moscow")
MANAGER = User(name="ringbridge", secret="demo")  # noqa: S106 of an emulator on this machine

WORDS = """
Ringbridge is running on an emulated office. Nothing here leaves this machine.

  {page}   the page of Ringbridge: calls as they happen, the journal;
                            open a call for its whole story
  {portal}   what the employees see in their Bitrix24: cards open and close
                            with the phones, the list of calls with recordings;
                            click a number there and it is dialled, or break the
                            portal on its "bad day" page and watch nothing get lost

A call comes every few seconds: answered, missed, queues, groups, transfers.
The journal and the analytics begin with eight weeks of invented calls and the
deals that they brought, and one hook of the examples is at work. The page asks
for no login from this machine.
Stop it with Ctrl-C. Its data are in {data}.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    page: str
    portal: str


async def demo(*, data: Path, port: int, portal_port: int) -> None:
    """Until Ctrl-C. Raises `ConfigError`, `NoPort`, `StoreError`."""
    for wanted, option in ((port, "--port"), (portal_port, "--portal-port")):
        make_sure_of(wanted, option)
    async with playing(data=data, port=port, portal_port=portal_port) as addresses:
        print(WORDS.format(page=addresses.page, portal=addresses.portal, data=data), flush=True)
        await stop_signal()


def make_sure_of(port: int, option: str) -> None:
    """Both ports are looked at before anything is started."""
    try:
        socket.create_server((HOST, port)).close()
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        way = f'{option}, by make with DEMO="{option} 9077"'
        raise NoPort(f"Port {port} cannot be had ({reason}): choose another with {way}.") from error


@asynccontextmanager
async def playing(
    *, data: Path, port: int, portal_port: int, script: Script | None = None, past: bool = True, zone: ZoneInfo = ZONE
) -> AsyncIterator[Demo]:
    """The whole demonstration while the context lasts; port 0 takes a free one. `past`: with the weeks before it.
    `zone`: of the office; by the one of its `script` the PBX writes."""
    bootstrap = Bootstrap(data=data, host=HOST, port=port)
    recordings = data / "monitor"
    try:
        recordings.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{data} cannot be written ({error.strerror}): name another folder with --data.") from error
    setup = Setup(
        users=(MANAGER,),
        port=0,
        script=script or Script(zone=zone),
        recordings=recordings,
        records=data / "Master.csv",
        dialplan=dialplan(Kind.ASTERISK, By.CURL, DialplanWords(address=f"http://{HOST}:{port}", agi="")),
    )
    portal = Portal.demo(settings=PortalSettings())
    async with emulated_asterisk(setup) as asterisk, serve(portal, port=portal_port) as portal_address:
        office = demo_office(
            ami_port=asterisk.port,
            oauth=application_of(portal),
            page=f"http://{HOST}:{port}" if port else None,
            recordings=recordings,
            cdr=data / "Master.csv",
            zone=zone,
        )
        async with await Database.open(bootstrap.database) as database:
            await save_office(database, Vault.open(bootstrap.key), office, by="demo")
            if past:
                await write_past(database, PBX, datetime.now(zone).date(), zone)
                await put_deals(database, portal, datetime.now(zone))
        put_hook(data / "hooks")
        async with running(bootstrap) as page:
            yield Demo(page=page, portal=portal_address)


def put_hook(folder: Path) -> None:
    """An example, where nobody has put it before: whoever changes it keeps their own."""
    folder.mkdir(exist_ok=True)
    with as_file(files("ringbridge.hooks") / "examples" / HOOK) as example:
        if not (folder / HOOK).exists():
            shutil.copy(example, folder)


def application_of(portal: Portal) -> dict[str, str]:
    """Ringbridge as a local application of the emulated portal, installed already."""
    application = portal.access.applications[0]
    access, refresh = portal.access.issue(application, ADMIN_ID, portal.clock())
    return {
        "client_id": application.client_id,
        "client_secret": application.client_secret,
        "access_token": access,
        "refresh_token": refresh,
        "endpoint": f"{portal.address}/rest/",
        "server": f"{portal.address}/rest/",
        "member_id": portal.member_id,
        "application_token": application.application_token,
        "authorization_server": portal.address,
    }


def demo_office(
    *, ami_port: int, oauth: dict[str, str], page: str | None, recordings: Path, cdr: Path, zone: ZoneInfo
) -> Office:
    """`page`: where the portal posts its events; without it they are fetched from the portal."""
    document = {
        "pbx": [
            {
                "name": PBX,
                "port": ami_port,
                "username": MANAGER.name,
                "secret": MANAGER.secret,
                "recordings": [{"pbx": str(recordings)}],
                "cdr": str(cdr),
            }
        ],
        "timezone": zone.key,
        "trunk": list(TRUNKS),
        "number": list(NUMBERS),
        "rule": list(RULES),
        "distribution": {"enabled": True, "agi": False},
        "dialing": {"callback_to": "102"},
        "portal": [
            {
                "name": "bitrix24",
                "oauth": oauth,
                "events": "online" if page else "offline",
                "default_user": "6",
                "allow_http": True,
                "allow_private": True,
                "request_limit": 5.0,
            }
        ],
    }
    return office_of(document | ({"public_address": page} if page else {}), "the demonstration")


def main(data: Path, port: int, portal_port: int) -> None:
    asyncio.run(demo(data=data, port=port, portal_port=portal_port))
