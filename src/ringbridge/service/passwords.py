"""Passwords: hashed by Argon2id (RFC 9106), made up, measured."""

from __future__ import annotations

import asyncio
import secrets
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

SHORTEST, LONGEST = 10, 256
AT_ONCE = 2  # a hash takes 64 MB and a core for some 50 ms: a flood of logins may not take the PBX's

HASHER = PasswordHasher()


def generated() -> str:
    """16 letters, digits, dashes and underscores: 96 random bits."""
    return secrets.token_urlsafe(12)


@cache
def nobodys() -> str:
    """A hash that nothing matches: by how soon it is refused, no name can be told."""
    return HASHER.hash(secrets.token_urlsafe())


def weakness(password: str, name: str) -> str | None:
    """Why it will not do, in words; None when it does."""
    if len(password) < SHORTEST:
        return f"A password has at least {SHORTEST} characters."
    if len(password) > LONGEST:
        return f"A password has at most {LONGEST} characters."
    if name and password.casefold() in {name, name * 2}:
        return "A password is not the name."
    return None


def hashed(password: str) -> str:
    return HASHER.hash(password)


def renewed(password: str, stored: str) -> str | None:
    """A new hash where today's measure is higher than the stored one's."""
    return HASHER.hash(password) if HASHER.check_needs_rehash(stored) else None


class PasswordCheck:
    """Hashes in threads, a few at once."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(AT_ONCE)

    async def matches(self, password: str, stored: str | None) -> bool:
        """`stored`: the hash; None (nobody has that name) takes as long and is False."""
        async with self._places:
            same = await asyncio.to_thread(verified, password[: LONGEST + 1], stored)
        return same and stored is not None

    async def hashed(self, password: str) -> str:
        async with self._places:
            return await asyncio.to_thread(hashed, password)


def verified(password: str, stored: str | None) -> bool:
    try:
        return HASHER.verify(stored or nobodys(), password)
    except (Argon2Error, InvalidHashError):
        return False
