"""Who spoke with the client and when, from the bridges that CEL tells of.

As in a live call, talk is a walk: from the client's channel through the bridges it is in and through both halves of
Local channels to the phones (or the trunk to a mobile) at the other end. Ringing, queues and IVRs have no bridge.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ringbridge.pbx.history.rows import CelRow, Side, Sides, local_base
from ringbridge.telephony.channels import endpoint_of
from ringbridge.telephony.model import Extension, Talk

SAME_TALK = timedelta(seconds=1)  # a bridge swapped for another, a Local channel optimised away


@dataclass(slots=True)
class Bridges:
    """Which channels, by name, hear each other at a moment."""

    _bridge: dict[str, str] = field(default_factory=dict)

    def take(self, row: CelRow) -> None:
        match row.event:
            case "BRIDGE_ENTER" if not row.waits:
                self._bridge[row.channel] = row.said("bridge_id")
            case "BRIDGE_EXIT" if self._bridge.get(row.channel) == row.said("bridge_id"):
                del self._bridge[row.channel]
            case "HANGUP" | "CHAN_END":
                self._bridge.pop(row.channel, None)

    def heard_by(self, channel: str) -> set[str]:
        """Every channel that the given one hears, itself included."""
        members: dict[str, list[str]] = defaultdict(list)
        for name, bridge in self._bridge.items():
            members[bridge].append(name)
            if base := local_base(name):
                members[base].append(name)
        heard, todo = {channel}, [channel]
        while todo:
            name = todo.pop()
            near = {*members.get(self._bridge.get(name, ""), ()), *members.get(local_base(name), ())}
            todo += near - heard
            heard |= near
        return heard


def talks_with(client: str, rows: Sequence[CelRow], sides: Sides, numbers: dict[str, Extension]) -> list[Talk]:
    """The talks of one client's channel. `numbers` says who is dialled by another trunk channel of the call."""
    bridges = Bridges()
    since: dict[Extension, datetime] = {}
    talks: list[Talk] = []
    for row in rows:
        bridges.take(row)
        speaking = _people(bridges.heard_by(client) - {client}, sides, numbers)
        silent = since.keys() - speaking
        talks += [Talk(extension=gone, start=since.pop(gone), end=row.time) for gone in silent]
        for new in speaking - since.keys():
            since[new] = row.time
    last = rows[-1].time
    talks += [Talk(extension=extension, start=start, end=last) for extension, start in since.items()]
    return mended(talks)


def _people(channels: Iterable[str], sides: Sides, numbers: dict[str, Extension]) -> set[Extension]:
    found = ((channel, sides.of(channel)) for channel in channels)
    phones = {extension_of(channel) for channel, side in found if side is Side.PHONE}
    return phones | {numbers[channel] for channel in channels if channel in numbers}


def extension_of(channel: str) -> Extension:
    return Extension(endpoint_of(channel))


def _later(a: datetime, b: datetime | None) -> datetime:
    return max(a, b) if b else a


def mended(talks: list[Talk]) -> list[Talk]:
    """Two stretches of one employee that overlap, or have hardly a gap between them, are one talk."""
    whole: list[Talk] = []
    for talk in sorted(talks, key=lambda talk: talk.start):
        before = next((each for each in reversed(whole) if each.extension == talk.extension), None)
        if before and before.end and talk.start - before.end <= SAME_TALK:
            whole[whole.index(before)] = Talk(
                extension=talk.extension, start=before.start, end=_later(before.end, talk.end)
            )
        else:
            whole.append(talk)
    return whole
