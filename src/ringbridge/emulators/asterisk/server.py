"""The manager interface of the emulated Asterisk: listens, logs in, answers, and sends events to whoever may read them.

Faults on demand: ``silent`` (the link is half-open: nothing is answered, nothing sent), ``deaf_to`` (names of actions
that are carried out but never answered), ``cut`` (the connection breaks in the middle of a block).
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import ssl
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from datetime import UTC, datetime

from ringbridge.ami.message import Headers, Message
from ringbridge.emulators.asterisk.actions import Desk, error
from ringbridge.emulators.asterisk.channels import Channels
from ringbridge.emulators.asterisk.devices import Devices
from ringbridge.emulators.asterisk.dialplan import loaded
from ringbridge.emulators.asterisk.users import Filters, User

GREETING = b"Asterisk Call Manager/11.0.0\r\n"


def _utcnow() -> datetime:
    return datetime.now(UTC)


def _refuse(_: Message) -> str | None:
    return "Extension does not exist."


class Server:
    """``send`` an event: it is remembered in ``channels`` and goes to every session that may read its class; what it
    changes of ``phones`` and ``trunks`` is told behind it.

    ``originate`` decides what that action does; ``refusal_delay`` in seconds, as Asterisk waits before
    it says that a login failed; ``received`` is every action that came, for tests to look at.
    """

    def __init__(
        self,
        users: Iterable[User],
        *,
        clock: Callable[[], datetime] = _utcnow,
        originate: Callable[[Message], str | None] = _refuse,
        phones: Iterable[str] = (),
        trunks: Iterable[str] = (),
        dialplan: str = "",
        refusal_delay: float = 1.0,
        challenge: bool = True,
    ) -> None:
        self.users = {user.name: user for user in users}
        self.channels = Channels()
        self.devices = Devices(phones, trunks)
        self.dialplan = loaded(dialplan)
        self.clock = clock
        self.originate = originate
        self.refusal_delay = refusal_delay
        self.challenge = challenge
        self.silent = False
        self.deaf_to: Collection[str] = ()
        self.received: list[Message] = []
        self.sessions: set[Session] = set()
        self.booted = clock()
        self.port = 0

    @contextlib.asynccontextmanager
    async def listen(
        self, host: str = "127.0.0.1", port: int = 0, *, tls: ssl.SSLContext | None = None
    ) -> AsyncIterator[Server]:
        """``port`` 0 takes a free one; ``self.port`` tells which."""
        server = await asyncio.start_server(self._serve, host, port, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self.disconnect()
            await server.wait_closed()

    def send(self, event: Message) -> None:
        self.channels.see(event, self.clock())
        self._offer(event, *self.devices.see(event, self.channels.alive.values()))

    def register(self, phone: str, *, there: bool = True) -> None:
        self._offer(*self.devices.register(phone, self.channels.alive.values(), there=there))

    def disturb(self, phone: str, *, not_wanted: bool) -> None:
        self._offer(*self.devices.disturb(phone, not_wanted=not_wanted))

    def _offer(self, *events: Message) -> None:
        for event in events:
            for session in self.sessions:
                session.offer(event)

    def fully_booted(self) -> Message:
        uptime = str(int((self.clock() - self.booted).total_seconds()))
        headers = (("Uptime", uptime), ("LastReload", uptime), ("Status", "Fully Booted"))
        return Message((("Event", "FullyBooted"), ("Privilege", "system,all"), *headers))

    def disconnect(self) -> None:
        """Closes every connection, as a stopped Asterisk does."""
        for session in list(self.sessions):
            session.abort()

    def cut(self, event: Message) -> None:
        """Sends half of an event and breaks the connections."""
        for session in list(self.sessions):
            block = wire(event.headers)
            session.write(block[: len(block) // 2])
            session.end()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = Session(self, reader, writer)
        self.sessions.add(session)
        try:
            with contextlib.suppress(OSError):
                await session.run()
        finally:
            self.sessions.discard(session)
            session.abort()


class Session:
    """One client's connection."""

    def __init__(self, server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._server = server
        self._reader, self._writer = reader, writer
        self._challenge = ""
        self._desk: Desk | None = None
        self._events = False
        self._filters = Filters()

    async def run(self) -> None:
        self.write(GREETING)
        while (action := await self._next_action()) is not None:
            self._server.received.append(action)
            replies = await self._replies(action)
            if self._server.silent or action.get("Action") in self._server.deaf_to:
                continue
            self._answer(action, replies)
            if replies[0][0][1] == "Goodbye" or (self._desk is None and _is_refusal(action, replies)):
                await self._writer.drain()
                return

    async def _next_action(self) -> Message | None:
        lines: list[tuple[str, str]] = []
        while line := await self._reader.readline():
            text = line.decode(errors="replace").strip("\r\n")
            if text:
                name, _, value = text.partition(":")
                lines.append((name, value.strip()))
            elif lines:
                return Message(lines)
        return None

    async def _replies(self, action: Message) -> list[Headers]:
        if self._desk is not None:
            return self._desk.answer(action)
        match action.get("Action").lower():
            case "challenge" if self._server.challenge and action.get("AuthType").upper() == "MD5":
                self._challenge = str(secrets.randbelow(10**9))
                return [(("Response", "Success"), ("Challenge", self._challenge))]
            case "challenge":
                return [error("Must specify AuthType")]
            case "login":
                return [await self._login(action)]
            case "logoff":
                return [(("Response", "Goodbye"), ("Message", "Thanks for all the fish."))]
            case _:
                return [error("Permission denied")]

    async def _login(self, action: Message) -> Headers:
        user = self._server.users.get(action.get("Username"))
        if user is None or not self._proves(user, action):
            await asyncio.sleep(self._server.refusal_delay)
            return error("Authentication failed")
        self._events = action.get("Events").lower() != "off"
        self._desk = Desk(
            user=user,
            channels=self._server.channels,
            devices=self._server.devices,
            dialplan=self._server.dialplan,
            filters=self._filters,
            clock=self._server.clock,
            originate=self._server.originate,
        )
        return (("Response", "Success"), ("Message", "Authentication accepted"))

    def _proves(self, user: User, action: Message) -> bool:
        if action.get("AuthType").upper() == "MD5":
            return bool(self._challenge) and user.takes_key(self._challenge, action.get("Key"))
        return user.takes_secret(action.get("Secret"))

    def _answer(self, action: Message, replies: list[Headers]) -> None:
        for reply in replies:
            self.write(wire(_with_id(reply, action.get("ActionID"))))
        if action.get("Action").lower() == "login" and self._desk is not None and replies[0][0][1] == "Success":
            self.offer(self._server.fully_booted())

    def offer(self, event: Message) -> None:
        """Sends an event if this user may and wants to read it."""
        if self._desk is None or not self._events or self._server.silent:
            return
        classes = set(event.get("Privilege").split(","))
        if not classes & self._desk.user.read:
            return
        block = wire(event.headers)
        # FullyBooted passes every filter.
        if event.event == "FullyBooted" or self._filters.pass_on(block.decode()):
            self.write(block)

    def write(self, block: bytes) -> None:
        if not self._writer.is_closing():
            self._writer.write(block)

    def end(self) -> None:
        """Closes after what was written has gone out."""
        self._writer.close()

    def abort(self) -> None:
        self._writer.transport.abort()


def wire(headers: Headers) -> bytes:
    return ("".join(f"{name}: {value}\r\n" for name, value in headers) + "\r\n").encode()


def _with_id(reply: Headers, action_id: str) -> Headers:
    """Asterisk puts the ActionID behind the first header."""
    return (reply[0], ("ActionID", action_id), *reply[1:]) if action_id else reply


def _is_refusal(action: Message, replies: list[Headers]) -> bool:
    return action.get("Action").lower() == "login" and replies[0][0][1] == "Error"
