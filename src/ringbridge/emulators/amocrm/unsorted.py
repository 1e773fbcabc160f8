"""Incoming leads of telephony: /api/v4/leads/unsorted and its `sip`.

Source: amoCRM API v4, "Incoming leads": what comes with one stays hidden until somebody accepts it; two identical
ones are refused.
"""

from __future__ import annotations

import secrets
from typing import Any

from ringbridge.emulators.amocrm import making, notes
from ringbridge.emulators.amocrm.account import Account, Row
from ringbridge.emulators.amocrm.complexleads import lead_of, with_parts
from ringbridge.emulators.amocrm.entities import Entity, Kind
from ringbridge.emulators.amocrm.history import EventType
from ringbridge.emulators.amocrm.listing import fits, ordered
from ringbridge.emulators.amocrm.making import user_rule
from ringbridge.emulators.amocrm.problems import Problem, Violation, invalid, not_a_choice
from ringbridge.emulators.amocrm.request import Answer, Endpoint, Request, absent
from ringbridge.emulators.amocrm.rows import href
from ringbridge.emulators.amocrm.validation import Rule, anything, either, every, flag, item, one_of, text, whole
from ringbridge.emulators.amocrm.webhooks import tell

_REQUIRED = ("source_uid", "source_name", "metadata")
_OF_METADATA = ("uniq", "duration", "service_code", "link", "phone", "called_at", "from")
_KINDS = (Kind.LEADS, Kind.CONTACTS, Kind.COMPANIES)
_FILTERS = {"uid": "uid", "category": "category", "pipeline_id": "pipeline_id"}


def _rule(account: Account, *, strict: bool) -> Rule:
    metadata = item(
        {
            "uniq": text(blank=False),
            "duration": whole(),
            "service_code": text(blank=False),
            "link": text(),
            "phone": either(text(blank=False), whole()),
            "called_at": whole(),
            "from": text(),
            "is_call_event_needed": flag,
            "call_responsible": either(text(), whole()),
        },
        required=_OF_METADATA,
        strict=strict,
    )
    embedded = {
        Kind.LEADS.value: every(making.rule(account, Kind.LEADS, strict=strict, inline=True), most=1),
        Kind.CONTACTS.value: every(making.rule(account, Kind.CONTACTS, strict=strict)),
        Kind.COMPANIES.value: every(making.rule(account, Kind.COMPANIES, strict=strict)),
    }
    fields: dict[str, Rule] = {
        "source_uid": text(blank=False),
        "source_name": text(blank=False),
        "pipeline_id": one_of(lambda number: _takes_unsorted(account, number)),
        "created_at": whole(),
        "request_id": anything,
        "metadata": metadata,
        "_embedded": item(embedded, strict=strict),
    }
    return item(fields, required=_REQUIRED, strict=strict)


def _takes_unsorted(account: Account, number: Any) -> bool:
    pipeline = account.pipelines.get(number)
    return pipeline is not None and pipeline.unsorted_on


def add(request: Request) -> Answer:
    account = request.account
    items = request.items(_rule(account, strict=request.strict))
    if not account.pipelines.main.unsorted_on and any("pipeline_id" not in one for one in items):
        raise Problem(422, "Unsorted is disabled")
    found = [(given["request_id"], _same(account, given)) for given in items]
    if any(violations for _, violations in found):
        raise invalid(found)
    rows = [_made(request, given) for given in items]
    shown = [_row(request, one) | {"request_id": given["request_id"]} for one, given in zip(rows, items, strict=True)]
    return request.made("unsorted", shown, _total_items=len(shown))


def _same(account: Account, given: Row) -> list[Violation]:
    if not account.settings.refuse_same_unsorted:
        return []
    known = [*account.unsorted.values(), *account.sorted]
    same = any(
        (one["source_uid"], one["metadata"]["uniq"]) == (given["source_uid"], given["metadata"]["uniq"])
        for one in known
    )
    return [Violation(code="Duplicate", path="metadata.uniq", detail="Such an incoming lead already exists.")] * same


def _made(request: Request, given: Row) -> Row:
    account, embedded = request.account, given.get("_embedded") or {}
    parts = {kind: with_parts(account, embedded, kind, request.caller, unsorted=True) for kind in _KINDS[1:]}
    lead: Row = (embedded.get(Kind.LEADS.value) or [{}])[0]
    pipeline = given.get("pipeline_id", lead.get("pipeline_id", account.pipelines.main.id))
    made = lead_of(account, lead | {"pipeline_id": pipeline}, parts, request.caller, unsorted=True)
    row: Row = {
        "uid": secrets.token_hex(32),
        "source_uid": given["source_uid"],
        "source_name": given["source_name"],
        "category": "sip",
        "pipeline_id": pipeline,
        "created_at": given.get("created_at", account.now()),
        "metadata": {"is_call_event_needed": True, **given["metadata"]},
        "account_id": account.id,
        "parts": {Kind.LEADS: [made], **parts},
    }
    account.unsorted[row["uid"]] = row
    told = {name: row[name] for name in ("uid", "source_uid", "source_name", "category", "pipeline_id", "created_at")}
    tell(account, "add_unsorted", "unsorted", told, request.caller)
    return row


