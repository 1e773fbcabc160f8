"""The office of the demonstration."""

from __future__ import annotations

from typing import Any

from ringbridge.emulators.bitrix24.people import Department, User

ADMIN_ID = 1
WEBHOOK_SECRET = "demo0webhook0secret"  # noqa: S105 the demonstration's own, opens nothing else
CLIENT_ID = "local.demo.ringbridge"
CLIENT_SECRET = "demo0client0secret"  # noqa: S105 as above

_PEOPLE = (
    ("Иван", "Петров", "101"),
    ("Anna", "Smirnova", "102"),
    ("Олег", "Сидоров", "103"),
    ("Maria", "Kuznetsova", "104"),
    ("Павел", "Орлов", "105"),
    ("Reception", "", "106"),
)
_CONTACTS = (
    ("Андрей", "Волков", "+7 912 555-11-22", 2),
    ("Елена", "Морозова", "+7 495 123-45-67", 3),
    ("John", "Miller", "+1 415 555 2671", 4),
    ("Светлана", "Новикова", "8 (903) 700-80-90", 5),
)


def users() -> list[User]:
    """Ids from 1; the first is the administrator, whose webhook it is."""
    return [
        User(id=number, name=name, last_name=last_name, inner_phone=inner, admin=number == ADMIN_ID)
        for number, (name, last_name, inner) in enumerate(_PEOPLE, start=1)
    ]


def departments() -> list[Department]:
    return [Department(id=1, name="Office", head=ADMIN_ID), Department(id=2, name="Sales", parent=1)]


def contacts() -> list[dict[str, Any]]:
    """Fields as `crm.contact.add` takes them."""
    return [
        {"NAME": name, "LAST_NAME": last_name, "ASSIGNED_BY_ID": who, "PHONE": [{"VALUE": phone, "VALUE_TYPE": "WORK"}]}
        for name, last_name, phone, who in _CONTACTS
    ]
