"""Makes a recorded call a new one: other times, other ids, other people; the same story.

What Asterisk gives out once must not come twice: Uniqueids, channel names, bridges, names of recordings. What belongs
together must stay together: a Uniqueid inside a file's name is the channel's.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo

from ringbridge.ami.message import Message
from ringbridge.emulators.asterisk.library import EXTENSION, RecordedCall

_UNIQUEID = re.compile(r"\b(\d{10})\.(\d+)\b")
_CHANNEL = re.compile(r"\b((?:PJSIP|SIP|Local)/[^\s,;&]*?)-([0-9a-f]{8})\b")
_BRIDGE = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
_DAY_FOLDER = re.compile(r"\d{4}/\d\d/\d\d/(?=\S*?-(\d{8})-(\d{6})-)")
_FILE_TIME = re.compile(r"(?<=-)(\d{8})-(\d{6})(?=-)")
_CDR_TIME = re.compile(r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\b")
_MONITOR = re.compile(r"(?<!\S)/\S*?/spool/(?:asterisk/)?monitor/")
_VOICEMAIL = re.compile(r"(?<!\S)/\S*?/spool/(?:asterisk/)?voicemail/")
_MESSAGE_NUMBER = re.compile(r"\bmsg\d{4}\b")

# Seconds that pass as fast as the call is played.
_LENGTHS = {"Duration", "BillableSeconds", "HoldTime", "TalkTime", "RingTime"}

# Numbers in these are counts, not extensions.
_COUNTS = {"Priority", "Duration", "BillableSeconds", "HoldTime", "TalkTime", "RingTime", "Cause", "Position", "Count"}


@dataclass(slots=True)
class Counters:
    """What the PBX counts up over all calls."""

    uniqueid: int = 0
    channel: int = 0
    call: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """Who plays the call this time. ``extensions`` maps the recorded ones to today's, ``names`` likewise.

    ``verbatim``: the client's number stands everywhere as it was dialled.
    """

    client: str
    extensions: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    action_id: str = ""  # of the Originate, for a click-to-call
    channel_id: str = ""  # asked for in the Originate
    verbatim: bool = False


class Renewal:
    """Renews the events of one playing of one call, from ``start`` on, ``speed`` times as fast.

    ``monitor`` and ``voicemail`` are the folders which the PBX says its files are in.
    """

    def __init__(
        self,
        call: RecordedCall,
        cast: Cast,
        counters: Counters,
        *,
        start: datetime,
        speed: float = 1.0,
        zone: tzinfo = UTC,
        monitor: str = "/var/spool/asterisk/monitor",
        voicemail: str = "/var/spool/asterisk/voicemail",
    ) -> None:
        self._call, self._cast = call, cast
        self._start, self._speed, self._zone = start, speed, zone
        self._folders = (monitor.rstrip("/") + "/", voicemail.rstrip("/") + "/")
        self._serial = counters.call
        counters.call += 1
        text = "\n".join(call.values())
        self._uniqueids = _shift(counters.uniqueid, (int(number) for _, number in _UNIQUEID.findall(text)))
        self._channels = _shift(counters.channel, (int(number, 16) for _, number in _CHANNEL.findall(text)))
        counters.uniqueid = max(self._uniqueids.values(), default=counters.uniqueid) + 2
        counters.channel = max(self._channels.values(), default=counters.channel) + 1
        self._replaced = self._given_ids(counters.uniqueid - 1) | dict(cast.names)
        self._words = re.compile("|".join(map(re.escape, self._replaced)) or r"(?!)")
        self._client = re.compile(rf"(\+?[78])?{call.client[-10:]}\b")

    @property
    def call(self) -> RecordedCall:
        return self._call

    @property
    def cast(self) -> Cast:
        return self._cast

    @property
    def linkedid(self) -> str:
        """Of the first channel: what the call is known by."""
        return self._value("Linkedid", self._call.events[0].message.get("Linkedid"))

    def at(self, recorded: datetime) -> datetime:
        """When a recorded moment comes this time."""
        return self._start + (recorded - self._call.start) / self._speed

    def renewed(self, message: Message) -> Message:
        return Message((name, self._value(name, value)) for name, value in message.headers)

    def _value(self, name: str, value: str) -> str:
        if name in {"Event", "Privilege"} or not value:
            return value
        if name in _LENGTHS and value.isdigit():
            return str(round(int(value) / self._speed))
        if name == "ActionID":
            return self._cast.action_id or f"click-{self._serial}"
        for pattern, replacement in self._steps():
            value = pattern.sub(replacement, value)
        if name not in _COUNTS:
            value = EXTENSION.sub(lambda match: self._cast.extensions.get(match[0], match[0]), value)
        return value

    def _steps(self) -> tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...]:
        monitor, voicemail = self._folders
        return (
            (_MONITOR, lambda _: monitor),
            (_VOICEMAIL, lambda _: voicemail),
            (_MESSAGE_NUMBER, lambda _: f"msg{self._serial % 10_000:04}"),
            (_DAY_FOLDER, lambda match: f"{self._at_text(match[1] + match[2]):%Y/%m/%d/}"),
            (_FILE_TIME, lambda match: f"{self._at_text(match[1] + match[2]):%Y%m%d-%H%M%S}"),
            (_CDR_TIME, lambda match: f"{self._at_text(re.sub(r'[^0-9]', '', match[0])):%Y-%m-%d %H:%M:%S}"),
            (_UNIQUEID, self._uniqueid),
            (_CHANNEL, lambda match: f"{match[1]}-{self._channels[int(match[2], 16)]:08x}"),
            (_BRIDGE, lambda match: str(uuid.uuid5(uuid.NAMESPACE_OID, f"{self._start} {self._serial} {match[0]}"))),
            (self._words, lambda match: self._replaced[match[0]]),
            (self._client, self._number),
        )

    def _at_text(self, digits: str) -> datetime:
        """The PBX of the recordings wrote UTC."""
        return self.at(datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=UTC)).astimezone(self._zone)

    def _uniqueid(self, match: re.Match[str]) -> str:
        epoch = self.at(datetime.fromtimestamp(int(match[1]), UTC)).timestamp()
        return f"{int(epoch)}.{self._uniqueids[int(match[2])]}"

    def _number(self, match: re.Match[str]) -> str:
        """A Russian number keeps the way it was written (8…, +7…); another stands as it is."""
        national = re.fullmatch(r"\+?[78](\d{10})", self._cast.client)
        if national is None or self._cast.verbatim:
            return self._cast.client
        return (match[1] or "") + national[1]

    def _given_ids(self, number: int) -> dict[str, str]:
        """A Uniqueid that whoever placed the call had chosen, and what stands for it now."""
        headers = (event.message.get("Uniqueid") for event in self._call.events)
        chosen = {value for value in headers if value and not _UNIQUEID.fullmatch(value)}
        fresh = self._cast.channel_id or f"{int(self._start.timestamp())}.{number}"
        return dict.fromkeys(chosen, fresh)

    @property
    def length(self) -> timedelta:
        return (self._call.end - self._call.start) / self._speed


def _shift(first: int, numbers: Iterable[int]) -> dict[int, int]:
    """The numbers moved so that the smallest becomes ``first``."""
    found = sorted(set(numbers))
    return {number: first + number - found[0] for number in found}
