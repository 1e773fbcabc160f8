"""A finished call in amoCRM's words: as an item of `calls`, and as a note on an entity of our choice. Pure.

Sources: amoCRM API v4, "Calls" (the account looks for the number and chooses the entity), "Notes" of the types
``call_in`` and ``call_out`` (the entity is ours to choose).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ringbridge.crm.amocrm.entities import Entity
from ringbridge.crm.amocrm.statuses import BY_STATUS
from ringbridge.crm.amocrm.values import whole
from ringbridge.routing.intents import Creation, FinishCall, RecordKind

PEOPLE = ("created_by", "responsible_user_id", "call_responsible")
"""Fields that name an employee: who was dismissed meanwhile is refused there."""

OUTBOUND = frozenset({RecordKind.OUTBOUND, RecordKind.CALLBACK})


@dataclass(slots=True, kw_only=True)
class Finished:
    """One call that is over, and what is found out about it on the way to the account."""

    index: int
    intent: FinishCall
    number: str
    kind: RecordKind  # never TRANSFERRED
    started: datetime
    line: str
    creation: Creation | None
    user: str  # in whose name
    source: str
    link: str | None = None
    clients: tuple[Entity, ...] | None = None  # who has the number; None: not asked
    place: Entity | None = None  # where it is written; None: the account chooses
    made: tuple[Entity, ...] = ()  # for this call
    is_new: bool = False  # `made` was made in this run
    is_told: bool = False  # with what was made, the account has the call: an incoming lead
    unsorted: str = ""  # uid of that
    body: dict[str, Any] | None = None  # what is made for it, as the office's hooks want it
    sent: str = ""  # the last request, for the story
    warnings: list[str] = field(default_factory=list)

    @property
    def is_outbound(self) -> bool:
        return self.kind in OUTBOUND


def call_item(call: Finished) -> dict[str, Any]:
    """For ``POST /api/v4/calls``."""
    return {
        "direction": "outbound" if call.is_outbound else "inbound",
        **_told(call),
        **_people(call),
        "created_at": int(call.started.timestamp()),
    }


def note_item(call: Finished, place: Entity) -> dict[str, Any]:
    """For ``POST /api/v4/<entities>/notes``."""
    people = _people(call)
    params = _told(call)
    if responsible := people.pop("call_responsible", None):
        params["call_responsible"] = responsible
    return {
        "entity_id": place.id,
        "note_type": "call_out" if call.is_outbound else "call_in",
        "params": params,
        **people,
        "created_at": int(call.started.timestamp()),
    }


def nameless(item: Mapping[str, Any]) -> dict[str, Any]:
    """The same without any employee."""
    kept = {name: value for name, value in item.items() if name not in PEOPLE}
    if "params" in kept:
        kept["params"] = {name: value for name, value in kept["params"].items() if name not in PEOPLE}
    return kept


def _told(call: Finished) -> dict[str, Any]:
    told: dict[str, Any] = {
        "uniq": call.intent.record,
        "duration": max(0, call.intent.duration),
        "source": call.source,
        "phone": call.number,
        "call_status": BY_STATUS[call.intent.status],
    }
    if call.link:
        told["link"] = call.link
    if call.intent.reason:
        told["call_result"] = call.intent.reason
    return told


def _people(call: Finished) -> dict[str, Any]:
    user = whole(call.user)
    return {"created_by": user, "responsible_user_id": user, "call_responsible": user} if user else {}
