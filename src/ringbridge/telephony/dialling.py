"""Channels come, ring, answer and go: who is rung for whom, and who of them is the client."""

from __future__ import annotations

from datetime import datetime, timedelta

from ringbridge.ami.message import Message
from ringbridge.telephony.channels import UNKNOWN, Channel, dialled_number, endpoint_of, whole_number
from ringbridge.telephony.events import CallStarted, LegRinging
from ringbridge.telephony.model import CallId, Direction, Extension, LegResult
from ringbridge.telephony.opencall import LONGEST_INTERNAL, OpenCall
from ringbridge.telephony.pieces import OpenLeg
from ringbridge.telephony.switchboard import Switchboard
from ringbridge.telephony.talks import update_talks
from ringbridge.telephony.transfers import taken_elsewhere

NO_NUMBER = frozenset({"s", "h", "t", "i", "o", "a"})
"""Asterisk's own extensions: none is a number that somebody called."""

RINGS = frozenset({"RINGING", "PROGRESS"})
"""Many a provider sends the ringing tone itself, as early media, and never says that the phone rings."""

OURS = "ringbridge-"
"""So begin the names of channels and actions that we asked for: they are unique for ever."""

ASKED_BEFORE = timedelta(minutes=2)
"""The longest an Originate that failed may have rung: how far back its channel is looked for."""


def newchannel(board: Switchboard, message: Message, at: datetime) -> None:
    channel = board.channel(message, at)
    if channel is None or channel.is_local or channel.is_pseudo:
        return
    call = board.call_of(channel)
    channel.offered = message.get("ChannelStateDesc") != "Down"
    if call.root != channel.uniqueid or not channel.offered:
        return
    name = "" if channel.caller_name in {None, channel.caller_number} else f" ({channel.caller_name})"
    board.hear(call, f"Newchannel {channel.name} from {channel.caller_number}{name} to {channel.exten}")
    if board.is_trunk(channel):
        arrive(board, channel, call, at)
    else:
        call.caller = board.person(channel)
        call.wanted = channel.exten


def arrive(board: Switchboard, channel: Channel, call: OpenCall, at: datetime) -> None:
    """A client calls."""
    board.make_client(channel, call, Direction.INBOUND)
    call.external, call.external_name = caller_id(channel)
    learn_did(call, channel)
    if call.did is not None and not call.announced:
        call.announced = True
        board.tell(call, CallStarted, at)


def caller_id(channel: Channel) -> tuple[str | None, str | None]:
    number = channel.caller_number
    hidden = number is None or not any(sign.isdigit() for sign in number)
    return (None if hidden else number), channel.caller_name


def learn_did(call: OpenCall, channel: Channel) -> None:
    """The number that was called is the first real extension of the client's channel in the dialplan."""
    if call.did is None and channel.exten and channel.exten not in NO_NUMBER and not call.legs:
        call.did = channel.exten


def newstate(board: Switchboard, message: Message, at: datetime) -> None:
    channel = board.channel(message, at)
    if channel is not None:
        progress(board, channel, at)


def dial_state(board: Switchboard, message: Message, at: datetime) -> None:
    board.channel(message, at)
    channel = board.channel(message, at, "Dest")
    if channel is not None and message.get("DialStatus") in RINGS:
        channel.ringing = True
        progress(board, channel, at)


def progress(board: Switchboard, channel: Channel, at: datetime) -> None:
    """The channel's state may have become ringing or up."""
    call = board.call_of(channel)
    if channel.uniqueid in call.clients:
        if call.attempt is not None and channel.ringing:
            call.attempt.rang = True
        if call.direction is Direction.INBOUND:
            learn_did(call, channel)
        return
    leg = call.leg(channel.uniqueid)
    if leg is None or leg.result is not None:
        return
    if channel.up and leg.answer is None:
        leg.answer = at
    if channel.ringing and not leg.rang:
        leg.rang = True
        board.hear(call, f"Ringing {channel.name}")
        board.tell(call, LegRinging, at, leg=leg.snapshot())


