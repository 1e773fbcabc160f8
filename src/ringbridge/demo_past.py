"""The weeks before the demonstration began: calls as an office of six has them, so that the journal and the analytics
have something to show at once. Nothing of them goes to the portal.

Days are drawn by a fixed seed, so that the office looks the same each time.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from ringbridge.store import calls
from ringbridge.store.database import Database
from ringbridge.store.keys import PbxId
from ringbridge.telephony.model import Call, CallId, Direction, Disposition, Extension, Leg, LegResult, Talk

WEEKS = 8
OPENS, CLOSES = 9, 19
CALLS_A_DAY = {True: 26, False: 4}  # on a working day, and on others
CLIENTS = 300
KNOWN = ("79125551122", "74951234567", "79037008090")  # contacts of the emulated portal
LINES = (("mango", "73432723033", 5), ("mtt", "74993508890", 3), ("provider", "73432723033", 2))  # and how busy
QUEUE = "600"
PHONES = tuple(Extension(number) for number in ("101", "102", "103", "104", "105", "106"))
DILIGENCE = (8, 6, 5, 4, 3, 2)  # how often each phone takes a call, beside the others
ANSWERED_OF_INCOMING, ANSWERED_OF_OUTGOING, CALLED_BACK = 0.82, 0.7, 0.65


async def write_past(database: Database, pbx: PbxId, today: date, zone: ZoneInfo) -> None:
    """Into a journal that has no calls; another one is left as it is."""
    async with database.transaction() as tx:
        if not await calls.count(tx):
            await calls.record(tx, pbx, list(past_calls(today, zone)))


def past_calls(today: date, zone: ZoneInfo) -> Iterator[Call]:
    """Ended calls of the weeks before `today`, a day of `zone`."""
    chance = random.Random(2026)  # noqa: S311 nothing here is secret
    for days in range(7 * WEEKS, 0, -1):
        day = today - timedelta(days=days)
        for _ in range(chance.randint(1, 2 * CALLS_A_DAY[day.weekday() < 5])):
            yield from _conversation(_moment(day, zone, chance), chance)


def _moment(day: date, zone: ZoneInfo, chance: random.Random) -> datetime:
    """Within the working hours, about noon for the most part."""
    opened = datetime.combine(day, time(OPENS), zone).astimezone(UTC)
    return opened + timedelta(hours=(CLOSES - OPENS) * chance.betavariate(1.6, 1.8), seconds=chance.random())


def _conversation(start: datetime, chance: random.Random) -> Iterator[Call]:
    """A call, and, where a client was missed, mostly the one by which they are called back."""
    trunk, did, _ = chance.choices(LINES, [busy for _, _, busy in LINES])[0]
    occasion = _Occasion(start=start, trunk=trunk, client=_client(chance), phone=_phone(chance))
    if chance.random() < 0.3:
        yield occasion.outgoing(chance)
        return
    call = occasion.incoming(did, chance)
    yield call
    if call.disposition is Disposition.MISSED and chance.random() < CALLED_BACK:
        later = start + timedelta(minutes=chance.uniform(3, 90))
        yield _Occasion(start=later, trunk=trunk, client=occasion.client, phone=_phone(chance)).outgoing(chance)


def _client(chance: random.Random) -> str:
    """A few call often."""
    if chance.random() < 0.08:
        return chance.choice(KNOWN)
    return f"7912{int(CLIENTS * chance.random() ** 2) * 7919 % 10**7:07}"


def _phone(chance: random.Random) -> Extension:
    return chance.choices(PHONES, DILIGENCE)[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Occasion:
    """Who calls whom and when, before it is known how it goes."""

    start: datetime
    trunk: str
    client: str
    phone: Extension

    def incoming(self, did: str, chance: random.Random) -> Call:
        """By the queue or straight to a phone. One that is missed rang at two, one behind the other."""
        call = replace(self._call(Direction.INBOUND), did=did, queue=QUEUE if chance.random() < 0.5 else None)
        rings = timedelta(seconds=chance.uniform(3, 25))
        if chance.random() < ANSWERED_OF_INCOMING:
            talk = self._talk(rings, chance)
            leg = self._leg(self.phone, self.start, talk.start, LegResult.ANSWERED)
            leg = replace(leg, answer=talk.start, end=talk.end)
            return replace(call, end=talk.end, disposition=Disposition.ANSWERED, legs=(leg,), talks=(talk,))
        turn, end = self.start + rings, self.start + 2 * rings
        first = self._leg(self.phone, self.start, turn, LegResult.NO_ANSWER)
        second = self._leg(PHONES[PHONES.index(self.phone) - 1], turn, end, LegResult.NO_ANSWER)
        return replace(call, end=end, disposition=Disposition.MISSED, legs=(first, second))

    def outgoing(self, chance: random.Random) -> Call:
        call = replace(self._call(Direction.OUTBOUND), caller=self.phone)
        rings = timedelta(seconds=chance.uniform(5, 30))
        if chance.random() < ANSWERED_OF_OUTGOING:
            talk = self._talk(rings, chance)
            return replace(call, end=talk.end, disposition=Disposition.ANSWERED, talks=(talk,))
        unspoken = chance.choice((Disposition.NO_ANSWER, Disposition.BUSY))
        return replace(call, end=self.start + rings, disposition=unspoken)

    def _call(self, direction: Direction) -> Call:
        known = CallId(f"{self.start.timestamp():.6f}")
        return Call(id=known, direction=direction, start=self.start, trunk=self.trunk, external=self.client)

    def _talk(self, rings: timedelta, chance: random.Random) -> Talk:
        begun = self.start + rings
        return Talk(extension=self.phone, start=begun, end=begun + timedelta(seconds=chance.expovariate(1 / 140)))

    def _leg(self, phone: Extension, rung: datetime, end: datetime, result: LegResult) -> Leg:
        return Leg(extension=phone, channel=f"{rung.timestamp():.6f}.{phone}", ring_start=rung, end=end, result=result)
