"""POST /api/v4/calls: each call is written to the client that its phone finds.

Source: amoCRM API v4, "Adding calls": a contact or company by the last digits of the phone; with exactly one active
lead the call goes to the lead; with nobody found it is not added, and the answer says 263.
"""

from __future__ import annotations

from typing import Any

from ringbridge.emulators.amocrm import notes
from ringbridge.emulators.amocrm.account import Account, Row
from ringbridge.emulators.amocrm.entities import Entity
from ringbridge.emulators.amocrm.making import user_rule
from ringbridge.emulators.amocrm.request import Answer, Endpoint, Request
from ringbridge.emulators.amocrm.rows import href
from ringbridge.emulators.amocrm.settings import MixedBatch
from ringbridge.emulators.amocrm.validation import Rule, anything, item, one_of, whole

NOT_FOUND = 263
_REQUIRED = ("direction", "duration", "source", "phone")
_OF_NOTE = ("responsible_user_id", "created_by", "updated_by", "created_at", "updated_at")


def add(request: Request) -> Answer:
    account = request.account
    items = request.items(_rule(account, strict=request.strict))
    placed: list[tuple[Row, Entity]] = []
    errors: list[Row] = []
    for given in items:
        place = place_of(account, given["phone"])
        if place is None:
            errors.append(_error("Entity not found", NOT_FOUND, given))
        elif account.settings.dedupe_calls and _known(account, given.get("uniq")):
            errors.append(_error("Call already exists", 264, given))
        else:
            request.permit("edit", place.kind.value, place.responsible_user_id)
            placed.append((given, place))
    if not placed or (errors and account.settings.mixed_batch is MixedBatch.REFUSED):
        return Answer(status=400, body={"_total_items": 0, "errors": errors})
    made = [_made(account, given, place, _write(request, given, place)) for given, place in placed]
    return Answer(body={"_total_items": len(made), "errors": errors, "_embedded": {"calls": made}})


def place_of(account: Account, phone: str) -> Entity | None:
    """Where a call of this number is written; None where nobody is known by it."""
    settings = account.settings
    until = account.clock().timestamp() - settings.calls_lag.total_seconds()
    found = account.entities.by_phone(phone, digits=settings.calls_digits, indexed_before=until)
    return account.entities.place_of_call(found[0]) if found else None


def _rule(account: Account, *, strict: bool) -> Rule:
    known = user_rule(account)
    fields: dict[str, Rule] = {
        **notes.call_fields(account),
        "direction": one_of(("inbound", "outbound")),
        "responsible_user_id": known,
        "created_by": known,
        "updated_by": known,
        "created_at": whole(),
        "updated_at": whole(),
        "request_id": anything,
    }
    return item(fields, required=_REQUIRED, strict=strict)


def _known(account: Account, uniq: Any) -> bool:
    return any(
        note["note_type"] in notes.CALLS and note["params"].get("uniq") == uniq for note in account.notes.values()
    )


def _write(request: Request, given: Row, place: Entity) -> Row:
    params = {name: given.get(name) for name in notes.call_fields(request.account)}
    note_type = "call_in" if given["direction"] == "inbound" else "call_out"
    said = {name: given[name] for name in _OF_NOTE if name in given}
    said.setdefault("created_by", 0)
    return notes.add(request.account, place, {**said, "note_type": note_type, "params": params}, request.caller)


def _made(account: Account, given: Row, place: Entity, note: Row) -> Row:
    return {
        "id": note["id"],
        "entity_id": place.id,
        "entity_type": place.kind.single,
        "account_id": account.id,
        "request_id": given["request_id"],
        "_embedded": {"entity": {"id": place.id, "_links": href(account, place)}},
    }


def _error(words: str, code: int, given: Row) -> Row:
    return {"title": words, "status": code, "detail": words, "request_id": given["request_id"]}


ENDPOINTS = (Endpoint(path="/api/v4/calls", handlers={"POST": add}),)
