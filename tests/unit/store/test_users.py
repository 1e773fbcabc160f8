from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ringbridge.store import settings, users
from ringbridge.store.database import Database
from ringbridge.store.users import Role, User

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
ANNA = User(name="анна", role=Role.EMPLOYEE, extensions=("101", "102"))
EVENING = NOON + timedelta(hours=8)


async def added(database: Database, user: User = ANNA) -> None:
    async with database.transaction() as tx:
        assert await users.add(tx, user, "hash", by="test", now=NOON)


@pytest.mark.parametrize("typed", ["Анна", " анна ", "АННА"])
def test_a_name_is_the_same_however_it_is_typed(typed: str) -> None:
    assert users.plain(typed) == "анна"


async def test_a_name_is_given_once(database: Database) -> None:
    await added(database)
    async with database.transaction() as tx:
        assert not await users.add(tx, User(name="анна", role=Role.ADMIN), "other", by="test", now=NOON)
        assert await users.get(tx, "анна") == ANNA
        assert await users.password_of(tx, "анна") == "hash"


async def test_a_session_ends_with_its_time_its_user_and_its_password(database: Database) -> None:
    await added(database)
    for end in ("time", "closed", "password", "removed"):
        async with database.transaction() as tx:
            await users.open_session(tx, "анна", end, now=NOON, ends=EVENING)
            assert await users.session_user(tx, end, NOON) == ANNA
            match end:
                case "time":
                    assert await users.session_user(tx, end, EVENING) is None
                case "closed":
                    await users.close_session(tx, end)
                case "password":
                    await users.change_password(tx, "анна", "new", by="test", now=NOON)
                case "removed":
                    await users.remove(tx, "анна", by="test", now=NOON)
            assert end == "time" or await users.session_user(tx, end, NOON) is None


async def test_sessions_that_are_over_are_swept_out_by_the_next_login(database: Database) -> None:
    await added(database)
    async with database.transaction() as tx:
        await users.open_session(tx, "анна", "old", now=NOON, ends=EVENING)
        await users.open_session(tx, "анна", "new", now=EVENING, ends=EVENING + timedelta(days=1))
        assert await users.session_user(tx, "old", NOON) is None


async def test_another_role_holds_for_the_sessions_that_are_open(database: Database) -> None:
    await added(database)
    async with database.transaction() as tx:
        await users.open_session(tx, "анна", "session", now=NOON, ends=EVENING)
        head = User(name="анна", role=Role.SUPERVISOR)
        assert await users.change(tx, head, by="test", now=NOON)
        assert await users.session_user(tx, "session", NOON) == head


async def test_who_changed_which_account_is_kept_and_no_hash_is(database: Database) -> None:
    await added(database)
    async with database.transaction() as tx:
        await users.change(tx, User(name="анна", role=Role.ADMIN), by="boss", now=NOON)
        await users.change_password(tx, "анна", "secret-hash", by="анна", now=NOON)
        await users.remove(tx, "анна", by="boss", now=NOON)
        changes = await settings.changes(tx, "user анна")
    employee, admin = {"role": "employee", "extensions": ["101", "102"]}, {"role": "admin", "extensions": []}
    assert [(change.by, change.before, change.after) for change in reversed(changes)] == [
        ("test", None, employee),
        ("boss", employee, admin),
        ("анна", admin, admin | {"password": "changed"}),
        ("boss", admin, None),
    ]


async def test_what_is_done_to_nobody_changes_nothing(database: Database) -> None:
    async with database.transaction() as tx:
        assert not await users.anybody(tx)
        assert not await users.change(tx, ANNA, by="test", now=NOON)
        assert not await users.change_password(tx, "анна", "hash", by="test", now=NOON)
        assert not await users.remove(tx, "анна", by="test", now=NOON)
        assert await settings.changes(tx) == []
