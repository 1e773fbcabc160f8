"""The account's employees.

Source: amoCRM API v4, "Users": rights with ``is_active`` and ``is_admin``, pages of 250. The account knows no
extensions: which phone is whose is the office's to say; an e-mail address helps to guess.
"""

from __future__ import annotations

from collections.abc import Iterable

from ringbridge.crm.amocrm.rest import API, Row
from ringbridge.crm.amocrm.values import as_map, embedded, text, whole
from ringbridge.crm.contract import CrmUser
from ringbridge.routing.intents import UserId

USERS = f"{API}/users"
WITH = ("with", "role,group,phone_number")


def users_in(rows: Iterable[Row]) -> list[CrmUser]:
    """Everybody, with a phone or without: extensions are given to them here."""
    return [user for row in rows if (user := _user(row))]


def _user(row: Row) -> CrmUser | None:
    number = whole(row.get("id"))
    if number is None:
        return None
    phone, email = text(row.get("phone_number")), text(row.get("email"))
    return CrmUser(
        id=UserId(str(number)),
        name=text(row.get("name")) or email or f"#{number}",
        active=as_map(row.get("rights")).get("is_active") is not False,
        phones=(phone,) if phone else (),
        departments=tuple(name for group in embedded(row, "groups") if (name := text(group.get("name")))),
        email=email,
    )
