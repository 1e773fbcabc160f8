"""The tracker: AMI messages in, events of calls out.

What it knows of a call, in the order in which Asterisk tells it:

1.  A **channel** appears (Newchannel). The first of its Linkedid begins a call. If it came in by a trunk, a client is
    calling: its Exten is the number called. If it is one of our phones, what it dials decides: a trunk channel means
    that a client is being called, anything else stays internal. Of several tries, on one trunk after another, the
    last that reached the client's phone says how it went.
2.  Phones are **rung** (DialBegin, then the dialled channel's Newstate Ringing). A ring is a *leg*. Queues, groups and
    follow-me put Local channels between; they are never legs. An outside number that is dialled for a client who
    called (a forward to a mobile) is a leg too.
3.  Somebody **answers** (the leg's channel is Up, DialEnd ANSWER). That is not yet a talk: in a click-to-call the
    employee's own phone answers, an IVR or a queue answers the trunk.
4.  A **talk** is one of our people's channels hearing a client's channel, through however many bridges and Local
    halves (`channels`). It begins and ends with BridgeEnter, BridgeLeave and Hangup. Hold (`holds`) changes nothing in
    it, nor does a question to a colleague meanwhile, if the employee comes back to the client who waits; if not, and
    the client is handed on, the talk ended when he was put on hold.
5.  **Transfers** are told by BlindTransfer, AttendedTransfer and ParkedCall, in some order before or after the moves
    they explain; a redirect by the manager is not told at all and is read from the client's channel being taken out of
    a talk before another phone is rung for it (`transfers`). A consultation in a call of its own is absorbed when the
    transfer is made, unless it was with another client, who had called; handing on to a phone that still rings is a
    blind transfer, whatever Asterisk calls it.
6.  The call **ends** when its last channel is gone, a moment later: the Cdr, a Shutdown, an OriginateResponse
    may still come (`switchboard`). It ends as interrupted when the PBX or the connection ended first.

Events of class ``call`` suffice; ``agent`` adds the queue's name, ``cdr`` what was missed at the beginning of a talk,
``system`` the Shutdown, ``dialplan`` the names of recordings, ``dtmf`` the choices in a menu. CEL is not used. No
context or extension name of any dialplan decides anything. Events may repeat, come late, or name channels never seen;
none of it raises, and what is still said of a channel that is hung up neither revives it nor begins a call.

There is no clock here: `at` comes with each message, and `next_deadline` says when `expire` wants to be called.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from datetime import datetime

from ringbridge.ami.message import Message
from ringbridge.telephony import conversations, dialling, particulars, reconnection, transfers
from ringbridge.telephony.events import CallEnded, CallEvent
from ringbridge.telephony.model import Call, CallId
from ringbridge.telephony.opencall import OpenCall
from ringbridge.telephony.switchboard import Switchboard


def _seen(board: Switchboard, message: Message, at: datetime) -> None:
    """Only the channel's state and Linkedid are of interest."""
    board.channel(message, at)


HANDLERS: Mapping[str, Callable[[Switchboard, Message, datetime], None]] = {
    "AttendedTransfer": transfers.attended_transfer,
    "BlindTransfer": transfers.blind_transfer,
    "BridgeEnter": conversations.bridge_enter,
    "BridgeLeave": conversations.bridge_leave,
    "Cdr": particulars.cdr,
    "ConfbridgeJoin": conversations.conference_join,
    "ConfbridgeLeave": conversations.bridge_leave,
    "DTMFEnd": particulars.pressed,
    "DialBegin": dialling.dial_begin,
    "DialEnd": dialling.dial_end,
    "DialState": dialling.dial_state,
    "FullyBooted": reconnection.fully_booted,
    "Hangup": dialling.hangup,
    "Hold": conversations.hold,
    "MessageWaiting": particulars.message_waiting,
    "MixMonitorStart": particulars.recording_started,
    "MixMonitorStop": particulars.recording_stopped,
    "NewCallerid": dialling.newstate,
    "Newchannel": dialling.newchannel,
    "NewConnectedLine": _seen,
    "Newstate": dialling.newstate,
    "OriginateResponse": dialling.originate_response,
    "ParkedCall": transfers.parked_call,
    "Pickup": dialling.pickup,
    "QueueCallerJoin": particulars.queue_join,
    "Rename": dialling.rename,
    "Shutdown": reconnection.shutdown,
    "Unhold": conversations.hold,
    "UnParkedCall": transfers.unparked_call,
    "VarSet": particulars.variable,
}


