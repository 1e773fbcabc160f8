"""Itgrix's PHP scripts, unchanged: what they are given as `$params`, and what their answer means.

Sources: Itgrix's documentation of its customization for Bitrix24 (2.15 to 3.13) and amoCRM (2.0 to 3.0), and scripts
that were published. Before 3.0 the value stood below ``params``; later at the root; before 3.13 the root held
``conversation`` and ``call`` as well. All of it is given. Where the documentation does not show a shape, it is said
here. Times are the office's own, as ``YYYY-MM-DD HH:MM:SS``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any

from ringbridge.hooks.specs import HookSpec
from ringbridge.hooks.values import PhoneCall, Speaking, Stage, document
from ringbridge.telephony.model import Direction

OLDER_NAMES = {
    "get_updated_activity_fields": ("customize_activity",),
    "get_updated_entity_fields": ("customize_entity",),
    "process_phone_number": ("process_client_phone", "process_user_phone"),
}
"""What scripts were called before 3.0."""

NEVER = "0001-01-01 00:00:00"

TYPES = {Direction.INBOUND: 2, Direction.OUTBOUND: 3, Direction.INTERNAL: 1}
"""Of the old root keys. 2 is documented, 3 follows from a published script; 1 is a guess."""

TYPE_NAMES = {Direction.INBOUND: "incoming", Direction.OUTBOUND: "outgoing", Direction.INTERNAL: "local"}

RESULTS = {"answered": 200, "missed": 304, "busy": 486, "noanswer": 480, "cancelled": 603, "failed": 503}
"""SIP-like; 200 and 304 are documented, the others follow RFC 3398."""

ADDED = frozenset({"call_full", "call_stage", "call", "conversation", "params"})
"""What a script finds beside its value, and may give back with it."""

AMO_NAMES = {"phone": "phone_number"}
"""amoCRM's own name of a field of process_call_params, and Itgrix's."""

AMO_KINDS = {"contacts": 1, "companies": 2, "leads": 3}
"""Where the call is written, as process_call_params has it in `entity_type`. No hook changes that."""


def told(
    spec: HookSpec, value: Any, given: Mapping[str, Any], call: PhoneCall | None, stage: Stage | None, zone: tzinfo
) -> dict[str, Any]:
    """The root of `$params`. `given`: the hook's other arguments."""
    if call is None:
        return value_root(spec, value, given)
    conversation = conversation_of(call, zone)
    root = {**conversation, "conversation": conversation, "call": conversation, **value_root(spec, value, given)}
    if spec.name == "process_record_file_path":
        root["params"] = {"call_id": linkedid(call), "from": root["from"], "to": root["to"], "path": value}
    root["call_full"] = {**call_full(call, zone), **known_besides(root)}
    root["call_stage"] = (stage or Stage.CALL_ENDED).value
    return root


