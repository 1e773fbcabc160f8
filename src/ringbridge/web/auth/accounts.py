"""Logins and sessions.

A session is a random token that the browser keeps in a cookie; the database has its digest. It ends after `LIFETIME`,
at logout, with another password, or with the account: every request looks, so it ends at once.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType

import structlog
from starlette.requests import HTTPConnection

from ringbridge.service.gate import Gate
from ringbridge.service.passwords import PasswordCheck, renewed
from ringbridge.store import users
from ringbridge.store.database import Database
from ringbridge.web.auth.visitor import FIRST, Visitor, neighbourhood, sits_here

log = structlog.get_logger(__name__)

Token = NewType("Token", str)

COOKIE = "session"

LIFETIME = timedelta(days=30)
WITHIN = timedelta(minutes=10)
MOST_OF_ADDRESS, MOST_OF_NAME = 20, 30  # tries within that time, good ones too


class Refused(StrEnum):
    """Why somebody does not get in."""

    WRONG = "wrong"  # one answer for an unknown name and a wrong password
    TOO_OFTEN = "too often"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    token: Token
    visitor: Visitor


class Accounts:
    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database, self._now = database, now
        self._check = PasswordCheck()
        self._addresses = Gate(now, most=MOST_OF_ADDRESS, within=WITHIN)
        self._names = Gate(now, most=MOST_OF_NAME, within=WITHIN)

    async def are_there(self) -> bool:
        with self._database.glance() as tx:
            return await users.anybody(tx)

    async def visitor(self, asking: HTTPConnection) -> Visitor | None:
        """Whose session it is asked in. Before anybody has an account: whoever sits at this machine."""
        token = asking.cookies.get(COOKIE)
        with self._database.glance() as tx:
            user = await users.session_user(tx, digest(token), self._now()) if token else None
            if user is not None:
                return Visitor.of(user)
            return FIRST if sits_here(asking.scope) and not await users.anybody(tx) else None

    async def known(self, name: str, password: str, address: str) -> Visitor | Refused:
        """Who says this name and password."""
        name = users.plain(name)
        if not self._addresses.lets_in(neighbourhood(address)) or not self._names.lets_in(name):
            log.warning("login_refused", visitor=address, reason="tried too often")
            return Refused.TOO_OFTEN
        with self._database.glance() as tx:
            stored = await users.password_of(tx, name)
        if not await self._check.matches(password, stored):
            log.warning("login_refused", visitor=address, reason="wrong name or password")
            return Refused.WRONG
        with self._database.glance() as tx:
            user = await users.get(tx, name)
        return Visitor.of(user) if user else Refused.WRONG

    async def login(self, name: str, password: str, address: str, *, before: str | None = None) -> Session | Refused:
        """`before`: the browser's earlier session, which ends."""
        visitor = await self.known(name, password, address)
        if isinstance(visitor, Refused):
            return visitor
        token, now = Token(secrets.token_urlsafe(32)), self._now()
        async with self._database.transaction() as tx:
            if before:
                await users.close_session(tx, digest(before))
            stored = await users.password_of(tx, visitor.name)
            if stored is None:  # removed since
                return Refused.WRONG
            if newer := renewed(password, stored):
                await users.renew_hash(tx, visitor.name, stored, newer)
            await users.open_session(tx, visitor.name, digest(token), now=now, ends=now + LIFETIME)
        log.info("visitor_logged_in", user=visitor.name, visitor=address)
        return Session(token=token, visitor=visitor)

    async def logout(self, token: str | None) -> None:
        if token:
            async with self._database.transaction() as tx:
                await users.close_session(tx, digest(token))

    async def change_password(self, visitor: Visitor, old: str, new: str, address: str) -> Refused | None:
        """Ends every session of theirs, this one too."""
        known = await self.known(visitor.name, old, address)
        if isinstance(known, Refused):
            return known
        fresh = await self._check.hashed(new)
        async with self._database.transaction() as tx:
            await users.change_password(tx, visitor.name, fresh, by=visitor.name, now=self._now())
        return None


def digest(token: str) -> str:
    """A random token needs no salt and no slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()
