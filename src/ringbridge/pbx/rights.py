"""What the manager user may do, and what an administrator should change so that everything works.

``ListCommands`` needs no right and names exactly the actions this user may run, so the write classes need no guessing.
The read classes are told by ``manager show user`` (where the user may run commands); elsewhere they are judged by the
classes of the events that come: a ``Cdr`` without a single event of class ``call`` means that ``call`` is not read.

Sources: Asterisk's ``manager show command NAME`` (Privilege), manager.conf.sample ("Read authorization permits …").
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ringbridge.ami.message import Message

CLASSES_OF_ACTION: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "atxfer": ("call",),
        "blindtransfer": ("call",),
        "bridge": ("call",),
        "cancelatxfer": ("call",),
        "command": ("command",),
        "coresettings": ("reporting", "system"),
        "coreshowchannels": ("reporting", "system"),
        "corestatus": ("reporting", "system"),
        "dbget": ("reporting", "system"),
        "devicestatelist": ("call", "reporting"),
        "extensionstatelist": ("call", "reporting"),
        "filter": ("system",),
        "getvar": ("call", "reporting"),
        "hangup": ("call", "system"),
        "mixmonitor": ("system",),
        "mixmonitormute": ("call", "system"),
        "originate": ("originate",),
        "park": ("call",),
        "pjsipshowendpoints": ("system",),
        "queueadd": ("agent",),
        "queuepause": ("agent",),
        "redirect": ("call",),
        "setvar": ("call",),
        "showdialplan": ("reporting", "config"),
        "status": ("call", "reporting", "system"),
        "stopmixmonitor": ("call", "system"),
        "sippeers": ("reporting", "system"),
        "userevent": ("user",),
    }
)
"""Any one of the classes is enough; the mildest stands first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingRight:
    """One class that should be added to the manager user, and what does not work without it.

    ``kind`` is ``read`` or ``write``; ``required`` tells whether calls can be tracked at all without it.
    """

    kind: str
    name: str
    consequence: str
    required: bool = False

    def __str__(self) -> str:
        return f"add {self.name} to {self.kind} = … of the manager user: {self.consequence}"


_WRITE = (
    ("Originate", "originate", "without it a click on a number in the CRM cannot place a call"),
    ("Status", "call", "without it calls in progress are not seen after a reconnect"),
    ("Getvar", "call", "without it the path of a recording cannot be asked for"),
    ("CoreShowChannels", "reporting", "without it less is known of calls in progress after a reconnect"),
)
_WRITE_FOR_PHONES = (
    ("DeviceStateList", "call", "without it the state of a phone is known only after its next change"),
)
_READ = (
    ("call", "without it no call is seen at all", True),
    ("agent", "without it waiting in queues and answers of queue members are not seen", False),
    ("cdr", "without it the talk time of a call met in its middle is not known", False),
    ("system", "without it a restart of the PBX is noticed only by the lost connection", False),
)
_FOLLOWS_A_CALL = {"cdr", "agent", "dialplan"}  # classes whose events come only where call events come too


@dataclass(slots=True)
class Rights:
    """What is known so far. ``None`` means: not known."""

    actions: frozenset[str] | None = None  # names, lower case, of what may be run
    read: frozenset[str] | None = None  # as manager show user tells
    seen: frozenset[str] = frozenset()  # classes of the events that came
    phones: bool = False  # whether the state of phones is wanted

    def may(self, action: str) -> bool:
        """True also when it is not known: trying tells."""
        return self.actions is None or action.lower() in self.actions

    def note_commands(self, answer: Message) -> None:
        """The answer to ListCommands: a header per action."""
        self.actions = frozenset(name.lower() for name, _ in answer.headers)

    def note_user(self, output: Iterable[str]) -> None:
        """The output of ``manager show user NAME``."""
        for line in output:
            if match := re.match(r"\s*read perm:\s*(\S*)", line):
                self.read = frozenset(match[1].split(","))

    def note_event(self, message: Message) -> bool:
        """The class an event belongs to is the first word of its Privilege. True when it is a new one."""
        name = message.get("Privilege").partition(",")[0]
        if not name or name in self.seen:
            return False
        self.seen |= {name}
        return True

    def missing(self) -> tuple[MissingRight, ...]:
        """What to add, the required first; empty when nothing is known to be missing."""
        return (*self._missing_read(), *self._missing_write())

    def _missing_read(self) -> Iterable[MissingRight]:
        for name, consequence, required in _READ:
            if self.read is not None:
                missing = not self.read & {name, "all"}
            else:
                missing = name == "call" and "call" not in self.seen and bool(self.seen & _FOLLOWS_A_CALL)
            if missing:
                yield MissingRight(kind="read", name=name, consequence=consequence, required=required)

    def _missing_write(self) -> Iterable[MissingRight]:
        for action, name, consequence in (*_WRITE, *(_WRITE_FOR_PHONES if self.phones else ())):
            if not self.may(action):
                yield MissingRight(kind="write", name=name, consequence=consequence)


def class_for(action: str) -> str | None:
    """The mildest write class that allows an action; None when it needs none or is not known."""
    return next(iter(CLASSES_OF_ACTION.get(action.lower(), ())), None)
