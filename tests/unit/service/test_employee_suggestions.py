"""Which phones the table of employees suggests for a CRM's user: those of the person this seems to be, or none."""

from __future__ import annotations

from typing import Any

import pytest

from ringbridge.routing.intents import PortalId, UserId
from ringbridge.service.config import office_of
from ringbridge.service.portals.extensions import table_of
from ringbridge.store.directory import DirectoryUser

AMO = PortalId("amo")
PORTAL = {
    "name": "amo",
    "kind": "amocrm",
    "default_user": "1",
    "amocrm": {"address": "https://example.amocrm.ru", "token": "long-lived"},
}
ANNA = {"name": "Anna Ivanova", "extensions": ["101"], "email": "anna@example.com"}
NAMESAKE = {"name": "Ivanova Anna", "extensions": ["102"]}
KNOWN = {"name": "Anna Ivanova", "extensions": ["103"], "email": "anna@example.com", "users": {"amo": "9"}}


def suggested(*employees: dict[str, Any], name: str = "", email: str = "", active: bool = True) -> tuple[str, ...]:
    user = DirectoryUser(id=UserId("5"), name=name, email=email, active=active)
    (row,) = table_of(office_of({"portal": [PORTAL], "employee": list(employees)}), AMO, [user]).rows or (None,)
    return row.suggested if row else ()


@pytest.mark.parametrize(
    ("employees", "user", "phones"),
    [
        ([ANNA], {"name": "Anna I.", "email": "Anna@Example.com"}, ("101",)),
        ([ANNA, NAMESAKE], {"name": "Anna Ivanova", "email": "anna@example.com"}, ("101",)),
        ([ANNA, NAMESAKE], {"name": "Anna Ivanova", "email": "other@example.com"}, ()),
        ([ANNA], {"name": "Иванова Анна", "email": ""}, ()),
        ([NAMESAKE], {"name": "anna ivanova", "email": ""}, ("102",)),
        ([{**NAMESAKE, "email": ""}], {"name": "Somebody", "email": ""}, ()),
        ([KNOWN], {"name": "Anna Ivanova", "email": "anna@example.com"}, ()),
        ([ANNA], {"name": "Anna Ivanova", "email": "anna@example.com", "active": False}, ()),
    ],
)
def test_an_email_decides_before_a_name_and_doubt_suggests_nobody(
    employees: list[dict[str, Any]], user: dict[str, Any], phones: tuple[str, ...]
) -> None:
    assert suggested(*employees, **user) == phones
