"""The manager interface without I/O: bytes and eof in, actions in; bytes and events out. No clock either.

A conversation::

    PBX  Asterisk Call Manager/11.0.0            -> Greeting
    we   Challenge, then Login with the key         (or Login with the secret)
    PBX  Response: Success                       -> LoggedIn, or Error -> LoginRefused
    PBX  Event: …                                -> Message, unless it is noise (see noise.py)
    we   any action
    PBX  Response: …                             -> Answer; of a list: one Answer with its rows, when it is complete
         connection closed                       -> Closed

Answers are recognised by what they are, not by what we asked: the recorded conversation of another client reads as
well as our own. Nothing the peer sends raises: what cannot be read is skipped and counted in ``counters``.

Sources: Asterisk documentation, "AMI v2 Specification" and the pages of the actions Login and Challenge.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Collection
from dataclasses import dataclass

from ringbridge.ami.decoding import decode
from ringbridge.ami.errors import ActionRefused
from ringbridge.ami.framing import Framer
from ringbridge.ami.message import HEADER, Action, ActionId, Headers, Message
from ringbridge.ami.noise import NOISE, WANTED_VARIABLES, Door, is_global_variable

MAX_BLOCK = 1 << 20
"""Bytes of one block; the longest that is known is a Status row with all its variables, some 30 kB."""

_MAX_OPENING = 1024  # bytes within which the greeting's line must end
_MAX_ROWS = 100_000  # of one list
_MAX_LINE = 1000  # Asterisk drops a line of an action that is longer than 1,024 bytes (manager.c, inbuf)
_BANNER = b"Call Manager"
_FOLLOWS_HEADERS = {"response", "privilege", "actionid", "message"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeting:
    """The PBX speaks AMI; ``version`` is the interface's (``11.0.0`` for Asterisk 22), not Asterisk's."""

    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stranger:
    """The first line was neither a greeting nor AMI: something else listens there. ``said`` is its beginning."""

    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedIn:
    answer: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginRefused:
    """``reason`` in the PBX's words."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back for one action. ``rows`` of a list, ``output`` lines of a Command.

    ``ending`` is the event that closed a list; some carry more than a count (``BridgeInfoComplete``: the bridge).
    ``complete`` is False when the PBX cancelled the list, or the connection closed in the middle of it.
    """

    action_id: ActionId
    response: Message
    rows: tuple[Message, ...] = ()
    output: tuple[str, ...] = ()
    ending: Message | None = None
    complete: bool = True

    @property
    def ok(self) -> bool:
        return self.response.response.lower() not in {"error", "failure"}

    @property
    def text(self) -> str:
        """The PBX's remark on it, such as ``Permission denied``."""
        return self.response.get("Message")


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """No more will come. ``unread`` bytes stood in a block that was not finished."""

    unread: int


Event = Greeting | Stranger | LoggedIn | LoginRefused | Answer | Message | Closed


@dataclass(slots=True)
class Counters:
    """What did not become an event, since the connection began."""

    dropped: int = 0  # noise, by intent
    stray: int = 0  # lines that are no header, where a block does not begin as an event does
    oversized: int = 0  # blocks longer than the limit, rows of an endless list
    undecodable: int = 0  # lines that are neither UTF-8 nor CP1251


@dataclass(slots=True)
class _Login:
    """A login under way: the id of the step that is waited for."""

    username: str
    secret: str
    events: str
    plain_allowed: bool
    challenge: ActionId | None = None
    login: ActionId | None = None


@dataclass(slots=True)
class _List:
    response: Message
    rows: list[Message]


