"""What truly happened in a scenario, as the people in it would tell: the measure for what Ringbridge makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tests.office.audio import PACKET_SECONDS
from tests.office.line import Line

from ringbridge.telephony.model import Direction, Disposition

MARGIN = 1.5  # seconds by which a duration may differ from what the phones measured: it is told in whole ones
KEPT = 0.8  # of the sound that a phone heard is in the recording, and more: a busy PBX loses some


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoke:
    """One employee's talk with the client. `consulting`: the seconds of a consultation that followed while the client
    was on hold. Hold counts as talk and a consultation does not, but no stream tells the two apart for certain.
    `sound`: the seconds of sound that the phone heard in it, fewer where the machine was too busy to speak."""

    extension: str
    seconds: float
    sound: float
    consulting: float = 0.0

    def lasted(self, seconds: float) -> bool:
        """Is this how long it took, give or take a moment?"""
        return self.seconds - MARGIN < seconds < self.seconds + self.consulting + MARGIN

    def is_in(self, recorded: float) -> bool:
        """Is the whole talk in a recording of so many seconds?"""
        return recorded > self.sound * KEPT - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """One call of a client. `rang`: employees whose phones were rung for it (not: who dialled, picked it up or fetched
    it); `spoke` is in the order they first did."""

    direction: Direction
    client: str  # digits, with the country's
    provider: str  # the trunk
    disposition: Disposition
    company: str | None = None  # the number called, of an inbound call
    rang: tuple[str, ...] = ()
    spoke: tuple[Spoke, ...] = ()
    dialled_by: tuple[str, ...] = ()  # who called the client, of an outbound call
    voicemail: bool = False

    @property
    def answered_by(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one.extension for one in self.spoke))


def spoke(
    line: Line, *, since: datetime | None = None, until: datetime | None = None, consulted: bool = False
) -> Spoke:
    """What the phone's own clock says: from its answer to its end, unless something else bounded the talk. `consulted`:
    between `until` and its end the employee spoke with a colleague while the client waited."""
    begin, end = since or line.answered_at, until or line.ended_at
    if begin is None or end is None:
        raise AssertionError(f"{line} was not answered, or has not ended")
    consulting = (line.ended_at - end).total_seconds() if consulted and line.ended_at else 0.0
    seconds = (end - begin).total_seconds()
    heard = line.audio.heard * PACKET_SECONDS
    return Spoke(extension=line.phone.name, seconds=seconds, sound=min(seconds, heard), consulting=consulting)