class CallTracker:
    """`trunks`: the endpoint names of the trunks, as they stand in channel names."""

    def __init__(self, *, trunks: Container[str]) -> None:
        self._board = Switchboard(trunks)

    def __len__(self) -> int:
        """Calls that are going on."""
        return len(self._board.calls)

    def feed(self, message: Message, at: datetime) -> list[CallEvent]:
        """What this message means. It may be anything; what the tracker does not know means nothing."""
        if (handler := HANDLERS.get(message.event)) is None:
            return []
        self._board.expire(at)
        handler(self._board, message, at)
        return self._board.told()

    def expire(self, now: datetime) -> list[CallEvent]:
        self._board.expire(now)
        return self._board.told()

    def next_deadline(self) -> datetime | None:
        return self._board.next_deadline()

    # The connection

    def restore(self, calls: Sequence[Call]) -> None:
        """Calls that were going on when we were last heard of; the next `resync` tells what became of them."""
        for call in calls:
            self._board.begin(OpenCall.restored(call))

    def connected(self) -> None:
        """A new connection: what is said from now on comes from it."""
        self._board.channels.connection += 1

    def disconnected(self, *, heard: datetime, lost: datetime | None) -> None:
        """The connection is gone: when something last came over it, and when it broke, where that is known."""
        self._board.heard_at, self._board.lost_at = heard, lost
        for call in self._board.calls.values():
            call.unseen_since = call.unseen_since or lost or heard
            call.holds.lost(call.unseen_since)

    def resync(
        self,
        channels: Sequence[Message],
        at: datetime,
        bridges: Mapping[str, Sequence[str]] | None = None,
        *,
        complete: bool = True,
        records: bool = False,
    ) -> list[CallEvent]:
        """The live channels as the PBX lists them (CoreShowChannel or Status rows), and who is in which bridge.
        `complete` is False when a channel that is not listed may still live. With `records` a call that is gone stays
        open until `ended_unheard` tells its end or `give_up_vanished` does without."""
        reconnection.resync(self._board, channels, bridges, at, complete=complete, records=records)
        return self._board.told()

    @property
    def vanished(self) -> frozenset[CallId]:
        """Calls that are gone, and whose ends nobody has told yet."""
        return frozenset(call.id for call in self._board.calls.values() if call.vanished_at is not None)

    def give_up_vanished(self, until: datetime) -> list[CallEvent]:
        """No record tells how the calls ended that were gone until then: they were interrupted, as far as we know."""
        reconnection.give_up_vanished(self._board, until)
        return self._board.told()

    def ended_unheard(self, told: Call) -> list[CallEvent]:
        """A call that ended while there was no connection, from the PBX's own records. It may have ended while we were
        logging in: what the connection still says of it begins no call."""
        known = next(filter(None, map(self._board.find, (told.id, *told.channels))), None)
        known = known or self._board.calls.get(told.id)
        if told.end is None:
            return []
        self._board.over(told.id, *told.channels)
        if known is None:
            return [CallEnded(call=told, at=told.end)]
        known.complete(told)
        self._board.end(known, told.end)
        return self._board.told()

    def recording_path(self, uniqueid: str, path: str, at: datetime) -> list[CallEvent]:
        """The answer to what file a channel is recorded to, where the dialplan class is not read."""
        if (call := self._board.find(uniqueid)) is not None and path:
            particulars.recording_named(self._board, call, uniqueid, path, at)
        return self._board.told()

    def channel_name(self, uniqueid: str) -> str | None:
        """The channel's name while it is up."""
        channel = self._board.channels.get(uniqueid)
        return channel.name if channel else None

    def finish(self, at: datetime) -> list[CallEvent]:
        """Nothing more will come: calls that are still up end as interrupted."""
        self._board.expire(at)
        for call in list(self._board.calls.values()):
            if call.quiet_since is None:
                self._board.interrupt(call, call.unseen_since or at)
            self._board.close(call)
        return self._board.told()
