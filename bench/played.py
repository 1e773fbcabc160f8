"""A recorded call, played as often as it takes: other clients, other ids, the same story."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby

from bench.streams import TRUNKS
from ringbridge.emulators.asterisk.library import RecordedCall, recorded_calls
from ringbridge.emulators.asterisk.renewal import Cast, Counters, Renewal
from ringbridge.emulators.asterisk.server import wire
from ringbridge.telephony.events import LegRinging
from ringbridge.telephony.tracker import CallTracker

ANSWERED = "ast22_inbound_answered"

_CLIENT = "9990000000"
_IDS = re.compile(
    rf"(?P<client>{_CLIENT})|(?P<epoch>\d{{10}})\.(?P<uniqueid>\d+)|(?P<peer>PJSIP/\w+-)(?P<channel>[0-9a-f]{{8}})"
    r"|[0-9a-f]{8}(?P<bridge>(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})".encode()
)
_IDS_PER_CALL = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What the PBX says at one moment of a call. `rings`: with this, the call rings at an employee."""

    after: float  # seconds
    number: int  # of the call
    data: bytes
    rings: bool

    @property
    def client(self) -> str:
        return f"7{national(self.number)}"


def national(number: int) -> str:
    return f"9{number:09d}"


class Template:
    """An inbound call that is answered, to be played `speed` times as fast as it was recorded.

    `monitor` is the folder that its recording is announced to be in.
    """

    def __init__(self, *, speed: float = 1.0, monitor: str = "/var/spool/asterisk/monitor") -> None:
        call = next(call for call in recorded_calls() if call.name == ANSWERED)
        start = datetime.now(UTC)
        cast = Cast(client=f"7{_CLIENT}")
        renewal = Renewal(call, cast, Counters(), start=start, speed=speed, monitor=monitor)
        self.moments = list(_moments(call, renewal, start))

    def play(self, begins: Sequence[float], *, first: int = 0) -> list[Moment]:
        """One call for each of `begins` (seconds), everything in the order of time. `first` is the number of the
        first one: calls of different numbers share no id and no client."""
        moments = [
            Moment(
                after=begin + moment.after,
                number=number,
                data=_IDS.sub(_renumbered(number), moment.data),
                rings=moment.rings,
            )
            for number, begin in enumerate(begins, start=first)
            for moment in self.moments
        ]
        return sorted(moments, key=lambda moment: moment.after)


def _moments(call: RecordedCall, renewal: Renewal, start: datetime) -> Iterator[Moment]:
    tracker = CallTracker(trunks=TRUNKS)
    rung = False
    for at, group in groupby(call.events, key=lambda event: event.at):
        messages = [renewal.renewed(event.message) for event in group]
        told = [event for message in messages for event in tracker.feed(message, renewal.at(at))]
        rings = not rung and any(isinstance(event, LegRinging) for event in told)
        rung = rung or rings
        data = b"".join(wire(message.headers) for message in messages)
        yield Moment(after=(renewal.at(at) - start).total_seconds(), number=0, data=data, rings=rings)


def _renumbered(number: int) -> Callable[[re.Match[bytes]], bytes]:
    shift = number * _IDS_PER_CALL

    def replaced(found: re.Match[bytes]) -> bytes:
        if found["client"]:
            return national(number).encode()
        if found["uniqueid"]:
            return b"%b.%d" % (found["epoch"], int(found["uniqueid"]) + shift)
        if found["channel"]:
            return b"%b%08x" % (found["peer"], int(found["channel"], 16) + shift)
        return b"%08x%b" % (number, found["bridge"])

    return replaced


def arrivals(rate: float, count: int, *, seed: int = 1) -> list[float]:
    """Calls come when they come: a Poisson process of `rate` calls a second, the same in every run."""
    dice = random.Random(seed)
    at, found = 0.0, []
    for _ in range(count):
        at += dice.expovariate(rate)
        found.append(at)
    return found
