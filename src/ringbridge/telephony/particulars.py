"""What else is said of a call: its queue, its recordings, voicemail, the number called, the late word of the Cdr."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from ringbridge.ami.message import Message
from ringbridge.telephony.channels import UNKNOWN, whole_number
from ringbridge.telephony.dialling import client_called_first
from ringbridge.telephony.events import RecordingReady
from ringbridge.telephony.model import Direction, Recording
from ringbridge.telephony.opencall import OpenCall
from ringbridge.telephony.pieces import OpenRecording, OpenTalk
from ringbridge.telephony.switchboard import Switchboard

CLOCKS = timedelta(seconds=1)
"""The PBX counts whole seconds, and of a channel only those it has been up."""

SAME_RECORDING = timedelta(seconds=2)
"""Between the variable that names the file and MixMonitorStart, which says that it is written."""


def queue_join(board: Switchboard, message: Message, at: datetime) -> None:
    channel = board.channel(message, at)
    if channel is None:
        return
    client_called_first(board, board.call_of(channel), at)
    if (call := board.client_call(channel)) is not None:
        call.queue = message.get("Queue")
        board.hear(call, f"QueueCallerJoin {call.queue}")


def pressed(board: Switchboard, message: Message, at: datetime) -> None:
    """Class dtmf, where the manager user may read it."""
    call = board.find(message.get("Uniqueid"))
    if call is None or call.direction is not Direction.INBOUND or message.get("Direction") != "Received":
        return
    if message.get("Uniqueid") in call.clients and not call.legs:
        call.press(message.get("Digit"))


def variable(board: Switchboard, message: Message, at: datetime) -> None:
    """Class dialplan, where the manager user may read it."""
    call = board.find(message.get("Uniqueid"))
    if call is None:
        return
    value = message.get("Value")
    match message.get("Variable").lstrip("_"):
        case "MIXMONITOR_FILENAME" if value:
            recording_named(board, call, message.get("Uniqueid"), value, at)
        case "FROM_DID" if call.direction is Direction.INBOUND and value not in UNKNOWN:
            call.did = call.did if call.did and call.did != "s" else value
        case "VM_MESSAGEFILE" | "VMSTATUS":
            call.voicemail = True
        case "ANSWEREDTIME_MS":
            met_midway(call.talks, at, timedelta(milliseconds=whole_number(value) or 0))


def recording_named(board: Switchboard, call: OpenCall, channel: str, path: str, at: datetime) -> None:
    """The path of the recording on this channel, from the dialplan or because we asked for it."""
    nameless = next((r for r in call.recordings if r.channel == channel and not r.path), None)
    if nameless is not None:
        nameless.path = path
    elif any(r.path == path and r.channel == channel for r in call.recordings):
        return
    else:
        call.recordings.append(OpenRecording(path=path, channel=channel, start=at))
    board.hear(call, f"Recording {path.rpartition('/')[2]}")
    board.tell(call, RecordingReady, at, recording=Recording(path=path, channel=channel, start=at))


def recording_started(board: Switchboard, message: Message, at: datetime) -> None:
    channel = board.channel(message, at)
    if channel is None:
        return
    call = board.call_of(channel)
    mine = [r for r in call.recordings if r.channel == channel.uniqueid]
    if mine and not mine[-1].running and at - mine[-1].start <= SAME_RECORDING:
        mine[-1].running = True
        return
    call.recordings.append(OpenRecording(path="", channel=channel.uniqueid, start=at, running=True))


def recording_stopped(board: Switchboard, message: Message, at: datetime) -> None:
    call = board.find(message.get("Uniqueid"))
    for recording in call.recordings if call else ():
        if recording.channel == message.get("Uniqueid") and recording.stop is None:
            recording.stop = at


def message_waiting(board: Switchboard, message: Message, at: datetime) -> None:
    """With a channel in it: that channel has just left a message."""
    call = board.find(message.get("Uniqueid"))
    if call is not None and call.direction is Direction.INBOUND:
        call.voicemail = True


def cdr(board: Switchboard, message: Message, at: datetime) -> None:
    """Comes before or after the Hangup. It is asked only what nothing else has told."""
    call = board.find(message.get("UniqueID"))
    if call is None:
        return
    if message.get("LastApplication") == "VoiceMail":
        call.voicemail = True
    if call.direction is Direction.INBOUND and not call.did and message.get("did"):
        call.did = message.get("did")
    seconds = whole_number(message.get("BillableSeconds"))
    if message.get("Disposition") == "ANSWERED" and message.get("LastApplication") == "Dial":
        ends = {message.get("Channel"), message.get("DestinationChannel")}
        met_midway([talk for talk in call.talks if talk.name in ends], at, timedelta(seconds=seconds or 0))


def met_midway(talks: Sequence[OpenTalk], at: datetime, talked: timedelta) -> None:
    """How long the talk was that had begun before we came: since the client's channel is up, or its last record began.
    If that is longer than the talk can have been, it says nothing of it."""
    for talk in talks:
        began = (talk.end or at) - talked
        if talk.estimated and talked and began >= talk.start - CLOCKS:
            talk.start, talk.estimated = max(began, talk.start), False