class Protocol:
    """One connection's conversation. See the module's text for the order of things.

    ``wanted_variables``: names (without leading underscores) of channel variables whose ``VarSet`` passes, None for
    all; ``noise``: names of events that are dropped; ``id_prefix``: begins every ActionID that is given here, and
    should differ from connection to connection, so that a late ``OriginateResponse`` never meets a foreign action.
    """

    def __init__(
        self,
        *,
        wanted_variables: Collection[str] | None = WANTED_VARIABLES,
        noise: Collection[str] = NOISE,
        max_block: int = MAX_BLOCK,
        id_prefix: str = "ringbridge",
    ) -> None:
        self._door = Door(wanted_variables=wanted_variables, noise=noise)
        self._framer = Framer(limit=max_block)
        self._opening: bytes | None = b""
        self._events: list[Event] = []
        self._outgoing: list[bytes] = []
        self._lists: dict[ActionId, _List] = {}
        self._login: _Login | None = None
        self._ids = (ActionId(f"{id_prefix}-{number}") for number in itertools.count(1))
        self._counters = Counters()

    @property
    def counters(self) -> Counters:
        self._counters.oversized += self._framer.oversized
        self._framer.oversized = 0
        return self._counters

    # What comes in

    def receive_data(self, data: bytes) -> None:
        if self._opening is not None:
            data = self._open(self._opening + data)
        blocks = self._framer.feed(data)
        admitted = self._door.admitted(blocks)
        self._counters.dropped += len(blocks) - len(admitted)
        for block in admitted:
            self._read(block)

    def receive_eof(self) -> None:
        """The connection is closed. Lists that were under way are handed out as they stand."""
        for action_id, started in self._lists.items():
            self._events.append(
                Answer(action_id=action_id, response=started.response, rows=tuple(started.rows), complete=False)
            )
        self._lists.clear()
        self._events.append(Closed(unread=self._framer.pending + len(self._opening or b"")))

    def events_received(self) -> list[Event]:
        """Everything since the last call, in the order it came."""
        events, self._events = self._events, []
        return events

    # What goes out

    def login(self, username: str, secret: str, *, md5: bool = True, plain_allowed: bool = True) -> None:
        """Begins the login. With ``md5`` the secret does not cross the network; where the PBX does not offer a
        challenge, the plain secret is sent if that is allowed."""
        self._login = _Login(username=username, secret=secret, events="on", plain_allowed=plain_allowed)
        if md5:
            self._login.challenge = self.send(Action(name="Challenge", headers=(("AuthType", "MD5"),)))
        else:
            self._send_login(self._login, (("Secret", secret),))

    def send(self, action: Action) -> ActionId:
        """Queues the action's bytes.

        Raises ActionRefused when a name or value holds a line break (it would become a header or an action of its
        own) or makes a line that Asterisk would throw away.
        """
        action_id = action.action_id or next(self._ids)
        self._outgoing.append(serialise(action, action_id))
        return action_id

    def data_to_send(self) -> list[bytes]:
        """Bytes for the PBX, one portion an action; each portion is handed out once."""
        outgoing, self._outgoing = self._outgoing, []
        return outgoing

    # The greeting

    def _open(self, data: bytes) -> bytes:
        """Waits for the first line; the rest of the data goes to the framer."""
        line, newline, rest = data.partition(b"\n")
        if not newline and len(data) <= _MAX_OPENING:
            self._opening = data
            return b""
        self._opening = None
        if _BANNER in line and b": " not in line:
            version = line.rpartition(b"/")[2].strip()
            self._events.append(Greeting(version=decode(version)[0]))
            return rest
        if not _looks_like_header(line):
            self._events.append(Stranger(said=decode(line[:200].strip())[0]))
            self._counters.stray += 1
            return rest
        return data

    # Blocks

    def _read(self, block: bytes) -> None:
        text, bad = decode(block)
        self._counters.undecodable += bad
        if text.startswith("Event: "):
            self._take_event(Message.read(text))
        elif text.startswith("Response: Follows\r\n"):
            self._read_follows(text)
        else:
            self._read_unlike_event(text)

    def _read_unlike_event(self, text: str) -> None:
        """A response, or something odd; an event may yet be in it."""
        message = Message.read(text)
        self._counters.stray += sum(1 for line in text.split("\r\n") if line and not HEADER.match(line))
        if message.event:
            self._take_event(message)
        elif message.response:
            self._take_response(message, tuple(message.all("Output")))
        else:
            self._counters.stray += len(message.headers)

    def _take_event(self, message: Message) -> None:
        if is_global_variable(message):
            self._counters.dropped += 1
        elif not (self._lists and self._take_row(message)):
            self._events.append(message)

    def _read_follows(self, text: str) -> None:
        """``Response: Follows``, a few headers, then raw lines that may look like headers too."""
        headers: list[tuple[str, str]] = []
        rest = text
        while True:
            line, _, after = rest.partition("\r\n")
            name, colon, value = line.partition(":")
            if not colon or name.lower() not in _FOLLOWS_HEADERS:
                break
            headers.append((name, value.strip()))
            rest = after
        output = rest.removesuffix("--END COMMAND--").splitlines()
        self._take_response(Message(headers), tuple(output))

    # Answers

    def _take_response(self, message: Message, output: tuple[str, ...]) -> None:
        action_id = message.action_id
        if self._login is not None and action_id in {self._login.challenge, self._login.login}:
            self._continue_login(self._login, message)
        elif action_id and message.get("EventList").lower() == "start":
            self._lists[action_id] = _List(response=message, rows=[])
        else:
            self._events.append(Answer(action_id=action_id, response=message, output=output))

    def _take_row(self, message: Message) -> bool:
        action_id = message.action_id
        started = self._lists.get(action_id)
        if started is None:
            return False
        if ending := message.get("EventList").lower():
            del self._lists[action_id]
            self._events.append(
                Answer(
                    action_id=action_id,
                    response=started.response,
                    rows=tuple(started.rows),
                    ending=message,
                    complete=ending == "complete",
                )
            )
        elif len(started.rows) < _MAX_ROWS:
            started.rows.append(message)
        else:
            self._counters.oversized += 1
        return True

    # Login

    def _continue_login(self, login: _Login, answer: Message) -> None:
        success = answer.response.lower() == "success"
        if answer.action_id == login.login:
            self._login = None
            reason = answer.get("Message") or "Authentication failed"
            self._events.append(LoggedIn(answer=answer) if success else LoginRefused(reason=reason))
        elif success and "Challenge" in answer:
            key = hashlib.md5((answer.get("Challenge") + login.secret).encode(), usedforsecurity=False)
            self._send_login(login, (("AuthType", "MD5"), ("Key", key.hexdigest())))
        elif login.plain_allowed:
            self._send_login(login, (("Secret", login.secret),))
        else:
            self._login = None
            self._events.append(LoginRefused(reason=f"no MD5 challenge: {answer.get('Message')}"))

    def _send_login(self, login: _Login, proof: Headers) -> None:
        headers = (("Username", login.username), *proof, ("Events", login.events))
        login.challenge = None
        login.login = self.send(Action(name="Login", headers=headers))


def serialise(action: Action, action_id: ActionId) -> bytes:
    """The action's bytes; ActionRefused when they could not mean what they say."""
    lines = [f"{name}: {value}" for name, value in (("Action", action.name), ("ActionID", action_id), *action.headers)]
    for line in lines:
        name = line.partition(":")[0]
        if "\r" in line or "\n" in line or "\0" in line:
            raise ActionRefused(action.name, f"a line break in {name.split()[:1]} would smuggle in another header")
        if len(line.encode()) > _MAX_LINE:
            raise ActionRefused(action.name, f"{name} is longer than the {_MAX_LINE} bytes Asterisk reads of a line")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _looks_like_header(line: bytes) -> bool:
    name, colon, _ = line.partition(b": ")
    return bool(colon) and name.replace(b"-", b"").isalnum()
