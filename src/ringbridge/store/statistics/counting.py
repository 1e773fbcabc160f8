"""What one ended call adds to the summary tables. Pure.

Only calls with clients count, and none that turned out to be a part of another. A call belongs to the hour in which it
began, of UTC: whoever reads puts hours together to days of the office.

A client is known by the last ten digits of the number, as in the journal's search: people and PBXs write the country in
several ways. A withheld number is nobody's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from ringbridge.store.schema import EPOCH
from ringbridge.telephony.model import Call, Direction, Disposition, Extension

HOUR = timedelta(hours=1)
DAY = 24  # hours
DIGITS = 10  # that tell a number apart
SERVICE_LEVEL = timedelta(seconds=20)
"""Who is answered within it has been served well: of 80/20, the usual aim of call centres."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """Which way a call came or went."""

    trunk: str
    did: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One employee's part in a call: their phone rang, or they called."""

    extension: Extension
    answered: bool  # they spoke with the client
    missed: bool  # it rang with them, and nobody spoke with the client
    wait: int  # seconds that it rang until they took it; 0 where they did not
    talk: int  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """An ended call as it is counted. Times of waiting and talking are seconds."""

    hour: int
    lane: Lane
    queue: str
    direction: Direction
    disposition: Disposition | None
    client: str  # empty: withheld
    start: datetime
    wait: int  # until somebody spoke with the client, else until the end
    quick: bool  # answered within `SERVICE_LEVEL`
    talk: int
    parts: tuple[Part, ...]

    @property
    def day(self) -> int:
        return self.hour // DAY

    @property
    def answered(self) -> bool:
        return self.disposition is Disposition.ANSWERED

    @property
    def missed(self) -> bool:
        """A client called, and nobody spoke with them."""
        return self.direction is Direction.INBOUND and not self.answered

    @property
    def by(self) -> str:
        """Who spoke first, else who called."""
        return next((part.extension for part in self.parts if part.answered), "")


def ending(call: Call) -> Ending | None:
    """None: it is not over yet, or does not count."""
    if call.end is None or not call.concerns_client or call.merged_into:
        return None
    first = min((talk.start for talk in call.talks), default=None)
    wait = max((first or call.end) - call.start, timedelta(0))
    return Ending(
        hour=hour_of(call.start),
        lane=Lane(trunk=call.trunk or "", did=call.did or ""),
        queue=call.queue or "",
        direction=call.direction,
        disposition=call.disposition,
        client=client_of(call.external),
        start=call.start,
        wait=int(wait.total_seconds()),
        quick=first is not None and wait <= SERVICE_LEVEL,
        talk=seconds(talk.length for talk in call.talks),
        parts=tuple(parts(call)),
    )


def parts(call: Call) -> Iterator[Part]:
    """Each who spoke, rang or called, once; who spoke comes first, in the order they did."""
    called = (call.caller,) if call.caller and call.direction is Direction.OUTBOUND else ()
    for extension in dict.fromkeys((*call.answered_by, *called, *(leg.extension for leg in call.legs))):
        talks = [talk for talk in call.talks if talk.extension == extension]
        rung = [leg.ring_start for leg in call.legs if leg.extension == extension]
        taken = [leg.answer - leg.ring_start for leg in call.legs if leg.extension == extension and leg.answer]
        yield Part(
            extension=extension,
            answered=bool(talks),
            missed=bool(rung) and call.direction is Direction.INBOUND and call.disposition is not Disposition.ANSWERED,
            wait=seconds(taken[:1]) if talks else 0,
            talk=seconds(talk.length for talk in talks),
        )


def seconds(lengths: Iterator[timedelta] | list[timedelta]) -> int:
    return max(0, int(sum(lengths, timedelta()).total_seconds()))


def client_of(number: str | None) -> str:
    """Its last digits, backwards as the journal keeps them."""
    return "".join(c for c in number or "" if c.isdecimal() and c.isascii())[-DIGITS:][::-1]


def hour_of(moment: datetime) -> int:
    """Hours since 1970, UTC."""
    return (moment - EPOCH) // HOUR


def start_of_hour(hour: int) -> datetime:
    return EPOCH + hour * HOUR
