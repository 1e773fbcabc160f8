"""The client is handed on: blind, attended, parked, or taken away by a redirect that Asterisk does not even mention."""

from __future__ import annotations

from datetime import datetime, timedelta

from ringbridge.ami.message import Message
from ringbridge.telephony.channels import Channel, endpoint_of
from ringbridge.telephony.events import CallTransferred
from ringbridge.telephony.model import Direction, Extension, Transfer, TransferType
from ringbridge.telephony.opencall import RESUMED_WITHIN, OpenCall
from ringbridge.telephony.pieces import OpenLeg, OpenTalk
from ringbridge.telephony.switchboard import Switchboard
from ringbridge.telephony.talks import update_talks


def blind_transfer(board: Switchboard, message: Message, at: datetime) -> None:
    by = board.mentioned(message, at, "Transferer")
    client = board.mentioned(message, at, "Transferee")
    if by is None or client is None or message.get("Result") != "Success":
        return
    call = board.client_call(client) or board.client_call(by)
    if call is None or _just_parked(call, at):
        return
    _record(board, call, TransferType.BLIND, board.holder(by, call), message.get("Extension"), at)


def _just_parked(call: OpenCall, at: datetime) -> bool:
    """Parking by a transfer to the parking extension tells of both, in either order."""
    return call.parked is not None and at - call.transfers[call.parked].at <= RESUMED_WITHIN


def parked_call(board: Switchboard, message: Message, at: datetime) -> None:
    client = board.mentioned(message, at, "Parkee")
    call = board.client_call(client) if client else None
    if call is None:
        return
    last = call.transfers[-1] if call.transfers else None
    by = Extension(endpoint_of(message.get("ParkerDialString")))
    if last is not None and last.type is TransferType.BLIND and at - last.at <= RESUMED_WITHIN:
        call.transfers.pop()
        by = last.by
    elif call.talks and by not in {talk.extension for talk in call.talks}:
        by = call.talks[-1].extension
    _record(board, call, TransferType.PARK, by, message.get("ParkingSpace"), at)
    call.parked = len(call.transfers) - 1


def unparked_call(board: Switchboard, message: Message, at: datetime) -> None:
    client = board.mentioned(message, at, "Parkee")
    retriever = board.mentioned(message, at, "Retriever")
    call = board.client_call(client) if client else None
    if call is not None and retriever is not None:
        call.fetched_by(board.holder(retriever, call))


def attended_transfer(board: Switchboard, message: Message, at: datetime) -> None:
    """The transferer spoke with a second party (or only rang it) and puts the first and the second together."""
    transferee = board.mentioned(message, at, "Transferee")
    first = board.mentioned(message, at, "OrigTransferer")
    second = board.mentioned(message, at, "SecondTransferer")
    target = board.mentioned(message, at, "TransferTarget")
    if first is None or second is None or message.get("Result") != "Success":
        return
    call, other = _joined(board, transferee or first, second)
    if call is None:
        return
    by = board.holder(first, call)
    to_place = message.get("DestType") == "App"  # a conference, a menu, or a Dial that still rings: to nobody yet
    spoken = None if to_place else _far_party(board, call, transferee, target, (first, second))
    ringing = None if spoken else _ringing_for(board, second, _dialled(target, second))
    if call is not other and other.direction is not Direction.INBOUND:  # else a client of his own, who had called
        board.absorb(other, call)
    kind = TransferType.BLIND if ringing else TransferType.ATTENDED
    _record(board, call, kind, by, spoken or ringing or _dialled(target, second), at)
    update_talks(board, {call}, at)
    if call.met_midway and by not in {talk.extension for talk in call.talks}:
        _spoke_before_we_came(board, call, first, by, at)
    call.handed_on_by({first.uniqueid, second.uniqueid}, at)


def _spoke_before_we_came(board: Switchboard, call: OpenCall, first: Channel, by: Extension, at: datetime) -> None:
    """Whoever hands the client on has spoken with him, at the longest since both their channels were up."""
    up = [channel.since for channel in map(board.channels.get, call.clients) if channel is not None]
    call.talks.insert(0, OpenTalk(extension=by, channel=first.uniqueid, start=max([first.since, *up]), end=at))


def _joined(board: Switchboard, transferee: Channel, second: Channel) -> tuple[OpenCall | None, OpenCall]:
    """The client's call that goes on, and the one that is absorbed (the same where the consultation was within it)."""
    one, two = board.client_call(transferee) or board.call_of(transferee), board.call_of(second)
    if one.concerns_client:
        return one, two
    return (two, one) if two.concerns_client else (None, two)


def _far_party(
    board: Switchboard,
    call: OpenCall,
    transferee: Channel | None,
    target: Channel | None,
    transferers: tuple[Channel, Channel],
) -> str | None:
    """Who has the client now: the colleague at the far end, whichever Local channels lie between; of several, who are
    in a conference, the number that was dialled for it."""
    for start in filter(None, (target, transferee)):
        if not start.is_local and start.uniqueid not in call.clients and start not in transferers:
            return board.person(start)
        people = [person for person in board.people_hearing(start, call) if person not in transferers]
        if people:
            dialled = _dialled(target, transferers[1]) if len(people) > 1 else ""
            return dialled or board.person(people[-1])
    return None


def _ringing_for(board: Switchboard, second: Channel, dialled: str) -> str | None:
    """Whose phone the transferer's second line was ringing; of several, the number that rings them."""
    call = board.call_of(second)
    rung = [leg.extension for leg in call.legs if not leg.result and not leg.answer and leg.channel != second.uniqueid]
    clients = filter(None, map(board.channels.get, call.clients))
    if call.direction is Direction.OUTBOUND and not any(client.up for client in clients):
        rung.append(Extension(call.external or second.exten))
    return dialled if len(rung) > 1 and dialled else next(iter(rung), None)


def _dialled(target: Channel | None, second: Channel) -> str:
    return target.local_exten if target is not None and target.is_local else second.exten


def taken_elsewhere(board: Switchboard, call: OpenCall, leg: OpenLeg, at: datetime) -> None:
    """A redirect by the manager interface says nothing of itself: the client's channel is taken out of the talk, and
    then another phone is rung for it."""
    if (talk := call.taken_away_from()) is not None and talk.channel != leg.channel:
        _record(board, call, TransferType.BLIND, talk.extension, leg.extension, at)


def handed_on_unseen(
    board: Switchboard, call: OpenCall, by: OpenTalk, to: Extension, *, asked: bool, at: datetime
) -> None:
    """While there was no connection the client came from one employee to another, whom he had `asked` before or not."""
    if not any(transfer.at >= at for transfer in call.transfers):
        _record(board, call, TransferType.ATTENDED if asked else TransferType.BLIND, by.extension, to, at)
        call.handed_on_by({by.channel}, at)


def _record(board: Switchboard, call: OpenCall, kind: TransferType, by: Extension, to: str, at: datetime) -> None:
    last = call.transfers[-1] if call.transfers else None
    if last is not None and (last.type, last.by) == (kind, by) and timedelta(0) <= at - last.at <= RESUMED_WITHIN:
        return  # told twice
    call.holds.end_all(at)
    transfer = Transfer(type=kind, by=by, to=to, at=at)
    call.transfers.append(transfer)
    board.hear(call, f"{kind} transfer by {by} to {to}")
    board.tell(call, CallTransferred, at, transfer=transfer)
