"""A call centre that works for the CRM and not in it: whoever talked owns the lead (Bitrix24 with leads).

Before a call is registered, all leads, contacts, companies and open deals of the number are read. `TABLE` says what is
done with a lead, by its state: change it as your office works. The client's lead is the oldest (the smallest id) beside
which no new one is made; a client without such a lead gets one.

- A client with a deal at work keeps everybody: the call is put on their contact or company.
- Missed calls are put on the same lead, and change neither its owner nor its state.
- Two calls of one client at once make one lead, and so does a call whose registration is tried again.

The portal names no more than twenty leads of one number.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakValueDictionary

CREATE = "create"  # a new lead beside it, owned by who talks
TAKE = "take"  # the call is added, who talked owns it from now on
NOTE = "note"  # the call is added, nothing else changes
REOPEN = "reopen"  # the call is added; back to the first state, owned by who talked

TABLE = {
    "not processed": TAKE,
    "in work": NOTE,
    "converted": CREATE,
    "junk": REOPEN,
}

NEW = "NEW"  # id of the state of a lead that nobody has touched
ORIGIN = "ringbridge-agency"
PATIENCE = 5  # seconds for another call of the same client

asking: WeakValueDictionary[str, Any] = WeakValueDictionary()  # locks, by number


async def process_registration_params(params: dict[str, Any], call: Any, ctx: Any) -> dict[str, Any] | None:
    """Which client or lead the call is put on. Withheld numbers are the portal's to judge."""
    if call.direction != "inbound" or not call.e164:
        return None
    with alone(call.e164):
        known = await read_all([call.e164, call.number], ctx)
        if client := with_deal_at_work(known):
            return on(*client, params)
        lead = oldest(known["leads"]) or await new_lead(known["leads"], params, call, ctx)
        return on("LEAD", lead, params)


def customize_entity(fields: dict[str, Any], entity: dict[str, Any], kind: str, call: Any) -> dict[str, Any] | None:
    """What changes in the lead once it is known who talked."""
    talked = [employee.user for employee in call.employees if employee.user]
    if kind != "lead" or not talked:
        return None
    mine = {"ASSIGNED_BY_ID": talked[-1]}
    action = TABLE[state_of(entity)]
    if action == REOPEN:
        return {**fields, **mine, "STATUS_ID": NEW}
    return {**fields, **mine} if action == TAKE or entity.get("ORIGIN_ID") == call.id else None


# What there is


@contextmanager
def alone(number: str) -> Iterator[None]:
    """Calls are asked about in threads of their own, each with an event loop: waiting here holds up this call alone."""
    lock = asking.setdefault(number, threading.Lock())
    if not lock.acquire(timeout=PATIENCE):
        raise TimeoutError("another call of this client still waits for the CRM")
    try:
        yield
    finally:
        lock.release()


async def read_all(numbers: list[str], ctx: Any) -> dict[str, Any]:
    found = await ctx.crm.call("crm.duplicate.findbycomm", {"type": "PHONE", "values": numbers}) or {}
    leads = await listed("crm.lead.list", {"ID": found["LEAD"]}, ctx) if found.get("LEAD") else []
    deals = {
        kind: await listed("crm.deal.list", {f"{kind}_ID": found[kind], "CLOSED": "N"}, ctx)
        for kind in ("CONTACT", "COMPANY")
        if found.get(kind)
    }
    return {"leads": leads, "deals": deals}


async def listed(method: str, condition: dict[str, Any], ctx: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = await ctx.crm.call(method, {"filter": condition, "order": {"ID": "ASC"}})
    return rows


def with_deal_at_work(known: dict[str, Any]) -> tuple[str, str] | None:
    """The client of the oldest deal that is neither won nor lost: a contact before a company."""
    return next(((kind, str(deals[0][f"{kind}_ID"])) for kind, deals in known["deals"].items() if deals), None)


def oldest(leads: list[dict[str, Any]]) -> str:
    """Of those beside which no new one is made; empty where there is none."""
    return str(min((int(lead["ID"]) for lead in leads if TABLE[state_of(lead)] != CREATE), default=""))


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
            "TITLE": f"Call from {call.e164}",
            "SOURCE_ID": params.get("CRM_SOURCE") or "CALL",
            "ASSIGNED_BY_ID": params["USER_ID"],
            "PHONE": [{"VALUE": call.e164, "VALUE_TYPE": "WORK"}],
            "ORIGINATOR_ID": ORIGIN,
            "ORIGIN_ID": call.id,
        }
        made = await ctx.crm.call("crm.lead.add", {"fields": fields})
    return str(made)


def on(kind: str, number: str, params: dict[str, Any]) -> dict[str, Any]:
    return {**params, "CRM_ENTITY_TYPE": kind, "CRM_ENTITY_ID": number, "CRM_CREATE": 0}
