"""The portal's employees and their numbers.

Source: Bitrix24 REST docs, user.get: pages of 50; which fields come depends on the scope (user_brief has inner
numbers only); empty fields may be missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ringbridge.crm.bitrix24.telephony import as_map, text
from ringbridge.crm.contract import CrmUser
from ringbridge.routing.intents import UserId

METHOD = "user.get"
PARAMS: Mapping[str, Any] = {"sort": "ID", "order": "ASC", "ADMIN_MODE": 1}

EXTENSIONS = ("UF_PHONE_INNER",)
PHONES = ("PERSONAL_MOBILE", "WORK_PHONE", "PERSONAL_PHONE")
OUTSIDERS = frozenset({"extranet", "email", "shop", "imconnector", "bot"})


def users_in(rows: list[Any]) -> list[CrmUser]:
    """Those who have a number."""
    users = (_user(as_map(row)) for row in rows)
    return [user for user in users if user and (user.extensions or user.phones)]


def _user(row: Mapping[str, Any]) -> CrmUser | None:
    number = text(row.get("ID"))
    if not number or text(row.get("USER_TYPE")).lower() in OUTSIDERS:
        return None
    name = " ".join(part for field in ("NAME", "LAST_NAME") if (part := text(row.get(field))))
    return CrmUser(
        id=UserId(number),
        name=name or text(row.get("EMAIL")) or f"#{number}",
        active=is_yes(row.get("ACTIVE", True)),
        extensions=_numbers(row, EXTENSIONS),
        phones=_numbers(row, PHONES),
    )


def is_yes(value: Any) -> bool:
    """Flags come as true, "Y", "1", 1."""
    return str(value).lower() in {"true", "y", "1", "yes"}


def _numbers(row: Mapping[str, Any], fields: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(number for field in fields if (number := text(row.get(field)))))
