"""The portal's employees: their numbers, departments, and whether they are at work.

Sources: Bitrix24 REST docs, user.get (pages of 50; which fields come depends on the scope: user_brief has inner
numbers only; empty fields may be missing), department.get, timeman.status (one employee a call). A person's profile
may have several numbers in a field, and more fields for them than the usual ones.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ringbridge.crm.bitrix24.batch import Outcome
from ringbridge.crm.bitrix24.telephony import Command, as_list, as_map, text
from ringbridge.crm.contract import CrmError, CrmUser, WorkingDay
from ringbridge.routing.intents import UserId

METHOD = "user.get"
PARAMS: Mapping[str, Any] = {"sort": "ID", "order": "ASC", "ADMIN_MODE": 1}
DEPARTMENTS = "department.get"
SCOPES = ("user", "user_basic", "user_brief")

EXTENSIONS = ("UF_PHONE_INNER",)
PHONES = ("PERSONAL_MOBILE", "WORK_PHONE", "PERSONAL_PHONE")
OWN_FIELD = re.compile(r"UF_\w*(PHONE|MOBILE|TEL)\w*")  # one that the office added to its profiles
BETWEEN = re.compile(r"[,;/\n]+")
SHORTEST_PHONE = 5  # what is shorter is an extension behind a number
OUTSIDERS = frozenset({"extranet", "email", "shop", "imconnector", "bot"})

DAYS = {
    "OPENED": WorkingDay.OPEN,
    "PAUSED": WorkingDay.BREAK,
    "CLOSED": WorkingDay.OVER,
    "EXPIRED": WorkingDay.OVER,
}


def users_in(rows: list[Any], departments: Mapping[str, str] | None = None) -> list[CrmUser]:
    """Each employee of the portal, with a number or without. `departments`: names by id."""
    return [user for row in rows if (user := _user(as_map(row), departments or {}))]


def departments_in(rows: list[Any]) -> dict[str, str]:
    """Names by id."""
    found = ((text(as_map(row).get("ID")), text(as_map(row).get("NAME"))) for row in rows)
    return {number: name for number, name in found if number and name}


def day_of(user: CrmUser) -> Command:
    return Command(method="timeman.status", params={"USER_ID": user.id})


def with_day(user: CrmUser, outcome: Outcome | CrmError | None) -> CrmUser:
    """With the working day that was told; where none was, it stays unknown."""
    status = text(as_map(outcome.result).get("STATUS")) if isinstance(outcome, Outcome) else ""
    return replace(user, working_day=DAYS.get(status.upper()))


def _user(row: Mapping[str, Any], departments: Mapping[str, str]) -> CrmUser | None:
    number = text(row.get("ID"))
    if not number or text(row.get("USER_TYPE")).lower() in OUTSIDERS:
        return None
    name = " ".join(part for field in ("NAME", "LAST_NAME") if (part := text(row.get(field))))
    works_in = (text(one) for one in as_list(row.get("UF_DEPARTMENT")))
    own = tuple(field for field in row if OWN_FIELD.fullmatch(field) and field not in EXTENSIONS)
    return CrmUser(
        id=UserId(number),
        name=name or text(row.get("EMAIL")) or f"#{number}",
        active=is_yes(row.get("ACTIVE", True)),
        extensions=_numbers(row, EXTENSIONS),
        phones=_numbers(row, (*PHONES, *own), shortest=SHORTEST_PHONE),
        departments=tuple(departments.get(one, one) for one in works_in if one),
        email=text(row.get("EMAIL")),
    )


def is_yes(value: Any) -> bool:
    """Flags come as true, "Y", "1", 1."""
    return str(value).lower() in {"true", "y", "1", "yes"}


def _numbers(row: Mapping[str, Any], fields: tuple[str, ...], *, shortest: int = 1) -> tuple[str, ...]:
    """A lone number is taken as it is, however short; of several in one field, those that are whole numbers."""
    found: list[str] = []
    for field in fields:
        for value in as_list(row.get(field)) or [row.get(field)]:
            parts = [part.strip() for part in BETWEEN.split(text(value)) if part.strip()]
            found += [part for part in parts if len(parts) == 1 or sum(map(str.isdecimal, part)) >= shortest]
    return tuple(dict.fromkeys(found))
