"""The hooks that amoCRM's requests pass on their way out: a call as one flat map, a client as it is posted.

Source: amoCRM API v4, "Calls", "Notes": the same fields stand in an item of `calls`, and below ``params`` in a note.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ringbridge.crm.amocrm.calls import PEOPLE, Finished
from ringbridge.crm.amocrm.values import as_map
from ringbridge.crm.customise import Customise

CALL = "process_call_params"
IN_PARAMS = ("uniq", "duration", "source", "phone", "call_status", "link", "call_result", "call_responsible")
"""What a note has below ``params``."""


async def call_as_wanted(customise: Customise, call: Finished, item: Mapping[str, Any]) -> dict[str, Any] | None:
    """An item of `calls` or of `notes`; None: the account is not told of the call."""
    if not await customise.wants(CALL):
        return dict(item)
    found = await customise(CALL, flat(call, item), call.intent)
    if not found:
        return None
    return note_of(found, item) if "note_type" in item else call_of(found)


def flat(call: Finished, item: Mapping[str, Any]) -> dict[str, Any]:
    told = {**item, **as_map(item.get("params"))}
    for name in ("params", "note_type", "created_at"):
        told.pop(name, None)
    told["direction"] = "outbound" if call.is_outbound else "inbound"
    told["created_at"] = item.get("created_at")
    if call.place:
        told |= {"entity_type": call.place.kind.path, "entity_id": call.place.id}
    return told


def call_of(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if name not in {"entity_type", "entity_id"}}


def note_of(told: Mapping[str, Any], item: Mapping[str, Any]) -> dict[str, Any]:
    """Of a note only what its kind has; where it is written is not the hook's to say."""
    people = {name: told[name] for name in PEOPLE if name in told and name != "call_responsible"}
    kept = {name: item[name] for name in ("entity_id", "created_at") if name in item}
    return {
        **kept,
        **people,
        "note_type": "call_out" if told.get("direction") == "outbound" else "call_in",
        "params": {name: told[name] for name in IN_PARAMS if name in told},
    }
