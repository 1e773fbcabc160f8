"""The office of the demonstration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringbridge.emulators.amocrm.entities import Entity, Kind
from ringbridge.emulators.amocrm.fields import EMAIL_KINDS, PHONE_KINDS, CustomField
from ringbridge.emulators.amocrm.oauth import Integration
from ringbridge.emulators.amocrm.pipelines import Pipeline
from ringbridge.emulators.amocrm.staff import Group, User

if TYPE_CHECKING:
    from ringbridge.emulators.amocrm.account import Account

ADMIN_ID = 9000001
CLIENT_ID = "3f1c2e5a-7b64-4c59-9a38-0d5f1e2b7a11"
CLIENT_SECRET = "demo0client0secret0of0the0emulated0account"  # noqa: S105 the demonstration's own, opens nothing else
SALES, SERVICE = 5100, 5200  # pipelines

_PEOPLE = ("Ирина Павлова", "Антон Громов", "Kate Miller", "Сергей Зимин", "Ольга Белова")
_CONTACTS = (
    ("Андрей Волков", "+7 912 555-11-22", 1),
    ("Елена Морозова", "+7 (495) 123-45-67", 2),
    ("John Miller", "+1 415 555 2671", 3),
    ("Светлана Новикова", "8 (903) 700-80-90", 2),
)
_COMPANY = ("ООО «Ромашка»", "+7 812 309-00-11")


def furnish(account: Account) -> None:
    """Users from 9000001 (the administrator) on, the usual fields, two pipelines, contacts and a company."""
    account.staff.groups += [Group(id=0, name="Отдел продаж"), Group(id=451, name="Сервис")]
    for at, name in enumerate(_PEOPLE):
        user = User(id=ADMIN_ID + at, name=name, email=f"user{at + 1}@example.com", admin=at == 0)
        account.staff.users[user.id] = user
    account.access.integrations.append(Integration(client_id=CLIENT_ID, client_secret=CLIENT_SECRET))
    account.pipelines.rows += [
        Pipeline.of(SALES, "Продажи", "Первичный контакт", "Переговоры", "Договор", main=True),
        Pipeline.of(SERVICE, "Сервис", "Обращение", "Выезд мастера", sort=2),
    ]
    for kind in Kind:
        _fields(account, kind)
    contacts = [_client(account, Kind.CONTACTS, name, phone, ADMIN_ID + at) for name, phone, at in _CONTACTS]
    company = _client(account, Kind.COMPANIES, *_COMPANY, ADMIN_ID)
    account.entities.link(contacts[-1], company)


def _fields(account: Account, kind: Kind) -> None:
    def add(name: str, code: str | None, form: str, kinds: tuple[str, ...] = ()) -> None:
        enums = {account.next_id(): one for one in kinds}
        number = account.next_id()
        account.fields.rows[number] = CustomField(
            id=number, entity=kind.value, name=name, code=code, type=form, enums=enums
        )

    if kind is Kind.LEADS:
        add("Источник звонка", None, "text")
        return
    if kind is Kind.COMPANIES or account.settings.contacts_have_phone:
        add("Телефон", "PHONE", "multitext", PHONE_KINDS)
    add("Email", "EMAIL", "multitext", EMAIL_KINDS)
    if kind is Kind.CONTACTS:
        add("Должность", "POSITION", "text")


def _client(account: Account, kind: Kind, name: str, phone: str, responsible: int) -> Entity:
    at = account.now()
    one = Entity(
        kind=kind,
        id=account.next_id(),
        name=name,
        responsible_user_id=responsible,
        created_by=responsible,
        updated_by=responsible,
        created_at=at,
        updated_at=at,
    )
    values = [{"field_code": "PHONE", "values": [{"value": phone, "enum_code": "WORK"}]}]
    one.values = account.fields.stored(kind.value, values)
    account.entities.rows[kind][one.id] = one
    return one
