"""A call drawn as bars: who rang, who spoke and when, on one scale. Pure: places are per cent of the call's length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from operator import attrgetter

from ringbridge.telephony.model import Call, Extension, Hold, Leg, LegResult, Talk, Transfer, TransferType

STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)
TICKS = 7
THINNEST = 0.6  # per cent: a ring of a moment is still seen

Stretch = tuple[datetime, datetime]


class Segment(StrEnum):
    WAIT = "wait"
    RING = "ring"
    LINE = "line"  # the phone was picked up, but not (yet) to speak with the client
    TALK = "talk"
    HOLD = "hold"
    PARKED = "parked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    segment: Segment
    left: float
    width: float
    length: timedelta
    result: LegResult | None = None  # of a ring that is over


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One party; the client's has no extension."""

    extension: Extension | None
    result: LegResult | None
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    left: float
    transfer: Transfer


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What is told beneath the picture: a transfer or a hold."""

    at: datetime
    kind: TransferType | Segment
    by: Extension
    to: str = ""  # whom the client was handed to
    length: timedelta | None = None  # of a hold, so far


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    left: float
    offset: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    rows: tuple[Row, ...]
    ticks: tuple[Tick, ...]
    marks: tuple[Mark, ...]
    moments: tuple[Moment, ...]

    @property
    def segments(self) -> list[Segment]:
        """The kinds of bars it has, for the legend."""
        drawn = {bar.segment for row in self.rows for bar in row.bars}
        return [segment for segment in Segment if segment in drawn]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        return max(self.end - self.start, timedelta(seconds=1))

    def place(self, at: datetime) -> float:
        return round(min(max((at - self.start) / self.length, 0.0), 1.0) * 100, 2)

    def bar(self, segment: Segment, start: datetime, end: datetime | None) -> Bar:
        end = end or self.end
        left = min(self.place(start), 100 - THINNEST)
        return Bar(
            segment=segment,
            left=left,
            width=max(round(self.place(end) - left, 2), THINNEST),
            length=max(end - start, timedelta(0)),
        )


def timeline(call: Call, now: datetime) -> Timeline:
    """Of a call that is over or still going on."""
    scale = Scale(start=call.start, end=call.end or max(now, call.start))
    extensions = dict.fromkeys([*(leg.extension for leg in call.legs), *(talk.extension for talk in call.talks)])
    return Timeline(
        rows=(client_row(call, scale), *(employee_row(extension, call, scale) for extension in extensions)),
        ticks=ticks(scale),
        marks=tuple(Mark(left=scale.place(transfer.at), transfer=transfer) for transfer in call.transfers),
        moments=moments(call, scale),
    )


def client_row(call: Call, scale: Scale) -> Row:
    bars = [scale.bar(Segment.WAIT, call.start, call.end)]
    bars += [scale.bar(Segment.PARKED, *parked) for parked in parkings(call)]
    bars += [hold_bar(hold, scale) for hold in call.holds]
    spoken = (piece for talk in call.talks for piece in pieces(talk, call, scale.end))
    bars += [scale.bar(Segment.TALK, *piece) for piece in together(spoken)]
    return Row(extension=None, result=None, bars=tuple(bars))


def employee_row(extension: Extension, call: Call, scale: Scale) -> Row:
    legs = [leg for leg in call.legs if leg.extension == extension]
    talks = [talk for talk in call.talks if talk.extension == extension]
    holds = [hold for hold in call.holds if hold.extension == extension]
    answered = any(leg.result is LegResult.ANSWERED for leg in legs)
    return Row(
        extension=extension,
        result=LegResult.ANSWERED if answered else legs[-1].result if legs else None,
        bars=(
            *(bar for leg in legs for bar in leg_bars(leg, scale)),
            *(hold_bar(hold, scale) for hold in holds),
            *(scale.bar(Segment.TALK, *piece) for talk in talks for piece in pieces(talk, call, scale.end)),
        ),
    )


def leg_bars(leg: Leg, scale: Scale) -> list[Bar]:
    ring = replace(scale.bar(Segment.RING, leg.ring_start, leg.answer or leg.end), result=leg.result)
    return [ring, scale.bar(Segment.LINE, leg.answer, leg.end)] if leg.answer else [ring]


def pieces(talk: Talk, call: Call, now: datetime) -> Iterator[Stretch]:
    """Of a talk, between its speaker's holds."""
    here, end = talk.start, talk.end or now
    for hold in call.holds:
        if hold.extension == talk.extension and here <= hold.start < end:
            if hold.start > here:
                yield here, hold.start
            here = min(hold.end or end, end)
    if here < end or here == talk.start:
        yield here, end


def together(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Those that overlap as one: in a conference several people speak with the client at once."""
    found: list[Stretch] = []
    for start, end in sorted(stretches):
        if found and start < found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def hold_bar(hold: Hold, scale: Scale) -> Bar:
    return scale.bar(Segment.HOLD, hold.start, hold.end)


def parkings(call: Call) -> Iterator[tuple[datetime, datetime | None]]:
    """From when until when the client was parked: until somebody talks with him again, or the end."""
    for transfer in call.transfers:
        if transfer.type is TransferType.PARK:
            fetched = min((talk.start for talk in call.talks if talk.start >= transfer.at), default=call.end)
            yield transfer.at, fetched


def moments(call: Call, scale: Scale) -> tuple[Moment, ...]:
    transfers = [Moment(at=move.at, kind=move.type, by=move.by, to=move.to) for move in call.transfers]
    holds = [
        Moment(at=hold.start, kind=Segment.HOLD, by=hold.extension, length=hold_bar(hold, scale).length)
        for hold in call.holds
    ]
    return tuple(sorted([*transfers, *holds], key=attrgetter("at")))


def ticks(scale: Scale) -> tuple[Tick, ...]:
    seconds = scale.length.total_seconds()
    step = next((step for step in STEPS if seconds / step <= TICKS), STEPS[-1])
    offsets = (timedelta(seconds=offset) for offset in range(0, int(seconds) + 1, step))
    return tuple(Tick(left=scale.place(scale.start + offset), offset=offset) for offset in offsets)
