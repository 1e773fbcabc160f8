"""The account's memory as one JSON document, for tests and for the page."""

from __future__ import annotations

from typing import Any

from ringbridge.emulators.amocrm.account import Account, Ringing
from ringbridge.emulators.amocrm.entities import Kind
from ringbridge.emulators.amocrm.notes import CALLS
from ringbridge.emulators.amocrm.rows import row

_WITH = frozenset({"contacts", "leads", "source", "source_id"})


def snapshot(account: Account) -> dict[str, Any]:
    """Clients, calls, pop-ups, tasks, incoming leads, and what was asked of the account."""
    traffic, shown = account.traffic, {}
    for kind in Kind:
        shown[kind.value] = [row(account, one, _WITH) for one in account.entities.shown(kind)]
    return {
        **shown,
        "notes": list(account.notes.values()),
        "calls": [one for one in account.notes.values() if one["note_type"] in CALLS],
        "tasks": list(account.tasks.values()),
        "unsorted": [_incoming(one) for one in account.unsorted.values()],
        "sorted": [_incoming(one) for one in account.sorted],
        "ringing": [ringing(account, one) for one in account.ringing],
        "webhooks": list(account.webhooks.values()),
        "delivered": [list(one) for one in account.delivered],
        "history": [one.row(account.id) for one in account.history],
        "requests": {
            "http": traffic.requests,
            "statuses": {str(status): count for status, count in traffic.statuses.items()},
            "busiest_second": traffic.busiest_second(),
            "token_refreshes": account.access.refreshes,
        },
    }


def _incoming(one: dict[str, Any]) -> dict[str, Any]:
    parts = {kind.value: [each.id for each in found] for kind, found in one["parts"].items()}
    return one | {"parts": parts}


def ringing(account: Account, one: Ringing) -> dict[str, Any]:
    """A pop-up: when, which number, who sees it, which card it opens."""
    return {
        "at": one.at.isoformat(),
        "phone": one.phone,
        "users": [{"id": number, "name": account.staff.name(number)} for number in one.users],
        "entity_type": one.place.kind.value if one.place else None,
        "entity_id": one.place.id if one.place else None,
        "entity_name": one.place.name if one.place else "",
        "uid": one.uid,
    }
