"""Accounts and sessions for tests of the page."""

from __future__ import annotations

import secrets
from datetime import timedelta
from functools import cache

from argon2 import PasswordHasher
from tests.unit.web.office_page import NOW

from ringbridge.store import users
from ringbridge.store.database import Database
from ringbridge.store.users import Role, User
from ringbridge.web.auth.accounts import COOKIE, digest

PASSWORD = "correct horse"
BOSS = User(name="boss", role=Role.ADMIN)
HEAD = User(name="head", role=Role.SUPERVISOR)
VICTOR = User(name="victor", role=Role.EMPLOYEE, extensions=("104",))


@cache
def quick_hash() -> str:
    """By a measure far below ours: checked in a moment, and renewed at the first login."""
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)


async def accounts(database: Database, *given: User) -> None:
    async with database.transaction() as tx:
        for user in given or (BOSS, HEAD, VICTOR):
            await users.add(tx, user, quick_hash(), by="test", now=NOW)


async def session(database: Database, user: User) -> dict[str, str]:
    """What a browser sends in which this user is logged in."""
    async with database.transaction() as tx:
        token = secrets.token_urlsafe()
        await users.open_session(tx, user.name, digest(token), now=NOW, ends=NOW + timedelta(days=1))
    return {"Cookie": f"{COOKIE}={token}"}
