"""The FastAGI server: Asterisk's dialplan asks us about the call it holds, and gets channel variables for an answer.

A caller waits meanwhile, so each question has a deadline, from its connection to its end; past it the connection is
closed and the dialplan goes on. Asterisk names the caller and gives no proof of itself: only addresses that are named
may ask.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

import structlog

from ringbridge.agi import Closed, HungUp, Nonsense, Opened, Protocol, Reply

log = structlog.get_logger(__name__)

MOST_SESSIONS = 200
"""Questions at once; a connection more is closed, and its call goes the normal way."""

DEADLINE = 2.0  # seconds of one question, whatever it waits for
PORTION = 8192

Answer = Callable[[Opened], Awaitable[Mapping[str, str]]]
"""The channel variables that answer a question, in the order in which they are set."""


class NoAgiPort(Exception):
    """The FastAGI server's port cannot be had. The text is for people."""


class _Over(Exception):
    """The caller has gone, or the peer has nothing more to say, or nothing that makes sense."""


class AgiServer:
    """`answer` is asked once for each question and does not raise. `allowed` are addresses or networks (CIDR)."""

    def __init__(
        self,
        answer: Answer,
        *,
        allowed: Sequence[str] = ("127.0.0.0/8", "::1"),
        deadline: float = DEADLINE,
        most: int = MOST_SESSIONS,
    ) -> None:
        self._answer = answer
        self._allowed = tuple(ipaddress.ip_network(one, strict=False) for one in allowed)
        self._deadline = deadline
        self._most = most
        self._sessions: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def listening(self, host: str, port: int) -> AsyncIterator[tuple[str, int]]:
        """Serves while the context lasts; gives the address that was taken (port 0: any free one). Raises
        `NoAgiPort`."""
        try:
            listener = socket.create_server((host, port))
        except OSError as error:
            raise NoAgiPort(_why(host, port, error)) from error
        address = listener.getsockname()
        async with asyncio.TaskGroup() as group:

            def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                session = group.create_task(self._take(reader, writer))
                self._sessions.add(session)
                session.add_done_callback(self._sessions.discard)

            server = await asyncio.start_server(connected, sock=listener)
            try:
                yield address[0], address[1]
            finally:
                server.close()
                for session in self._sessions:
                    session.cancel()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = str(writer.get_extra_info("peername", ("",))[0])
        try:
            if self._lets_in(peer):
                async with asyncio.timeout(self._deadline):
                    await Session(reader, writer, peer).serve(self._answer)
        except TimeoutError:
            log.warning("route_question_timed_out", peer=peer, seconds=self._deadline)
        except OSError as error:
            log.info("route_question_broke_off", peer=peer, reason=str(error))
        finally:
            writer.close()

    def _lets_in(self, peer: str) -> bool:
        if not may_ask(peer, self._allowed):
            log.warning("route_question_refused", peer=peer, hint="distribution.agi_peers names who may ask")
            return False
        if len(self._sessions) > self._most:
            log.warning("route_question_refused", peer=peer, hint=f"{self._most} questions are open already")
            return False
        return True


class Session:
    """One connection, from the environment to the last variable."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, peer: str) -> None:
        self._reader, self._writer, self._peer = reader, writer, peer
        self._protocol = Protocol()

    async def serve(self, answer: Answer) -> None:
        try:
            opened = await self._until_opened()
            await self._set(await answer(opened))
        except _Over as over:
            if str(over):
                log.info("route_question_not_understood", peer=self._peer, reason=str(over))

    async def _until_opened(self) -> Opened:
        while True:
            for event in await self._heard():
                if isinstance(event, Opened):
                    return event

    async def _set(self, values: Mapping[str, str]) -> None:
        """One command at a time: Asterisk reads the next when it has answered the last."""
        for bad in self._protocol.set_variables(values):
            log.warning("route_answer_not_told", reason=str(bad))
        for command in self._protocol.data_to_send():
            self._writer.write(command)
            await self._until_done()

    async def _until_done(self) -> None:
        while True:
            for event in await self._heard():
                if isinstance(event, Reply):
                    if not event.ok:
                        raise _Over(f"the answer was not taken: {event.code} {event.text}")
                    return

    async def _heard(self) -> Sequence[Opened | Reply]:
        """What came next. Raises `_Over` when the rest is not worth saying."""
        data = await self._reader.read(PORTION)
        if data:
            self._protocol.receive_data(data)
        else:
            self._protocol.receive_eof()
        told: list[Opened | Reply] = []
        for event in self._protocol.events_received():
            match event:
                case Nonsense(reason=reason):
                    raise _Over(reason)
                case HungUp() | Closed():
                    raise _Over
                case _:
                    told.append(event)
        return told


def may_ask(peer: str, allowed: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    """Whether this address stands in one of these networks."""
    try:
        address = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None) or address
    return any(mapped in network for network in allowed)


def _why(host: str, port: int, error: OSError) -> str:
    reason = str(error.strerror).partition(" (while")[0]
    return (
        f"The dialplan's questions (FastAGI) cannot be taken on {host}:{port} ({reason}): set distribution.agi_host or "
        "distribution.agi_port. FreePBX has a server of its own on 4573."
    )
