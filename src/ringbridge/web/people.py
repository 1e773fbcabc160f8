"""Who of the employees speaks, rings or could be reached, and who waits in which queue. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ringbridge.routing.distribution import Reach
from ringbridge.telephony.model import Call, Extension
from ringbridge.web.glance import Phase, glance


class Doing(StrEnum):
    """What a phone is about, the liveliest first."""

    TALKING = "talking"
    HOLDING = "holding"  # their client is on hold
    RINGING = "ringing"
    BUSY = "busy"  # in a call that is no client's, or switched to do-not-disturb
    FREE = "free"
    ABSENT = "absent"  # not registered
    UNKNOWN = "unknown"


IN_CONVERSATION = {Phase.TALKING: Doing.TALKING, Phase.HELD: Doing.HOLDING}
REACHED = {Reach.BUSY: Doing.BUSY, Reach.FREE: Doing.FREE, Reach.ABSENT: Doing.ABSENT, Reach.UNKNOWN: Doing.UNKNOWN}


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    extension: Extension
    name: str
    doing: Doing
    since: datetime | None = None  # of a talk, a hold or a ring


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    name: str
    waiting: int
    oldest: datetime  # when the first of them called
    reach: Reach  # whether one of its members could be rung


def people(phones: Mapping[str, str], calls: Iterable[Call], reach: Callable[[str], Reach]) -> list[Person]:
    """`phones`: extension -> its holder's name. Always in the order of the names, so that nobody jumps about."""
    busy: dict[str, tuple[Doing, datetime]] = {}
    seen_calls = [glance(call) for call in calls]
    for phase, doing in IN_CONVERSATION.items():  # who talks with one client may hold another
        for seen in seen_calls:
            if seen.phase is phase:
                busy = dict.fromkeys(seen.extensions, (doing, seen.since)) | busy
    for call in calls:
        for leg in call.legs:
            if leg.result is None and leg.answer is None:
                busy.setdefault(leg.extension, (Doing.RINGING, leg.ring_start))
    found = []
    for phone, name in phones.items():
        doing, since = busy.get(phone, (REACHED[reach(phone)], None))
        found.append(Person(extension=Extension(phone), name=name, doing=doing, since=since))
    return sorted(found, key=lambda person: (person.name.casefold(), person.extension))


def queues(calls: Iterable[Call], reach: Callable[[str], Reach]) -> list[Queue]:
    """Those in which a client waits, by name. Who was parked waits elsewhere."""
    waiting: dict[str, list[Call]] = {}
    for call in calls:
        if call.queue and call.end is None and glance(call).phase in {Phase.RINGING, Phase.WAITING}:
            waiting.setdefault(call.queue, []).append(call)
    return [
        Queue(name=name, waiting=len(those), oldest=min(call.start for call in those), reach=reach(name))
        for name, those in sorted(waiting.items())
    ]
