"""The table of rules in words for people: each field of a row, what may be chosen in it, rows to begin with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ringbridge.routing.rules import Attach, ClientKnown, Create, Hours, Responsible, Spread
from ringbridge.telephony.model import Disposition
from ringbridge.web.words import N_


class Kind(StrEnum):
    """How a field is filled in."""

    TEXT = "text"
    AREA = "area"
    NUMBER = "number"
    LIST = "list"
    CHOICE = "choice"
    MANY = "many"  # several of a few, in no order
    ORDER = "order"  # several of a few, one behind the other


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """`name`: the setting's, a part of its own behind a dot: ``task.title``."""

    name: str
    label: str
    kind: Kind = Kind.TEXT
    help: str = ""
    choices: Mapping[str, str] = field(default_factory=dict)
    suggests: str = ""  # what is suggested: trunks, phones, pipelines, stages, sources


HOLES = N_("May hold {number}, {name}, {line}, {trunk}, {date}, {time}, {wait}, {talk}, {rung}, {speakers}, {result}.")

YES_NO: Mapping[str, str] = {"yes": N_("yes"), "no": N_("no")}
DIRECTIONS: Mapping[str, str] = {"inbound": N_("clients call"), "outbound": N_("we call")}
RESULTS: Mapping[str, str] = {
    Disposition.ANSWERED: N_("answered"),
    Disposition.MISSED: N_("missed"),
    Disposition.BUSY: N_("busy"),
    Disposition.NO_ANSWER: N_("no answer"),
    Disposition.CANCELLED: N_("cancelled"),
    Disposition.FAILED: N_("failed"),
}
CLIENTS: Mapping[str, str] = {ClientKnown.KNOWN: N_("known to the CRM"), ClientKnown.UNKNOWN: N_("unknown to the CRM")}
HOURS: Mapping[str, str] = {Hours.WORKING: N_("in working hours"), Hours.OUTSIDE: N_("outside working hours")}
CREATE: Mapping[str, str] = {
    Create.NOTHING: N_("nothing"),
    Create.CLIENT: N_("a client, as the CRM does it"),
    Create.LEAD: N_("a lead"),
    Create.CONTACT: N_("a contact"),
    Create.CONTACT_AND_DEAL: N_("a contact and a deal"),
    Create.LEAD_AND_DEAL: N_("a lead and a deal"),
    Create.UNSORTED: N_("an incoming lead (amoCRM)"),
}
ATTACH: Mapping[str, str] = {Attach.FIRST: N_("the CRM's choice"), Attach.SPEAKERS: N_("the one whose owner spoke")}
SPREAD: Mapping[str, str] = {
    Spread.ROUND_ROBIN: N_("by turns"),
    Spread.RANDOM: N_("at random"),
    Spread.LEAST_LOADED: N_("to who got fewest today"),
}
NEW_TO: Mapping[str, str] = {
    Responsible.SPEAKER: N_("who spoke"),
    Responsible.LAST_RUNG: N_("the phone that rang last"),
    Responsible.FIRST_RUNG: N_("the phone that rang first"),
    Responsible.DEFAULT: N_("the default employee"),
}
MISSED_TO: Mapping[str, str] = {
    Responsible.CLIENT_OWNER: N_("the client's owner"),
    Responsible.LAST_RUNG: NEW_TO[Responsible.LAST_RUNG],
    Responsible.FIRST_RUNG: NEW_TO[Responsible.FIRST_RUNG],
    Responsible.SPREAD: N_("the next of a list"),
    Responsible.DEFAULT: NEW_TO[Responsible.DEFAULT],
}

NAME = Field(name="name", label=N_("Name"), help=N_("For people: the call's story names the row that decided."))

