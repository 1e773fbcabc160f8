"""One call's part of a conversation with a PBX, as a test case that tells the same call again. Pure.

A block belongs to the call when one of its headers names one of the call's channels, by Uniqueid or Linkedid; bridges
are known by the channels that are in them, and whoever meets the call in one belongs to it with all they did before: in
a conference, or by a pickup. Answers to actions come along whole when one of their rows belongs to it.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ringbridge.telephony.model import Call
from ringbridge.telephony.trace import Portion

GREETING = b"Asterisk Call Manager/11.0.0\r\n"
BLOCK_END = b"\r\n\r\n"
CHANNEL = re.compile(rb"^[A-Za-z0-9]*(?<!Bridge)(?:Uniqueid|Linkedid): ?(\S+)\r?$", re.IGNORECASE | re.MULTILINE)
LINKED = re.compile(rb"^[A-Za-z0-9]*Linkedid: ?(\S+)\r?$", re.IGNORECASE | re.MULTILINE)
BRIDGE = re.compile(rb"^[A-Za-z0-9]*BridgeUniqueid: ?(\S+)\r?$", re.IGNORECASE | re.MULTILINE)
SHUTDOWN = b"Event: Shutdown\r\n"
NOBODY = b"<"  # so begins (<null>, <unknown>) the channel of an Originate that came to nothing
STANDS = (b"Event: BridgeEnter\r\n", b"Event: BridgeInfoChannel\r\n")
HOLDING = b"holding_bridge"  # parking and waiting rooms, where strangers stand
ACTION = re.compile(rb"^ActionID: ?(\S+)\r?$", re.IGNORECASE | re.MULTILINE)


def excerpt(portions: Iterable[Portion], call: Call) -> list[Portion]:
    """The call's blocks, each at the time when it was complete; none where the conversation has nothing of it."""
    blocks = list(_blocks(portions))
    channels = _linked({name.encode() for name in (call.id, *call.channels)}, blocks)
    channels = _linked(channels | _met(channels, blocks), blocks)
    own = [block for block in blocks if not channels.isdisjoint(CHANNEL.findall(block.data))]
    bridges = {bridge for block in own for bridge in BRIDGE.findall(block.data)}
    actions = {action for block in own for action in ACTION.findall(block.data)}
    actions |= {call.click_to_call.encode()} if call.click_to_call else set()
    return [block for block in blocks if _belongs(block.data, channels, bridges, actions)]


def _linked(channels: set[bytes], blocks: Iterable[Portion]) -> set[bytes]:
    """With the channels that these made."""
    for block in blocks:
        if not channels.isdisjoint(LINKED.findall(block.data)):
            channels = channels | set(CHANNEL.findall(block.data))
    return channels


def _met(channels: set[bytes], blocks: Iterable[Portion]) -> set[bytes]:
    """Who stood in a bridge with these, and could be heard; a listing names the bridge by its action."""
    standing = [block.data for block in blocks if block.data.startswith(STANDS) and HOLDING not in block.data]
    places = {each for block in standing if not channels.isdisjoint(CHANNEL.findall(block)) for each in _places(block)}
    return {name for block in standing if not places.isdisjoint(_places(block)) for name in CHANNEL.findall(block)}


def _places(block: bytes) -> list[bytes]:
    return BRIDGE.findall(block) + ACTION.findall(block)


def _belongs(block: bytes, channels: set[bytes], bridges: set[bytes], actions: set[bytes]) -> bool:
    named = CHANNEL.findall(block)
    if block.startswith(SHUTDOWN) or not channels.isdisjoint(named):
        return True
    if any(not name.startswith(NOBODY) for name in named):
        return False
    return not bridges.isdisjoint(BRIDGE.findall(block)) or not actions.isdisjoint(ACTION.findall(block))


def _blocks(portions: Iterable[Portion]) -> Iterator[Portion]:
    rest = b""
    for portion in portions:
        *whole, rest = (rest + portion.data).split(BLOCK_END)
        for block in whole:
            yield Portion(at=portion.at, data=block.lstrip(b"\r\n") + BLOCK_END)


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceFiles:
    """As `telephony.trace` reads them: ``NAME.ami.gz`` and ``NAME.times.gz``."""

    ami: bytes
    times: bytes


def files_of(blocks: Iterable[Portion]) -> TraceFiles:
    data, index = bytearray(GREETING), []
    for number, block in enumerate(blocks):
        index.append(f"{len(data) if number else 0} {block.at.timestamp():.6f}\n")
        data += block.data
    return TraceFiles(ami=gzip.compress(bytes(data), mtime=0), times=gzip.compress("".join(index).encode(), mtime=0))
