"""POST /api/v4/leads/complex: a lead with its contact and company at one stroke.

Source: amoCRM API v4, "Complex creation of leads": at most fifty, one contact and one company each; the answer is a
bare list, whose `request_id` is a list too.
"""

from __future__ import annotations

from ringbridge.emulators.amocrm import making
from ringbridge.emulators.amocrm.account import Account, Row
from ringbridge.emulators.amocrm.entities import Entity, Kind
from ringbridge.emulators.amocrm.oauth import Caller
from ringbridge.emulators.amocrm.request import Answer, Endpoint, Request


def add(request: Request) -> Answer:
    account = request.account
    for kind in Kind:
        request.permit("add", kind.value, request.user.id)
    rule = making.rule(account, Kind.LEADS, strict=request.strict, inline=True)
    items = request.items(rule, most=account.settings.complex_limit)
    return Answer(body=[_made(account, given, request.caller) for given in items])


def _made(account: Account, given: Row, by: Caller) -> Row:
    embedded = given.get("_embedded") or {}
    parts = {kind: with_parts(account, embedded, kind, by) for kind in (Kind.CONTACTS, Kind.COMPANIES)}
    lead = lead_of(account, given, parts, by)
    contacts, companies = parts[Kind.CONTACTS], parts[Kind.COMPANIES]
    return {
        "id": lead.id,
        "contact_id": contacts[0].id if contacts else None,
        "company_id": companies[0].id if companies else None,
        "request_id": [given["request_id"]],
        "merged": False,
    }


def with_parts(account: Account, embedded: Row, kind: Kind, by: Caller, *, unsorted: bool = False) -> list[Entity]:
    """The contacts or companies that come with a lead: known ones by id, others made."""
    return [
        account.entities.rows[kind][one["id"]]
        if "id" in one
        else making.create(account, kind, one, by, unsorted=unsorted)
        for one in embedded.get(kind.value) or ()
    ]


def lead_of(
    account: Account, given: Row, parts: dict[Kind, list[Entity]], by: Caller, *, unsorted: bool = False
) -> Entity:
    """The lead itself, tied to its parts, and they to each other."""
    embedded = {name: value for name, value in (given.get("_embedded") or {}).items() if name in {"tags", "source"}}
    lead = making.create(account, Kind.LEADS, given | {"_embedded": embedded}, by, unsorted=unsorted)
    for at, contact in enumerate(parts[Kind.CONTACTS]):
        account.entities.link(lead, contact, main=at == 0)
        for company in parts[Kind.COMPANIES]:
            account.entities.link(contact, company)
    for company in parts[Kind.COMPANIES]:
        account.entities.link(lead, company)
    return lead


ENDPOINTS = (Endpoint(path="/api/v4/leads/complex", handlers={"POST": add}),)
