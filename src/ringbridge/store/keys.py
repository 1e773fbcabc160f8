"""How a PBX and its calls are named over all PBXs."""

from __future__ import annotations

from typing import NewType

from ringbridge.telephony.model import CallId

PbxId = NewType("PbxId", str)
"""One PBX, by the name the office gave it."""

CallKey = NewType("CallKey", str)
"""``<pbx>-<call id>``: unique over all PBXs."""


def call_key(pbx: PbxId, call: CallId) -> CallKey:
    return CallKey(f"{pbx}-{call}")