def _row(request: Request, one: Row) -> Row:
    shown = {name: value for name, value in one.items() if name != "parts"}
    embedded = {kind.value: [_part(request.account, each) for each in one["parts"][kind]] for kind in _KINDS}
    return shown | {"_links": request.href(f"/api/v4/leads/unsorted/{one['uid']}"), "_embedded": embedded}


def _part(account: Account, one: Entity) -> Row:
    return {"id": one.id, "_links": href(account, one)}


def listed(request: Request) -> Answer:
    rows = [_row(request, one) for one in request.account.unsorted.values()]
    rows = [one for one in rows if fits(one, request.filter, _FILTERS)]
    return request.page("unsorted", ordered(rows, request.query.get("order"), ("created_at", "updated_at")))


def one(request: Request) -> Answer:
    return Answer(body=_row(request, _known(request)))


def _known(request: Request) -> Row:
    found = request.account.unsorted.get(request.parts["uid"])
    if found is None:
        raise absent(request.account)
    return found


def accept(request: Request) -> Answer:
    """It becomes a lead in its stage; its contacts and companies come into the open; the call is written."""
    account, known = request.account, _known(request)
    given = _decision(request)
    pipeline = account.pipelines.with_status(given.get("status_id")) or account.pipelines.get(known["pipeline_id"])
    pipeline = pipeline or account.pipelines.main
    status = pipeline.status(given["status_id"]) if "status_id" in given else pipeline.first
    if status is None or status.unsorted:
        raise invalid([("0", [not_a_choice("status_id")])])
    for each in [each for kind in _KINDS for each in known["parts"][kind]]:
        each.is_unsorted = False
        each.indexed_at = account.clock().timestamp()
        each.responsible_user_id = given.get("user_id", each.responsible_user_id)
        if each.kind is Kind.LEADS:
            each.pipeline_id, each.status_id = pipeline.id, status.id
        making.announce(account, each, request.caller)
    _settle(request, known, "accepted", given)
    if known["metadata"]["is_call_event_needed"]:
        _call_note(request, known)
    return Answer(body=_row(request, known))


def _call_note(request: Request, known: Row) -> None:
    """The call on the accepted lead's contact, as a note."""
    account, said = request.account, known["metadata"]
    place = account.entities.place_of_call((known["parts"][Kind.CONTACTS] or known["parts"][Kind.LEADS])[0])
    phone = said["from"] if account.settings.swap_numbers_on_accept else said["phone"]
    params = {
        "uniq": said["uniq"],
        "duration": said["duration"],
        "source": said["service_code"],
        "link": said["link"],
        "phone": str(phone),
        "call_responsible": said.get("call_responsible"),
    }
    given = {"note_type": "call_in", "params": params, "created_at": said["called_at"], "created_by": 0}
    notes.add(account, place, given, request.caller)


def decline(request: Request) -> Answer:
    """It is thrown away with all that came with it."""
    account, known = request.account, _known(request)
    given = _decision(request)
    for each in [each for kind in _KINDS for each in known["parts"][kind] if each.is_unsorted]:
        each.is_deleted = True
        if each.kind is Kind.LEADS:
            account.note_event(EventType.LEAD_DELETED, (each.kind.single, each.id), request.user.id)
    _settle(request, known, "declined", given)
    return Answer(body=_row(request, known))


def _decision(request: Request) -> Row:
    if request.body is None:
        return {}
    fields: dict[str, Rule] = {"user_id": user_rule(request.account), "status_id": whole(least=1)}
    return request.item(item(fields, strict=request.strict))


def _settle(request: Request, known: Row, how: str, given: Row) -> None:
    account = request.account
    del account.unsorted[known["uid"]]
    account.sorted.append(known | {"how": how, "by": given.get("user_id", request.user.id), "at": account.now()})
    action = {"accepted": "update_unsorted", "declined": "delete_unsorted"}[how]
    told = {"uid": known["uid"], "category": known["category"], "pipeline_id": known["pipeline_id"], "action": how}
    tell(account, action, "unsorted", told, request.caller)


def summary(request: Request) -> Answer:
    account = request.account
    counts = {how: sum(one["how"] == how for one in account.sorted) for how in ("accepted", "declined")}
    waits = [one["at"] - one["created_at"] for one in account.sorted]
    total = len(account.unsorted) + len(account.sorted)
    categories = {name: {"total": total if name == "sip" else 0} for name in ("sip", "mail", "forms", "chats")}
    average = sum(waits) // len(waits) if waits else 0
    body = {"total": total, **counts, "average_sort_time": average, "categories": categories}
    return Answer(body=body | {"_links": request.href(request.path)})


ENDPOINTS = (
    Endpoint(path="/api/v4/leads/unsorted/sip", handlers={"POST": add}),
    Endpoint(path="/api/v4/leads/unsorted/summary", handlers={"GET": summary}),
    Endpoint(path="/api/v4/leads/unsorted/{uid}/accept", handlers={"POST": accept}),
    Endpoint(path="/api/v4/leads/unsorted/{uid}/decline", handlers={"DELETE": decline}),
    Endpoint(path="/api/v4/leads/unsorted/{uid}", handlers={"GET": one}),
    Endpoint(path="/api/v4/leads/unsorted", handlers={"GET": listed}),
)
