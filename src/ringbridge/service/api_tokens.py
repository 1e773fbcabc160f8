"""Which programs may ask for what: by the tokens of the configuration, and by those that were made on the page."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from pydantic import ValidationError

from ringbridge.service.config import ConfigError, mistakes_of
from ringbridge.service.config.api import ApiToken, Permission
from ringbridge.store import api_tokens
from ringbridge.store.api_tokens import StoredToken
from ringbridge.store.database import Database
from ringbridge.store.errors import StoreError

log = structlog.get_logger(__name__)

NOTED_EVERY = timedelta(minutes=1)  # a program asks often: not each time is worth a write

NOTHING = "Tick what it may do."
TAKEN = "A token of this name is there already."


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """Who shows a token."""

    name: str
    may: frozenset[Permission]
    origins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownToken:
    """One for people to look at. `made` is None where it stands in the configuration."""

    program: Program
    used: datetime | None
    made: datetime | None = None
    by: str = ""


class TokenBook:
    def __init__(self, database: Database, configured: Sequence[ApiToken], now: Callable[[], datetime]) -> None:
        self._database, self._now = database, now
        self._configured = {token.secret.get_secret_value(): of_configured(token) for token in configured}
        self._noted: dict[str, datetime] = {}

    # Who asks

    async def program(self, shown: str) -> Program | None:
        """Whose token this is. Every one of the configuration is compared in full. Raises `StoreError`."""
        if not shown:
            return None
        found = [program for secret, program in self._configured.items() if is_same(shown, secret)]
        if found:
            return found[0]
        with self._database.glance() as tx:
            stored = await api_tokens.by_digest(tx, digest(shown))
        return of_stored(stored) if stored else None

    async def is_page_of_ours(self, origin: str) -> bool:
        """Whether a form on this site may order calls here. Raises `StoreError`."""
        if any(origin in program.origins for program in self._configured.values()):
            return True
        with self._database.glance() as tx:
            return any(origin in token.origins for token in await api_tokens.everyone(tx))

    async def note_use(self, program: Program) -> None:
        """That it asked. What cannot be written is no reason to refuse it."""
        now = self._now()
        if (noted := self._noted.get(program.name)) and now - noted < NOTED_EVERY:
            return
        self._noted[program.name] = now
        try:
            async with self._database.transaction() as tx:
                await api_tokens.put_use(tx, program.name, now)
        except StoreError as error:
            log.error("use_of_api_token_not_noted", token=program.name, reason=str(error))

    # What people do with them

    async def known(self) -> list[KnownToken]:
        """Those of the configuration first. Raises `StoreError`."""
        async with self._database.reading() as tx:
            stored, used = await api_tokens.everyone(tx), await api_tokens.uses(tx)
        configured = [KnownToken(program=one, used=used.get(one.name)) for one in self._configured.values()]
        made = [
            KnownToken(program=of_stored(one), used=used.get(one.name), made=one.created, by=one.by) for one in stored
        ]
        return configured + made

    async def make(self, name: str, may: Collection[str], origins: Collection[str], *, by: str) -> str:
        """What the program has to show; it is kept nowhere. Raises `ConfigError` with words, `StoreError`."""
        if not may:
            raise ConfigError(NOTHING)
        secret = secrets.token_urlsafe(32)
        token = judged({"name": name, "secret": secret, "may": sorted(may), "origins": sorted(origins)})
        stored = StoredToken(name=token.name, may=tuple(token.may), origins=token.origins, created=self._now(), by=by)
        taken = any(program.name == token.name for program in self._configured.values())
        async with self._database.transaction() as tx:
            if taken or not await api_tokens.add(tx, stored, digest(secret)):
                raise ConfigError(TAKEN)
        log.info("api_token_made", token=token.name, may=" ".join(token.may), by=by)
        return secret

    async def revoke(self, name: str, *, by: str) -> bool:
        """It opens nothing from now on. False where none has this name. Raises `StoreError`."""
        async with self._database.transaction() as tx:
            gone = await api_tokens.remove(tx, name, by=by, now=self._now())
        if gone:
            self._noted.pop(name, None)
            log.info("api_token_revoked", token=name, by=by)
        return gone


def of_configured(token: ApiToken) -> Program:
    return Program(name=token.name, may=frozenset(token.may), origins=token.origins)


def of_stored(token: StoredToken) -> Program:
    """A permission that a newer version gave is one that this one does not know."""
    known = {each.value for each in Permission}
    may = frozenset(Permission(each) for each in token.may if each in known)
    return Program(name=token.name, may=may, origins=token.origins)


def judged(document: dict[str, object]) -> ApiToken:
    """By the same rules as those of the configuration. Raises `ConfigError`."""
    try:
        return ApiToken.model_validate(document)
    except ValidationError as error:
        raise ConfigError("\n".join(words for _, words in mistakes_of(error))) from error


def digest(secret: str) -> str:
    """A random token needs no salt and no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def is_same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
