"""The page over a real database with an office's calls, and the page served on a real socket."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx2
import uvicorn
from starlette.types import ASGIApp

from ringbridge.pbx.recordings import LinkSigner, SoundFile
from ringbridge.routing.intents import (
    AttachRecording,
    FinishCall,
    PortalId,
    Priority,
    RecordKey,
    RecordKind,
    RegisterCall,
    UserId,
)
from ringbridge.routing.results import CallStatus
from ringbridge.store import calls, deliveries
from ringbridge.store.calls import JournalEntry
from ringbridge.store.database import Database
from ringbridge.store.keys import PbxId, call_key
from ringbridge.store.outcome import Done, Outcome, Retry
from ringbridge.store.story import StoryKind, StoryLine
from ringbridge.telephony.model import Call
from ringbridge.web.live import LiveFeed
from ringbridge.web.recordings import Recordings
from ringbridge.web.services import LinkState, PbxStatus, PortalStatus, Services, Status

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
OFFICE = PbxId("office")
SIGNER = LinkSigner("https://calls.example", b"only for the tests" * 2)
EMPLOYEES = {"101": "Анна Смирнова", "102": "Борис Орлов", "104": "Виктор Ли"}

PORTAL = PortalStatus(
    name=PortalId("acme"), address="acme.example", waiting={Priority.CARD: 2, Priority.RECORDING: 5}, quota=0.42
)
STATUS = Status(
    version="0.1.0",
    started=NOW - timedelta(hours=5),
    pbxs=(PbxStatus(name="office", state=LinkState.UP, since=NOW - timedelta(hours=4), detail="Asterisk 22.10.1"),),
    portals=(PORTAL,),
)


async def journal(database: Database, told: Iterable[Call]) -> None:
    async with database.transaction() as tx:
        await calls.record(tx, OFFICE, list(told))


def entry(call: Call) -> JournalEntry:
    return JournalEntry(key=call_key(OFFICE, call.id), pbx=OFFICE, call=call)


def services(
    database: Database,
    *,
    live: Iterable[Call] = (),
    status: Status = STATUS,
    sounds: dict[RecordKey, SoundFile] | None = None,
    now: datetime | None = NOW,
    clock: Callable[[], datetime] | None = None,
) -> Services:
    async def told() -> Status:
        return status

    async def find(record: RecordKey, *, mp3: bool = False) -> SoundFile | None:
        return (sounds or {}).get(record)

    return Services(
        database=database,
        live=LiveFeed(entry(call) for call in live),
        status=told,
        recordings=Recordings(signer=SIGNER, find=find),
        zone=ZoneInfo("Europe/Moscow"),
        employee=EMPLOYEES.get,
        now=clock or ((lambda: now) if now else (lambda: datetime.now(UTC))),
    )


def client(
    app: ASGIApp, language: str = "en", *, base_url: str = "http://localhost:8077", address: str = "127.0.0.1"
) -> httpx2.AsyncClient:
    """A browser at the machine itself, unless another `address` is given."""
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app, client=(address, 40000)),
        base_url=base_url,
        headers={"Accept-Language": language, "Accept": "text/html"},
    )


@asynccontextmanager
async def serving(app: ASGIApp, feed: LiveFeed, port: int = 0) -> AsyncIterator[str]:
    """The page's address, on a free port unless one is given.

    The socket listens before the server runs, so nobody comes too early.
    """
    with socket.create_server(("127.0.0.1", port)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=2))
        async with asyncio.TaskGroup() as group:
            running = group.create_task(server.serve(sockets=[listener]))
            try:
                yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            finally:
                feed.close()
                server.should_exit = True
                await running


class Texts(HTMLParser):
    """What a visitor reads on a page: its text, and the attributes that are shown or read out."""

    SHOWN = ("title", "aria-label", "placeholder", "alt")

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.found += [value for name, value in attrs if name in self.SHOWN and value]

    def handle_data(self, data: str) -> None:
        if text := re.sub(r"\s+", " ", data).strip():
            self.found.append(text)


def read(html: str) -> Texts:
    texts = Texts()
    texts.feed(html)
    return texts


async def open_database(folder: Path) -> Database:
    return await Database.open(f"sqlite:///{folder}/page.db")


ACME = PortalId("acme")


def attach(call: Call, record: str) -> AttachRecording:
    sound = call.recordings[0]
    return AttachRecording(
        record=RecordKey(record),
        call=call.id,
        path=sound.path,
        channel=sound.channel,
        started=sound.start,
        duration=int(call.talks[0].length.total_seconds()),
    )


async def told_to_the_crm(database: Database, call: Call) -> None:
    """Journal the call with a whole story: registered, its finish refused once by a busy portal, its recording not
    tried yet."""
    key = call_key(OFFICE, call.id)
    record = RecordKey(key)
    assert call.end
    register = RegisterCall(
        record=record,
        call=call.id,
        kind=RecordKind.INBOUND,
        number=f"+{call.external}",
        user=UserId("7"),
        started=call.start,
        line=call.did,
    )
    finish = FinishCall(record=record, call=call.id, user=UserId("7"), duration=74, status=CallStatus.ANSWERED)
    lines = [
        StoryLine(at=call.start, kind=StoryKind.HEARD, text="Newchannel PJSIP/mango-00000007, from 79125551122"),
        StoryLine(at=call.start, kind=StoryKind.DECIDED, text="Register the call and show its card to Борис Орлов"),
        StoryLine(at=call.talks[0].start, kind=StoryKind.HEARD, text="BridgeEnter PJSIP/102-0000000a"),
        StoryLine(at=call.end, kind=StoryKind.DECIDED, text="Finish the call: answered, 74 s"),
    ]
    async with database.transaction() as tx:
        await calls.record(tx, OFFICE, [call], {call.id: lines})
        await deliveries.enqueue(tx, ACME, [register, finish, attach(call, record)], key, call.start)
    busy = Retry(
        at=NOW + timedelta(minutes=2), reason="The portal is busy", counts=True, sent=FINISHED, answered="503 Busy"
    )
    await tried(database, call.start, Done(sent=REGISTERED, answered='{"result":{"CALL_ID":"external.1"}}'))
    await tried(database, call.end, busy)


async def tried(database: Database, at: datetime, outcome: Outcome) -> None:
    """The portal's next delivery was handed out, and this became of it."""
    async with database.transaction() as tx:
        (delivery,) = await deliveries.claim(tx, ACME, at, 1)
    async with database.transaction() as tx:
        await deliveries.settle(tx, ACME, {delivery.id: outcome}, at)


FINISHED = 'telephony.externalcall.finish {"CALL_ID":"external.1","DURATION":74}'
REGISTERED = 'telephony.externalcall.register {"USER_ID":7,"PHONE_NUMBER":"+79125551122","auth":"***"}'
