"""The domain's closed sets in words for people. English here, the other languages in the catalogues."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ringbridge.routing.distribution import Reason, Step
from ringbridge.routing.intents import Priority
from ringbridge.service.config.api import Permission
from ringbridge.service.doctor.findings import Verdict
from ringbridge.store.order import State
from ringbridge.store.story import StoryKind
from ringbridge.store.users import Role
from ringbridge.telephony.model import Direction, Disposition, LegResult, TransferType
from ringbridge.web.language import N_ as N_
from ringbridge.web.people import Doing
from ringbridge.web.services import LinkState
from ringbridge.web.timeline import Segment


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    text: str
    colour: str = "secondary"  # Tabler's
    icon: str = ""


# By class first: members of two StrEnums with the same value are equal to one another.
WORDS: dict[type[StrEnum], dict[StrEnum, Word]] = {
    Direction: {
        Direction.INBOUND: Word(text=N_("Inbound"), colour="azure", icon="phone-incoming"),
        Direction.OUTBOUND: Word(text=N_("Outbound"), colour="purple", icon="phone-outgoing"),
        Direction.INTERNAL: Word(text=N_("Internal"), icon="device-landline-phone"),
        Direction.SERVICE: Word(text=N_("Service code"), icon="device-landline-phone"),
    },
    Disposition: {
        Disposition.ANSWERED: Word(text=N_("Answered"), colour="green", icon="circle-check"),
        Disposition.MISSED: Word(text=N_("Missed"), colour="red", icon="phone-x"),
        Disposition.BUSY: Word(text=N_("Busy"), colour="orange", icon="phone-x"),
        Disposition.NO_ANSWER: Word(text=N_("No answer"), colour="orange", icon="phone-x"),
        Disposition.CANCELLED: Word(text=N_("Cancelled"), icon="phone-end"),
        Disposition.FAILED: Word(text=N_("Failed"), colour="red", icon="alert-triangle"),
    },
    LegResult: {
        LegResult.ANSWERED: Word(text=N_("answered"), colour="green"),
        LegResult.ANSWERED_ELSEWHERE: Word(text=N_("another phone answered")),
        LegResult.NO_ANSWER: Word(text=N_("did not answer"), colour="orange"),
        LegResult.BUSY: Word(text=N_("was busy"), colour="orange"),
        LegResult.DECLINED: Word(text=N_("declined"), colour="red"),
        LegResult.UNAVAILABLE: Word(text=N_("could not be reached"), colour="red"),
        LegResult.REDIRECTED: Word(text=N_("redirected")),
        LegResult.CANCELLED: Word(text=N_("the caller hung up")),
    },
    TransferType: {
        TransferType.BLIND: Word(text=N_("Blind transfer"), icon="arrows-right-left"),
        TransferType.ATTENDED: Word(text=N_("Attended transfer"), icon="arrows-right-left"),
        TransferType.PARK: Word(text=N_("Parked"), icon="clock-pause"),
    },
    Segment: {
        Segment.WAIT: Word(text=N_("On the line")),
        Segment.RING: Word(text=N_("Rings")),
        Segment.LINE: Word(text=N_("Picked up")),
        Segment.TALK: Word(text=N_("Talks with the client")),
        Segment.HOLD: Word(text=N_("On hold"), icon="hourglass"),
        Segment.PARKED: Word(text=N_("Parked"), icon="clock-pause"),
    },
    StoryKind: {
        StoryKind.HEARD: Word(text=N_("Asterisk said"), icon="ear"),
        StoryKind.DECIDED: Word(text=N_("Decided"), colour="azure", icon="bulb"),
        StoryKind.SENT: Word(text=N_("Sent"), colour="purple", icon="send-2"),
        StoryKind.ANSWERED: Word(text=N_("Came back"), colour="green", icon="message-reply"),
        StoryKind.WAITING: Word(text=N_("To be tried again"), colour="yellow", icon="hourglass"),
        StoryKind.DONE: Word(text=N_("Done"), colour="green", icon="circle-check"),
        StoryKind.GIVEN_UP: Word(text=N_("Refused"), colour="red", icon="alert-triangle"),
    },
    State: {
        State.WAITING: Word(text=N_("waits"), colour="yellow"),
        State.SENDING: Word(text=N_("is being sent"), colour="azure"),
        State.DONE: Word(text=N_("done"), colour="green"),
        State.GIVEN_UP: Word(text=N_("refused"), colour="red"),
        State.FORGOTTEN: Word(text=N_("refused and forgotten")),
    },
    Doing: {
        Doing.TALKING: Word(text=N_("talks"), colour="green"),
        Doing.HOLDING: Word(text=N_("client on hold"), colour="purple"),
        Doing.RINGING: Word(text=N_("rings"), colour="yellow"),
        Doing.BUSY: Word(text=N_("busy"), colour="orange"),
        Doing.FREE: Word(text=N_("free"), colour="azure"),
        Doing.ABSENT: Word(text=N_("not registered")),
        Doing.UNKNOWN: Word(text=N_("no call")),
    },
    Reason: {
        Reason.RESPONSIBLE: Word(text=N_("responsible")),
        Reason.LAST_SPOKE: Word(text=N_("spoke with them last")),
        Reason.DEPUTY: Word(text=N_("stands in")),
        Reason.DEPARTMENT: Word(text=N_("the same department")),
        Reason.GROUP: Word(text=N_("group")),
        Reason.VIP: Word(text=N_("named for them")),
        Reason.NEW_CLIENT: Word(text=N_("takes new clients")),
        Reason.HOOK: Word(text=N_("a hook said so")),
    },
    Step: {
        Step.LAST_SPOKE: Word(text=N_("who spoke with them last")),
        Step.RESPONSIBLE: Word(text=N_("responsible")),
        Step.DEPUTY: Word(text=N_("their deputy")),
        Step.DEPARTMENT: Word(text=N_("their department")),
        Step.GROUP: Word(text=N_("group")),
    },
    Verdict: {
        Verdict.OK: Word(text=N_("all right"), colour="green"),
        Verdict.WARNING: Word(text=N_("warning"), colour="yellow"),
        Verdict.FAILURE: Word(text=N_("does not work"), colour="red"),
    },
    LinkState: {
        LinkState.STOPPED: Word(text=N_("No link"), colour="red", icon="plug-connected-x"),
        LinkState.REFUSED: Word(text=N_("Login refused"), colour="red", icon="plug-connected-x"),
        LinkState.CONNECTING: Word(text=N_("Connecting"), colour="yellow", icon="refresh"),
        LinkState.RESYNCING: Word(text=N_("Reading calls in progress"), colour="yellow", icon="refresh"),
        LinkState.UP: Word(text=N_("Connected"), colour="green", icon="plug-connected"),
    },
    Role: {
        Role.ADMIN: Word(text=N_("administrator"), colour="azure"),
        Role.SUPERVISOR: Word(text=N_("supervisor"), colour="purple"),
        Role.EMPLOYEE: Word(text=N_("employee")),
    },
    Permission: {
        Permission.DIAL: Word(text=N_("connect an employee or a group with a number")),
        Permission.CALLBACK: Word(text=N_("order a call, as a client does")),
        Permission.ROUTE: Word(text=N_("ask whom a call is put through to")),
        Permission.WATCH: Word(text=N_("read status and figures, send calls again")),
    },
    Priority: {
        Priority.CARD: Word(text=N_("call cards")),
        Priority.FINISH: Word(text=N_("ends of calls")),
        Priority.RECORDING: Word(text=N_("recordings")),
        Priority.REST: Word(text=N_("the rest")),
    },
}

STEPS = {
    "RegisterCall": N_("Register the call"),
    "ShowCard": N_("Show the card"),
    "HideCard": N_("Hide the card"),
    "FinishCall": N_("Finish the call"),
    "AttachRecording": N_("Attach the recording"),
    "AdoptCall": N_("Take over the call of a click"),
    "CompleteActivity": N_("Complete the activity"),
    "MakeTask": N_("Make a task"),
    "CloseTasks": N_("Close the tasks"),
}

WITHHELD = N_("Number withheld")
