"""Of several companies that stand for one client, a call belongs to the one whose responsible spoke (Bitrix24).

It is taken from the others. The rule `attach = "speakers"` does the same without code.
"""

from __future__ import annotations

from typing import Any

COMPANY = 4  # entityTypeId


async def customize_activity(fields: dict[str, Any], activity: dict[str, Any], call: Any, ctx: Any) -> None:
    """Moves the call's activity; sets no fields in it."""
    speakers = [employee.user for employee in call.employees if employee.user]
    companies = await companies_of(call.e164, ctx) if call.e164 and speakers else []
    mine = next((one for one in companies if str(one["ASSIGNED_BY_ID"]) in speakers), None)
    if mine is None:
        return
    bound = await ctx.crm.call("crm.activity.binding.list", {"activityId": activity["ID"]})
    there = {int(one["entityId"]) for one in bound if int(one["entityTypeId"]) == COMPANY}
    number = int(mine["ID"])
    if number not in there:
        await ctx.crm.call("crm.activity.binding.add", binding(activity, number))
    for other in there & {int(one["ID"]) for one in companies} - {number}:
        await ctx.crm.call("crm.activity.binding.delete", binding(activity, other))


async def companies_of(number: str, ctx: Any) -> list[dict[str, Any]]:
    """All with the caller's number, the oldest first."""
    values = {"type": "PHONE", "values": [number], "entity_type": "COMPANY"}
    found = await ctx.crm.call("crm.duplicate.findbycomm", values) or {}
    if not found.get("COMPANY"):
        return []
    asked = {"filter": {"ID": found["COMPANY"]}, "order": {"ID": "ASC"}}
    companies: list[dict[str, Any]] = await ctx.crm.call("crm.company.list", asked)
    return companies


def binding(activity: dict[str, Any], company: int) -> dict[str, Any]:
    return {"activityId": activity["ID"], "entityTypeId": COMPANY, "entityId": company}
