"""From the bytes of a ring to the bytes of `register`."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from bench.figure import Figure, milliseconds, percentile
from bench.instant_portal import FINISH
from bench.played import Template, arrivals
from bench.street import Street, play, street

WARM_UP = 20  # calls
RATES = ((1.0, 30), (20.0, 400), (100.0, 1200))  # calls per second, calls


METHOD = """\
An emulated PBX plays one recorded inbound call (47 AMI events, among them the dialplan class; ring, answer, 2 s of
talk, hang-up) over and over, in real time, to Ringbridge in a process of its own, with a real link, real TCP on
loopback and its database on this disk (WAL, synchronous=FULL). Calls arrive as a Poisson process with a fixed seed.
The clock starts just before the ring's bytes are written to our socket and stops when the whole HTTP request with
the call's `register` has been read at the other end. The portal there answers at once and its quota is set so high
that it never makes a request wait: what is left is our own share. Before each rate 20 calls warm up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    rate: float
    delays: list[float]
    processor: float  # of one core, as a share
    requests_per_call: float


async def measured(street: Street, rate: float, count: int, *, first: int, template: Template) -> Measured:
    await one_wave(street, template, max(rate, 20.0), WARM_UP, first)
    before, requests, began = float(await street.asked("processor")), street.portal.requests, time.perf_counter()
    rang = await one_wave(street, template, rate, count, first + WARM_UP)
    took = time.perf_counter() - began
    used = float(await street.asked("processor")) - before
    return Measured(
        rate=rate,
        delays=[street.portal.registered[client] - at for client, at in rang.items()],
        processor=used / took,
        requests_per_call=(street.portal.requests - requests) / count,
    )


async def one_wave(street: Street, template: Template, rate: float, count: int, first: int) -> dict[str, float]:
    """Plays the calls and waits until the portal has the end of each."""
    finished = street.portal.methods[FINISH] + count
    rang = await play(street.pbx, template.play(arrivals(rate, count), first=first))
    await street.portal.until(FINISH, finished)
    return rang


async def all_rates() -> list[Measured]:
    template, first, found = Template(speed=2), 1, []
    async with street() as place:
        for rate, count in RATES:
            found.append(await measured(place, rate, count, first=first, template=template))
            first += WARM_UP + count
    return found


def measure() -> Figure:
    rows = [
        (
            f"{each.rate:g}",
            f"{len(each.delays):,}",
            milliseconds(percentile(each.delays, 0.5)),
            f"**{milliseconds(percentile(each.delays, 0.99))}**",
            milliseconds(max(each.delays)),
            f"{each.processor:.0%}",
            f"{each.requests_per_call:.1f}",
        )
        for each in asyncio.run(all_rates())
    ]
    return Figure(
        title="From a ring to `register`: our own share (aim: p99 under 20 ms at 20 calls/s)",
        method=METHOD,
        columns=("calls/s", "calls", "p50", "p99", "longest", "one core busy", "requests per call"),
        rows=rows,
    )
