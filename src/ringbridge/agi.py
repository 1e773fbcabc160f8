"""FastAGI without I/O: what Asterisk's dialplan asks comes in as bytes, commands for the channel go out. No clock.

A conversation, as Asterisk's `AGI(agi://host:port/script?query,argument,…)` has it::

    PBX  agi_network: yes, agi_callerid: 79125551122, …, an empty line     -> Opened, once
    we   EXEC MSet "RINGBRIDGE_COUNT=1,RINGBRIDGE_HOP1=101"
    PBX  200 result=0                                                      -> Reply
    we   (any other command, one at a time)
    PBX  HANGUP, when the caller has gone                                  -> HungUp, once
         connection closed                                                 -> Closed, once; no more follows

Whoever is done closes the connection, and the dialplan goes on. What is no AGI becomes `Nonsense`, once: nothing that
the peer sends raises, and nothing that it sends grows past the limits below.

Sources: Asterisk 16 to 22, ``res/res_agi.c``: `setup_env` writes the environment, `launch_netscript` its first line,
`agi_handle_command` the replies, `parse_args` reads our quotes, `AGI_BUF_LEN` (2,048 bytes) bounds a command;
``main/pbx_variables.c``: `pbx_builtin_setvar_multiple` is MSet; ``main/app.c``: `__ast_app_separate_args` takes its
argument apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ringbridge.ami.decoding import decode

MAX_LINE = 4096
"""Bytes of one line that is taken in; the longest that Asterisk writes is a caller's name or an argument."""

MAX_LINES = 200
"""Lines of one environment or of one reply; Asterisk itself writes some twenty, and one for each argument."""

MAX_COMMAND = 2000
"""Bytes of a command: Asterisk reads 2,048 with the line's end."""

MOST_PAIRS = 20
"""Variables that one MSet sets; Asterisk takes 24."""

_FIELD = re.compile(r"(agi_[a-z0-9_]+): ?(.*)")
_REPLY = re.compile(r"(\d{3})([ -])(.*)", re.DOTALL)
_RESULT = re.compile(r"result=(\S*)(?: \((.*)\))?(?: endpos=\d+)?\s*", re.DOTALL)
_ESCAPED = re.compile(rb"%([0-9A-Fa-f]{2})")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_()]*")
_SEPARATES = re.compile(r"[\\\",()\[\]]")
_UNKNOWN = "unknown"  # what Asterisk writes where a channel has no number or name


class BadCommand(ValueError):
    """A command that could not mean what it says: a line break in it, or longer than Asterisk reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """Who asks: the environment, as Asterisk sent it, without the prefix ``agi_``."""

    fields: Mapping[str, str]

    def get(self, name: str) -> str:
        """A field's value; empty where it is missing or Asterisk calls it unknown."""
        value = self.fields.get(name, "")
        return "" if value == _UNKNOWN else value

    @property
    def script(self) -> str:
        """The path of the address that was called: ``route`` of ``agi://host/route?did=…``."""
        return self.get("network_script").partition("?")[0].strip("/")

    @property
    def query(self) -> Mapping[str, str]:
        """What stands behind the question mark, decoded; the first of two equal names wins."""
        pairs = [pair.partition("=") for pair in self.get("network_script").partition("?")[2].split("&") if pair]
        return {_unescaped(name): _unescaped(value) for name, _, value in reversed(pairs)}

    @property
    def arguments(self) -> tuple[str, ...]:
        """What stands behind the address in the dialplan, in its order."""
        names = sorted((name for name in self.fields if re.fullmatch(r"arg_\d{1,3}", name)), key=_argument)
        return tuple(self.fields[name] for name in names)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What became of one command. `code` 200: done; 510: not known there; 511: the channel is dead; 520: wrong usage.

    `result` is the number after ``result=``, ``0`` mostly for no, ``-1`` for a failure and ``-2`` for an application
    that is not there (`handle_exec`); `value` what stands in brackets after it, such as a variable's value; `text` all
    of it, for people.
    """

    code: int
    text: str
    result: str = ""
    value: str = ""

    @property
    def ok(self) -> bool:
        return self.code == 200 and self.result not in {"-1", "-2"}


@dataclass(frozen=True, slots=True, kw_only=True)
class HungUp:
    """The caller has gone; commands about the channel are still answered for a moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """No more will come. `unread` bytes stood in a line or an environment that was not finished."""

    unread: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Nonsense:
    """The peer does not speak AGI, or not within the limits; the rest of what it says is thrown away."""

    reason: str


Event = Opened | Reply | HungUp | Closed | Nonsense


