"""What the pages show, as plain rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ringbridge.emulators.amocrm.account import Account, Ringing, Row
from ringbridge.emulators.amocrm.entities import Entity, Kind
from ringbridge.emulators.amocrm.notes import CALLS

_NEWEST = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    name: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    id: int
    inbound: bool
    phone: str
    client: Link
    author: str  # "" is the robot
    duration: int
    status: int | None
    result: str
    link: str
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    uid: str
    phone: str
    client: Link | None
    users: str
    at: str


def link(one: Entity) -> Link:
    return Link(name=one.name or f"#{one.id}", path=f"/{one.kind.value}/detail/{one.id}")


def moment(at: int | datetime) -> str:
    """ISO 8601, UTC, whole seconds."""
    at = at if isinstance(at, datetime) else datetime.fromtimestamp(at, UTC)
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def calls(account: Account, of: Entity | None = None) -> list[Call]:
    """The newest first; of one client or of all."""
    notes = [
        note
        for note in account.notes.values()
        if note["note_type"] in CALLS and (of is None or (note["entity_type"], note["entity_id"]) == of.key)
    ]
    return [_call(account, note) for note in sorted(notes, key=lambda one: -one["created_at"])[:_NEWEST]]


def _call(account: Account, note: Row) -> Call:
    said = note["params"]
    return Call(
        id=note["id"],
        inbound=note["note_type"] == "call_in",
        phone=str(said["phone"]),
        client=link(account.entities.rows[Kind(note["entity_type"])][note["entity_id"]]),
        author=account.staff.name(note["created_by"]),
        duration=said["duration"],
        status=said.get("call_status"),
        result=said.get("call_result") or "",
        link=_player(said.get("link")),
        at=moment(note["created_at"]),
    )


def _player(address: Any) -> str:
    """What may stand in a player: an address of the web and nothing else."""
    return address if isinstance(address, str) and address.startswith(("http://", "https://")) else ""


def rings(account: Account, user_id: int | None) -> list[Ring]:
    """The pop-ups that a person sees, the newest first; None: everybody's."""
    seen = [one for one in account.ringing if user_id is None or user_id in one.users]
    return [_ring(account, one) for one in reversed(seen[-_NEWEST:])]


def _ring(account: Account, one: Ringing) -> Ring:
    return Ring(
        uid=one.uid,
        phone=one.phone,
        client=link(one.place) if one.place else None,
        users=", ".join(account.staff.name(number) for number in one.users),
        at=moment(one.at),
    )


def tasks(account: Account, of: Entity | None = None, user_id: int | None = None) -> list[Row]:
    """Open ones first, by their deadline."""
    rows = [
        task
        for task in account.tasks.values()
        if (of is None or (task["entity_type"], task["entity_id"]) == of.key)
        and user_id in {None, task["responsible_user_id"]}
    ]
    return [
        {
            **task,
            "at": moment(task["complete_till"]),
            "who": account.staff.name(task["responsible_user_id"]),
            "said": task["result"]["text"] if isinstance(task["result"], dict) else "",
            "client": link(account.entities.rows[Kind(task["entity_type"])][task["entity_id"]])
            if task["entity_id"]
            else None,
        }
        for task in sorted(rows, key=lambda one: (one["is_completed"], one["complete_till"]))
    ]


def incoming(account: Account) -> list[Row]:
    return [
        {"uid": one["uid"], "source": one["source_name"], "phone": one["metadata"]["phone"],
         "duration": one["metadata"]["duration"], "link": _player(one["metadata"]["link"]),
         "names": ", ".join(each.name for each in one["parts"][Kind.CONTACTS]), "at": moment(one["created_at"])}
        for one in reversed(account.unsorted.values())
    ]  # fmt: skip


def sheet(account: Account, one: Entity) -> Row:
    """A client's or lead's own page."""
    pipeline = account.pipelines.get(one.pipeline_id)
    status = pipeline.status(one.status_id) if pipeline else None
    tags = account.tags.get(one.kind.value, {})
    return {
        "id": one.id,
        "kind": one.kind.value,
        "name": one.name or f"#{one.id}",
        "responsible": account.staff.name(one.responsible_user_id),
        "fields": [
            (field["field_name"], ", ".join(str(value["value"]) for value in field["values"]))
            for field in account.fields.written(one.values) or []
        ],
        "pipeline": pipeline.name if pipeline else "",
        "stage": status.name if status else "",
        "tags": [tags[number] for number in one.tags],
        "linked": [link(other) for other in _linked(account, one)],
        "notes": [
            (note["note_type"], note["params"].get("text", ""))
            for note in account.notes.values()
            if (note["entity_type"], note["entity_id"]) == one.key and note["note_type"] not in CALLS
        ],
    }


def _linked(account: Account, one: Entity) -> Iterable[Entity]:
    return (other for kind, number in one.links if (other := account.entities.rows[kind][number]).shown)
