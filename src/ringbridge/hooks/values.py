"""What hooks are given and what they give back. Everything here is JSON-ready by `document`.

Parameters of a CRM's request have the CRM's own names, so that its documentation applies; fields that are not named
here may be there and may be added. `Annotated` texts are the documentation: docs/reference/hooks.md is made of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import ConfigDict
from typing_extensions import TypedDict

Id = int | str
"""CRMs write ids as numbers and as text."""

Flag = int | str


class Stage(StrEnum):
    """How far a call has come when a hook is asked."""

    REQUESTED = "conversation_requested"  # a phone rings, or an employee calls
    ACCEPTED = "conversation_accepted"  # an employee and the client hear each other
    ENDED = "conversation_ended"  # a phone stopped ringing or hung up; the call may go on
    CALL_ENDED = "call_ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Employee:
    """One of us, as this portal knows them."""

    extension: Annotated[str, "their phone, as the PBX names it"]
    name: Annotated[str, "as the office calls them; the extension where nobody is named"]
    user: Annotated[str, "their id at this portal; empty where it knows none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ringing:
    """One phone that was rung for the call."""

    extension: Annotated[str, "the phone that was rung"]
    channel: Annotated[str, "its channel's Uniqueid"]
    started: Annotated[datetime, "when it began to ring"]
    answered: Annotated[datetime | None, "when it was answered"]
    ended: Annotated[datetime | None, "when it stopped, or hung up"]
    result: Annotated[str, "answered, answered_elsewhere, no_answer, busy, declined, …; empty while it rings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaking:
    """One stretch in which one employee spoke with the client."""

    extension: Annotated[str, "who spoke"]
    started: Annotated[datetime, "when they began to hear each other"]
    ended: Annotated[datetime | None, "None while they speak"]
    seconds: Annotated[int, "how long"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneCall:
    """A call as it stands when the hook is asked."""

    id: Annotated[str, "the call's key in the journal"]
    pbx: Annotated[str, "the PBX's name"]
    direction: Annotated[str, "inbound, outbound, internal or service"]
    number: Annotated[str, "the client's, as the PBX gave it; empty when withheld"]
    e164: Annotated[str, "the client's as +79125551122; empty where it cannot be read as a number"]
    name: Annotated[str, "the caller's name, as the PBX gave it"]
    did: Annotated[str, "the company's number that was called"]
    trunk: Annotated[str, "the trunk's name"]
    line: Annotated[str, "what the CRM calls the line"]
    queue: Annotated[str, "the queue it went through"]
    menu: Annotated[str, "what the client pressed before anybody was rung"]
    started: Annotated[datetime, "when it began"]
    answered: Annotated[datetime | None, "when the first employee was heard"]
    ended: Annotated[datetime | None, "None while it goes on"]
    disposition: Annotated[str, "answered, missed, busy, noanswer, cancelled or failed; empty while it goes on"]
    wait: Annotated[int, "seconds before the first employee spoke, or before the call ended without one"]
    talk: Annotated[int, "seconds that employees spoke with the client, together"]
    hold: Annotated[int, "seconds that the client was on hold in the middle of a conversation"]
    caller: Annotated[Employee | None, "who called, of an outgoing call"]
    legs: Annotated[tuple[Ringing, ...], "phones that were rung"]
    talks: Annotated[tuple[Speaking, ...], "who spoke, in their order"]
    employees: Annotated[tuple[Employee, ...], "who spoke with the client, in the order they first did"]
    recordings: Annotated[tuple[str, ...], "files, as the PBX names them"]
    voicemail: Annotated[bool, "the client left a message"]


class _Open(TypedDict):
    """Fields that are not named may be there."""

    __pydantic_config__ = ConfigDict(extra="allow", coerce_numbers_to_str=True)  # type: ignore[misc]


class RegistrationParams(_Open, total=False):
    """Of telephony.externalCall.register."""

    USER_ID: Annotated[Id, "the employee whose call it is"]
    PHONE_NUMBER: Annotated[str, "the client's number"]
    TYPE: Annotated[Id, "1 outgoing, 2 incoming, 3 redirected, 4 callback"]
    CALL_START_DATE: Annotated[str, "ISO 8601"]
    CRM_CREATE: Annotated[Flag, "1: the portal makes a client of an unknown number"]
    CRM_SOURCE: Annotated[str, "id of the source of a new client"]
    CRM_ENTITY_TYPE: Annotated[str, "CONTACT, COMPANY or LEAD, where the client is chosen"]
    CRM_ENTITY_ID: Annotated[Id, "their id"]
    SHOW: Annotated[Flag, "1: the card opens at once"]
    ADD_TO_CHAT: Annotated[Flag, "1: a message in the employee's chat"]
    LINE_NUMBER: Annotated[str, "the external line"]


class CardParams(_Open, total=False):
    """Of telephony.externalCall.show."""

    CALL_ID: Annotated[str, "the portal's id of the call; empty where it is registered in the same request"]
    USER_ID: Annotated[list[Id] | Id, "who sees the card"]


class FinalParams(_Open, total=False):
    """Of telephony.externalCall.finish."""

    CALL_ID: Annotated[str, "the portal's id of the call; empty where it is registered in the same request"]
    USER_ID: Annotated[Id, "in whose name the call is finished"]
    DURATION: Annotated[int, "seconds of talk"]
    STATUS_CODE: Annotated[Id, "200 answered, 304 missed, 486 busy, 603 declined, …"]
    FAILED_REASON: Annotated[str, "for people, where the call failed"]
    ADD_TO_CHAT: Annotated[Flag, "1: a message in the employee's chat"]


class RecordParams(_Open, total=False):
    """Of telephony.externalCall.attachRecord."""

    CALL_ID: Annotated[str, "the portal's id of the call"]
    FILENAME: Annotated[str, "the file's name, .mp3 or .wav"]
    RECORD_URL: Annotated[str, "where the portal fetches it, in link mode"]


class TaskParams(_Open, total=False):
    """Of a task for a missed call: ``fields`` of tasks.task.add, or the item of amoCRM's /tasks."""

    TITLE: Annotated[str, "Bitrix24: the title"]
    DESCRIPTION: Annotated[str, "Bitrix24: the text"]
    DEADLINE: Annotated[str, "Bitrix24: ISO 8601"]
    RESPONSIBLE_ID: Annotated[Id, "Bitrix24: who does it"]
    text: Annotated[str, "amoCRM: the text"]
    complete_till: Annotated[int, "amoCRM: Unix time"]
    responsible_user_id: Annotated[Id, "amoCRM: who does it"]


