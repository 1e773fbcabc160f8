"""The channels that are up and who hears whom.

Asterisk's own picture, kept from its events: channels by Uniqueid, the bridges they are in, and the two halves of each
Local channel, which pass through to each other whatever enters one of them. Who hears a channel is then a walk through
bridges and Local halves, however many of them a queue, a follow-me or a transfer has put in between; nobody has to
know which of these it was.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from ringbridge.ami.message import Message

UNKNOWN = frozenset({"", "<unknown>"})
"""How Asterisk writes a value that it does not have."""

# Channels that no person holds: conference announcers, recorders, message routing, the shell of an async goto.
PSEUDO = frozenset(
    {"Announcer", "AsyncGoto", "Bridge", "CBAnn", "CBRec", "Message", "MulticastRTP", "Parked", "Recorder", "Snoop"}
    | {"Surrogate", "UnicastRTP"}
)


@dataclass(slots=True, eq=False)
class Channel:
    """One channel, from Newchannel to Hangup."""

    uniqueid: str
    name: str
    linkedid: str
    since: datetime
    exten: str = ""
    caller_number: str | None = None
    caller_name: str | None = None
    up: bool = False
    ringing: bool = False
    offered: bool = False  # it came to us: the PBX did not make it to dial somebody
    bridge: str | None = None
    dialled_by: str | None = None  # Uniqueid of the channel whose Dial or Queue made it
    dial_string: str = ""
    originated: bool = False  # dialled by nobody: an Originate, or the first half of a consultation
    connection: int = 0  # the AMI connection on which it was last heard of

    @property
    def technology(self) -> str:
        return self.name.partition("/")[0]

    @property
    def is_local(self) -> bool:
        return self.name.startswith("Local/")

    @property
    def is_pseudo(self) -> bool:
        return self.technology in PSEUDO

    @property
    def is_second_half(self) -> bool:
        return self.is_local and self.name.endswith(";2")

    @property
    def endpoint(self) -> str:
        """Whose channel it is, as the PBX names the device or the trunk: ``101`` of ``PJSIP/101-00000014``."""
        return endpoint_of(self.name)

    @property
    def local_exten(self) -> str:
        """What a Local channel was made to dial: ``102`` of ``Local/102@from-internal-xfer-00000003;1``."""
        return self.name.partition("/")[2].partition("@")[0]


def endpoint_of(name: str) -> str:
    """``mango`` of ``PJSIP/mango-00000013``, ``i1`` of ``DAHDI/i1/79125551122-3``, ``101`` of ``PJSIP/101``."""
    rest = name.partition("/")[2]
    whole = rest.rpartition("-")[0] or rest
    return whole.partition("/")[0]


def dialled_number(dial_string: str, endpoint: str) -> str | None:
    """The number in a trunk's dial string, None when it names only the endpoint.

    ``7912…@mango`` (PJSIP), ``mango/sip:7912…@1.2.3.4`` (PJSIP with a URI), ``provider/7912…`` (SIP, IAX2),
    ``i1/7912…`` (DAHDI). Seen on Asterisk 16 and 22; the forms of the others from Asterisk's Dial documentation.
    """
    if uri := re.search(r"sips?:([^@;>]+)@", dial_string):
        return uri[1]
    number = dial_string.partition("@")[0] if "@" in dial_string else dial_string.rpartition("/")[2]
    number = number.partition(":")[0]
    return number if number and number != endpoint else None


def channel_of(message: Message, at: datetime, prefix: str = "") -> Channel | None:
    """A new channel of this name; None where the headers name none."""
    uniqueid, name = message.get(f"{prefix}Uniqueid"), message.get(f"{prefix}Channel")
    if uniqueid in UNKNOWN or name in UNKNOWN or name == "none":
        return None
    return Channel(uniqueid=uniqueid, name=name, linkedid=message.get(f"{prefix}Linkedid"), since=at)


@dataclass(slots=True)
class Channels:
    """Every channel that is up. Takes the raw headers; gives back the channel they speak of."""

    connection: int = 0
    _live: dict[str, Channel] = field(default_factory=dict)
    _bridges: dict[str, set[str]] = field(default_factory=dict)
    _halves: dict[str, str] = field(default_factory=dict)  # name of a Local half -> Uniqueid

    def __len__(self) -> int:
        return len(self._live)

    def __iter__(self) -> Iterator[Channel]:
        return iter(list(self._live.values()))

    def get(self, uniqueid: str | None) -> Channel | None:
        return self._live.get(uniqueid) if uniqueid else None

    def adopt(self, uniqueid: str, message: Message, at: datetime, prefix: str = "") -> Channel | None:
        """The channel of this Uniqueid, kept anew when it was never heard of; None where the headers name none."""
        channel = self._live.get(uniqueid) or self._keep(channel_of(message, at, prefix))
        if channel is not None:
            self._refresh(channel, message, prefix)
        return channel

    def _keep(self, channel: Channel | None) -> Channel | None:
        if channel is not None:
            self._live[channel.uniqueid] = channel
            if channel.is_local:
                self._halves[channel.name] = channel.uniqueid
        return channel

    def _refresh(self, channel: Channel, message: Message, prefix: str) -> None:
        channel.connection = self.connection
        if not channel.exten or channel.exten == "s":
            channel.exten = message.get(f"{prefix}Exten")
        if channel.caller_number is None:
            channel.caller_number = _known(message.get(f"{prefix}CallerIDNum"))
        if channel.caller_name is None:
            channel.caller_name = _known(message.get(f"{prefix}CallerIDName"))
        state = message.get(f"{prefix}ChannelStateDesc")
        channel.up = channel.up or state == "Up"
        channel.ringing = channel.ringing or state == "Ringing"

    def rename(self, uniqueid: str, name: str) -> None:
        if channel := self._live.get(uniqueid):
            channel.name = name

    def drop(self, uniqueid: str) -> Channel | None:
        channel = self._live.pop(uniqueid, None)
        if channel is not None:
            self.leave(channel)
            self._halves.pop(channel.name, None)
        return channel

    # Bridges

    def enter(self, channel: Channel, bridge: str, swapped: str | None = None) -> None:
        self.leave(channel)
        if other := self.get(swapped):
            self.leave(other)
        channel.bridge = bridge
        self._bridges.setdefault(bridge, set()).add(channel.uniqueid)

    def leave(self, channel: Channel) -> None:
        if channel.bridge is None:
            return
        members = self._bridges.get(channel.bridge, set())
        members.discard(channel.uniqueid)
        if not members:
            self._bridges.pop(channel.bridge, None)
        channel.bridge = None

    def other_half(self, channel: Channel) -> Channel | None:
        """The other end of a Local channel."""
        if not channel.is_local:
            return None
        name = channel.name[:-1] + ("1" if channel.is_second_half else "2")
        return self.get(self._halves.get(name))

    def hearing(self, channel: Channel) -> set[str]:
        """Uniqueids of all channels that hear this one, itself included."""
        heard, todo = {channel.uniqueid}, [channel]
        while todo:
            here = todo.pop()
            beyond = self._bridges[here.bridge] - heard if here.bridge else set()
            if here.is_local and (half := self.other_half(here)) is not None and half.uniqueid not in heard:
                beyond.add(half.uniqueid)
            heard |= beyond
            todo += map(self._live.__getitem__, beyond)
        return heard


def whole_number(value: str) -> int | None:
    """A header's number, of at most nine digits; None where it is none."""
    return int(value) if value.isascii() and value.isdigit() and len(value) <= 9 else None


def _known(value: str) -> str | None:
    return None if value in UNKNOWN else value
