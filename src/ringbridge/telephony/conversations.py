"""Channels enter and leave bridges: who hears the client."""

from __future__ import annotations

from datetime import datetime

from ringbridge.ami.message import Message
from ringbridge.telephony.events import CallHeld
from ringbridge.telephony.switchboard import Switchboard
from ringbridge.telephony.talks import update_talks

HOLDING = "holding_bridge"
"""In this technology (parking, BridgeWait) nobody hears anybody."""


def bridge_enter(board: Switchboard, message: Message, at: datetime) -> None:
    channel = board.channel(message, at)
    if channel is None:
        return
    before = board.affected(channel)
    if message.get("BridgeTechnology") == HOLDING:
        board.channels.leave(channel)
    else:
        board.channels.enter(channel, message.get("BridgeUniqueid"), message.get("SwapUniqueid"))
    call = board.call_of(channel)
    if not channel.is_local:
        board.hear(call, f"BridgeEnter {channel.name}")
    update_talks(board, before | board.affected(channel), at, channel)


def bridge_leave(board: Switchboard, message: Message, at: datetime) -> None:
    channel = board.channel(message, at)
    if channel is None or channel.bridge != message.get("BridgeUniqueid"):
        return
    before = board.affected(channel)
    board.channels.leave(channel)
    if not channel.is_local:
        board.hear(board.call_of(channel), f"BridgeLeave {channel.name}")
    update_talks(board, before | board.affected(channel), at, channel)


def conference_join(board: Switchboard, message: Message, at: datetime) -> None:
    """Told beside BridgeEnter, and instead of it where a transfer puts the client into an employee's place there: then
    his channel is still in the bridge that he comes from."""
    channel = board.channel(message, at)
    if channel is not None and channel.bridge not in {None, message.get("BridgeUniqueid")}:
        bridge_enter(board, message, at)


def hold(board: Switchboard, message: Message, at: datetime) -> None:
    channel = board.channel(message, at)
    if channel is None:
        return
    call = board.client_call(channel)
    if call is not None and (talk := call.open_talk(channel.uniqueid)) is not None:
        on = message.event == "Hold"
        if on:
            talk.held, talk.unheld = at, None
            call.holds.begin(talk.extension, at)
        else:
            talk.unheld = at
            call.holds.end(talk.extension, at)
        board.hear(call, f"{message.event} {channel.name}")
        board.tell(call, CallHeld, at, on=on)
