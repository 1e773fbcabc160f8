"""A call from its detail records alone, as far as they tell.

They tell who was dialled, who answered and when a leg ended. They do not tell: why a call failed (a wrong number and
a phone that nobody picks up are both NO ANSWER), a call that rang nobody (FreePBX keeps no record of it), transfers,
and the talk of a queue's direct member, where the count of seconds includes the waiting.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from ringbridge.pbx.history.rows import CdrRow, Side, Sides, given, local_base, local_exten
from ringbridge.pbx.history.talks import extension_of, mended
from ringbridge.telephony.channels import dialled_number, endpoint_of
from ringbridge.telephony.model import (
    Call,
    CallId,
    Direction,
    Disposition,
    Extension,
    Leg,
    LegResult,
    Recording,
    Talk,
)

FAILED = frozenset({"FAILED", "CONGESTION"})
LEG_RESULTS = {"BUSY": LegResult.BUSY, **dict.fromkeys(FAILED, LegResult.UNAVAILABLE)}
ROUNDING = timedelta(seconds=1)  # records have whole seconds
MEETING = frozenset({"ConfBridge", "MeetMe"})


def cdr_calls(rows: Sequence[CdrRow], sides: Sides) -> list[Call]:
    """The calls that one group of records tells of: one for each client, or one between ourselves."""
    dialled_channels = {row.dstchannel for row in rows}
    came = {row.channel: row for row in reversed(rows) if _came(row, dialled_channels, sides)}
    if came:
        return [_inbound(client, rows, sides) for client in reversed(came.values())]
    dialled = [row for row in rows if sides.of(row.dstchannel) is Side.TRUNK]
    if dialled:
        return [_outbound(dialled, rows, sides)]
    return [_without_trunk(rows, sides)]


def _came(row: CdrRow, dialled: Collection[str], sides: Sides) -> bool:
    """The leg of a client who called us: a trunk's channel that began its own call. Where the records have no
    Linkedid, one that nobody dialled."""
    if sides.of(row.channel) is not Side.TRUNK:
        return False
    return row.linkedid == row.uniqueid if row.linkedid and row.uniqueid else row.channel not in dialled


def _inbound(client: CdrRow, rows: Sequence[CdrRow], sides: Sides) -> Call:
    own = [row for row in rows if row.channel == client.channel]
    # A queue, a forward and our own routing dial through Local channels: their far half's record is the phone's.
    far = [row for row in rows if sides.of(row.channel) is Side.LOCAL]
    met = [row for row in rows if row.lastapp in MEETING and sides.of(row.channel) is Side.PHONE]
    talks = _talks(own + far, sides) or _meeting(client, met)
    return Call(
        id=_id(client),
        direction=Direction.INBOUND,
        start=client.start,
        end=max(row.end for row in own),
        external=given(client.src),
        did=next((row.did for row in own if row.did), None),
        trunk=endpoint_of(client.channel),
        disposition=Disposition.ANSWERED if talks else Disposition.MISSED,
        legs=_legs(own + far, sides),
        talks=tuple(talks),
        voicemail=not talks and any(row.lastapp == "VoiceMail" for row in own),
        queue=next((row.dst for row in own if row.lastapp == "Queue"), None),
        recordings=recordings_of(rows),
        channels=_channels(rows),
        client_channels=(client.uniqueid,) if client.uniqueid else (),
    )


def _outbound(dialled: Sequence[CdrRow], rows: Sequence[CdrRow], sides: Sides) -> Call:
    answered = [row for row in dialled if row.answered]
    leg = (answered or dialled)[-1]
    first = rows[0]
    caller = _caller(leg, rows, sides)
    transferred = [row for row in rows if row.channel == leg.dstchannel]
    talks = [Talk(extension=caller, start=row.talk_start, end=row.end) for row in answered if caller]
    return Call(
        id=_id(first),
        direction=Direction.OUTBOUND,
        start=min(row.start for row in rows),
        end=max(row.end for row in rows),
        external=number_dialled(leg, sides),
        trunk=endpoint_of(leg.dstchannel),
        caller=caller,
        disposition=Disposition.ANSWERED if answered else _unanswered(leg),
        talks=tuple(talks + _talks(transferred, sides)),
        recordings=recordings_of(rows),
        channels=_channels(rows),
    )


def _without_trunk(rows: Sequence[CdrRow], sides: Sides) -> Call:
    """Our own people among themselves; or a click-to-call whose employee never picked up: a Local channel that dials
    a phone with the client's number on its display."""
    first = rows[0]
    clicked = sides.of(first.channel) is Side.LOCAL and sides.outside(first.src)
    service = Direction.SERVICE if first.dst.startswith("*") else Direction.INTERNAL
    phones = [name for row in rows for name in (row.channel, row.dstchannel) if sides.of(name) is Side.PHONE]
    answered = any(row.answered and row.dstchannel for row in rows)
    return Call(
        id=_id(first),
        direction=Direction.OUTBOUND if clicked else service,
        start=first.start,
        end=max(row.end for row in rows),
        external=first.src if clicked else None,
        caller=extension_of(phones[0]) if phones else None,
        disposition=Disposition.CANCELLED if clicked else Disposition.ANSWERED if answered else _unanswered(first),
        channels=_channels(rows),
    )