def dial_begin(board: Switchboard, message: Message, at: datetime) -> None:
    parent = board.channel(message, at)
    channel = board.channel(message, at, "Dest")
    if channel is None:
        return
    channel.dial_string = message.get("DialString")
    if parent is None:
        channel.originated = True
    else:
        channel.dialled_by = parent.uniqueid
        if board.call_of(channel) is not board.call_of(parent):
            board.move(channel, board.call_of(parent))
    call = board.call_of(channel)
    if channel.originated and channel.uniqueid == call.root:
        call.originated = channel
    board.hear(call, f"DialBegin {parent.name if parent else 'Originate'} -> {channel.name} ({channel.dial_string})")
    if channel.uniqueid in call.clients:  # met by a listing, before this was told
        call.external = dialled_number(channel.dial_string, channel.endpoint) or call.external
    if channel.is_local or channel.is_pseudo or call.leg(channel.uniqueid) or channel.uniqueid in call.clients:
        return
    if parent is not None and board.is_trunk(channel) and not rings_for_client(board, parent, call):
        call_client(board, channel, call, parent, at)
    else:
        if parent is not None and not board.is_trunk(channel):
            client_called_first(board, call, at)
        ring(board, channel, call, parent, at)


def rings_for_client(board: Switchboard, parent: Channel, call: OpenCall) -> bool:
    """Whether what `parent` dials is rung for the client (a colleague, somebody's mobile, the employee's own phone in
    a click-to-call); otherwise an employee dials, and an outside number then is the client."""
    if call.direction is Direction.INBOUND:
        return True
    seen: set[str] = set()
    here: Channel | None = parent
    while here is not None and here.uniqueid not in seen:
        seen.add(here.uniqueid)
        if here.uniqueid in call.clients:
            return True
        if not here.is_second_half:
            return False
        first = board.channels.other_half(here)
        if first is None or first.originated or first.dialled_by is None:
            return True
        here = board.channels.get(first.dialled_by)
    return False


def call_client(board: Switchboard, channel: Channel, call: OpenCall, parent: Channel, at: datetime) -> None:
    board.make_client(channel, call, Direction.OUTBOUND)
    call.external = dialled_number(channel.dial_string, channel.endpoint) or call.wanted or channel.caller_number
    call.try_client(channel.endpoint)
    if call.caller is None:
        call.caller = employee_behind(board, parent, call)
    if not call.announced:
        call.announced = True
        board.tell(call, CallStarted, at)


def client_called_first(board: Switchboard, call: OpenCall, at: datetime) -> None:
    """An Originate had an outside number called, which has answered, and now one of our phones is rung, or a queue
    entered: it is the client who is called back, and then an employee."""
    leg = next((leg for leg in call.legs if leg.trunk and leg.answer), None)
    channel = board.channels.get(leg.channel) if leg is not None else None
    if leg is None or channel is None or call.direction is not None:
        return
    board.make_client(channel, call, Direction.OUTBOUND)
    call.called_first(leg)
    call.announced = True
    board.tell(call, CallStarted, at)


def employee_behind(board: Switchboard, parent: Channel, call: OpenCall) -> Extension | None:
    """Who is calling: the phone itself, or in a click-to-call the phone that was rung first."""
    if not parent.is_local and not parent.is_pseudo:
        return board.person(parent)
    answered = [leg for leg in call.legs if leg.answer is not None]
    return answered[-1].extension if answered else Extension(parent.local_exten)


def ring(board: Switchboard, channel: Channel, call: OpenCall, parent: Channel | None, at: datetime) -> None:
    """A phone is rung for this call. It is counted from here, and told when it truly rings."""
    trunk = channel.endpoint if board.is_trunk(channel) else ""
    leg = OpenLeg(extension=board.person(channel), channel=channel.uniqueid, start=at, trunk=trunk)
    taken_elsewhere(board, call, leg, at)
    call.ring(leg)
    if parent is None and call.root == channel.uniqueid:
        call.caller = leg.extension
    progress(board, channel, at)


def dial_end(board: Switchboard, message: Message, at: datetime) -> None:
    board.channel(message, at)
    channel = board.channel(message, at, "Dest")
    if channel is None:
        return
    call, status = board.call_of(channel), message.get("DialStatus")
    board.hear(call, f"DialEnd {channel.name} {status}")
    if channel.uniqueid in call.clients:
        if call.attempt is not None:
            call.attempt.status = status
    elif (leg := call.leg(channel.uniqueid)) is not None and leg.result is None:
        leg.status = status
        leg.forwarded = leg.forwarded or "Forward" in message
        if status == "ANSWER":
            leg.answer = leg.answer or at


