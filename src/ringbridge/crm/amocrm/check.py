"""What a connection to an account can do, in words an administrator can act on.

Source: amoCRM API v4, "Account parameters", "Users", "Lead pipelines", "Custom fields".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ringbridge.crm.amocrm.rest import API, PER_PAGE, Query, Rest
from ringbridge.crm.amocrm.users import USERS
from ringbridge.crm.amocrm.values import as_map, embedded, text, whole
from ringbridge.crm.contract import Capability, Choices, CrmError, PortalInfo, Throttled, Transient
from ringbridge.routing.intents import Priority


@dataclass(slots=True, kw_only=True)
class Findings:
    account: Any
    refusals: dict[str, str] = field(default_factory=dict)  # of the other questions
    bodies: dict[str, Any] = field(default_factory=dict)

    @property
    def user(self) -> int | None:
        """Whom the connection speaks for."""
        return whole(as_map(self.account).get("current_user_id"))


QUESTIONS: dict[str, tuple[str, Query]] = {
    "users": (USERS, (("limit", 1),)),
    "contacts": (f"{API}/contacts", (("limit", 1),)),
    "fields": (f"{API}/contacts/custom_fields", (("limit", PER_PAGE),)),
    "pipelines": (f"{API}/leads/pipelines", ()),
    "tasks": (f"{API}/tasks", (("limit", 1),)),
}


async def ask(rest: Rest) -> Findings:
    """Raises `CrmError` when the account does not open at all."""
    query = (("with", "amojo_id,is_api_filter_enabled"),)
    findings = Findings(account=await rest.get(f"{API}/account", query, priority=Priority.FINISH))
    for name, (path, asked) in QUESTIONS.items():
        try:
            findings.bodies[name] = await rest.get(path, asked, priority=Priority.FINISH)
        except (Transient, Throttled):
            raise
        except CrmError as error:
            findings.refusals[name] = str(error)
    return findings


def portal_info(host: str, findings: Findings) -> PortalInfo:
    account = as_map(findings.account)
    can = {Capability.CALLS, Capability.LOOKUP}
    missing: list[str] = []
    _judge_rights(findings, can, missing)
    fields = embedded(findings.bodies.get("fields"), "custom_fields")
    if "fields" in findings.bodies and not any(one.get("code") == "PHONE" for one in fields):
        missing.append(
            "Contacts have no field for phones: amoCRM finds nobody by number, so every caller is a new client. "
            "Add the field Phone to contacts."
        )
    pipelines = embedded(findings.bodies.get("pipelines"), "pipelines")
    if pipelines and not any(one.get("is_unsorted_on") for one in pipelines):
        missing.append(
            "No pipeline takes incoming leads: a rule that wants one gets a contact and a lead in its place."
        )
    if account.get("is_api_filter_enabled") is False:
        missing.append("The account ignores filters: looking up what became of a lost answer takes longer.")
    return PortalInfo(
        name=text(account.get("name")) or host, can=frozenset(can), missing=tuple(missing), choices=choices_in(findings)
    )


def choices_in(findings: Findings) -> Choices:
    """An account's sources belong to its integrations, and are no choice of the office's."""
    if "pipelines" not in findings.bodies:
        return Choices()
    pipelines = embedded(findings.bodies["pipelines"], "pipelines")
    stages = [stage for one in pipelines for stage in embedded(one, "statuses")]
    return Choices(pipelines=_named(pipelines), stages=_named(stages))


def _named(rows: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    return {str(row.get("id")): text(row.get("name")) for row in rows}


def _judge_rights(findings: Findings, can: set[Capability], missing: list[str]) -> None:
    given = (
        ("users", Capability.USERS, "Employees cannot be read: connect with an administrator's account."),
        ("contacts", Capability.CLIENTS, "Clients cannot be found: the connecting user may not see contacts."),
        ("pipelines", Capability.LEADS, "Pipelines cannot be read: the connecting user may not see leads."),
        ("tasks", Capability.TASKS, "Tasks for missed calls cannot be made: the connecting user may not see tasks."),
    )
    for name, capability, words in given:
        if name in findings.bodies:
            can.add(capability)
        else:
            missing.append(f"{words} {findings.refusals[name]}")
