"""Our intents in Bitrix24's words, and its answers in ours.

Source: Bitrix24 REST docs, telephony.externalCall.register, .finish, .show, .hide and .attachRecord. Flags are sent as
0 and 1: the portal takes ``"N"`` and ``"false"`` for true. Parameter names are read in capitals exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePath
from typing import Any

from ringbridge.crm.contract import CrmError, Exchange, Receipt, RecordingFile, Rejected, Transient
from ringbridge.routing.intents import FinishCall, HideCard, Intent, RecordKind, RegisterCall, ShowCard, UserId

REGISTER = "telephony.externalCall.register"
FINISH = "telephony.externalCall.finish"
SHOW = "telephony.externalCall.show"
HIDE = "telephony.externalCall.hide"
ATTACH = "telephony.externalCall.attachRecord"

TYPES = {
    RecordKind.OUTBOUND: 1,
    RecordKind.INBOUND: 2,
    RecordKind.TRANSFERRED: 3,
    RecordKind.CALLBACK: 4,
}

# A caller who withholds the number has one all the same: register refuses an empty one, and the call would be lost.
WITHHELD = "0"

LONGEST_LINE = 50
RECORDING_TYPES = frozenset({".wav", ".mp3"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One method call."""

    method: str
    params: Mapping[str, Any] = field(default_factory=dict)


def command_of(intents: Sequence[Intent], call_id: str, *, add_to_chat: bool) -> Command:
    """What to call for an intent, or for several cards of one record that open or close together.

    `call_id` is the portal's id of the call, or the reference that stands for it.
    """
    intent = intents[0]
    match intent:
        case FinishCall():
            return finish(intent, call_id, add_to_chat=add_to_chat)
        case ShowCard():
            return Command(method=SHOW, params={"CALL_ID": call_id, "USER_ID": _users(intents)})
        case HideCard():
            return Command(method=HIDE, params={"CALL_ID": call_id, "USER_ID": _users(intents)})
    raise Rejected(f"Bitrix24 has nothing that does {type(intent).__name__}.")


def register(
    intent: RegisterCall, *, add_to_chat: bool, client: tuple[str, str] | None = None, create: bool = True
) -> Command:
    """`client`: kind and id of whom the call is about; None: the portal looks for the number. `create`: it makes a
    client of an unknown one."""
    number = intent.number if any(sign.isdecimal() for sign in intent.number) else WITHHELD
    params = {
        "USER_ID": intent.user,
        "PHONE_NUMBER": number,
        "TYPE": TYPES[intent.kind],
        "CALL_START_DATE": intent.started.isoformat(timespec="seconds"),
        # Nobody can call a withheld number back: no client is made of it.
        "CRM_CREATE": int(create and client is None and number != WITHHELD),
        "SHOW": int(intent.show and intent.live),
        "ADD_TO_CHAT": int(add_to_chat),
        "EXTERNAL_CALL_ID": intent.record,
    }
    if intent.line:
        params["LINE_NUMBER"] = intent.line[:LONGEST_LINE]
    if client:
        params["CRM_ENTITY_TYPE"], params["CRM_ENTITY_ID"] = client[0].upper(), client[1]
    if intent.creation and intent.creation.source:
        params["CRM_SOURCE"] = intent.creation.source
    return Command(method=REGISTER, params=params)


def register_again(params: Mapping[str, Any]) -> Command:
    """Once more for a call that the portal forgot, from what was sent the first time: nobody needs its card."""
    return Command(method=REGISTER, params={**params, "SHOW": 0})


def finish(intent: FinishCall, call_id: str, *, add_to_chat: bool) -> Command:
    params = {
        "CALL_ID": call_id,
        "USER_ID": intent.user,
        "DURATION": max(0, intent.duration),
        "STATUS_CODE": intent.status.value,
        "ADD_TO_CHAT": int(add_to_chat),
    }
    if intent.reason:
        params["FAILED_REASON"] = intent.reason
    return Command(method=FINISH, params=params)


def attach(file: RecordingFile, call_id: str, link: str | None) -> Command:
    """Either with the address to fetch it from, or asking for an address to send it to."""
    params = {"CALL_ID": call_id, "FILENAME": PurePath(file.name).name}
    if link:
        params["RECORD_URL"] = link
    return Command(method=ATTACH, params=params)


def refusal_of(file: RecordingFile) -> Rejected | None:
    if PurePath(file.name).suffix.lower() in RECORDING_TYPES:
        return None
    return Rejected(f"Bitrix24 takes .wav and .mp3 recordings only, not {file.name}: let recordings be converted.")


def receipt_of(intent: Intent, command: Command, result: Any, exchange: Exchange) -> Receipt | CrmError:
    """What the `result` of a command says. Ids come as numbers or text, empty maps as lists, nothing as false."""
    match intent:
        case RegisterCall():
            facts = facts_of_register(result)
            if "call_id" not in facts:
                words = "Bitrix24 registered the call without telling its CALL_ID"
                return Transient(words, exchange=exchange, maybe_done=True)
            # Kept for the case that the portal forgets the call before its end.
            return Receipt(facts={**facts, "register": dict(command.params)}, exchange=exchange)
        case FinishCall():
            return Receipt(facts=facts_of_finish(result), exchange=exchange)
    # show and hide answer false for a call that is over: nobody needs its card any more.
    return Receipt(exchange=exchange)


def facts_of_register(result: Any) -> dict[str, Any]:
    row = as_map(result)
    facts: dict[str, Any] = {}
    if call_id := text(row.get("CALL_ID")):
        facts["call_id"] = call_id
    if client := entity(row):
        facts["client"] = client
    if created := [found for item in as_list(row.get("CRM_CREATED_ENTITIES")) if (found := entity(as_map(item), ""))]:
        facts["created"] = created
    elif lead := text(row.get("CRM_CREATED_LEAD")):
        facts["created"] = [{"kind": "lead", "id": lead}]
    if warning := text(row.get("LEAD_CREATION_ERROR")):
        facts["warning"] = warning
    return facts


def facts_of_finish(result: Any) -> dict[str, Any]:
    """From the answer of finish, or from a row of the statistics: they have the same names."""
    row = as_map(result)
    facts: dict[str, Any] = {}
    if user := text(row.get("PORTAL_USER_ID")):
        facts["finished_by"] = user
    if activity := text(row.get("CRM_ACTIVITY_ID")):
        facts["activity"] = activity
    if client := entity(row):
        facts["client"] = client
    if warning := text(as_map(row.get("ERRORS")).get("ACTIVITY_CREATION")):
        facts["warning"] = warning
    return facts


def entity(row: Mapping[str, Any], prefix: str = "CRM_") -> dict[str, str] | None:
    kind, number = text(row.get(f"{prefix}ENTITY_TYPE")), text(row.get(f"{prefix}ENTITY_ID"))
    return {"kind": kind.lower(), "id": number} if kind and number else None


def text(value: Any) -> str:
    """A scalar as text; the many spellings of nothing (null, false, 0, "0") as an empty one."""
    if value is None or isinstance(value, bool | list | dict):
        return ""
    return "" if str(value) == "0" else str(value).strip()


def as_map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """A list, or the values of a map with numbers for keys."""
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def moment(value: Any) -> datetime | None:
    """An aware datetime from ISO-8601 text."""
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return found if found.tzinfo else None


def _users(intents: Iterable[Intent]) -> list[UserId]:
    users = [user for intent in intents if isinstance(intent, ShowCard | HideCard) for user in intent.users]
    return list(dict.fromkeys(users))
