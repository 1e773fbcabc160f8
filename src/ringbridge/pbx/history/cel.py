"""A call from its channel events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ringbridge.pbx.history.rows import CelRow, Side, Sides, given, local_exten
from ringbridge.pbx.history.talks import extension_of, talks_with
from ringbridge.telephony.causes import leg_result, outbound_result
from ringbridge.telephony.channels import dialled_number, endpoint_of, whole_number
from ringbridge.telephony.model import (
    Call,
    CallId,
    Direction,
    Disposition,
    Extension,
    Leg,
    LegResult,
    Talk,
    Transfer,
    TransferType,
)

ORIGINATED = "AppDial2"  # what Asterisk calls the application of a channel that an Originate dials
AT_ONCE = timedelta(seconds=1)


@dataclass(slots=True)
class Past:
    """One channel's life as CEL tells it."""

    name: str
    uniqueid: str
    linkedid: str  # the first it had
    side: Side
    start: datetime
    exten: str
    answer: datetime | None = None
    end: datetime | None = None
    cause: int | None = None
    status: str = ""  # of the Dial it did
    originated: bool = False

    @property
    def began_the_call(self) -> bool:
        """It came to us, or was originated: no other channel dialled it."""
        return self.uniqueid == self.linkedid

    @property
    def endpoint(self) -> str:
        return endpoint_of(self.name)


def channels_of(rows: Sequence[CelRow], sides: Sides) -> list[Past]:
    found: dict[str, Past] = {}
    for row in rows:
        past = found.get(row.uniqueid)
        if past is None:
            past = found[row.uniqueid] = Past(
                name=row.channel,
                uniqueid=row.uniqueid,
                linkedid=row.linkedid,
                side=sides.of(row.channel),
                start=row.time,
                exten=row.exten,
            )
        past.originated = past.originated or row.app == ORIGINATED
        match row.event:
            case "ANSWER":
                past.answer = past.answer or row.time
            case "HANGUP":
                past.end = row.time
                past.cause = whole_number(row.said("hangupcause"))
                past.status = row.said("dialstatus")
            case "CHAN_END":
                past.end = past.end or row.time
    return sorted(found.values(), key=lambda past: past.start)


def cel_calls(rows: Sequence[CelRow], sides: Sides) -> list[Call]:
    """The calls that one group of events tells of: one for each client, or one between ourselves."""
    channels = channels_of(rows, sides)
    trunks = [past for past in channels if past.side is Side.TRUNK]
    came = [past for past in trunks if past.began_the_call and not past.originated]
    if came:
        return [_inbound(client, rows, channels, sides) for client in came]
    if trunks:
        client = next((past for past in trunks if past.answer), trunks[-1])
        return [_outbound(client, rows, channels, sides)]
    return [_without_trunk(rows, channels, sides)]


def _inbound(client: Past, rows: Sequence[CelRow], channels: list[Past], sides: Sides) -> Call:
    talks = talks_with(client.name, rows, sides, _mobiles(client, rows, channels, sides))
    own = [row for row in rows if row.uniqueid == client.uniqueid]
    return Call(
        id=CallId(client.linkedid),
        direction=Direction.INBOUND,
        start=client.start,
        end=client.end,
        external=given(own[0].cid_num),
        did=client.exten if client.exten.lstrip("+").isdigit() else None,
        trunk=client.endpoint,
        disposition=Disposition.ANSWERED if talks else Disposition.MISSED,
        legs=_legs(channels, sides),
        talks=tuple(talks),
        transfers=_transfers(rows, sides, talks),
        voicemail=not talks and any(row.app == "VoiceMail" for row in own),
        queue=next((_queue(row) for row in own if row.app == "Queue"), None),
        hangup_cause=client.cause,
        channels=tuple(past.uniqueid for past in channels),
        client_channels=(client.uniqueid,),
    )


def _outbound(client: Past, rows: Sequence[CelRow], channels: list[Past], sides: Sides) -> Call:
    talks = talks_with(client.name, rows, sides, {})
    first = channels[0]
    result = outbound_result(first.status, client.cause, rang=True)
    return Call(
        id=CallId(first.linkedid),
        direction=Direction.OUTBOUND,
        start=first.start,
        end=max((past.end for past in channels if past.end), default=None),
        external=_dialled(client, rows, channels, sides),
        trunk=client.endpoint,
        caller=next((extension_of(past.name) for past in channels if past.side is Side.PHONE), None),
        disposition=Disposition.ANSWERED if talks else result,
        legs=_legs(channels, sides),
        talks=tuple(talks),
        transfers=_transfers(rows, sides, talks),
        hangup_cause=client.cause,
        channels=tuple(past.uniqueid for past in channels),
        client_channels=(client.uniqueid,),
    )


