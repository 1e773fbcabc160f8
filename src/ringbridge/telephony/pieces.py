"""The pieces of a call that is going on: tries to reach the client, rings, talks, recordings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ringbridge.telephony.causes import DECLINED, leg_result
from ringbridge.telephony.channels import Channel
from ringbridge.telephony.model import Extension, Leg, LegResult, Talk


@dataclass(slots=True, eq=False)
class OpenLeg:
    extension: Extension
    channel: str
    start: datetime
    trunk: str = ""  # by which an outside number is dialled
    rang: bool = False
    answer: datetime | None = None
    end: datetime | None = None
    status: str = ""
    result: LegResult | None = None
    picked_up: bool = False  # somebody else took the call from this phone
    forwarded: bool = False

    def close(self, at: datetime, cause: int | None, *, elsewhere: bool) -> None:
        self.end = at
        if self.answer is not None:
            self.result = LegResult.ANSWERED
        elif self.forwarded:
            self.result = LegResult.REDIRECTED
        elif self.picked_up or elsewhere:
            self.result = LegResult.ANSWERED_ELSEWHERE
        else:
            self.result = leg_result(self.status, cause)

    def snapshot(self) -> Leg:
        return Leg(
            extension=self.extension,
            channel=self.channel,
            ring_start=self.start,
            answer=self.answer,
            end=self.end,
            result=self.result,
        )


def ringing_leg(channel: Channel, extension: Extension) -> OpenLeg:
    """The leg of a channel that was met when it rang, or spoke, already."""
    answer = channel.since if channel.up else None
    return OpenLeg(extension=extension, channel=channel.uniqueid, start=channel.since, rang=True, answer=answer)


@dataclass(slots=True, eq=False)
class OpenTalk:
    extension: Extension
    channel: str
    start: datetime
    end: datetime | None = None
    name: str = ""  # the channel's, as the Cdr has it
    estimated: bool = False  # met in its middle: the start is not known yet
    client_left: bool = False  # it ended because the client's channel was taken away
    held: datetime | None = None  # the client was put on hold then
    unheld: datetime | None = None  # and taken back then
    waits_in: str | None = None  # the bridge in which the client waits for the employee to come back

    def snapshot(self) -> Talk:
        end = max(self.end, self.start) if self.end else None
        return Talk(extension=self.extension, start=self.start, end=end)


@dataclass(slots=True, eq=False)
class Attempt:
    """One try to reach the client; a PBX that fails on one trunk goes on to the next."""

    trunk: str
    status: str = ""
    cause: int | None = None
    rang: bool = False

    @property
    def reached(self) -> bool:
        """The client's phone has rung, was busy or refused."""
        return self.rang or self.status in {"ANSWER", "BUSY"} or (self.status == "NOANSWER" and self.cause == DECLINED)


@dataclass(slots=True, eq=False)
class OpenRecording:
    path: str
    channel: str
    start: datetime
    running: bool = False  # MixMonitorStart was seen
    stop: datetime | None = None
