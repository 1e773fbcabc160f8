"""Whose phone is whose at a portal: by the office's word, by the portal's, and by the two together."""

from __future__ import annotations

from ringbridge.routing.intents import UserId
from ringbridge.service.config import office_of
from ringbridge.service.portals.office import routing_of
from ringbridge.store.directory import DirectoryUser

MOBILE = "+79125550001"


def user(number: str, *extensions: str, active: bool = True) -> DirectoryUser:
    return DirectoryUser(id=UserId(number), name=f"User {number}", active=active, extensions=extensions, phones=())


def user_of(phone: str, *users: DirectoryUser, **employee: object) -> UserId | None:
    office = office_of(
        {
            "portal": [{"name": "main", "webhook": "https://main.example/rest/1/secret/", "default_user": "1"}],
            "employee": [{"name": "Ivan", "extensions": ["101"], "mobiles": ["8 912 555-00-01"]} | employee],
        }
    )
    return routing_of(office.portal[0], office, users)[0].staff.user_of(phone)


def test_an_employees_mobile_belongs_to_the_user_whom_their_extension_names() -> None:
    assert user_of(MOBILE, user("4", "101")) == "4"
    assert user_of(MOBILE, user("4", "102"), user("5", "101")) == "5"


def test_the_offices_own_word_goes_before_what_an_extension_says() -> None:
    assert user_of(MOBILE, user("4", "101"), users={"main": "7"}) == "7"


def test_a_mobile_is_nobodys_where_nobody_at_the_portal_has_the_extension() -> None:
    assert user_of(MOBILE, user("4", "102")) is None
    assert user_of(MOBILE, user("4", "101", active=False)) is None
