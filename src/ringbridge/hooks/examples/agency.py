"""A call centre that works for the CRM and not in it: whoever talked owns the lead (Bitrix24 with leads).

Before a call is registered, all leads, contacts and deals of the number are read. The client's lead is the oldest that
is not converted. `TABLE` says what becomes of it, by its state: change it as your office works.

- A client with a deal at work keeps everybody: the call is put on their contact.
- Missed calls are put on the same lead, and change neither its owner nor its state.
"""

from __future__ import annotations

from typing import Any

CREATE = "create"  # a new lead, owned by who talks
TAKE = "take"  # who talked owns it from now on
NOTE = "note"  # the call is added, nothing else changes
REOPEN = "reopen"  # back to the first state, owned by who talked

TABLE = {
    "none": CREATE,
    "not processed": TAKE,
    "in work": NOTE,
    "converted": CREATE,
    "junk": REOPEN,
}

NEW = "NEW"  # id of the state of a lead that nobody has touched
ORIGIN = "ringbridge-agency"


async def process_registration_params(params: dict[str, Any], call: Any, ctx: Any) -> dict[str, Any] | None:
    """Which client or lead the call is put on."""
    if call.direction != "inbound" or not call.number:
        return None
    known = await read_all(call.number, ctx)
    if contact := with_deal_at_work(known):
        return on("CONTACT", contact, params)
    lead = oldest(known["leads"])
    if lead is not None and TABLE[state_of(lead)] != CREATE:
        return on("LEAD", lead["ID"], params)
    return on("LEAD", await new_lead(known["leads"], params, call, ctx), params)


def customize_entity(fields: dict[str, Any], entity: dict[str, Any], kind: str, call: Any) -> dict[str, Any] | None:
    """What changes in the lead once it is known who talked."""
    if kind != "lead" or not call.employees:
        return None
    mine = {"ASSIGNED_BY_ID": call.employees[-1].user}
    if entity.get("ORIGIN_ID") == call.id:
        return {**fields, **mine}
    match TABLE[state_of(entity)]:
        case "take":
            return {**fields, **mine}
        case "reopen":
            return {**fields, **mine, "STATUS_ID": NEW}
    return None


# What there is


async def read_all(number: str, ctx: Any) -> dict[str, Any]:
    values = {"type": "PHONE", "values": [number]}
    found = await ctx.crm.call("crm.duplicate.findbycomm", values) or {}
    ids = {kind: found.get(kind) or [] for kind in ("LEAD", "CONTACT")}
    leads = await listed("crm.lead.list", {"ID": ids["LEAD"]}, ctx) if ids["LEAD"] else []
    deals = await listed("crm.deal.list", {"CONTACT_ID": ids["CONTACT"], "CLOSED": "N"}, ctx) if ids["CONTACT"] else []
    return {"leads": leads, "contacts": ids["CONTACT"], "deals": deals}


async def listed(method: str, condition: dict[str, Any], ctx: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = await ctx.crm.call(method, {"filter": condition, "order": {"ID": "ASC"}})
    return rows


def with_deal_at_work(known: dict[str, Any]) -> str:
    """The contact of the oldest deal that is neither won nor lost."""
    return next((str(deal["CONTACT_ID"]) for deal in known["deals"] if deal.get("CLOSED") == "N"), "")


def oldest(leads: list[dict[str, Any]]) -> dict[str, Any] | None:
    at_hand = [lead for lead in leads if state_of(lead) != "converted"]
    return min(at_hand, key=lambda lead: int(lead["ID"]), default=None)


def state_of(lead: dict[str, Any]) -> str:
    """STATUS_SEMANTIC_ID: P in process, S success, F failure."""
    match lead.get("STATUS_SEMANTIC_ID"):
        case "S":
            return "converted"
        case "F":
            return "junk"
    return "not processed" if lead.get("STATUS_ID") == NEW else "in work"


# What is made


async def new_lead(leads: list[dict[str, Any]], params: dict[str, Any], call: Any, ctx: Any) -> str:
    """Once a call, however often it is asked for: the call's key stands in it."""
    made = next((lead["ID"] for lead in leads if lead.get("ORIGIN_ID") == call.id), None)
    if made is None:
        fields = {
            "TITLE": f"Call from {call.number}",
            "SOURCE_ID": params.get("CRM_SOURCE") or "CALL",
            "ASSIGNED_BY_ID": params["USER_ID"],
            "PHONE": [{"VALUE": call.number, "VALUE_TYPE": "WORK"}],
            "ORIGINATOR_ID": ORIGIN,
            "ORIGIN_ID": call.id,
        }
        made = await ctx.crm.call("crm.lead.add", {"fields": fields})
    return str(made)


def on(kind: str, number: str, params: dict[str, Any]) -> dict[str, Any]:
    return {**params, "CRM_ENTITY_TYPE": kind, "CRM_ENTITY_ID": number, "CRM_CREATE": 0}
