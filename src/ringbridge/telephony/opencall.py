"""A call that is going on: what is known of it so far, and the Call that it is to the outside at this moment."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from operator import attrgetter

from ringbridge.telephony.causes import outbound_result, status_of
from ringbridge.telephony.channels import Channel
from ringbridge.telephony.holds import Holds
from ringbridge.telephony.model import (
    Call,
    CallId,
    Direction,
    Disposition,
    Extension,
    Recording,
    Transfer,
    TransferType,
)
from ringbridge.telephony.pieces import Attempt, OpenLeg, OpenRecording, OpenTalk

LONGEST_CHOICE = 3
"""Digits that a client may press in menus."""

MOST_LEGS = 200
"""A caller who waits for hours in a queue makes the phones ring again and again; the oldest vain rings go first."""

MOST_CHANNELS = 800
"""Of the channels that are gone, those of the oldest vain rings are forgotten too."""

MOST_HEARD = 60
RESUMED_WITHIN = timedelta(seconds=1)
"""Asterisk moves a channel from bridge to bridge in the middle of a talk (a Local channel optimised away, a transfer
merged): whoever is back within this time has not stopped talking."""

RECORDED = {Disposition.BUSY: "BUSY", Disposition.FAILED: "CHANUNAVAIL"}
"""The dial status that a record tells of a call to a client."""

LONGEST_INTERNAL = 6
"""Digits of the longest number that may be a phone of our own or a service code; more is an outside number."""


@dataclass(slots=True, eq=False)
class OpenCall:
    id: CallId
    start: datetime
    root: str  # Uniqueid of its first channel
    direction: Direction | None = None  # None while it may still become anything
    announced: bool = False  # CallStarted was given out
    members: set[str] = field(default_factory=set)  # Uniqueids that are up
    channels: dict[str, None] = field(default_factory=dict)  # all that ever belonged to it, in their order
    clients: set[str] = field(default_factory=set)  # the client's own channels among them
    external: str | None = None
    external_name: str | None = None
    did: str | None = None
    trunk: str | None = None
    caller: Extension | None = None
    wanted: str | None = None  # the number that was asked for
    legs: list[OpenLeg] = field(default_factory=list)
    talks: list[OpenTalk] = field(default_factory=list)
    holds: Holds = field(default_factory=Holds)
    transfers: list[Transfer] = field(default_factory=list)
    parked: int | None = None  # index of the transfer whose call still waits to be fetched
    recordings: list[OpenRecording] = field(default_factory=list)
    click_to_call: str | None = None
    originated: Channel | None = None  # its first channel, where an Originate made it
    voicemail: bool = False
    queue: str | None = None
    pressed: str = ""  # by the client, before anybody was rung
    interrupted: bool = False
    attempt: Attempt | None = None  # the last one
    reached: Attempt | None = None  # the last one before it that reached the client's phone
    cause: int | None = None
    quiet_since: datetime | None = None  # all its channels are gone since then
    last_heard: datetime | None = None
    met_midway: bool = False  # it went on already when a connection began
    unseen_since: datetime | None = None  # the connection that showed it is gone since then
    vanished_at: datetime | None = (
        None  # it was gone when we looked again, and the PBX's records shall say how it ended
    )
    heard: list[str] = field(default_factory=list)
    linkedids: set[str] = field(default_factory=set)  # by which new channels come to it
    merged_into: CallId | None = None

    def __post_init__(self) -> None:
        self.last_heard = self.start

    @property
    def concerns_client(self) -> bool:
        return self.direction in {Direction.INBOUND, Direction.OUTBOUND}

    def press(self, digit: str) -> None:
        self.pressed = (self.pressed + digit)[: LONGEST_CHOICE + 1]

    @property
    def menu(self) -> str:
        """Choices in a menu are short. What is longer may be a secret, a card's number or a PIN, and is not told."""
        return self.pressed if len(self.pressed) <= LONGEST_CHOICE else ""

    # Legs

    def leg(self, channel: str) -> OpenLeg | None:
        for leg in reversed(self.legs):
            if leg.channel == channel:
                return leg
        return None

    def ring(self, leg: OpenLeg) -> None:
        self.legs.append(leg)
        if len(self.legs) > MOST_LEGS:
            vain = next((old for old in self.legs if old.result and old.answer is None), None)
            self.legs.remove(vain or self.legs[0])

    def forget_oldest(self) -> str | None:
        """The Uniqueid of a channel that nothing speaks of any more, when there are too many."""
        if len(self.channels) <= MOST_CHANNELS:
            return None
        kept = {self.root, *self.members, *self.clients, *(leg.channel for leg in self.legs)}
        oldest = next((uniqueid for uniqueid in self.channels if uniqueid not in kept), None)
        if oldest is not None:
            del self.channels[oldest]
            self.recordings = [recording for recording in self.recordings if recording.channel != oldest]
        return oldest

    def taken_since(self, start: datetime) -> bool:
        """Somebody has answered or spoken with the client since then."""
        return any(talk.start >= start for talk in self.talks) or any(
            leg.answer is not None and leg.answer >= start for leg in self.legs
        )

    def answered(self, channel: str, at: datetime) -> None:
        if (leg := self.leg(channel)) is not None and leg.result is None:
            leg.answer = leg.answer or at

    # Talks

    def open_talk(self, channel: str) -> OpenTalk | None:
        for talk in self.talks:
            if talk.channel == channel and talk.end is None:
                return talk
        return None

    def resume(self, channel: str, at: datetime, bridge: str | None) -> bool:
        """The same talk goes on: the channels were only moved, or the client waited in his bridge for the employee,
        who has asked a colleague meanwhile."""
        last = next((talk for talk in reversed(self.talks) if talk.channel == channel), None)
        if last is None or last.end is None:
            return False
        waited = last.waits_in is not None and last.waits_in == bridge and last is self.talks[-1]
        if not waited and at - last.end > RESUMED_WITHIN:
            return False
        last.end, last.client_left, last.waits_in = None, False, None
        return True

    def handed_on_by(self, channels: set[str], at: datetime) -> None:
        """The client was handed on: whoever put him on hold for that has not spoken with him since. Asterisk itself
        takes him off hold in the moment of the transfer."""
        for talk in self.talks:
            returned = talk.unheld is not None and at - talk.unheld > RESUMED_WITHIN
            if talk.channel in channels and talk.held is not None and not returned:
                talk.end, talk.held = talk.held, None

    def taken_away_from(self) -> OpenTalk | None:
        """The last talk, when the client was taken out of it and nothing has said yet where to."""
        last = max(self.talks, key=lambda talk: talk.end or talk.start, default=None)
        if last is None or last.end is None or not last.client_left:
            return None
        told = any(transfer.at >= last.end - RESUMED_WITHIN for transfer in self.transfers)
        return None if told else last

    def fetched_by(self, extension: Extension) -> None:
        """Whoever talks first with a parked client has fetched it."""
        if self.parked is not None:
            self.transfers[self.parked] = replace(self.transfers[self.parked], to=extension)
            self.parked = None

    # How it ended

    def complete(self, told: Call) -> None:
        """What the PBX's own records say of a call whose end nobody heard: talks that were going on lasted to its end,
        and if none had begun, those of the records; and why the client was not reached."""
        if self.talks:
            for talk in self.talks:
                talk.end = talk.end or told.end
        else:
            self.talks = [
                OpenTalk(extension=talk.extension, channel="", start=talk.start, end=talk.end) for talk in told.talks
            ]
            begun = {talk.extension: talk.start for talk in reversed(told.talks)}
            for leg in self.legs:
                if leg.extension in begun and leg.result is None:
                    leg.answer = leg.answer or begun[leg.extension]
        if self.attempt is not None and not self.attempt.status:
            self.attempt.status = RECORDED.get(told.disposition or Disposition.NO_ANSWER, "")
        self.voicemail = self.voicemail or told.voicemail
        known = {recording.path.rpartition("/")[2] for recording in self.recordings}
        self.recordings += [
            OpenRecording(path=recording.path, channel=recording.channel, start=recording.start, running=True)
            for recording in told.recordings
            if recording.path.rpartition("/")[2] not in known
        ]

    def settle_direction(self) -> None:
        """The last word on what kind of call it was, for one that never showed a client."""
        if self.direction is not None:
            return
        number = self.wanted or ""
        if number.lstrip("+").isdigit() and len(number.lstrip("+")) > LONGEST_INTERNAL and not self.legs_of_others():
            self.direction, self.external = Direction.OUTBOUND, number
        elif self.click_to_call and len(self.legs) == 1 and self.legs[0].trunk:
            self.direction = Direction.OUTBOUND
            self.called_first(self.legs[0])
        else:
            self.direction = Direction.INTERNAL if self.legs else Direction.SERVICE

    def called_first(self, leg: OpenLeg) -> None:
        """What looked like an employee's mobile is the client's phone."""
        self.legs.remove(leg)
        self.external, self.trunk, self.caller = leg.extension, leg.trunk, None
        self.attempt = Attempt(trunk=leg.trunk, status=status_of(leg.result), rang=leg.rang)

    def try_client(self, trunk: str) -> None:
        """The client is dialled, for the first time or again."""
        if self.attempt is not None and self.attempt.reached:
            self.reached = self.attempt
        self.attempt = Attempt(trunk=trunk)

    @property
    def deciding(self) -> Attempt | None:
        """The attempt that says how the client was reached: one that did not reach him says less than one that did."""
        return self.attempt if self.attempt is None or self.attempt.reached else self.reached or self.attempt

    def legs_of_others(self) -> bool:
        """Phones were rung besides the one that a click-to-call rings first."""
        return any(leg.channel != self.root and leg.extension != self.caller for leg in self.legs)

    def disposition(self) -> Disposition:
        if self.talks or (self.direction is Direction.INTERNAL and any(leg.answer for leg in self.legs)):
            return Disposition.ANSWERED
        if self.direction is not Direction.OUTBOUND:
            return Disposition.MISSED
        if (tried := self.deciding) is not None:
            return outbound_result(tried.status, tried.cause, rang=tried.rang)
        if self.click_to_call is not None and not any(leg.answer for leg in self.legs):
            return Disposition.CANCELLED
        return Disposition.FAILED

    # The call as others see it

    def snapshot(self, end: datetime | None = None) -> Call:
        talks = sorted(self.talks, key=attrgetter("start"))
        decided = self.deciding
        return Call(
            id=self.id,
            direction=self.direction or Direction.INTERNAL,
            start=self.start,
            external=self.external,
            external_name=self.external_name,
            did=self.did,
            trunk=decided.trunk if end and decided else self.trunk,
            caller=self.caller,
            disposition=self.disposition() if end else None,
            interrupted=self.interrupted,
            end=max(end, self.start) if end else None,
            legs=tuple(map(OpenLeg.snapshot, self.legs)),
            talks=tuple(map(OpenTalk.snapshot, talks)),
            holds=self.holds.told,
            transfers=tuple(self.transfers),
            recordings=tuple(
                Recording(path=recording.path, channel=recording.channel, start=recording.start)
                for recording in self.recordings
                if not (recording.stop and talks and recording.stop <= talks[0].start)
            ),
            click_to_call=self.click_to_call,
            voicemail=self.voicemail,
            queue=self.queue,
            menu=self.menu,
            hangup_cause=decided.cause if decided else self.cause,
            channels=tuple(self.channels),
            client_channels=tuple(sorted(self.clients)),
            merged_into=self.merged_into,
        )

    @classmethod
    def restored(cls, call: Call) -> OpenCall:
        """The same call again, from what was kept of it."""
        legs = [
            OpenLeg(
                extension=leg.extension,
                channel=leg.channel,
                start=leg.ring_start,
                rang=True,
                answer=leg.answer,
                end=leg.end,
                result=leg.result,
            )
            for leg in call.legs
        ]
        root = call.channels[0] if call.channels else call.id
        up = {leg.extension: leg.channel for leg in call.legs if leg.answer and not leg.end}
        if call.caller and root not in call.client_channels:
            up.setdefault(call.caller, root)
        # Who fetched the call or was handed it was not rung for it: by their extension they are known again.
        talks = [
            OpenTalk(extension=talk.extension, channel=up.get(talk.extension, ""), start=talk.start, end=talk.end)
            for talk in call.talks
        ]
        return cls(
            id=call.id,
            start=call.start,
            root=root,
            direction=call.direction,
            announced=True,
            members=set(call.channels),
            channels=dict.fromkeys(call.channels),
            clients=set(call.client_channels),
            external=call.external,
            external_name=call.external_name,
            did=call.did,
            trunk=call.trunk,
            caller=call.caller,
            legs=legs,
            talks=talks,
            holds=Holds(told=call.holds),
            transfers=list(call.transfers),
            parked=_still_parked(call),
            recordings=[
                OpenRecording(path=recording.path, channel=recording.channel, start=recording.start, running=True)
                for recording in call.recordings
            ],
            click_to_call=call.click_to_call,
            voicemail=call.voicemail,
            queue=call.queue,
            pressed=call.menu,
            interrupted=call.interrupted,
            linkedids={call.id},
            attempt=Attempt(trunk=call.trunk or "") if call.direction is Direction.OUTBOUND and call.trunk else None,
        )


def _still_parked(call: Call) -> int | None:
    """The transfer after which nobody has talked with the client, where it parked him."""
    last = call.transfers[-1] if call.transfers else None
    if last is None or last.type is not TransferType.PARK or any(talk.start >= last.at for talk in call.talks):
        return None
    return len(call.transfers) - 1
