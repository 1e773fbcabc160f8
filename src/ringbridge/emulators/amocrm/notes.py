"""Notes of contacts, companies and leads; a call is one too.

Source: amoCRM API v4, "Notes": `call_in` and `call_out` need `uniq`, `duration`, `source` and `phone`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ringbridge.emulators.amocrm.account import Account, Row
from ringbridge.emulators.amocrm.clients import of
from ringbridge.emulators.amocrm.entities import Entity, Kind
from ringbridge.emulators.amocrm.history import EventType
from ringbridge.emulators.amocrm.listing import fits, ordered
from ringbridge.emulators.amocrm.making import hook_top, user_rule
from ringbridge.emulators.amocrm.oauth import Caller
from ringbridge.emulators.amocrm.problems import Violation
from ringbridge.emulators.amocrm.request import Answer, Endpoint, Request, absent
from ringbridge.emulators.amocrm.validation import (
    Rule,
    anything,
    either,
    flag,
    item,
    mapping,
    nullable,
    one_of,
    text,
    whole,
)
from ringbridge.emulators.amocrm.webhooks import tell

CALLS = {"call_in": EventType.INCOMING_CALL, "call_out": EventType.OUTGOING_CALL}
_NUMBERS = {"call_in": 10, "call_out": 11, "common": 4, "service_message": 25, "sms_in": 102, "sms_out": 103}
_FILTERS = {"id": "id", "entity_id": "entity_id", "note_type": "note_type", "updated_at": "updated_at"}


def call_fields(account: Account) -> dict[str, Rule]:
    """What is said of a call, in a note and in /api/v4/calls alike."""
    statuses = range(1, 9 if account.settings.call_status_8 else 8)
    return {
        "uniq": text(),
        "duration": whole(),
        "source": text(blank=False),
        "link": nullable(text()),
        "phone": text(blank=False),
        "call_result": nullable(text()),
        "call_status": nullable(one_of(statuses)),
        "call_responsible": nullable(either(text(), whole())),
    }


def _params(account: Account) -> Mapping[str, Rule]:
    """The shape of `params` by note type."""
    call = item(call_fields(account), required=("uniq", "duration", "source", "phone"), strict=False)
    said = item({"text": text(blank=False), "service": text()}, required=("text",), strict=False)
    service = item({"text": text(blank=False), "service": text()}, required=("text", "service"), strict=False)
    sms = item({"text": text(), "phone": text()}, required=("text", "phone"), strict=False)
    return {
        "call_in": call,
        "call_out": call,
        "common": said,
        "service_message": service,
        "extended_service_message": service,
        "sms_in": sms,
        "sms_out": sms,
    }


def _rule(request: Request, kind: Kind, *, with_entity: bool, update: bool) -> Rule:
    account = request.account
    known, params = user_rule(account), _params(account)
    fields: dict[str, Rule] = {
        "note_type": one_of(params),
        "params": mapping,
        "created_by": known,
        "updated_by": known,
        "responsible_user_id": known,
        "created_at": whole(),
        "updated_at": whole(),
        "request_id": anything,
        "is_need_to_trigger_digital_pipeline": flag,
        "entity_id": one_of(lambda number: account.entities.get(kind, number) is not None),
    }
    if update:
        fields["id"] = whole(least=1)
    required = ("note_type", "params", *(("entity_id",) if with_entity else ()))
    shape = item(fields, required=required, strict=request.strict)

    def rule(given: Any) -> list[Violation]:
        return shape(given) or [one.under("params") for one in params[given["note_type"]](given["params"])]

    return rule


def add(account: Account, place: Entity, given: Row, by: Caller) -> Row:
    """Write a checked note to an entity."""
    at = account.now()
    note: Row = {
        "id": account.next_id(),
        "entity_id": place.id,
        "entity_type": place.kind.value,
        "created_by": given.get("created_by", by.user_id),
        "updated_by": given.get("updated_by", given.get("created_by", by.user_id)),
        "created_at": given.get("created_at", at),
        "updated_at": given.get("updated_at", at),
        "responsible_user_id": given.get("responsible_user_id", place.responsible_user_id),
        "group_id": 0,
        "note_type": given["note_type"],
        "params": dict(given["params"]),
        "account_id": account.id,
        "is_pinned": False,
    }
    account.notes[note["id"]] = note
    kind = CALLS.get(note["note_type"], EventType.SERVICE_NOTE_ADDED)
    kind = EventType.COMMON_NOTE_ADDED if note["note_type"] == "common" else kind
    account.note_event(kind, (place.kind.single, place.id), note["created_by"], after=[{"note": {"id": note["id"]}}])
    tell(account, f"note_{place.kind.single}", hook_top(place.kind), _hook_row(place, note), by)
    return note


def _hook_row(place: Entity, note: Row) -> Row:
    told = {
        "id": note["id"],
        "note_type": _NUMBERS.get(note["note_type"], 25),
        "element_type": {Kind.CONTACTS: 1, Kind.LEADS: 2, Kind.COMPANIES: 3}[place.kind],
        "element_id": place.id,
        "text": json.dumps(note["params"], ensure_ascii=False),
        "date_create": note["created_at"],
        "created_by": note["created_by"],
        "main_user_id": note["responsible_user_id"],
        "account_id": note["account_id"],
    }
    return {"note": told}


def row(account: Account, note: Row) -> Row:
    shown = {name: value for name, value in note.items() if name != "entity_type"}
    return shown | {"_links": _href(account, note)}


def _href(account: Account, note: Row) -> Row:
    return {"self": {"href": f"{account.address}/api/v4/{note['entity_type']}/{note['entity_id']}/notes/{note['id']}"}}


def listed(request: Request, kind: Kind) -> Answer:
    number = request.entity(kind).id if "id" in request.parts else None
    notes = [one for one in request.account.notes.values() if one["entity_type"] == kind.value]
    rows = [
        row(request.account, one)
        for one in notes
        if number in {None, one["entity_id"]} and fits(one, request.filter, _FILTERS)
    ]
    return request.page("notes", ordered(rows, request.query.get("order"), ("updated_at", "id")))


def one(request: Request, kind: Kind) -> Answer:
    return Answer(body=row(request.account, _known(request, kind)))


def _known(request: Request, kind: Kind) -> Row:
    note = request.account.notes.get(request.parts["note"])
    wanted = request.parts.get("id")
    if note is None or note["entity_type"] != kind.value or wanted not in {None, note["entity_id"]}:
        raise absent(request.account)
    return note


def create(request: Request, kind: Kind) -> Answer:
    place = request.entity(kind) if "id" in request.parts else None
    items = request.items(_rule(request, kind, with_entity=place is None, update=False))
    made = []
    for given in items:
        at = place or request.account.entities.rows[kind][given["entity_id"]]
        request.permit("edit", kind.value, at.responsible_user_id)
        made.append((add(request.account, at, given, request.caller), given))
    return request.made("notes", [_made(request, *pair) for pair in made])


def update_one(request: Request, kind: Kind) -> Answer:
    note = _known(request, kind)
    given = request.item(_rule(request, kind, with_entity=False, update=True))
    _update(request, note, given)
    return Answer(body=_made(request, note, given))


def update_many(request: Request, kind: Kind) -> Answer:
    place = request.entity(kind).id if "id" in request.parts else None
    shape = _rule(request, kind, with_entity=False, update=True)
    notes = request.account.notes

    def there(number: Any) -> bool:
        note = notes.get(number)
        return note is not None and note["entity_type"] == kind.value and place in {None, note["entity_id"]}

    there_rule = one_of(there)
    items = request.items(lambda given: shape(given) or [one.under("id") for one in there_rule(given.get("id"))])
    for given in items:
        _update(request, notes[given["id"]], given)
    return request.made("notes", [_made(request, notes[given["id"]], given) for given in items])


def _update(request: Request, note: Row, given: Row) -> None:
    note["params"] = note["params"] | given["params"]
    note["updated_at"] = given.get("updated_at", request.account.now())
    note["updated_by"] = given.get("updated_by", request.user.id)


def _made(request: Request, note: Row, given: Row) -> Row:
    return {
        "id": note["id"],
        "entity_id": note["entity_id"],
        "updated_at": note["updated_at"],
        "request_id": given.get("request_id", "0"),
        "_links": _href(request.account, note),
    }


def _endpoints(kind: Kind) -> tuple[Endpoint, ...]:
    base = f"/api/v4/{kind.value}"
    many = {"GET": of(kind, listed), "POST": of(kind, create), "PATCH": of(kind, update_many)}
    single = {"GET": of(kind, one), "PATCH": of(kind, update_one)}
    return (
        Endpoint(path=f"{base}/notes", handlers=many),
        Endpoint(path=f"{base}/notes/{{note:int}}", handlers=single),
        Endpoint(path=f"{base}/{{id:int}}/notes", handlers=many),
        Endpoint(path=f"{base}/{{id:int}}/notes/{{note:int}}", handlers=single),
    )


ENDPOINTS = tuple(endpoint for kind in Kind for endpoint in _endpoints(kind))
