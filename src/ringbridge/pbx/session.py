"""One connection to the manager interface, from the greeting to the loss."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Collection
from datetime import datetime
from typing import NoReturn, TypeVar

import structlog

from ringbridge.ami.errors import ActionRefused, LoginRefused, NotConnected, PeerSpokeNonsense
from ringbridge.ami.masking import masked
from ringbridge.ami.message import Action, ActionId, Message
from ringbridge.ami.protocol import Answer, Closed, Counters, Event, Greeting, LoggedIn, Protocol, Stranger
from ringbridge.ami.protocol import LoginRefused as Refusal
from ringbridge.pbx.inbox import Inbox, Received
from ringbridge.pbx.rights import Rights, class_for
from ringbridge.pbx.settings import Patience, PbxAddress

T = TypeVar("T")

log = structlog.get_logger(__name__)

_PORTION = 256 * 1024
_sessions = itertools.count(1)


class Session:
    """Reads into an inbox, pairs actions with answers, notices silence. `overhear` is told each event and each row of
    an answer, in the order in which the PBX sent them: what an answer lists is older than the event behind it. `record`
    is given all bytes as they come.

    ``read`` must run for anything else to work. It and ``watch`` end only by raising NotConnected or
    PeerSpokeNonsense.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        inbox: Inbox,
        clock: Callable[[], datetime],
        patience: Patience,
        wanted_variables: Collection[str],
        overhear: Callable[[Message], None] = lambda message: None,
        record: Callable[[bytes, datetime], None] = lambda data, at: None,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._inbox = inbox
        self._clock = clock
        self._patience = patience
        self._overhear = overhear
        self._record = record
        # The time makes the ids differ from those of the process before this one.
        self._protocol = Protocol(
            wanted_variables=wanted_variables, id_prefix=f"ringbridge-{time.time_ns():x}-{next(_sessions)}"
        )
        loop = asyncio.get_running_loop()
        self._greeting: asyncio.Future[Greeting] = loop.create_future()
        self._login: asyncio.Future[LoggedIn | Refusal] = loop.create_future()
        self._pending: dict[ActionId, asyncio.Future[Answer]] = {}
        self._portions = 0
        self.heard_at = clock()
        self._shutdown = ""
        self.rights = Rights()
        self.on_rights: Callable[[], None] = lambda: None

    @property
    def counters(self) -> Counters:
        return self._protocol.counters

    # Login

    async def login(self, address: PbxAddress) -> Greeting:
        """Raises LoginRefused, or NotConnected when the PBX stays silent."""
        try:
            async with asyncio.timeout(self._patience.login):
                greeting = await self._greeting
                self._protocol.login(address.username, address.secret, plain_allowed=address.plain_login)
                self._flush()
                outcome = await self._login
        except TimeoutError:
            what = "answer to the login" if self._greeting.done() else "greeting (is TLS on at one end only?)"
            raise NotConnected(f"connected, but no {what} within {self._patience.login:g} s") from None
        if isinstance(outcome, Refusal):
            raise LoginRefused(outcome.reason)
        return greeting

    # Actions

    async def action(self, action: Action, *, patience: float | None = None) -> Answer:
        """Sends once and waits for the answer.

        Raises ActionRefused (the PBX's words), or NotConnected when the link breaks or the answer does not come in
        time: then nobody knows whether it was carried out.
        """
        if action.action_id in self._pending:
            raise ActionRefused(action.name, f"an action with the id {action.action_id} is under way")
        action_id = self._protocol.send(action)
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._pending[action_id] = answered
        seconds = self._patience.answer if patience is None else patience
        try:
            self._flush()
            async with asyncio.timeout(seconds):
                answer = await answered
        except TimeoutError:
            raise NotConnected(f"{action.name}: no answer within {seconds:g} s", sent=True) from None
        finally:
            self._pending.pop(action_id, None)
        if not answer.ok:
            right = class_for(action.name) if answer.text.lower().startswith("permission denied") else None
            raise ActionRefused(action.name, answer.text, missing_right=right)
        return answer

    def _flush(self) -> None:
        # Without drain: actions are small and few, and the watch ends a link that takes nothing.
        self._writer.writelines(self._protocol.data_to_send())

    # Reading

    async def read(self) -> NoReturn:
        """Takes in what comes, until the connection ends. Stops reading while the inbox is full."""
        try:
            while data := await self._reader.read(_PORTION):
                self._portions += 1
                self.heard_at = self._clock()
                self._record(data, self.heard_at)
                self._protocol.receive_data(data)
                self._hand_out(self.heard_at)
                await self._inbox.room()
        except OSError as error:
            reason = f"the connection broke: {error}"
        else:
            reason = self._shutdown or "the PBX closed the connection"
        self._protocol.receive_eof()
        self._hand_out(self._clock())
        raise NotConnected(reason)

    def _hand_out(self, at: datetime) -> None:
        messages: list[Message] = []
        for event in self._protocol.events_received():
            if isinstance(event, Message):
                messages.append(event)
                self._overhear(event)
                self._note(event)
            else:
                self._conclude(event)
        if messages:
            self._inbox.put(Received(messages=tuple(messages), at=at))
        self._flush()

    def _note(self, message: Message) -> None:
        if self.rights.note_event(message):
            self.on_rights()
        if message.event == "Shutdown":
            restarts = message.get("Restart").lower() == "true"
            self._shutdown = "Asterisk restarts" if restarts else "Asterisk was stopped"

    def _conclude(self, event: Event) -> None:
        match event:
            case Answer(action_id=action_id, rows=rows) if action_id in self._pending:
                for row in rows:
                    self._overhear(row)
                _settle(self._pending[action_id], event)
            case Greeting():
                _settle(self._greeting, event)
            case LoggedIn() | Refusal():
                _settle(self._login, event)
            case Stranger(said=said):
                raise PeerSpokeNonsense(f"this is not Asterisk's manager interface; it said: {masked(said)!r}")
            case Closed(unread=unread) if unread:
                log.info("ami_block_cut", unread_bytes=unread)

    # Silence

    async def watch(self) -> NoReturn:
        """Pings, and gives the link up when nothing at all came within the patience."""
        while True:
            await asyncio.sleep(self._patience.ping_every)
            before = self._portions
            try:
                await self.action(Action(name="Ping"), patience=self._patience.pong)
            except ActionRefused:
                continue  # an answer is a sign of life
            except NotConnected as silence:
                if self._portions == before and not self._inbox.full:
                    raise NotConnected("the PBX does not answer any more (the link is half-open)") from silence

    def close(self) -> None:
        """Drops the connection at once and fails what is under way."""
        for future in self._pending.values():
            if not future.done():
                future.set_exception(NotConnected("the link broke before the answer", sent=True))
        self._greeting.cancel()
        self._login.cancel()
        self._writer.transport.abort()


def _settle(future: asyncio.Future[T], value: T) -> None:
    if not future.done():
        future.set_result(value)
