"""Each hook once, as an example for the documentation. A file in the hooks folder looks like this."""

from __future__ import annotations

from typing import Any


def need_registration(result: bool, call: Any, ctx: Any) -> bool:
    """Calls to the shops' lines are not the CRM's business."""
    return result and call.did not in ctx.settings.get("shops", [])


def process_client_phone(phone: str, ctx: Any) -> str:
    """The provider puts its own prefix before the number."""
    return phone.removeprefix(ctx.settings.get("prefix", "9#"))


def process_user_phone(phone: str) -> str:
    """Phones in the branch are 1101 on the PBX and 101 in the CRM."""
    return phone[1:] if len(phone) == 4 and phone.startswith("1") else phone


def customize_autodistribution(extension: str, client: dict[str, Any], call: Any) -> str:
    """Who chose "1" in the menu has a complaint: those go to their own queue."""
    return "700" if call.menu == "1" else extension


def process_originate_params(params: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
    """Calls by the Moscow line leave by another context."""
    return {**params, "context": "from-moscow"} if request["line"] == "moscow" else params


def process_registration_params(params: dict[str, Any], call: Any) -> dict[str, Any]:
    """Lines are called by their trunks."""
    return {**params, "LINE_NUMBER": call.trunk}


def customize_show_call_card(params: dict[str, Any]) -> dict[str, Any]:
    """The head of sales (user 1) sees every card."""
    users = params["USER_ID"] if isinstance(params["USER_ID"], list) else [params["USER_ID"]]
    return {**params, "USER_ID": [*users, "1"]}


def process_final_params(params: dict[str, Any], call: Any) -> dict[str, Any]:
    """Missed calls of the hotline are user 7's."""
    return {**params, "USER_ID": "7"} if call.did == "88005550000" and not call.talks else params


def customize_attach_record_url(params: dict[str, Any]) -> dict[str, Any]:
    """Recordings of internal matters stay here."""
    return {} if params["FILENAME"].startswith("private-") else params


def customize_activity(fields: dict[str, Any], activity: dict[str, Any], call: Any) -> dict[str, Any]:
    return {**fields, "SUBJECT": f"{activity['SUBJECT']} ({call.line})"}


def customize_entity(fields: dict[str, Any], entity: dict[str, Any], kind: str, call: Any) -> dict[str, Any]:
    """A lead belongs to the first who spoke with them."""
    return {**fields, "ASSIGNED_BY_ID": call.employees[0].user} if kind == "lead" and call.employees else fields


def process_call_params(params: dict[str, Any], call: Any) -> dict[str, Any]:
    return {**params, "call_result": f"{call.line}: waited {call.wait} s"}


def process_contact_creation_params(params: dict[str, Any], call: Any) -> dict[str, Any]:
    return {**params, "name": call.name or params["name"]}


def process_lead_creation_params(params: dict[str, Any], call: Any) -> dict[str, Any]:
    return {**params, "name": f"Call from {call.line}"}


def process_unsorted_creation_params(params: dict[str, Any], call: Any) -> dict[str, Any]:
    return {**params, "source_name": call.line}


def process_contact_update_params(fields: dict[str, Any], entity: dict[str, Any], call: Any) -> dict[str, Any]:
    """A contact that is called by its number only gets the name that the PBX knows."""
    return {**fields, "name": call.name} if call.name and entity["name"] == call.number else fields


def process_lead_update_params(fields: dict[str, Any], entity: dict[str, Any], call: Any) -> dict[str, Any]:
    """Whoever spoke last takes the lead."""
    return {**fields, "responsible_user_id": int(call.employees[-1].user)} if call.employees else fields


def process_record_file_path(path: str) -> str:
    """A job on the PBX makes an mp3 of each recording in another folder."""
    return path.replace("/monitor/", "/mp3/").replace(".wav", ".mp3")


def process_task_creation_params(params: dict[str, Any], call: Any) -> dict[str, Any]:
    """No tasks for calls that gave up within five seconds."""
    return {} if call.wait < 5 else params


async def post_registration(facts: dict[str, Any], call: Any, ctx: Any) -> None:
    """Bitrix24: a comment in the client's timeline."""
    if client := facts.get("client"):
        fields = {"ENTITY_ID": client["id"], "ENTITY_TYPE": client["kind"], "COMMENT": f"Called by {call.line}"}
        await ctx.crm.call("crm.timeline.comment.add", {"fields": fields})
