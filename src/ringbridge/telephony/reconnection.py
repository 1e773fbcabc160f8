"""The connection was lost and is there again, or begins in the middle of calls: what is up, what has gone meanwhile."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from ringbridge.ami.message import Message
from ringbridge.telephony.channels import Channel, dialled_number, whole_number
from ringbridge.telephony.dialling import NO_NUMBER, caller_id, learn_did, outside
from ringbridge.telephony.model import Direction, Extension
from ringbridge.telephony.opencall import OpenCall
from ringbridge.telephony.particulars import recording_named
from ringbridge.telephony.pieces import OpenLeg, OpenTalk, ringing_leg
from ringbridge.telephony.switchboard import Switchboard
from ringbridge.telephony.talks import update_talks
from ringbridge.telephony.transfers import handed_on_unseen


def fully_booted(board: Switchboard, message: Message, at: datetime) -> None:
    """A PBX that has started since we last heard of it: nothing from before is alive."""
    uptime = whole_number(message.get("Uptime"))
    if board.heard_at is None or uptime is None:
        return
    started = at - timedelta(seconds=uptime)
    if started > board.heard_at:
        forget_unheard(board, board.lost_at or started)


def shutdown(board: Switchboard, message: Message, at: datetime) -> None:
    """The PBX stops: what is up, or ended in this moment, was cut off. Comes with the class system only."""
    for call in list(board.calls.values()):
        board.interrupt(call, call.quiet_since or at)


def forget_unheard(board: Switchboard, at: datetime) -> None:
    """Calls of which this connection has shown nothing ended at `at`, without their Hangup."""
    for call in list(board.calls.values()):
        if call.quiet_since is None and not _is_shown(board, call):
            board.interrupt(call, at)


def resync(
    board: Switchboard,
    rows: Sequence[Message],
    bridges: Mapping[str, Sequence[str]] | None,
    at: datetime,
    *,
    complete: bool = True,
    records: bool = False,
) -> None:
    """Compares the board with the live channels.

    `rows` are CoreShowChannel or Status events; `bridges` tells the members' Uniqueids of each bridge where it was
    asked, else the rows' own BridgeId does. With `records` a call that is gone waits for the PBX's record of it.
    """
    lost_at = board.lost_at or at
    board.listed_at = at if records else None
    known = {channel.uniqueid for channel in board.channels}
    talked = {talk for call in board.calls.values() for talk in call.talks}
    having = {talk for talk in talked if talk.end is None or (talk.waits_in and talk.channel in known)}
    asked = _asked_by(board)
    up = {row.get("Uniqueid") for row in rows}
    fallen_silent: list[OpenLeg] = []
    if complete:
        if records:
            _await_records(board, up, lost_at)
        fallen_silent = _drop_unlisted(board, up, lost_at)
    new = [channel for row in rows if (channel := _take(board, row, at)) is not None]
    dials = _dial_strings(rows)
    place = bridges if bridges is not None else _bridges_of(rows)
    _place(board, place, up)
    for call in {board.call_of(channel).id: board.call_of(channel) for channel in new}.values():
        _understand(board, call, dials, at)
    concerned = [call for call in board.calls.values() if call.clients & up]
    update_talks(board, concerned, at)
    for call in concerned:
        for talk in call.talks:
            if talk not in talked:
                _estimate(board, call, talk, board.lost_at if talk.channel in known else None)
        left = [talk for talk in call.talks if talk in having and talk.end is not None]
        begun = [talk for talk in call.talks if talk not in talked]
        if left and begun and left[-1].extension != begun[0].extension:
            by, to = left[-1], begun[0].extension
            handed_on_unseen(board, call, by, to, asked=to in asked[by.extension], at=lost_at)
    _tell_silence(board, fallen_silent, lost_at)


def _asked_by(board: Switchboard) -> Mapping[Extension, set[Extension]]:
    """Whom each employee speaks with besides their client: a colleague who may be handed the client."""
    asked: defaultdict[Extension, set[Extension]] = defaultdict(set)
    for call in board.calls.values():
        talking = {talk.extension for talk in call.talks if talk.end is None or talk.waits_in}
        for extension in talking if call.concerns_client else filter(None, (call.caller,)):
            asked[extension] |= {leg.extension for leg in call.legs if leg.answer and not leg.end} - talking
    return asked


def _tell_silence(board: Switchboard, legs: Sequence[OpenLeg], at: datetime) -> None:
    """Phones that rang when the connection broke, and do not any more: because somebody else answered, as we know
    now, or nobody did."""
    for leg in legs:
        if (call := board.find(leg.channel)) is not None:
            leg.status = leg.status or ("CANCEL" if call.taken_since(leg.start) else "")
            board.lose_leg(call, leg, at, None)


def _place(board: Switchboard, bridges: Mapping[str, Sequence[str]], up: set[str]) -> None:
    for channel in map(board.channels.get, up.difference(*bridges.values())):
        if channel is not None:
            board.channels.leave(channel)
    for bridge, members in bridges.items():
        for member in map(board.channels.get, members):
            if member is not None and member.bridge != bridge:
                board.channels.enter(member, bridge)


def _await_records(board: Switchboard, up: set[str], at: datetime) -> None:
    """Calls of which nothing is left: how they ended, their records may tell in a while."""
    for call in board.calls.values():
        if call.quiet_since is None and not call.members & up and not _is_shown(board, call):
            call.vanished_at = call.vanished_at or at


def _is_shown(board: Switchboard, call: OpenCall) -> bool:
    """This connection has shown some of its channels."""
    alive = map(board.channels.get, call.members)
    return any(channel is not None and channel.connection == board.channels.connection for channel in alive)


def give_up_vanished(board: Switchboard, until: datetime) -> None:
    """No record has told the end of the calls that were gone until then."""
    for call in list(board.calls.values()):
        if call.vanished_at is not None and call.vanished_at <= until:
            if call.quiet_since is None:
                board.interrupt(call, call.vanished_at)
            else:
                board.settle(call, call.quiet_since)
            call.vanished_at = None


def _drop_unlisted(board: Switchboard, up: set[str], at: datetime) -> list[OpenLeg]:
    """What an earlier connection showed and this listing does not has ended meanwhile. Gives back the phones that
    rang, and do not any more."""
    rang: list[OpenLeg] = []
    for channel in board.channels:
        old = channel.uniqueid not in up and channel.connection != board.channels.connection
        if old and board.call_of(channel).vanished_at is None:
            rang += _vanished(board, channel, at)
    forget_unheard_restored(board, up, at)
    return rang


def forget_unheard_restored(board: Switchboard, up: set[str], at: datetime) -> None:
    """Calls from before a restart of ours hold channels that no connection has shown yet."""
    for call in [call for call in board.calls.values() if call.vanished_at is None]:
        unseen = {uniqueid for uniqueid in call.members if board.channels.get(uniqueid) is None}
        call.members -= unseen - up
        if not call.members and call.quiet_since is None:
            board.interrupt(call, at)


def _vanished(board: Switchboard, channel: Channel, at: datetime) -> list[OpenLeg]:
    call = board.call_of(channel)
    concerned = board.affected(channel)
    leg = call.leg(channel.uniqueid)
    board.gone(channel, at)
    call.interrupted = call.interrupted or channel.uniqueid in call.clients or not call.members
    update_talks(board, concerned, at, channel)
    if leg is None or leg.result is not None:
        return []
    if leg.answer is None and call.members:
        return [leg]
    board.lose_leg(call, leg, at, None)
    return []


def _bridges_of(rows: Sequence[Message]) -> dict[str, list[str]]:
    places: dict[str, list[str]] = {}
    for row in rows:
        if bridge := row.get("BridgeId") or row.get("BridgeID"):
            places.setdefault(bridge, []).append(row.get("Uniqueid"))
    return places


def _take(board: Switchboard, row: Message, at: datetime) -> Channel | None:
    """The row's channel; None when it was known already."""
    known = board.channels.get(row.get("Uniqueid")) is not None
    channel = board.channel(row, at)
    if channel is None:
        return None
    call = board.call_of(channel)
    variables = _variables(row)
    if path := variables.get("MIXMONITOR_FILENAME"):
        recording_named(board, call, channel.uniqueid, path, at)
    called = variables.get("FROM_DID") or variables.get("__FROM_DID") or row.get("DNID")
    if known:
        if called and call.met_midway and channel.uniqueid in call.clients and call.direction is Direction.INBOUND:
            call.did = called
        return None
    channel.since = at - age(row)
    channel.exten = called or channel.exten
    return channel