class Protocol:
    """One connection's conversation, from the server's side."""

    def __init__(self) -> None:
        self._buffer = b""
        self._lines: list[str] = []  # of the environment, or of a reply of several lines, while it is not whole
        self._opened = False
        self._hung_up = False
        self._over = False
        self._events: list[Event] = []
        self._outgoing: list[bytes] = []

    # What comes in

    def receive_data(self, data: bytes) -> None:
        if self._over:
            return
        *lines, rest = (self._buffer + data).split(b"\n")
        for line in lines:
            self._take_line(line)
        self._buffer = b"" if self._over else rest
        if len(self._buffer) > MAX_LINE:
            self._give_up(f"a line without an end after {MAX_LINE} bytes")

    def receive_eof(self) -> None:
        if not self._over:
            self._events.append(Closed(unread=len(self._buffer) + sum(map(len, self._lines))))
        self._over = True
        self._buffer = b""

    def events_received(self) -> list[Event]:
        """Everything since the last call, in the order it came."""
        events, self._events = self._events, []
        return events

    # What goes out

    def set_variables(self, values: Mapping[str, str]) -> list[BadCommand]:
        """Asterisk sets them as they stand, in their order and many with one command: nothing in them is looked at by
        the dialplan. Gives what is wrong with those that cannot be said; the others are set."""
        pairs, refused = list[str](), list[BadCommand]()
        for name, value in values.items():
            try:
                pairs.append(_pair(name, value))
            except BadCommand as bad:
                refused.append(bad)
        for portion in _portions(pairs):
            self._send(_mset(portion))
        return refused

    def get_variable(self, name: str) -> None:
        """Raises `BadCommand`."""
        if not _NAME.fullmatch(name):
            raise BadCommand(f"{name!r} is no name of a channel variable")
        self._send(f"GET VARIABLE {name}")

    def verbose(self, text: str, level: int = 3) -> None:
        """A line for Asterisk's console. Raises `BadCommand`."""
        self._send(f"VERBOSE {_quoted(text)} {level}")

    def data_to_send(self) -> list[bytes]:
        """Bytes for the PBX, one portion a command; each portion is handed out once."""
        outgoing, self._outgoing = self._outgoing, []
        return outgoing

    def _send(self, command: str) -> None:
        self._outgoing.append(_line(command))

    # Lines

    def _take_line(self, line: bytes) -> None:
        if len(line) > MAX_LINE:
            self._give_up(f"a line of {len(line)} bytes")
        if not self._over:
            self._take(decode(line.removesuffix(b"\r"))[0])

    def _take(self, line: str) -> None:
        if line == "HANGUP" and not self._is_inside_a_value:
            self._hang_up()
        elif self._opened:
            self._take_reply(line)
        else:
            self._take_field(line)

    def _take_field(self, line: str) -> None:
        if line:
            self._keep(line)
            if not _FIELD.fullmatch(line):
                self._give_up(f"{line[:60]!r} is no line of an AGI environment")
        elif not self._lines:
            self._give_up("an environment without a line")
        else:
            fields = (match.groups() for match in map(_FIELD.fullmatch, self._lines) if match)
            self._opened = True
            self._lines = []
            self._events.append(Opened(fields={name.removeprefix("agi_"): value for name, value in fields}))

    def _take_reply(self, line: str) -> None:
        """A 520 goes on over several lines, and a variable's value may hold line breaks."""
        self._keep(line)
        match = _REPLY.fullmatch(self._lines[0]) if self._lines else None
        if match is None:
            self._give_up(f"{line[:60]!r} is no reply to a command")
        elif match[2] == "-":
            if len(self._lines) > 1 and line.startswith(f"{match[1]} "):
                self._finish_reply(int(match[1]))
        elif not self._is_inside_a_value:
            self._finish_reply(int(match[1]))

    def _finish_reply(self, code: int) -> None:
        text = "\n".join(self._lines)
        self._lines = []
        if code < 200:
            return  # on its way: the reply itself follows
        found = _RESULT.match(text[4:])
        result, value = found.groups() if found else ("", "")
        self._events.append(Reply(code=code, text=text[4:].strip(), result=result or "", value=value or ""))

    @property
    def _is_inside_a_value(self) -> bool:
        """A reply ``200 result=1 (…`` whose bracket has not closed at a line's end."""
        if not (self._opened and self._lines and self._lines[0].startswith("200 ")):
            return False
        return " (" in self._lines[0] and not re.search(r"\)(?: endpos=\d+)?\s*$", self._lines[-1])

    def _keep(self, line: str) -> None:
        self._lines.append(line)
        if len(self._lines) > MAX_LINES:
            self._give_up(f"more than {MAX_LINES} lines")

    def _hang_up(self) -> None:
        if not self._hung_up:
            self._events.append(HungUp())
        self._hung_up = True

    def _give_up(self, reason: str) -> None:
        if self._over:
            return
        self._over = True
        self._buffer = b""
        self._lines = []
        self._events.append(Nonsense(reason=reason))


def _line(command: str) -> bytes:
    line = command.encode()
    if b"\n" in line or b"\r" in line or b"\0" in line:
        raise BadCommand("a line break would begin a command of its own")
    if len(line) > MAX_COMMAND:
        raise BadCommand(f"the command is longer than the {MAX_COMMAND} bytes that Asterisk reads")
    return line + b"\n"


def _pair(name: str, value: str) -> str:
    """As MSet takes it apart: at commas that stand in no quotes or brackets and behind no backslash, quotes and
    backslashes being taken off; then at the first equals sign. Raises `BadCommand`."""
    if not _NAME.fullmatch(name):
        raise BadCommand(f"{name!r} is no name of a channel variable")
    pair = f"{name}={_escaped(value)}"
    try:
        _line(_mset([pair]))
    except BadCommand as bad:
        raise BadCommand(f"{name}: {bad}") from None
    return pair


def _escaped(text: str) -> str:
    return _SEPARATES.sub(r"\\\g<0>", text)


def _portions(pairs: Iterable[str]) -> Iterator[list[str]]:
    """As few as commands can hold."""
    portion: list[str] = []
    for pair in pairs:
        if len(portion) == MOST_PAIRS or (portion and len(_mset([*portion, pair]).encode()) > MAX_COMMAND):
            yield portion
            portion = []
        portion.append(pair)
    if portion:
        yield portion


def _mset(pairs: Iterable[str]) -> str:
    return f"EXEC MSet {_quoted(','.join(pairs))}"


def _quoted(text: str) -> str:
    """As `parse_args` reads it: in quotes, with a backslash before each quote and backslash."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _unescaped(text: str) -> str:
    """A part of an address, as `URIENCODE()` and browsers write it."""
    plain = text.replace("+", " ").encode()
    return decode(_ESCAPED.sub(lambda code: bytes([int(code[1], 16)]), plain))[0]


def _argument(name: str) -> int:
    return int(name.removeprefix("arg_"))
