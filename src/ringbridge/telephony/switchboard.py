"""The board on which calls lie: which channel belongs to which call, who talks, and what is told of it.

Channels come to a call by their Linkedid when they are new, and by who dialled them. Asterisk changes a Linkedid
without a word when channels are bridged (a pickup, a parked call fetched, a consultation that becomes a transfer), and
it takes the oldest one, which may be that of an agent logged in since the morning. So a client's channel never leaves
its call, whatever Linkedid it gets, and a colleague's channel follows its new Linkedid into the client's call.
"""

from __future__ import annotations

from collections.abc import Container
from datetime import datetime, timedelta

from ringbridge.ami.message import Message
from ringbridge.telephony.channels import Channel, Channels, channel_of, dialled_number
from ringbridge.telephony.events import CallEnded, CallEvent, CallStarted, LegLeft, LegLost
from ringbridge.telephony.model import CallId, Direction, Extension
from ringbridge.telephony.opencall import MOST_HEARD, OpenCall
from ringbridge.telephony.pieces import OpenLeg, ringing_leg

SETTLE = timedelta(milliseconds=1500)
"""After its last channel is gone a call waits this long for what comes late: Cdr, OriginateResponse, and Shutdown. An
Asterisk that stops hangs up everything, and looks a second later whether all channels are gone before it says so."""

HANGING_UP = timedelta(seconds=2)
"""Channels that leave their bridge are hung up within so long. A listing in between shows nobody who talks."""

LAST_OVER = 1000
"""So many channels of ended calls are remembered: what is still said of one of them begins no new call."""

STALE = timedelta(hours=12)
"""A call of which nothing was heard for so long has been lost sight of."""


