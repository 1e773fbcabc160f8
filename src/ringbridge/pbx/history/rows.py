"""The PBX's own records as values, and whose side of a call a channel is on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from ringbridge.telephony.channels import PSEUDO, endpoint_of
from ringbridge.telephony.numbers import DEFAULT_REGION, INTERNAL_LENGTH, is_internal, parse_number


@dataclass(frozen=True, slots=True, kw_only=True)
class CdrRow:
    """One call detail record: one leg. Source of the fields: Asterisk documentation, Call Detail Records."""

    start: datetime
    end: datetime
    channel: str
    dstchannel: str = ""
    src: str = ""
    dst: str = ""
    lastapp: str = ""
    lastdata: str = ""
    billsec: int = 0  # seconds since *somebody or something* answered: an IVR, a queue
    disposition: str = ""  # ANSWERED, NO ANSWER, BUSY, FAILED, CONGESTION
    uniqueid: str = ""
    linkedid: str = ""
    did: str = ""
    recordingfile: str = ""

    @property
    def answered(self) -> bool:
        return self.disposition == "ANSWERED"

    @property
    def talk_start(self) -> datetime:
        return self.end - timedelta(seconds=self.billsec)


@dataclass(frozen=True, slots=True, kw_only=True)
class CelRow:
    """One channel event. Source of the fields: Asterisk documentation, Channel Event Logging."""

    event: str  # CHAN_START, ANSWER, BRIDGE_ENTER, …
    time: datetime
    channel: str
    uniqueid: str
    linkedid: str
    cid_num: str = ""
    exten: str = ""
    app: str = ""
    app_data: str = ""
    extra: Mapping[str, object] = field(default_factory=dict)

    @property
    def waits(self) -> bool:
        """The bridge is one in which calls wait side by side and nobody hears anybody: a parking lot."""
        return self.said("bridge_technology") == "holding_bridge"

    def said(self, name: str) -> str:
        """A value of the event's extra data as text; empty when it is not there."""
        value = self.extra.get(name)
        return "" if value is None else str(value)


class HistorySource(Protocol):
    """Where the PBX keeps its records: CSV files, a database."""

    def cdr(self, since: datetime, until: datetime) -> Iterable[CdrRow]:
        """Records of legs that began between the two, in any order."""
        ...

    def cel(self, since: datetime, until: datetime) -> Iterable[CelRow]:
        """Events between the two, in the order they happened; none where the PBX keeps no CEL."""
        ...


class Side(StrEnum):
    TRUNK = "trunk"
    PHONE = "phone"
    LOCAL = "local"
    NOBODY = "nobody"  # announcers, recorders


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """What an office's channels are. Without a list of trunks, every peer that is no internal number is one."""

    trunks: frozenset[str] = frozenset()
    region: str = DEFAULT_REGION
    internal_length: int = INTERNAL_LENGTH

    def of(self, channel: str) -> Side:
        technology = channel.partition("/")[0]
        if technology == "Local":
            return Side.LOCAL
        if not channel or technology in PSEUDO:
            return Side.NOBODY
        endpoint = endpoint_of(channel)
        is_trunk = endpoint in self.trunks if self.trunks else not self.internal(endpoint)
        return Side.TRUNK if is_trunk else Side.PHONE

    def internal(self, number: str) -> bool:
        return is_internal(number, longest=self.internal_length)

    def outside(self, number: str) -> bool:
        """Whether this can be a client's number: a telephone number that is not one of ours."""
        if self.internal(number):
            return False
        parsed = parse_number(number, self.region)
        return parsed is not None and (parsed.valid or len(parsed.digits) > self.internal_length)


def given(number: str) -> str | None:
    """A number as the PBX gave it; None when it is withheld."""
    return number if parse_number(number) else None


def local_base(channel: str) -> str:
    """What both halves of a Local channel have in common; empty for other channels."""
    return channel.rpartition(";")[0] if channel.startswith("Local/") else ""


def local_exten(channel: str) -> str:
    return channel.partition("/")[2].partition("@")[0]
