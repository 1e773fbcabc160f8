"""A call at a glance: what is going on, since when, with whom. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from ringbridge.telephony.model import Call, Extension, Talk, Transfer, TransferType


class Phase(StrEnum):
    RINGING = "ringing"
    TALKING = "talking"
    HELD = "held"  # everybody who talks with the client has put him on hold
    PARKED = "parked"
    WAITING = "waiting"  # in a menu or a queue, or between two phones: nobody rings, nobody speaks


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    phase: Phase
    since: datetime
    extensions: tuple[Extension, ...]  # who rings, talks, holds, or had parked; once it ended: who spoke, else was rung
    place: str = ""  # where a parked client can be fetched

    @property
    def is_conference(self) -> bool:
        """Several of ours talk with the client at once."""
        return self.phase is Phase.TALKING and len(self.extensions) > 1


def glance(call: Call) -> Glance:
    if call.end:
        return Glance(phase=Phase.WAITING, since=call.end, extensions=concerned(call))
    if talking := [talk for talk in call.talks if talk.end is None]:
        return conversation(call, talking)
    if ringing := call.ringing:
        since = min(leg.ring_start for leg in call.legs if leg.result is None)
        return Glance(phase=Phase.RINGING, since=since, extensions=ringing)
    on_phone = [leg for leg in call.legs if leg.answer and leg.end is None]
    if on_phone and not call.concerns_client:  # between two of our own there is no client to talk with
        since = min(leg.answer or leg.ring_start for leg in on_phone)
        return Glance(phase=Phase.TALKING, since=since, extensions=tuple(leg.extension for leg in on_phone))
    if parking := parked(call):
        return Glance(phase=Phase.PARKED, since=parking.at, extensions=(parking.by,), place=parking.to)
    return Glance(phase=Phase.WAITING, since=call.start, extensions=(call.caller,) if call.caller else ())


def conversation(call: Call, talking: Sequence[Talk]) -> Glance:
    """Of these talks, which go on. In a conference one may be away while others speak with the client."""
    held = {hold.extension: hold.start for hold in call.holds if hold.end is None}
    if speaking := [talk for talk in talking if talk.extension not in held]:
        speakers = tuple(dict.fromkeys(talk.extension for talk in speaking))
        return Glance(phase=Phase.TALKING, since=speaking[0].start, extensions=speakers)
    holders = tuple(dict.fromkeys(talk.extension for talk in talking))
    return Glance(phase=Phase.HELD, since=max(held[holder] for holder in holders), extensions=holders)


def parked(call: Call) -> Transfer | None:
    """What parked the client, who was not fetched yet."""
    last = call.transfers[-1] if call.transfers else None
    if last is None or last.type is not TransferType.PARK or any(talk.start >= last.at for talk in call.talks):
        return None
    return last


def concerned(call: Call) -> tuple[Extension, ...]:
    """The employees of a call: those who spoke, else who called, else whose phones were rung."""
    rung = tuple(dict.fromkeys(leg.extension for leg in call.legs))
    return call.answered_by or ((call.caller,) if call.caller else rung)


def waited(call: Call, now: datetime) -> timedelta:
    """How long the other side waited for somebody to speak with."""
    first = min((talk.start for talk in call.talks), default=None)
    return max((first or call.end or now) - call.start, timedelta(0))


def held(call: Call, now: datetime) -> timedelta:
    """How long the client was on hold."""
    return sum((max((hold.end or now) - hold.start, timedelta(0)) for hold in call.holds), timedelta(0))


def talked(call: Call) -> timedelta:
    """The finished talks together."""
    return sum((talk.length for talk in call.talks), timedelta(0))