class Switchboard:
    def __init__(self, trunks: Container[str]) -> None:
        self.trunks = trunks
        self.channels = Channels()
        self.calls: dict[CallId, OpenCall] = {}
        self.lost_at: datetime | None = None  # when the last connection ended, where that is known
        self.heard_at: datetime | None = None  # when a connection last said anything
        self.listed_at: datetime | None = None  # the live channels, behind whom the PBX's records are looked at again
        self._call_of: dict[str, OpenCall] = {}
        self._by_linkedid: dict[str, OpenCall] = {}
        self._client_of: dict[str, OpenCall] = {}
        self._resting: dict[CallId, datetime] = {}  # until when each waits, in the order they fell silent
        self._over: dict[str, None] = {}  # the calls that ended last, and their channels
        self._sweep: datetime | None = None
        self._told: list[CallEvent] = []

    # Channels and their calls

    def channel(self, message: Message, at: datetime, prefix: str = "") -> Channel | None:
        """The channel of these headers, with the call it belongs to brought up to date; None for one that is hung up,
        of which Asterisk goes on to speak for a moment."""
        uniqueid = message.get(f"{prefix}Uniqueid")
        channel = None if self._is_gone(uniqueid) else self.channels.adopt(uniqueid, message, at, prefix)
        if channel is None:
            return None
        linkedid = message.get(f"{prefix}Linkedid") or channel.linkedid
        call = self._call_of.get(channel.uniqueid)
        if call is None:
            call = self._by_linkedid.get(linkedid) or self._begin(channel, at)
            self._add(channel, call)
        elif linkedid != channel.linkedid:
            call = self._relink(channel, linkedid, call)
        call.last_heard, call.unseen_since, call.vanished_at = at, None, None
        return channel

    def mentioned(self, message: Message, at: datetime, prefix: str) -> Channel | None:
        """The same for what is told of channels afterwards: one that is hung up is no reason not to hear it."""
        uniqueid = message.get(f"{prefix}Uniqueid")
        if self._is_gone(uniqueid) and uniqueid in self._call_of:
            return channel_of(message, at, prefix)
        return self.channel(message, at, prefix)

    def _is_gone(self, uniqueid: str) -> bool:
        if self.channels.get(uniqueid) is not None:
            return False
        call = self._call_of.get(uniqueid)
        return uniqueid in self._over if call is None else uniqueid not in call.members

    def over(self, *names: str) -> None:
        """These are ids of a call that has ended, and of its channels."""
        self._over |= dict.fromkeys(names)
        while len(self._over) > LAST_OVER:
            self._over.pop(next(iter(self._over)))

    def is_over(self, uniqueid: str) -> bool:
        """Whether the channel's call has ended lately."""
        return uniqueid in self._over

    def call_of(self, channel: Channel) -> OpenCall:
        return self._call_of[channel.uniqueid]

    def find(self, uniqueid: str) -> OpenCall | None:
        """The call of a channel that may be gone already."""
        return self._call_of.get(uniqueid)

    def is_trunk(self, channel: Channel) -> bool:
        return channel.endpoint in self.trunks and not channel.is_local and not channel.is_pseudo

    def begin(self, call: OpenCall) -> None:
        """Puts a call on the board that has no channel (yet)."""
        self.calls[call.id] = call
        for uniqueid in call.channels:
            self._call_of[uniqueid] = call
        for uniqueid in call.clients:
            self._client_of[uniqueid] = call
        self._by_linkedid |= dict.fromkeys(call.linkedids, call)

    def _begin(self, channel: Channel, at: datetime) -> OpenCall:
        identity = CallId(channel.linkedid or channel.uniqueid)
        if identity in self.calls or identity in self._over:
            identity = CallId(channel.uniqueid)
        call = OpenCall(id=identity, start=at, root=channel.uniqueid)
        self.calls[identity] = call
        if channel.linkedid:
            self._by_linkedid[channel.linkedid] = call
            call.linkedids.add(channel.linkedid)
        return call

    def _add(self, channel: Channel, call: OpenCall) -> None:
        self._call_of[channel.uniqueid] = call
        call.members.add(channel.uniqueid)
        call.quiet_since = None
        self._resting.pop(call.id, None)
        call.channels[channel.uniqueid] = None

    def _relink(self, channel: Channel, linkedid: str, call: OpenCall) -> OpenCall:
        channel.linkedid = linkedid
        target = self._by_linkedid.get(linkedid)
        if target is None or target is call or channel.uniqueid in call.clients or call.concerns_client:
            return call
        self.move(channel, target)
        return target

    def move(self, channel: Channel, target: OpenCall) -> None:
        """The channel, its other half and its ring go over to another call."""
        for part in filter(None, (channel, self.channels.other_half(channel))):
            source = self._call_of[part.uniqueid]
            if source is target:
                continue
            source.members.discard(part.uniqueid)
            source.channels.pop(part.uniqueid, None)
            if (leg := source.leg(part.uniqueid)) is not None:
                source.legs.remove(leg)
                target.legs.append(leg)
            self._add(part, target)
            if not source.members and not source.legs and not source.announced:
                self.close(source, tell=False)  # it was never more than this channel on its way
            else:
                self._rest(source, part.since)

    def absorb(self, source: OpenCall, target: OpenCall) -> None:
        """Two calls turn out to be one: everything of `source` belongs to `target`, and `source` never was."""
        for uniqueid in list(source.channels):
            self._call_of[uniqueid] = target
        target.channels |= source.channels
        target.members |= source.members
        outside = filter(
            None, map(self.channels.get, source.clients)
        )  # called for somebody else's sake, as it turns out
        target.legs += [*source.legs, *(ringing_leg(channel, self.person(channel)) for channel in outside)]
        target.legs.sort(key=lambda leg: leg.start)
        target.recordings += source.recordings
        for uniqueid in source.clients:
            self._client_of.pop(uniqueid, None)
        self._by_linkedid |= dict.fromkeys(source.linkedids, target)
        target.linkedids |= source.linkedids
        source.linkedids.clear()
        source.members.clear()
        source.channels.clear()
        source.legs = []
        source.merged_into = target.id
        self.close(source, tell=source.announced)

    def make_client(self, channel: Channel, call: OpenCall, direction: Direction) -> None:
        """This channel is the client's own."""
        call.clients.add(channel.uniqueid)
        call.direction = direction
        call.trunk = channel.endpoint
        self._client_of[channel.uniqueid] = call

    def client_call(self, channel: Channel) -> OpenCall | None:
        """The client's call that this channel is, or hears."""
        if own := self._client_of.get(channel.uniqueid):
            return own
        heard = (self._client_of.get(uniqueid) for uniqueid in self.channels.hearing(channel))
        return next((call for call in heard if call is not None), None)

    def gone(self, channel: Channel, at: datetime) -> None:
        """The channel is hung up."""
        call = self._call_of[channel.uniqueid]
        self.channels.drop(channel.uniqueid)
        call.members.discard(channel.uniqueid)
        if (forgotten := call.forget_oldest()) is not None:
            self._call_of.pop(forgotten, None)
        if not call.members and self._may_have_talked_unheard(call, at):
            call.quiet_since, call.vanished_at = at, self.listed_at
        else:
            self._rest(call, at)

    def _rest(self, call: OpenCall, at: datetime) -> None:
        if not call.members and call.quiet_since is None:
            call.quiet_since = at
            self.settle(call, at)

    def settle(self, call: OpenCall, at: datetime) -> None:
        """Nothing is awaited but what comes late."""
        self._resting[call.id] = at + SETTLE

    def _may_have_talked_unheard(self, call: OpenCall, at: datetime) -> bool:
        """It was being hung up when the channels were listed: who talked in it, the PBX's records may tell."""
        listed = self.listed_at
        return listed is not None and call.start <= listed <= at <= listed + HANGING_UP and not call.talks

    # People

    def person(self, channel: Channel) -> Extension:
        """Who holds this channel: the device's extension, or the outside number that was dialled for somebody."""
        if self.is_trunk(channel):
            call = self._call_of.get(channel.uniqueid)
            if call is not None and (leg := call.leg(channel.uniqueid)) is not None:
                return leg.extension
            number = dialled_number(channel.dial_string, channel.endpoint)
            return Extension(number or channel.caller_number or channel.endpoint)
        return Extension(channel.local_exten if channel.is_local else channel.endpoint)

    def people_hearing(self, channel: Channel, call: OpenCall) -> list[Channel]:
        """Our people's channels that hear this one, it not counted: the one that is up longest first."""
        others = (self.channels.get(uniqueid) for uniqueid in self.channels.hearing(channel) - {channel.uniqueid})
        people = [
            other
            for other in others
            if other is not None
            and not other.is_local
            and not other.is_pseudo
            and other.uniqueid not in call.clients
            and other.uniqueid not in self._client_of
        ]
        return sorted(people, key=lambda person: (person.since, person.uniqueid))

    def holder(self, channel: Channel, call: OpenCall) -> Extension:
        """The same for a channel that may be half of a Local one: who is at its far end."""
        if channel.is_local:
            for half in filter(None, (self.channels.other_half(channel), channel)):
                if people := self.people_hearing(half, call):
                    return self.person(people[0])
        return self.person(channel)

    def affected(self, channel: Channel) -> set[OpenCall]:
        """The clients' calls that a change of this channel's place may concern."""
        return set(filter(None, map(self._client_of.get, self.channels.hearing(channel))))

    # Telling

    def hear(self, call: OpenCall, line: str) -> None:
        """A line of what Asterisk said, for the call's story."""
        if len(call.heard) < MOST_HEARD:
            call.heard.append(line)

    def tell(self, call: OpenCall, kind: type[CallEvent], at: datetime, **more: object) -> None:
        """Gives out an event of a client's call; the call is announced first, when this is the first of it."""
        if not call.concerns_client and kind is not CallEnded:
            return
        if call.concerns_client and not call.announced:
            call.announced = True
            self.tell(call, CallStarted, at)
        heard, call.heard = tuple(call.heard), []
        end = at if kind is CallEnded else None
        self._told.append(kind(call=call.snapshot(end), at=at, heard=heard, **more))

    def told(self) -> list[CallEvent]:
        told, self._told = self._told, []
        return told

    def lose_leg(self, call: OpenCall, leg: OpenLeg, at: datetime, cause: int | None) -> None:
        """The phone rings no more."""
        if leg.result is not None:
            return
        elsewhere = leg.status == "CANCEL" and call.taken_since(leg.start)
        leg.close(at, cause, elsewhere=elsewhere)
        self.tell(call, LegLost if leg.answer is None else LegLeft, at, leg=leg.snapshot())

    # Endings

    def next_deadline(self) -> datetime | None:
        """When `expire` has something to do."""
        return min(filter(None, (self._next_settled(), self._sweep if self.calls else None)), default=None)

    def _next_settled(self) -> datetime | None:
        return next(iter(self._resting.values()), None)

    def expire(self, now: datetime) -> None:
        while (settled := self._next_settled()) is not None and now >= settled:
            self.close(self.calls[next(iter(self._resting))])
        if self._sweep is None or now >= self._sweep:
            self._sweep = now + STALE / 12
            for call in [call for call in self.calls.values() if call.last_heard and now >= call.last_heard + STALE]:
                self.interrupt(call, call.last_heard or now)
                self.close(call)

    def end(self, call: OpenCall, at: datetime) -> None:
        """The call is over since then, whatever channels it still seems to have."""
        for uniqueid in list(call.members):
            self.channels.drop(uniqueid)
        call.members.clear()
        call.quiet_since = at
        self.close(call)

    def interrupt(self, call: OpenCall, at: datetime) -> None:
        """The PBX, or our sight of it, ended in the middle of the call."""
        call.interrupted = True
        for uniqueid in list(call.members):
            self.channels.drop(uniqueid)
        call.members.clear()
        call.holds.end_all(at)
        for talk in call.talks:
            talk.end = talk.end or at
        for leg in call.legs:
            self.lose_leg(call, leg, at, None)
        self._rest(call, at)

    def close(self, call: OpenCall, *, tell: bool = True) -> None:
        end = call.quiet_since or call.last_heard or call.start
        call.holds.end_all(end)
        for talk in call.talks:
            talk.end = talk.end or end
        for leg in call.legs:
            self.lose_leg(call, leg, end, None)
        call.settle_direction()
        if tell:
            self.tell(call, CallEnded, end)
        self.calls.pop(call.id, None)
        self._resting.pop(call.id, None)
        for uniqueid in call.channels:
            self._call_of.pop(uniqueid, None)
        self.over(call.id, *call.channels)
        for uniqueid in call.clients:
            self._client_of.pop(uniqueid, None)
        for linkedid in call.linkedids:
            self._by_linkedid.pop(linkedid, None)