def _variables(row: Message) -> dict[str, str]:
    """The channel's variables; one that is not set is asked for in vain and comes as ``NAME=(null)``."""
    pairs = (variable.partition("=")[::2] for variable in row.all("Variable"))
    return {name: value for name, value in pairs if value != "(null)"}


def age(row: Message) -> timedelta:
    """How long the channel is up: ``Duration: 00:01:04`` of CoreShowChannel, ``Seconds: 64`` of Status."""
    if parts := re.fullmatch(r"(\d{1,6}):(\d\d):(\d\d)", row.get("Duration")):
        hours, minutes, seconds = map(int, parts.groups())
        return timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return timedelta(seconds=whole_number(row.get("Seconds")) or 0)


def _dial_strings(rows: Sequence[Message]) -> dict[str, list[str]]:
    """What each channel dials: ``PJSIP/7912…@mango&PJSIP/101,15,T`` without technologies and options."""
    return {
        row.get("Uniqueid"): [
            device.partition("/")[2]
            for device in (row.get("ApplicationData") or row.get("Data")).partition(",")[0].split("&")
        ]
        for row in rows
        if row.get("Application") == "Dial"
    }


def _dialled_with(board: Switchboard, call: OpenCall, channel: Channel, dials: Mapping[str, Sequence[str]]) -> str:
    """What some channel of the call dialled, and got this one for."""
    asked = (string for member in call.members for string in dials.get(member, ()))
    ours = (string for string in asked if channel.endpoint in {string.partition("/")[0], string.rpartition("@")[2]})
    return next(ours, "")