def _unanswered(row: CdrRow) -> Disposition:
    if row.disposition == "BUSY":
        return Disposition.BUSY
    return Disposition.FAILED if row.disposition in FAILED else Disposition.NO_ANSWER


def _talks(rows: Sequence[CdrRow], sides: Sides) -> list[Talk]:
    """A record of zero seconds is no talk where others have some: a phone whose call was picked up by a colleague."""
    spoken = [(row, who) for row in rows if row.answered and (who := _who(row, sides))]
    real = [(row, who) for row, who in spoken if row.billsec] or spoken
    return mended([Talk(extension=who, start=_talk_start(row, rows), end=row.end) for row, who in real])


def _talk_start(row: CdrRow, rows: Sequence[CdrRow]) -> datetime:
    """Where an IVR or a queue answered the client first, the seconds count from there. The phones that rang beside
    this one fell silent when it answered: the talk began no earlier."""
    lost = [other.end for other in rows if other.channel == row.channel and not other.answered and other.end < row.end]
    return max([row.talk_start, *lost])


def _meeting(client: CdrRow, rows: Sequence[CdrRow]) -> list[Talk]:
    """In a conference each of our people has records of their own, and one of each pair names the client."""
    if client.lastapp not in MEETING:
        return []
    return [
        Talk(extension=extension_of(row.channel), start=row.talk_start, end=row.end) for row in rows if row.answered
    ]


def _who(row: CdrRow, sides: Sides) -> Extension | None:
    """The employee at the far end of a leg: a phone, or the mobile that was dialled for them."""
    match sides.of(row.dstchannel):
        case Side.PHONE:
            return extension_of(row.dstchannel)
        case Side.TRUNK:
            number = number_dialled(row, sides)
            return Extension(number) if number else None
        case _:
            return None


def _legs(rows: Sequence[CdrRow], sides: Sides) -> tuple[Leg, ...]:
    rung = [row for row in rows if sides.of(row.dstchannel) is Side.PHONE]
    won = [row for row in rows if row.answered and row.billsec and _who(row, sides)]
    began = {row: _talk_start(row, rows) for row in won}
    return tuple(
        Leg(
            extension=extension_of(row.dstchannel),
            channel=row.dstchannel,
            ring_start=row.start,
            answer=began.get(row, row.talk_start) if result is LegResult.ANSWERED else None,
            end=row.end,
            result=result,
        )
        for row in rung
        if (result := _leg_result(row, began))
    )


def _leg_result(row: CdrRow, began: Mapping[CdrRow, datetime]) -> LegResult:
    others = [other for other in began if other != row]
    if row.answered:
        # Zero seconds beside somebody's talk: a colleague picked the call up.
        return LegResult.ANSWERED if row.billsec or not others else LegResult.ANSWERED_ELSEWHERE
    # It rang beside the phone that answered, and fell silent just then: a group, a queue.
    beside = (other for other in others if other.start < row.end < other.end)
    if row.disposition == "NO ANSWER" and any(_near(began[other], row.end) for other in beside):
        return LegResult.ANSWERED_ELSEWHERE
    return LEG_RESULTS.get(row.disposition, LegResult.NO_ANSWER)


def _near(a: datetime, b: datetime) -> bool:
    return abs(a - b) <= ROUNDING


def number_dialled(row: CdrRow, sides: Sides) -> str | None:
    """The number a leg called by a trunk: from the Dial's own words, where prefixes are already cut off, else as it
    was typed."""
    said = dialled_number(row.lastdata.split(",")[0].partition("/")[2], endpoint_of(row.dstchannel))
    return next((number for number in (said, row.dst) if number and sides.outside(number)), None)


def _caller(leg: CdrRow, rows: Sequence[CdrRow], sides: Sides) -> Extension | None:
    """Who called: the phone of the leg, or the one behind the Local channel that a click-to-call began with."""
    if sides.of(leg.channel) is Side.PHONE:
        return extension_of(leg.channel)
    base = local_base(leg.channel)
    behind = (row for row in rows if base and local_base(row.channel) == base)
    phone = next((row.dstchannel for row in behind if sides.of(row.dstchannel) is Side.PHONE), None)
    if phone:
        return extension_of(phone)
    return Extension(local_exten(leg.channel)) if base else None


def recordings_of(rows: Iterable[CdrRow]) -> tuple[Recording, ...]:
    files = {row.recordingfile: row for row in rows if row.recordingfile}
    return tuple(Recording(path=path, channel=row.uniqueid, start=row.start) for path, row in files.items())


def _id(row: CdrRow) -> CallId:
    """Without Uniqueids (a Master.csv of Asterisk's defaults) the second and the channel must do."""
    return CallId(row.linkedid or row.uniqueid or f"{int(row.start.timestamp())}-{row.channel}")


def _channels(rows: Sequence[CdrRow]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(row.uniqueid for row in rows if row.uniqueid))
