"""The emulated Asterisk as a whole: manager interface, office, recordings, call detail records."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from ringbridge.ami.message import Message
from ringbridge.emulators.asterisk.office import EMPLOYEES, TRUNKS, Office, Script
from ringbridge.emulators.asterisk.records import Records
from ringbridge.emulators.asterisk.renewal import Renewal
from ringbridge.emulators.asterisk.server import Server
from ringbridge.emulators.asterisk.sounds import Recorder
from ringbridge.emulators.asterisk.users import User


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """``port`` 0 takes a free one. ``recordings``: the folder that stands for the PBX's ``monitor`` folder; what the
    PBX says of it is ``script.monitor``, or the folder itself when ``announce_folder``. ``records``: the CDR file.
    ``dialplan``: what it says it has loaded, as the text of an ``extensions.conf``.
    ``begun`` is told each call that begins, ``heard`` each event after it was sent.
    """

    users: Sequence[User] = (User(name="ringbridge", secret="ringbridge"),)  # noqa: S106 of an emulator
    host: str = "127.0.0.1"
    port: int = 5038
    script: Script = field(default_factory=Script)
    recordings: Path | None = None
    announce_folder: bool = True
    records: Path | None = None
    dialplan: str = ""
    begun: Callable[[Renewal], None] = lambda _: None
    heard: Callable[[Message], None] = lambda _: None


@dataclass(slots=True, kw_only=True)
class Asterisk:
    """A running one."""

    host: str
    port: int
    server: Server
    office: Office


def _utcnow() -> datetime:
    return datetime.now(UTC)


@contextlib.asynccontextmanager
async def emulated_asterisk(setup: Setup) -> AsyncIterator[Asterisk]:
    """Plays until the block is left."""
    script = setup.script
    if setup.recordings is not None and setup.announce_folder:
        script = replace(script, monitor=str(setup.recordings))
    recorder = Recorder(setup.recordings, script.monitor) if setup.recordings is not None else None
    records = Records(setup.records) if setup.records is not None else None

    def send(event: Message) -> None:
        now = _utcnow()
        if recorder is not None:
            recorder.see(event, now)
        if records is not None:
            records.see(event)
        server.send(event)
        setup.heard(event)

    office = Office(script=script, send=send, clock=_utcnow, begun=setup.begun)
    server = Server(setup.users, originate=office.originate, phones=EMPLOYEES, trunks=TRUNKS, dialplan=setup.dialplan)
    async with server.listen(setup.host, setup.port), asyncio.TaskGroup() as group:
        playing = group.create_task(office.run())
        try:
            yield Asterisk(host=setup.host, port=server.port, server=server, office=office)
        finally:
            playing.cancel()
