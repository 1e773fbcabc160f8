"""Accounts are added, changed and taken away on the page."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest
from tests.unit.web.office_page import client, services
from tests.unit.web.visitors import BOSS, HEAD, PASSWORD, VICTOR, accounts, session

from ringbridge.store import settings, users
from ringbridge.store.database import Database
from ringbridge.store.users import Role, User
from ringbridge.web.app import create_app

NEW = {"act": "add", "name": "Olga", "role": "supervisor", "new": "a long password"}


@pytest.fixture
async def browser(database: Database) -> AsyncIterator[httpx2.AsyncClient]:
    """The administrator's."""
    await accounts(database)
    async with client(create_app(services(database))) as browser:
        browser.headers.update(await session(database, BOSS))
        yield browser


async def everybody(database: Database) -> dict[str, User]:
    async with database.reading() as tx:
        return {user.name: user for user in await users.everybody(tx)}


async def test_new_account_opens_the_page_and_the_history_says_who_gave_it(
    browser: httpx2.AsyncClient, database: Database
) -> None:
    assert (await browser.post("/config/users", data=NEW)).status_code == 303
    assert (await everybody(database))["olga"].role is Role.SUPERVISOR
    entered = await browser.post("/login", data={"name": "olga", "password": "a long password"})
    assert entered.status_code == 303
    async with database.reading() as tx:
        newest = (await settings.changes(tx, "user olga"))[0]
    assert newest.by == BOSS.name


async def test_role_and_phones_are_changed_and_the_password_stays(
    browser: httpx2.AsyncClient, database: Database
) -> None:
    given = {"act": "change", "name": HEAD.name, "role": "employee", "extensions": "101, 102", "new": ""}
    assert (await browser.post("/config/users", data=given)).status_code == 303
    assert (await everybody(database))[HEAD.name].extensions == ("101", "102")
    assert (await browser.post("/login", data={"name": HEAD.name, "password": PASSWORD})).status_code == 303


async def test_another_password_ends_the_sessions_of_its_owner(browser: httpx2.AsyncClient, database: Database) -> None:
    cookies = await session(database, HEAD)
    given = {"act": "change", "name": HEAD.name, "role": HEAD.role, "new": "another password"}
    assert (await browser.post("/config/users", data=given)).status_code == 303
    async with client(create_app(services(database)), address="10.0.0.7") as theirs:
        assert (await theirs.get("/live", headers=cookies)).status_code == 303


async def test_account_is_taken_away(browser: httpx2.AsyncClient, database: Database) -> None:
    assert (await browser.post("/config/users", data={"act": "remove", "name": VICTOR.name})).status_code == 303
    assert VICTOR.name not in await everybody(database)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (NEW | {"name": ""}, "Type a name."),
        (NEW | {"name": " BOSS "}, "has an account already"),
        (NEW | {"new": "short"}, "too short"),
        (NEW | {"role": "employee"}, "their own phones: name them"),
        ({"act": "remove", "name": "boss"}, "last administrator"),
        ({"act": "change", "name": "boss", "role": "supervisor"}, "last administrator"),
        ({"act": "remove", "name": "nobody"}, "not there any more"),
        ({"act": "change", "name": "nobody", "role": "admin"}, "not there any more"),
    ],
)
async def test_what_will_not_do_is_refused_in_words(
    browser: httpx2.AsyncClient, database: Database, given: dict[str, str], words: str
) -> None:
    before = await everybody(database)
    answer = await browser.post("/config/users", data=given)
    assert answer.status_code == 422
    assert words in answer.text
    assert await everybody(database) == before


async def test_page_is_for_administrators_and_shows_no_hash(browser: httpx2.AsyncClient, database: Database) -> None:
    shown = (await browser.get("/config/users")).text
    assert HEAD.name in shown
    assert "$argon2" not in shown
    browser.headers.update(await session(database, HEAD))
    assert (await browser.get("/config/users")).status_code == 403
