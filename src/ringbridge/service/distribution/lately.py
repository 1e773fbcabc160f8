"""What our own eyes tell of the phones: who is in a call now, and who did not want a caller a moment ago.

It is fed with each snapshot of each call, knows only open calls and the last minute, and keeps no time of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from ringbridge.routing.distribution import Availability, Reach, Rejected
from ringbridge.store.keys import PbxId
from ringbridge.telephony.model import Call, CallId, LegResult
from ringbridge.telephony.numbers import DEFAULT_REGION, parse_number

REMEMBERED = timedelta(minutes=1)
UNWILLING = frozenset({LegResult.BUSY, LegResult.DECLINED})


class Lately:
    def __init__(self, region: str = DEFAULT_REGION) -> None:
        self._region = region
        self._open: dict[tuple[PbxId, CallId], frozenset[str]] = {}  # who rings or speaks in each open call
        self._rejected: dict[tuple[str, str], datetime] = {}  # caller and phone -> when the phone refused last

    def tell(self, pbx: PbxId, call: Call) -> None:
        """A call as it is now."""
        key = (pbx, call.id)
        if call.end is None:
            self._open[key] = occupied(call)
        else:
            self._open.pop(key, None)
        for leg in call.legs:
            if leg.result in UNWILLING and leg.end is not None and call.external:
                self._forget(leg.end)  # nobody asks where calls are not distributed
                self._rejected[self._key(call.external), leg.extension] = leg.end

    def is_busy(self, extension: str) -> bool:
        """Whether the phone rings or speaks in a call that we see."""
        return any(extension in phones for phones in self._open.values())

    def rejected(self, number: str, now: datetime) -> tuple[Rejected, ...]:
        """The phones that refused this caller within the last minute, in this call or another."""
        self._forget(now)
        caller = self._key(number)
        return tuple(
            Rejected(extension=extension, at=at) for (who, extension), at in self._rejected.items() if who == caller
        )

    def _forget(self, now: datetime) -> None:
        for key in [key for key, at in self._rejected.items() if now - at > REMEMBERED]:
            del self._rejected[key]

    def _key(self, number: str) -> str:
        parsed = parse_number(number, self._region)
        return str(parsed) if parsed else ""


def occupied(call: Call) -> frozenset[str]:
    """The phones that ring for a call or speak in it."""
    speaking = (talk.extension for talk in call.talks if talk.end is None)
    answered = (leg.extension for leg in call.legs if leg.result is LegResult.ANSWERED and leg.end is None)
    return frozenset((*call.ringing, *speaking, *answered, *_caller(call)))


def _caller(call: Call) -> Iterable[str]:
    return () if call.caller is None else (call.caller,)


class SeenPhones:
    """The phones as the PBX tells of them; a phone that it does not call busy is so by what we see ourselves."""

    def __init__(self, told: Availability, lately: Lately) -> None:
        self._told, self._lately = told, lately

    def reach(self, extension: str) -> Reach:
        reach = self._told.reach(extension)
        if reach in {Reach.FREE, Reach.UNKNOWN} and self._lately.is_busy(extension):
            return Reach.BUSY
        return reach
