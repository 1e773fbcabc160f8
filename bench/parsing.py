"""AMI bytes to call events, against panoramisk's parsing alone."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from bench.figure import Figure
from bench.streams import STREAMS, TRUNKS
from ringbridge.ami.message import Message
from ringbridge.ami.protocol import Protocol
from ringbridge.telephony.trace import Portion
from ringbridge.telephony.tracker import CallTracker

ROUNDS = 5
METHOD = f"""\
The same recorded bytes, in the portions in which they came, are read by turns by Ringbridge and by panoramisk 1.4: one
round of each to warm up, then {ROUNDS} of each, A B A B. Ringbridge goes the whole way, `Protocol` and `CallTracker`,
to events of calls; panoramisk (its `AMIProtocol` with UTF-8, as its `Manager` sets it) parses and hands each event to a
manager that does nothing. Time is processor time of this process; the ratio is that of the medians. `Protocol` alone,
which hands out events and leaves their headers to whoever reads them, is measured after that, {ROUNDS} times."""


class Sink:
    """A manager to panoramisk's protocol, with nobody who listens to it."""

    def __init__(self) -> None:
        self.events = 0

    def dispatch(self, event: object) -> None:
        self.events += 1


@dataclass(frozen=True, slots=True)
class Read:
    seconds: float
    events: int


def ours(portions: Sequence[Portion]) -> int:
    """Returns how many events of calls came of it."""
    protocol, tracker, told = Protocol(), CallTracker(trunks=TRUNKS), 0
    for portion in portions:
        protocol.receive_data(portion.data)
        for item in protocol.events_received():
            if isinstance(item, Message):
                told += len(tracker.feed(item, portion.at))
        told += len(tracker.expire(portion.at))
    return told


def taken_in(portions: Sequence[Portion]) -> int:
    """The first half of our way. Returns how many AMI events came of it."""
    protocol, events = Protocol(), 0
    for portion in portions:
        protocol.receive_data(portion.data)
        events += len(protocol.events_received())
    return events


def theirs(portions: Sequence[Portion]) -> int:
    """Returns how many AMI events came of it."""
    from panoramisk.ami_protocol import AMIProtocol

    protocol, sink = AMIProtocol(), Sink()
    protocol.connection_made(None)
    protocol.encoding = "utf8"
    protocol.factory = sink
    for portion in portions:
        protocol.data_received(portion.data)
    return sink.events


def timed(read: Callable[[Sequence[Portion]], int], portions: Sequence[Portion]) -> Read:
    gc.collect()
    began = time.process_time()
    events = read(portions)
    return Read(seconds=time.process_time() - began, events=events)


def rounds(portions: Sequence[Portion]) -> tuple[list[Read], list[Read]]:
    timed(ours, portions), timed(theirs, portions)
    taken = [(timed(ours, portions), timed(theirs, portions)) for _ in range(ROUNDS)]
    return [a for a, _ in taken], [b for _, b in taken]


def measure() -> Figure:
    rows = []
    for stream in STREAMS:
        portions = stream.portions()
        size = sum(len(portion.data) for portion in portions)
        a, b = rounds(portions)
        our, their = (median(read.seconds for read in reads) for reads in (a, b))
        alone = median(timed(taken_in, portions).seconds for _ in range(ROUNDS))
        pairs = sorted(y.seconds / x.seconds for x, y in zip(a, b, strict=True))
        rows.append(
            (
                f"{stream.name}, {size / 1e6:.1f} MB",
                f"**{their / our:.1f} ×**",
                f"{pairs[0]:.1f} to {pairs[-1]:.1f}",
                f"{size / 1e6 / our:.0f} MB/s, {a[0].events:,} events of calls",
                f"{alone / our:.0%}",
                f"{size / 1e6 / their:.0f} MB/s, {b[0].events:,} AMI events",
            )
        )
    return Figure(
        title="AMI bytes to events of calls, against panoramisk 1.4 parsing alone (aim: 3 ×)",
        method=METHOD,
        columns=(
            "stream",
            "how many times as fast",
            "of single rounds",
            "Ringbridge",
            "of it `Protocol`",
            "panoramisk",
        ),
        rows=rows,
    )