def value_root(spec: HookSpec, value: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """The value, where scripts look for it."""
    match spec.name:
        case "need_registration":
            return {"result": value}
        case "customize_activity":
            return {"activity": activity_of(given["activity"])}
        case "customize_entity":
            return {"entity": entity_of(given["entity"], given["kind"])}
        case "process_contact_update_params" | "process_lead_update_params":
            return {"entity": document(given["entity"])}
        case "process_originate_params":
            return {"params": {**value, "request_data": document(given["request"])}}
        case "process_call_params":
            return {"params": amo_call(value)}
    return {"params": document(value) if spec.gives_map else {spec.value: value}}


def amo_call(params: Mapping[str, Any]) -> dict[str, Any]:
    told = {AMO_NAMES.get(name, name): each for name, each in params.items()}
    if kind := AMO_KINDS.get(told.get("entity_type", "")):
        told["entity_type"] = kind
    return told


def known_besides(root: Mapping[str, Any]) -> dict[str, Any]:
    """What the hook's own value tells of ``call_full``."""
    params = root.get("params", {})
    found = {"entity": root.get("entity"), "record": params.get("link") or params.get("RECORD_URL")}
    if call_id := params.get("CALL_ID") or params.get("call_id"):
        found["registration"] = {"CALL_ID": call_id}
    return {name: value for name, value in found.items() if value}


def understood(spec: HookSpec, data: Any, root: Mapping[str, Any], value: Any) -> Any:
    """A script's ``data`` without what was added to its value; scripts like to give `$params` back whole. Fields to
    set stand beside those that other files set: a script does not see them. A null takes a field of a request away, as
    it does where PHP writes requests; as a field to set it is sent, and clears it."""
    if not isinstance(data, dict):
        return data
    if spec.value == "fields":
        told = {name: as_given(each, None) for name, each in data.items() if name not in ADDED | root.keys()}
        return {**value, **told}
    own = root["params"] if isinstance(root.get("params"), dict) else {}
    data = {name: as_given(each, own.get(name, root.get(name))) for name, each in data.items()}
    added = (ADDED | root.keys()) - own.keys()
    kept = {name: each for name, each in data.items() if name not in added or each != root.get(name, data)}
    kept = {name: each for name, each in kept.items() if name not in ADDED}
    if spec.name == "process_call_params":
        ours = {theirs: name for name, theirs in AMO_NAMES.items()}
        kept = {ours.get(name, name): each for name, each in kept.items() if name not in spec.kept}
    if spec.name == "process_originate_params":
        kept.pop("request_data", None)
    if not kept and data:
        return value  # only what is empty from the start cancels
    return {name: each for name, each in kept.items() if each is not None or own.get(name, each) is None}


def as_given(said: Any, given: Any) -> Any:
    """PHP has one kind of array: a list from which something was taken comes back as a map with numbers for names, and
    an empty map as an empty list."""
    before = dict(enumerate(given)) if isinstance(given, list) else given if isinstance(given, dict) else {}
    match said:
        case [] if isinstance(given, dict):
            return {}
        case dict() if said and not isinstance(given, dict) and all(name.isdecimal() for name in said):
            return [as_given(each, before.get(int(name))) for name, each in said.items()]
        case dict():
            return {name: as_given(each, before.get(name)) for name, each in said.items()}
        case list():
            return [as_given(each, before.get(place)) for place, each in enumerate(said)]
    return said


def conversation_of(call: PhoneCall, zone: tzinfo) -> dict[str, Any]:
    """The last conversation, in the words from before ``call_full``."""
    start, end = parties(call)
    return {
        "type": TYPES.get(Direction(call.direction), 0),
        "from": start,
        "to": end,
        "trunk": call.did or call.trunk,
        "was_answered": call.answered is not None,
        "start_time": moment(call.started, zone),
        "answer_time": moment(call.answered, zone),
        "end_time": moment(call.ended, zone),
    }


def linkedid(call: PhoneCall) -> str:
    """The call as the PBX itself knows it: names of recordings hold it."""
    return call.id.removeprefix(f"{call.pbx}-")


def parties(call: PhoneCall) -> tuple[str, str]:
    """Who called whom; of an incoming call the employee is who spoke last, else whose phone rang last."""
    rung = [leg.extension for leg in call.legs]
    employee = (call.talks[-1].extension if call.talks else None) or (rung[-1] if rung else "")
    if call.direction == Direction.OUTBOUND:
        return (call.caller.extension if call.caller else employee), call.number
    return call.number, employee or call.did


def call_full(call: PhoneCall, zone: tzinfo) -> dict[str, Any]:
    """``entity``, ``deal``, ``registration`` and an employee's fields have shapes that the documentation does not
    show: they are null, or hold what the hook's value tells."""
    start, end = parties(call)
    state = "ended" if call.ended else "talking" if call.answered else "ringing"
    channel = {
        "id": linkedid(call),
        "name": "",
        "extra": "",
        "from": start,
        "to": end,
        "trunk": call.did or call.trunk,
        "is_primary": True,
        "state": state,
        "type": TYPE_NAMES.get(Direction(call.direction), "unknown"),
        "was_answered": call.answered is not None,
        "start_time": moment(call.started, zone),
        "answer_time": moment(call.answered, zone),
        "end_time": moment(call.ended, zone),
    }
    conversations = {leg.channel: _conversation(call, leg.channel, channel, zone) for leg in call.legs}
    open_talk = next((talk for talk in call.talks if talk.ended is None), None)
    return {
        "active_conversation_id": _channel_of(call, open_talk) if open_talk else "",
        "channel": channel,
        "conversations": conversations,
        "deal": None,
        "entity": None,
        "is_ivr": call.disposition == "missed" and not call.legs,
        "record": "",
        "registration": None,
        "result": RESULTS.get(call.disposition, 0),
    }


def _conversation(call: PhoneCall, uniqueid: str, main: Mapping[str, Any], zone: tzinfo) -> dict[str, Any]:
    leg = next(leg for leg in call.legs if leg.channel == uniqueid)
    person = next((one for one in call.employees if one.extension == leg.extension), None)
    channel = {
        **main,
        "id": uniqueid,
        "to": leg.extension,
        "is_primary": False,
        "state": "ended" if leg.ended else "talking" if leg.answered else "ringing",
        "was_answered": leg.answered is not None,
        "start_time": moment(leg.started, zone),
        "answer_time": moment(leg.answered, zone),
        "end_time": moment(leg.ended, zone),
    }
    user = {"id": person.user, "name": person.name, "phone": person.extension} if person else None
    return {"channel": channel, "is_parked": False, "user": user}


def _channel_of(call: PhoneCall, talk: Speaking) -> str:
    return next((leg.channel for leg in reversed(call.legs) if leg.extension == talk.extension), "")


def activity_of(raw: Mapping[str, Any]) -> dict[str, Any]:
    responsible = str(raw.get("RESPONSIBLE_ID") or "")
    return {
        "id": raw.get("ID"),
        "is_new": False,
        "name": raw.get("SUBJECT") or "",
        "phones": [],
        "raw": {name: value for name, value in raw.items() if value not in (None, "", [], {})},
        "responsible": {"id": responsible},
        "responsible_id": responsible,
        "type": "activity",
    }


def entity_of(raw: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """By analogy with the activity: its documentation is not readable."""
    names = (raw.get("NAME"), raw.get("LAST_NAME")) if kind == "contact" else (raw.get("TITLE"),)
    phones = raw.get("PHONE") if isinstance(raw.get("PHONE"), list) else []
    responsible = str(raw.get("ASSIGNED_BY_ID") or "")
    return {
        "id": raw.get("ID"),
        "is_new": False,
        "name": " ".join(filter(None, names)),
        "phones": [one.get("VALUE") for one in phones or [] if isinstance(one, dict)],
        "raw": {name: value for name, value in raw.items() if value not in (None, "", [], {})},
        "responsible": {"id": responsible},
        "responsible_id": responsible,
        "type": kind,
    }


def moment(at: datetime | None, zone: tzinfo) -> str:
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S") if at else NEVER