CONDITIONS = (
    Field(name="direction", label=N_("Direction"), kind=Kind.CHOICE, choices=DIRECTIONS),
    Field(name="results", label=N_("Ended as"), kind=Kind.MANY, choices=RESULTS),
    Field(
        name="trunks", label=N_("Trunks"), kind=Kind.LIST, suggests="trunks", help=N_("Trunks, or our numbers called.")
    ),
    Field(
        name="extensions",
        label=N_("Phones"),
        kind=Kind.LIST,
        suggests="phones",
        help=N_("One of these rang, spoke or called."),
    ),
    Field(name="queues", label=N_("Queues and groups"), kind=Kind.LIST),
    Field(
        name="numbers",
        label=N_("Clients' numbers"),
        kind=Kind.LIST,
        help=N_("Or patterns such as 8123456XXXX, where X is any digit."),
    ),
    Field(
        name="client",
        label=N_("Client"),
        kind=Kind.CHOICE,
        choices=CLIENTS,
        help=N_("Finding that out costs one request a call."),
    ),
    Field(name="hours", label=N_("When it came"), kind=Kind.CHOICE, choices=HOURS),
)

ANSWERS = (
    Field(name="register", label=N_("Tell the CRM of the call"), kind=Kind.CHOICE, choices=YES_NO),
    Field(name="create", label=N_("Of an unknown number make"), kind=Kind.CHOICE, choices=CREATE),
    Field(name="source", label=N_("Source"), suggests="sources", help=N_("Its id in the CRM.")),
    Field(name="title", label=N_("Title of the lead or deal"), help=HOLES),
    Field(name="pipeline", label=N_("Pipeline"), suggests="pipelines", help=N_("Its id in the CRM.")),
    Field(name="stage", label=N_("Stage"), suggests="stages", help=N_("Its id in the CRM.")),
    Field(name="tags", label=N_("Tags"), kind=Kind.LIST),
    Field(name="attach", label=N_("Of several clients with the number"), kind=Kind.CHOICE, choices=ATTACH),
    Field(name="recording", label=N_("Hand over the recording"), kind=Kind.CHOICE, choices=YES_NO),
    Field(name="new_to", label=N_("A new client belongs to"), kind=Kind.ORDER, choices=NEW_TO),
    Field(name="missed_to", label=N_("A missed call belongs to"), kind=Kind.ORDER, choices=MISSED_TO),
    Field(name="spread.extensions", label=N_("The list: phones"), kind=Kind.LIST, suggests="phones"),
    Field(name="spread.how", label=N_("The list is dealt"), kind=Kind.CHOICE, choices=SPREAD),
    Field(name="task", label=N_("A task for a missed call"), kind=Kind.CHOICE, choices=YES_NO),
    Field(name="task.title", label=N_("Title of the task"), help=HOLES),
    Field(name="task.text", label=N_("Text of the task"), kind=Kind.AREA, help=HOLES),
    Field(name="task.within_minutes", label=N_("Its deadline, in working minutes"), kind=Kind.NUMBER),
    Field(name="callback", label=N_("Call back who was missed"), kind=Kind.CHOICE, choices=YES_NO),
    Field(name="callback.after_seconds", label=N_("After so many seconds"), kind=Kind.NUMBER),
    Field(name="callback.to", label=N_("Rings first: a phone, group or queue"), suggests="phones"),
    Field(name="callback.again_minutes", label=N_("A number once within so many minutes"), kind=Kind.NUMBER),
    Field(name="activity", label=N_("Text for the call's activity"), kind=Kind.AREA, help=HOLES),
)

FIELDS = {each.name: each for each in (NAME, *CONDITIONS, *ANSWERS)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A row to begin with."""

    name: str
    row: Mapping[str, Any]


PRESETS: Mapping[str, Preset] = {
    "deal": Preset(name=N_("A deal with each new client"), row={"create": "contact_and_deal"}),
    "outbound": Preset(
        name=N_("Nothing for unknown numbers that we call"), row={"direction": "outbound", "create": "nothing"}
    ),
    "black-list": Preset(name=N_("Black list of numbers"), row={"register": False}),
    "task": Preset(
        name=N_("A task for a missed call"), row={"direction": "inbound", "results": ["missed"], "task": True}
    ),
    "spread": Preset(
        name=N_("Missed calls dealt over a list"),
        row={
            "direction": "inbound",
            "results": ["missed"],
            "missed_to": ["spread"],
            "spread": {"extensions": ["101"], "how": "round_robin"},
        },
    ),
    "holding": Preset(name=N_("Several companies of one client"), row={"attach": "speakers"}),
    "waiting-time": Preset(
        name=N_("Waiting time in the call's description"),
        row={"activity": "Waited {wait}, talked {talk}. Rung: {rung}."},
    ),
}