def _without_trunk(rows: Sequence[CelRow], channels: list[Past], sides: Sides) -> Call:
    """Our own people among themselves; or a click-to-call whose employee never picked up, so no trunk was dialled."""
    first = channels[0]
    wanted = next((row.cid_num for row in rows if sides.outside(row.cid_num)), None)
    clicked = wanted is not None and any(past.originated for past in channels)
    service = Direction.SERVICE if first.exten.startswith("*") else Direction.INTERNAL
    answered = sum(past.answer is not None for past in channels if past.side is Side.PHONE) > 1
    return Call(
        id=CallId(first.linkedid),
        direction=Direction.OUTBOUND if clicked else service,
        start=first.start,
        end=max((past.end for past in channels if past.end), default=None),
        external=wanted if clicked else None,
        caller=next((extension_of(past.name) for past in channels if past.side is Side.PHONE), None),
        disposition=Disposition.CANCELLED if clicked else Disposition.ANSWERED if answered else Disposition.NO_ANSWER,
        legs=_legs(channels, sides),
        hangup_cause=first.cause,
        channels=tuple(past.uniqueid for past in channels),
    )


def _legs(channels: list[Past], sides: Sides) -> tuple[Leg, ...]:
    rung = (past for past in channels if past.side is Side.PHONE and not past.began_the_call)
    return tuple(
        Leg(
            extension=extension_of(past.name),
            channel=past.uniqueid,
            ring_start=past.start,
            answer=past.answer,
            end=past.end,
            result=LegResult.ANSWERED if past.answer else leg_result("", past.cause),
        )
        for past in rung
    )


def _mobiles(client: Past, rows: Sequence[CelRow], channels: list[Past], sides: Sides) -> dict[str, Extension]:
    """Who is at the end of the other trunk channels: an employee's mobile, by the number that was dialled."""
    others = (past for past in channels if past.side is Side.TRUNK and past is not client)
    return {past.name: Extension(_dialled(past, rows, channels, sides) or past.endpoint) for past in others}


def _dialled(leg: Past, rows: Sequence[CelRow], channels: list[Past], sides: Sides) -> str | None:
    """The number that a trunk channel was made to call. CEL says it nowhere plainly: the Dial's own words, then a
    Local channel made for it, a transfer's target, the extension dialled, a caller id set to the client's number."""
    before = [row for row in rows if row.time <= (leg.end or rows[-1].time)]
    said = (dialled_number(row.app_data.split(",")[0].partition("/")[2], leg.endpoint) for row in before if _dials(row))
    local = (local_exten(past.name) for past in reversed(channels) if past.side is Side.LOCAL)
    transfer = (row.said("extension") for row in before if row.event == "BLINDTRANSFER" and row.time <= leg.start)
    extens = (past.exten for past in channels if past.began_the_call and past.side is not Side.TRUNK)
    caller_ids = (row.cid_num for row in before if row.uniqueid != leg.uniqueid and not _came(row, channels))
    candidates = (*said, *local, *transfer, *extens, *caller_ids)
    return next((number for number in candidates if number and sides.outside(number)), None)


def _dials(row: CelRow) -> bool:
    return row.app == "Dial" and "/" in row.app_data


def _came(row: CelRow, channels: list[Past]) -> bool:
    return any(past.uniqueid == row.uniqueid and past.side is Side.TRUNK for past in channels)


def _queue(row: CelRow) -> str:
    return row.app_data.split(",")[0] or row.exten


def _transfers(rows: Sequence[CelRow], sides: Sides, talks: list[Talk]) -> tuple[Transfer, ...]:
    parked: dict[str, CelRow] = {}  # by the Uniqueid of who waits
    parkings = [row.time for row in rows if row.event == "PARK_START"]
    found = []
    for row in rows:
        by = extension_of(row.channel)
        match row.event:
            case "BLINDTRANSFER" if sides.of(row.channel) is Side.PHONE:
                if not any(abs(row.time - time) <= AT_ONCE for time in parkings):
                    found.append(Transfer(type=TransferType.BLIND, by=by, to=row.said("extension"), at=row.time))
            case "ATTENDEDTRANSFER" if sides.of(row.channel) is Side.PHONE:
                found.append(Transfer(type=TransferType.ATTENDED, by=by, to=_target(row, talks), at=row.time))
            case "PARK_START":
                parked[row.uniqueid] = row
            case "PARK_END" if row.said("retriever") and row.uniqueid in parked:
                parker = extension_of(parked[row.uniqueid].said("parker_dial_string"))
                to = extension_of(row.said("retriever"))
                found.append(Transfer(type=TransferType.PARK, by=parker, to=to, at=row.time))
    return tuple(found)


def _target(row: CelRow, talks: list[Talk]) -> str:
    """Whom an attended transfer reached: CEL names the channel, unless AMI made the transfer."""
    target = row.said("transfer_target_channel_name")
    if target.startswith("Local/"):
        return local_exten(target)
    if target:
        return extension_of(target)
    return next((talk.extension for talk in talks if talk.start >= row.time - AT_ONCE), "")
