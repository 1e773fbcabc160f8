"""How long the client waited and spoke, in the call's description (Bitrix24) or result (amoCRM)."""

from __future__ import annotations

from typing import Any


def customize_activity(fields: dict[str, Any], activity: dict[str, Any], call: Any) -> dict[str, Any] | None:
    """Below what stands there already, once."""
    written = str(activity.get("DESCRIPTION") or "")
    words = times(call)
    if words in written:
        return None
    return {**fields, "DESCRIPTION": f"{written}\n{words}".strip()}


def process_call_params(params: dict[str, Any], call: Any) -> dict[str, Any]:
    told = (str(params.get("call_result") or ""), times(call))
    return {**params, "call_result": ". ".join(filter(None, told))}


def times(call: Any) -> str:
    return f"Waited {clock(call.wait)}, spoke {clock(call.talk)}"


def clock(seconds: int) -> str:
    return f"{seconds // 60}:{seconds % 60:02}"
