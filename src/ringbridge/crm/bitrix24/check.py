"""What a connection to a portal gives, asked in one request that changes nothing.

Source: Bitrix24 REST docs, scope, profile, crm.settings.mode.get, crm.category.list (2: deals), crm.status.list.
externalLine.get stands for register and finish: all of them need the context of an application and the telephony scope,
and only reading is harmless.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ringbridge.crm.bitrix24.batch import Outcome
from ringbridge.crm.bitrix24.reconcile import STATISTICS
from ringbridge.crm.bitrix24.telephony import Command, as_list, as_map, text
from ringbridge.crm.bitrix24.users import SCOPES, is_yes
from ringbridge.crm.contract import Capability, Choices, PortalInfo

CLASSIC_MODE = "1"

NICE_TO_HAVE = {
    "department": "Departments are not shown with the employees: add the permission department.",
    "timeman": "Who is off shift is not known: add the permission timeman.",
}

QUESTIONS: Mapping[str, Command] = {
    "scope": Command(method="scope"),
    "profile": Command(method="profile"),
    "mode": Command(method="crm.settings.mode.get"),
    "lines": Command(method="telephony.externalLine.get"),
    "pipelines": Command(method="crm.category.list", params={"entityTypeId": 2}),
    "statuses": Command(method="crm.status.list"),
    "statistics": Command(method=STATISTICS, params={"FILTER": {"CALL_ID": "none"}}),
}


def portal_info(name: str, answers: Mapping[str, Outcome], *, application: bool) -> PortalInfo:
    scopes = {text(scope).lower() for scope in as_list(answers["scope"].result)}
    can: set[str] = set()
    missing: list[str] = []
    _judge_telephony(answers, scopes, can, missing)
    _judge_clients(answers, scopes, can, missing)
    _judge_rest(scopes, can, missing)
    if application and Capability.CALLS in can:
        can.add(Capability.CLICK_TO_CALL)
    elif not application:
        missing.append("A number clicked in Bitrix24 is not dialled by a webhook: connect as a local application.")
    if not is_yes(as_map(answers["profile"].result).get("ADMIN")):
        missing.append("The portal was connected by no administrator: clients hidden from that user are not found.")
    return PortalInfo(name=name, can=frozenset(can), missing=tuple(missing), choices=choices_in(answers))


def _judge_telephony(answers: Mapping[str, Outcome], scopes: set[str], can: set[str], missing: list[str]) -> None:
    refusal = answers["lines"].refusal
    if "telephony" not in scopes:
        missing.append("Calls cannot be recorded: add the permission telephony.")
    elif refusal and refusal.code.upper() == "WRONG_AUTH_TYPE":
        missing.append(
            "Calls cannot be recorded: this portal lets only a local application register calls, not an incoming "
            "webhook. Add a local application and connect it instead."
        )
    elif refusal or not answers["lines"].reached:
        missing.append(f"Calls cannot be recorded: the portal says {refusal or 'nothing'}.")
    else:
        can.add(Capability.CALLS)
    if _answered(answers["statistics"]):
        can.add(Capability.LOOKUP)
    else:
        missing.append(
            "Whether a call arrived although the portal's answer was lost cannot be looked up: give the connecting "
            "user the telephony right to view call statistics."
        )


def _judge_rest(scopes: set[str], can: set[str], missing: list[str]) -> None:
    if scopes & set(SCOPES):
        can.add(Capability.USERS)
        if not scopes & {"user", "user_basic"}:
            missing.append("Employees' mobile numbers cannot be read: add the permission user_basic (or user).")
    else:
        missing.append(
            "Employees cannot be read, so extensions have to be mapped by hand, and a colleague who calls from a "
            "mobile may be made a client: add the permission user (or user_basic)."
        )
    if "task" in scopes:
        can.add(Capability.TASKS)
    else:
        missing.append("Tasks for missed calls cannot be made: add the permission task.")
    missing += [words for scope, words in NICE_TO_HAVE.items() if scope not in scopes]


def _judge_clients(answers: Mapping[str, Outcome], scopes: set[str], can: set[str], missing: list[str]) -> None:
    if "crm" not in scopes:
        missing.append(
            "Clients cannot be found, and no lead, contact, deal or activity text is written: add the permission crm."
        )
        return
    can.add(Capability.CLIENTS)
    if works_with_leads(answers) is not False:
        can.add(Capability.LEADS)


def choices_in(answers: Mapping[str, Outcome]) -> Choices:
    """Stages of leads are in the directory STATUS, those of deals in one for each pipeline: DEAL_STAGE_1."""
    pipelines = statuses = None
    if _answered(answers["pipelines"]):
        rows = as_list(as_map(answers["pipelines"].result).get("categories"))
        pipelines = {str(row.get("id")): text(row.get("name")) for row in map(as_map, rows)}
    if _answered(answers["statuses"]):
        statuses = [as_map(row) for row in as_list(answers["statuses"].result)]
    return Choices(
        pipelines=pipelines,
        stages=None if statuses is None else _named(statuses, "STATUS", "DEAL_STAGE"),
        sources=None if statuses is None else _named(statuses, "SOURCE"),
    )


def _named(statuses: Iterable[Mapping[str, Any]], *directories: str) -> dict[str, str]:
    """Of these directories; with a number behind one it is another's of its kind."""
    return {
        text(row.get("STATUS_ID")): text(row.get("NAME"))
        for row in statuses
        if re.sub(r"_\d+$", "", text(row.get("ENTITY_ID"))) in directories
    }


def works_with_leads(answers: Mapping[str, Outcome]) -> bool | None:
    """None where the portal did not say."""
    return str(answers["mode"].result) == CLASSIC_MODE if _answered(answers["mode"]) else None


def _answered(outcome: Outcome) -> bool:
    return outcome.reached and outcome.refusal is None
