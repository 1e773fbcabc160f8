"""Memory at a thousand live calls and after them, and what the service takes when nothing happens."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import median

from bench.figure import Figure, kibibytes, mebibytes
from bench.instant_portal import FINISH, REGISTER
from bench.played import Moment, Template
from bench.streams import TRUNKS
from bench.street import play, street
from ringbridge.ami.message import Message
from ringbridge.ami.protocol import Protocol
from ringbridge.telephony.tracker import CallTracker

CALLS = 1000
PER_SECOND = 100.0
STARTS = 5

METHOD = f"""\
A recorded answered call is played {CALLS:,} times with ids and clients of its own, so that all {CALLS:,} are in
conversation at one moment; then all hang up; then all of it once more with {CALLS:,} new calls. The tracker alone
(`Protocol` and `CallTracker`): what Python's tracemalloc counts in this process, after a garbage collection. The whole
service, in a process of its own with link, journal and delivery to a portal that answers at once: its resident memory,
which the allocator does not give back at once, so that the second wave tells more than the first. The start: the
median of {STARTS} new interpreters that import `ringbridge.serve`, by turns with as many that import nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    before: int
    live: tuple[int, ...]  # bytes in each wave
    after: tuple[int, ...]

    def row(self, name: str) -> tuple[str, ...]:
        (first, second), (gone, gone_again) = self.live, self.after
        return (
            name,
            mebibytes(self.before),
            mebibytes(first),
            f"**{kibibytes((first - self.before) / CALLS)}**",
            f"**{mebibytes(gone)}**",
            mebibytes(second),
            f"**{mebibytes(gone_again)}**",
        )


def halves(moments: Sequence[Moment]) -> tuple[list[Moment], list[Moment]]:
    """Up to the conversation, and from the hang-up on: before the longest silence."""
    gaps = [later.after - earlier.after for earlier, later in pairwise(moments)]
    cut = gaps.index(max(gaps)) + 1
    return list(moments[:cut]), list(moments[cut:])


def wave(template: Template, first: int) -> tuple[list[Moment], list[Moment]]:
    """The beginnings of a thousand calls, and their ends."""
    whole = template.moments
    template.moments, ends = halves(whole)
    begins = template.play([number / PER_SECOND for number in range(CALLS)], first=first)
    template.moments = ends
    finish = template.play([number / PER_SECOND - ends[0].after for number in range(CALLS)], first=first)
    template.moments = whole
    return begins, finish


# The tracker


def tracker_alone() -> Level:
    template = Template()
    waves = [wave(template, 1 + number * CALLS) for number in range(2)]
    protocol, tracker, start = Protocol(), CallTracker(trunks=TRUNKS), datetime.now(UTC)
    protocol.receive_data(b"Asterisk Call Manager/11.0.0\r\n")
    tracemalloc.start()
    before, live, after = allocated(), [], []
    for begins, ends in waves:
        feed(protocol, tracker, begins, start)
        live.append(allocated())
        start += timedelta(minutes=1)
        feed(protocol, tracker, ends, start)
        start += timedelta(minutes=1)
        tracker.expire(start)
        after.append(allocated())
    tracemalloc.stop()
    return Level(before=before, live=tuple(live), after=tuple(after))


def feed(protocol: Protocol, tracker: CallTracker, moments: Sequence[Moment], start: datetime) -> None:
    for moment in moments:
        protocol.receive_data(moment.data)
        for item in protocol.events_received():
            if isinstance(item, Message):
                tracker.feed(item, start + timedelta(seconds=moment.after))


def allocated() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


# The service


async def whole_service() -> Level:
    template = Template()
    async with street() as place:
        before, live, after = int(await place.asked("memory")), [], []
        for number in range(2):
            begins, ends = wave(template, 1 + number * CALLS)
            await play(place.pbx, begins)
            await place.portal.until(REGISTER, (number + 1) * CALLS)
            live.append(int(await place.asked("memory")))
            await play(place.pbx, ends)
            await place.portal.until(FINISH, (number + 1) * CALLS)
            after.append(int(await place.asked("memory")))
    return Level(before=before, live=tuple(live), after=tuple(after))


# The start


def start_times() -> tuple[float, float]:
    """Median seconds of an interpreter that imports the service, and of one that imports nothing."""
    pairs = [(seconds_of("import ringbridge.serve"), seconds_of("pass")) for _ in range(STARTS)]
    return median(ours for ours, _ in pairs), median(bare for _, bare in pairs)


def seconds_of(program: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True)
    return time.perf_counter() - began


def measure() -> Figure:
    ours, bare = start_times()
    start = f"The service is imported in {ours:.2f} s, {ours / bare:.0f} times as long as Python itself ({bare:.3f} s)."
    return Figure(
        title=f"Memory at {CALLS:,} live calls, and after they end",
        method=f"{METHOD}\n\n{start}",
        columns=("", "before", "live", "per live call", "after", "live again", "after again"),
        rows=[
            tracker_alone().row("tracker alone (tracemalloc)"),
            asyncio.run(whole_service()).row("whole service (resident)"),
        ],
    )
