"""What may be typed into an input, by kind: ids of the CRMs, trunks and phones, each with its name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ringbridge.crm.contract import Choices
from ringbridge.service.rules.review import read_facts
from ringbridge.service.settings_desk import SettingsDesk

Suggestions = Mapping[str, Mapping[str, str]]


def suggestions(choices: Iterable[Choices], trunks: Iterable[str], phones: Mapping[str, str]) -> Suggestions:
    lists: dict[str, dict[str, str]] = {"pipelines": {}, "stages": {}, "sources": {}}
    for one in choices:
        for kind, found in lists.items():
            found |= getattr(one, kind) or {}
    return {"trunks": dict.fromkeys(trunks, ""), "phones": dict(phones), **lists}


async def suggested(desk: SettingsDesk) -> Suggestions:
    """As the portals had it when they were last read. Raises `ConfigError`, `StoreError`."""
    office = await desk.office()
    facts = await read_facts(office, desk.database)
    phones = {phone: employee.name for employee in office.employee for phone in employee.extensions}
    users = {str(user.id): user.name for one in facts.values() for user in one.users if user.active}
    found = suggestions((one.choices for one in facts.values()), (trunk.name for trunk in office.trunk), phones)
    return {**found, "users": users}
