"""Calls of every kind an office has, as the tracker would tell them, around one moment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from ringbridge.telephony.model import (
    Call,
    CallId,
    Direction,
    Disposition,
    Extension,
    Hold,
    Leg,
    LegResult,
    Recording,
    Talk,
    Transfer,
    TransferType,
)

HOSTILE = "\"><script>alert('x')</script><img src=x onerror=alert(1)>"


def call_id(start: datetime, number: int = 0) -> CallId:
    return CallId(f"{int(start.timestamp())}.{number}")


def leg(extension: str, start: datetime, ring: float, result: LegResult | None, talk: float = 0) -> Leg:
    """Rung at `start` for `ring` seconds; `talk` seconds on the phone after that."""
    end = start + timedelta(seconds=ring)
    answered = result is LegResult.ANSWERED
    return Leg(
        extension=Extension(extension),
        channel=f"{start.timestamp():.0f}.{extension}",
        ring_start=start,
        answer=end if answered else None,
        end=None if result is None else end + timedelta(seconds=talk),
        result=result,
    )


def talk_of(answered: Leg) -> Talk:
    assert answered.answer
    return Talk(extension=answered.extension, start=answered.answer, end=answered.end)


def answered(at: datetime, *, number: str = "79125551122", name: str | None = "Иван Петров") -> Call:
    """A ring group of three, one answered, recorded."""
    ring = at + timedelta(seconds=1)
    won = leg("102", ring, 6, LegResult.ANSWERED, talk=74)
    lost = [leg(extension, ring, 6, LegResult.ANSWERED_ELSEWHERE) for extension in ("101", "103")]
    return Call(
        id=call_id(at),
        direction=Direction.INBOUND,
        start=at,
        end=won.end,
        external=number,
        external_name=name,
        did="73432723033",
        trunk="mango",
        disposition=Disposition.ANSWERED,
        legs=(lost[0], won, lost[1]),
        talks=(talk_of(won),),
        group="600",
        recordings=(Recording(path=f"2026/11/24/in-{number}.wav", channel=call_id(at), start=ring),),
        hangup_cause=16,
    )


def missed_in_queue(at: datetime) -> Call:
    legs = tuple(
        leg(extension, at + timedelta(seconds=8 + 16 * turn), 15, LegResult.NO_ANSWER)
        for turn, extension in enumerate(("101", "104", "101"))
    )
    return Call(
        id=call_id(at),
        direction=Direction.INBOUND,
        start=at,
        end=at + timedelta(seconds=61),
        external="74951234567",
        did="74993508890",
        trunk="mtt",
        disposition=Disposition.MISSED,
        legs=legs,
        queue="700",
        voicemail=True,
        hangup_cause=16,
    )


def transferred(at: datetime) -> Call:
    first = leg("101", at + timedelta(seconds=1), 4, LegResult.ANSWERED, talk=60)
    second = leg("105", at + timedelta(seconds=45), 8, LegResult.ANSWERED, talk=150)
    moved = at + timedelta(seconds=65)
    return Call(
        id=call_id(at),
        direction=Direction.INBOUND,
        start=at,
        end=second.end,
        external="79039876543",
        did="73432723033",
        trunk="mango",
        disposition=Disposition.ANSWERED,
        legs=(first, second),
        talks=(
            Talk(extension=first.extension, start=first.answer or at, end=moved),
            Talk(extension=second.extension, start=moved, end=second.end),
        ),
        transfers=(Transfer(type=TransferType.ATTENDED, by=first.extension, to="105", at=moved),),
        hangup_cause=16,
    )


def outbound_unanswered(at: datetime) -> Call:
    return Call(
        id=call_id(at),
        direction=Direction.OUTBOUND,
        start=at,
        end=at + timedelta(seconds=31),
        external="79261112233",
        trunk="mango",
        caller=Extension("103"),
        disposition=Disposition.NO_ANSWER,
        click_to_call="rb-17",
        hangup_cause=19,
    )


def withheld(at: datetime) -> Call:
    return Call(
        id=call_id(at),
        direction=Direction.INBOUND,
        start=at,
        end=at + timedelta(seconds=12),
        did="73432723033",
        trunk="mango",
        disposition=Disposition.MISSED,
        interrupted=True,
        legs=(leg("101", at + timedelta(seconds=1), 11, LegResult.CANCELLED),),
    )


def hostile(at: datetime) -> Call:
    return answered(at, number="79000000000", name=HOSTILE)


def ringing(now: datetime) -> Call:
    at = now - timedelta(seconds=9)
    return Call(
        id=call_id(at, 1),
        direction=Direction.INBOUND,
        start=at,
        external="79125559988",
        external_name="ООО «Ромашка»",
        did="73432723033",
        trunk="mango",
        legs=tuple(leg(extension, at + timedelta(seconds=1), 0, None) for extension in ("101", "102", "103")),
        group="600",
    )


def talking(now: datetime) -> Call:
    at = now - timedelta(minutes=3, seconds=12)
    answered_leg = Leg(
        extension=Extension("104"),
        channel="1.104",
        ring_start=at + timedelta(seconds=2),
        answer=at + timedelta(seconds=9),
        result=LegResult.ANSWERED,
    )
    return Call(
        id=call_id(at, 2),
        direction=Direction.OUTBOUND,
        start=at,
        external="78123456789",
        trunk="mtt",
        caller=Extension("104"),
        legs=(answered_leg,),
        talks=(Talk(extension=Extension("104"), start=at + timedelta(seconds=9)),),
    )


def waiting(now: datetime) -> Call:
    at = now - timedelta(seconds=48)
    return Call(
        id=call_id(at, 3),
        direction=Direction.INBOUND,
        start=at,
        external="79635554433",
        did="74993508890",
        trunk="mtt",
        queue="700",
    )


def on_hold(now: datetime) -> Call:
    call = talking(now)
    return replace(call, holds=(Hold(extension=Extension("104"), start=now - timedelta(seconds=40)),))


def parked(now: datetime) -> Call:
    """By 104, a quarter of a minute ago; it came by a queue."""
    at = now - timedelta(seconds=15)
    call = replace(talking(now), queue="700")
    (talk,) = call.talks
    return replace(
        call,
        talks=(replace(talk, end=at),),
        transfers=(Transfer(type=TransferType.PARK, by=talk.extension, to="71", at=at),),
    )


def in_conference(now: datetime, *, away: Sequence[str] = ()) -> Call:
    """104 and 105 with the client; those `away` put him on hold, one after the other."""
    call = talking(now)
    (talk,) = call.talks
    holds = (
        Hold(extension=Extension(extension), start=now - timedelta(seconds=30 - turn))
        for turn, extension in enumerate(away)
    )
    second = Talk(extension=Extension("105"), start=now - timedelta(minutes=1))
    return replace(call, talks=(talk, second), holds=tuple(holds))


def past(now: datetime) -> Iterable[Call]:
    """Ended calls, the newest first, over two days."""
    kinds = (answered, transferred, missed_in_queue, outbound_unanswered, withheld, hostile)
    for number, kind in enumerate(kinds * 4):
        yield kind(now - timedelta(minutes=7 + 75 * number))