def hangup(board: Switchboard, message: Message, at: datetime) -> None:
    channel = board.channels.get(message.get("Uniqueid"))
    if channel is None:
        return
    call = board.call_of(channel)
    call.last_heard = at
    cause = whole_number(message.get("Cause"))
    concerned = board.affected(channel)
    if channel.uniqueid in call.clients and call.attempt is not None:
        call.attempt.cause = cause
    if channel.uniqueid == call.root:
        call.cause = cause
    end_holds(board, channel, at)
    if not channel.is_local:
        board.hear(call, f"Hangup {channel.name} cause {cause}")
    leg = call.leg(channel.uniqueid)
    board.gone(channel, at)
    update_talks(board, concerned, at, channel)
    if leg is not None:
        board.lose_leg(call, leg, at, cause)


def end_holds(board: Switchboard, channel: Channel, at: datetime) -> None:
    """Nobody takes the client back any more: he has hung up, or whoever had put him on hold has."""
    call = board.client_call(channel) or board.call_of(channel)
    if channel.uniqueid in call.clients:
        call.holds.end_all(at)
    elif any(talk.channel == channel.uniqueid for talk in call.talks):
        call.holds.give_up(board.person(channel), at)


def pickup(board: Switchboard, message: Message, at: datetime) -> None:
    board.channel(message, at)
    target = board.find(message.get("TargetUniqueid"))
    leg = target.leg(message.get("TargetUniqueid")) if target else None
    if leg is not None and leg.answer is None:
        leg.picked_up = True
        if leg.result is not None:
            leg.result = LegResult.ANSWERED_ELSEWHERE


def rename(board: Switchboard, message: Message, at: datetime) -> None:
    board.channels.rename(message.get("Uniqueid"), message.get("Newname"))


# Click-to-call


def originate_response(board: Switchboard, message: Message, at: datetime) -> None:
    """How a click-to-call went: it names the action, and the channel only when the employee answered. Whoever gives the
    channel the action's name has no doubt which of several calls it was."""
    number = message.get("Exten")
    action = message.get("ActionID")
    if board.is_over(action):
        return
    call = board.find(message.get("Uniqueid")) or board.find(action)
    if call is None and not action.startswith(OURS):
        call = _told_before(board, action, number) or _originated(board, message, at)
    if call is None:
        if (outside(number) or action.startswith(OURS)) and message.get("Response") == "Failure":
            _never_rang(board, message, at)
        return
    call.click_to_call = message.get("ActionID")
    call.wanted = call.wanted or number
    if message.get("Response") == "Failure" and outside(number) and call.direction is None:
        call.direction, call.external = Direction.OUTBOUND, number


def outside(number: str) -> bool:
    digits = number.lstrip("+")
    return digits.isdigit() and len(digits) > LONGEST_INTERNAL


def _told_before(board: Switchboard, action: str, number: str) -> OpenCall | None:
    """The call that this action is known to have begun. Some programs give all their actions one name."""
    known = (call for call in board.calls.values() if call.click_to_call == action)
    return next((call for call in known if number in {call.wanted, call.external}), None)


def _originated(board: Switchboard, message: Message, at: datetime) -> OpenCall | None:
    """The oldest call that this failed Originate may have begun."""
    asked = message.get("Channel")
    for call in board.calls.values():
        root = call.originated  # it may be gone already
        if (
            root is not None
            and call.click_to_call is None
            and not call.root.startswith(OURS)
            and (root.name.startswith(f"{asked.removesuffix('/n')}-") or root.dial_string == asked.partition("/")[2])
            and at - call.start <= ASKED_BEFORE
        ):
            return call
    return None


def _never_rang(board: Switchboard, message: Message, at: datetime) -> None:
    """The employee's phone could not even be rung: a call without any channel."""
    asked = message.get("Channel")
    employee = asked.partition("/")[2].partition("@")[0] if asked.startswith("Local/") else endpoint_of(asked)
    action = message.get("ActionID")
    identity = CallId(action if action.startswith(OURS) else f"{at.timestamp():.3f}-{action}")
    if board.is_over(identity):
        return
    call = OpenCall(
        id=identity,
        start=at,
        root="",
        channels={identity: None},
        direction=Direction.OUTBOUND if outside(message.get("Exten")) else Direction.INTERNAL,
        external=message.get("Exten"),
        caller=Extension(employee) if employee not in UNKNOWN else None,
        click_to_call=action,
        quiet_since=at,
    )
    board.begin(call)
    board.close(call)
