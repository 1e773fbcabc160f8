"""An AMI session on the office's PBX, for looking at it in tests: Ringbridge's own protocol over a plain connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ringbridge.ami.message import Action, Message
from ringbridge.ami.protocol import Answer, LoggedIn, LoginRefused, Protocol

SILENCE = 60.0  # seconds without an answer after which the PBX is taken for dead


class Session:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.events: list[Message] = []
        self._reader, self._writer = reader, writer
        self._protocol = Protocol()

    async def login(self, user: str, secret: str) -> None:
        """Raises AssertionError in the PBX's words when it refuses."""
        self._protocol.login(user, secret)
        while True:
            for event in await self._more():
                if isinstance(event, LoginRefused):
                    raise AssertionError(f"the PBX refused the login: {event.reason}")
                if isinstance(event, LoggedIn):
                    return

    async def ask(self, name: str, **headers: str) -> Answer:
        action_id = self._protocol.send(Action(name=name, headers=tuple(headers.items())))
        while True:
            for event in await self._more():
                if isinstance(event, Answer) and event.action_id == action_id:
                    return event

    async def until(self, name: str, **headers: str) -> Message:
        """The first event with this name and these headers since the login, now or when it comes."""
        while True:
            for event in self.events:
                if event.event == name and all(event.get(key) == value for key, value in headers.items()):
                    return event
            await self._more()

    async def _more(self) -> list[object]:
        for portion in self._protocol.data_to_send():
            self._writer.write(portion)
        async with asyncio.timeout(SILENCE):
            data = await self._reader.read(65536)
        if not data:
            raise ConnectionResetError("the PBX closed the session")
        self._protocol.receive_data(data)
        received: list[object] = list(self._protocol.events_received())
        self.events += [event for event in received if isinstance(event, Message)]
        return received


@asynccontextmanager
async def manager_session(address: str, user: str, secret: str) -> AsyncIterator[Session]:
    reader, writer = await asyncio.open_connection(address, 5038)
    try:
        session = Session(reader, writer)
        await session.login(user, secret)
        yield session
    finally:
        writer.close()
        await writer.wait_closed()