def _understand(board: Switchboard, call: OpenCall, dials: Mapping[str, Sequence[str]], at: datetime) -> None:
    """A call met in its middle: the channel that came first says which way it goes."""
    members = [m for m in map(board.channels.get, call.members) if m is not None and not m.is_local and not m.is_pseudo]
    members.sort(key=lambda channel: (channel.uniqueid != channel.linkedid, channel.since))
    if not members or call.direction is not None:
        return
    first, others = members[0], members[1:]
    for other in others:
        other.dial_string = other.dial_string or _dialled_with(board, call, other, dials)
    call.met_midway = True
    call.start = min(call.start, first.since)
    if board.is_trunk(first):
        board.make_client(first, call, Direction.INBOUND)
        call.external, call.external_name = caller_id(first)
        learn_did(call, first)
    else:
        call.caller = board.person(first)
        call.wanted = first.exten if first.exten not in NO_NUMBER else None
        _client_of_outbound(board, call, first, [other for other in others if board.is_trunk(other)])
    for other in members:
        if other.uniqueid not in call.clients and other is not first:
            call.legs.append(ringing_leg(other, board.person(other)))


def _client_of_outbound(board: Switchboard, call: OpenCall, first: Channel, trunks: list[Channel]) -> None:
    if not trunks:
        return
    client = trunks[0]
    board.make_client(client, call, Direction.OUTBOUND)
    dialled = dialled_number(client.dial_string, client.endpoint)
    number = dialled or call.wanted or client.caller_number
    call.external = number if number and outside(number) else client.caller_number
    call.try_client(client.endpoint)
    if call.attempt is not None:
        call.attempt.rang = client.ringing


def _estimate(board: Switchboard, call: OpenCall, talk: OpenTalk, not_before: datetime | None) -> None:
    """The talk began at the latest now, at the earliest when the younger channel came up; between channels that were
    up before (`not_before`), when we last looked."""
    channels = [board.channels.get(uniqueid) for uniqueid in (talk.channel, *call.clients)]
    began = [channel.since for channel in channels if channel is not None]
    talk.start, talk.estimated = max([*began, not_before or call.start]), True