class OriginateParams(TypedDict, total=False):
    """Of the call that the PBX is asked to make; no other fields."""

    __pydantic_config__ = ConfigDict(extra="forbid", coerce_numbers_to_str=True)  # type: ignore[misc]

    caller_id: Annotated[str, "shown on the employee's phone"]
    channel: Annotated[str, "the phone to ring: PJSIP/101, Local/101@from-internal"]
    context: Annotated[str, "of the dialplan, where the client's number is dialled"]
    extension: Annotated[str, "what is dialled there"]
    priority: Annotated[Id, "of the dialplan; 1"]


class CallParams(_Open, total=False):
    """Of amoCRM's /calls, or of the call's note where the place was chosen."""

    phone: Annotated[str, "the client's number"]
    direction: Annotated[str, "inbound or outbound"]
    call_result: Annotated[str, "text"]
    call_status: Annotated[int, "1 message left, 2 call back, 3 not there, 4 spoken, 5 wrong number, 6 missed, 7 busy"]
    created_by: Annotated[Id, "the employee"]
    responsible_user_id: Annotated[Id, "the employee"]
    duration: Annotated[int, "seconds of talk"]
    link: Annotated[str, "the recording"]
    entity_type: Annotated[str, "contacts, companies or leads, where the place was chosen; cannot be changed"]
    entity_id: Annotated[int, "of that place; cannot be changed"]


class Fields(_Open, total=False):
    """Fields of one of the CRM's entities, as it names them."""


def document(value: Any) -> Any:
    """JSON-ready: times as ISO 8601 with their offset."""
    match value:
        case datetime():
            return value.isoformat()
        case StrEnum():
            return value.value
        case list() | tuple():
            return [document(each) for each in value]
        case Mapping():
            return {str(key): document(each) for key, each in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: document(getattr(value, field.name)) for field in fields(value)}
    return value
