"""CRM requests per call, and the calls that one portal's quota carries."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.figure import Figure, percentile
from bench.house import SECRET, USER
from bench.instant_portal import FINISH, REGISTER
from bench.played import Template, arrivals
from bench.street import play
from ringbridge.emulators.asterisk.server import Server
from ringbridge.emulators.asterisk.users import User
from ringbridge.emulators.bitrix24 import Portal, serve
from ringbridge.emulators.bitrix24 import Settings as PortalSettings
from ringbridge.emulators.bitrix24.traffic import Executed
from ringbridge.service.bootstrap import Bootstrap
from ringbridge.service.config import Office, office_of
from ringbridge.service.settings import save_office
from ringbridge.store.database import Database
from ringbridge.store.vault import Vault

CALLS, RATE = 600, 20.0
QUOTA = 2  # requests per second
PEERS = 5  # requests per call: register, show, hide, finish, attachRecord, each alone
PATIENCE = 120  # seconds

METHOD = f"""\
{CALLS} answered calls arrive within {CALLS / RATE:.0f} seconds at the service as `ringbridge run` starts it, with its
usual quota of {QUOTA} requests a second. The portal is the emulated one with Bitrix24's real limits on (a bucket of 50
that drains by {QUOTA} a second, and the running time of each method): it answers 503 to whoever asks too often. The
calls are short, so that registers, cards and finishes all compete. Measured is what the portal executed, by its own
clock: the requests from the first ring on, how long after its ring each call had its register and after its hang-up
its finish, and the answers that were no 200. The calls a minute that the quota carries are {QUOTA} × 60 divided by the
requests a call took; beside it stands a program that sends each step alone, as the open connectors do: {PEERS}
requests a call. Batches fill up when there is much to send: a quiet office spends two or three requests a call.
Recordings are left out: they go when all cards and finishes have gone, ten to a batch, and one that is uploaded costs
a request more (not measured)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    requests: int
    register_after: list[float]  # seconds after the ring
    finish_after: list[float]  # seconds after the hang-up
    whole: float  # seconds from the first ring to the last finish
    statuses: Counter[int]
    executed: Counter[str]


def office(ami_port: int, webhook: str) -> Office:
    return office_of(
        {
            "pbx": [{"name": "office", "port": ami_port, "username": USER, "secret": SECRET}],
            "trunk": [{"name": "mango"}, {"name": "mtt"}],
            "rule": [{"name": "recordings are counted by themselves", "recording": False}],
            "portal": [
                {
                    "name": "portal",
                    "webhook": webhook,
                    "default_user": "1",
                    "allow_http": True,
                    "allow_private": True,
                }
            ],
        },
        "the figures",
    )


@asynccontextmanager
async def service(folder: Path, office: Office) -> AsyncIterator[None]:
    """``ringbridge run`` as a process of its own."""
    bootstrap = Bootstrap(data=folder, port=0)
    async with await Database.open(bootstrap.database) as database:
        await save_office(database, Vault.open(bootstrap.key), office, by="bench")
    settings = {"RINGBRIDGE_DATA": str(folder), "RINGBRIDGE_PORT": "0", "RINGBRIDGE_LOG_LEVEL": "WARNING"}
    command = (sys.executable, "-m", "ringbridge.cli", "run")
    process = await asyncio.create_subprocess_exec(*command, env=os.environ | settings)
    try:
        yield
    finally:
        process.terminate()
        await process.wait()


async def linked(pbx: Server) -> None:
    """Waits until Ringbridge has read the live channels, the last thing it does before it follows the events."""
    async with asyncio.timeout(30):
        while not any(action.get("Action") == "BridgeList" for action in pbx.received):  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def burst() -> Burst:
    template = Template(speed=3)
    moments = template.play(arrivals(RATE, CALLS))
    pbx, portal = Server([User(name=USER, secret=SECRET)]), Portal.demo(settings=PortalSettings())
    async with pbx.listen(), serve(portal):
        with tempfile.TemporaryDirectory(prefix="ringbridge-bench-", dir=Path.cwd() / ".cache") as folder:
            async with service(Path(folder), office(pbx.port, portal.webhook_url)):
                await linked(pbx)
                before = portal.traffic.requests
                started = portal.clock().timestamp()
                await play(pbx, moments)
                async with asyncio.timeout(PATIENCE):
                    while portal.traffic.methods[FINISH.lower()] < CALLS:  # noqa: ASYNC110
                        await asyncio.sleep(0.1)
                return measured(portal, template, started, portal.traffic.requests - before)


def measured(portal: Portal, template: Template, started: float, requests: int) -> Burst:
    begins = arrivals(RATE, CALLS)
    ring = next(moment.after for moment in template.moments if moment.rings)
    hangup = template.moments[-1].after
    clients = {f"+7{9 * 10**9 + number}": begin for number, begin in enumerate(begins)}
    executed = portal.traffic.executed
    registers, finishes = of_method(executed, REGISTER), of_method(executed, FINISH)
    client_of = {each.result["CALL_ID"]: each.params["PHONE_NUMBER"] for each in registers}
    return Burst(
        requests=requests,
        register_after=[
            each.at.timestamp() - started - clients[each.params["PHONE_NUMBER"]] - ring for each in registers
        ],
        finish_after=[
            each.at.timestamp() - started - clients[client_of[each.params["CALL_ID"]]] - hangup for each in finishes
        ],
        whole=max(each.at.timestamp() for each in finishes) - started - begins[0] - ring,
        statuses=portal.traffic.statuses,
        executed=portal.traffic.methods,
    )


def of_method(executed: Sequence[Executed], method: str) -> list[Executed]:
    return [each for each in executed if each.method.lower() == method.lower() and each.error is None]


def measure() -> Figure:
    found = asyncio.run(burst())
    per_call = found.requests / CALLS
    refused = sum(count for status, count in found.statuses.items() if status != 200)
    rows = [
        ("requests for one call", f"**{per_call:.3f}**", f"{PEERS}"),
        ("calls a minute that the quota carries", f"**{QUOTA * 60 / per_call:,.0f}**", f"{QUOTA * 60 / PEERS:.0f}"),
        ("calls a minute in this burst", f"{len(found.finish_after) / found.whole * 60:,.0f}", "-"),
        ("ring to register, p50 and p99", spread(found.register_after), "-"),
        ("hang-up to finish, p50 and p99", spread(found.finish_after), "-"),
        ("requests refused (503 and others)", f"{refused} of {found.requests}", "-"),
        ("steps in these requests", steps(found.executed), "-"),
    ]
    return Figure(
        title=f"What a quota of {QUOTA} requests a second carries (aim: 600 calls a minute)",
        method=METHOD,
        columns=("", "Ringbridge", "a request for each step"),
        rows=rows,
    )


def spread(seconds: Sequence[float]) -> str:
    return f"{percentile(seconds, 0.5):.1f} s, {percentile(seconds, 0.99):.1f} s"


def steps(executed: Counter[str]) -> str:
    telephony = {name: count for name, count in executed.items() if name.startswith("telephony.externalcall.")}
    return ", ".join(f"{count} {name.rpartition('.')[2]}" for name, count in sorted(telephony.items()))
