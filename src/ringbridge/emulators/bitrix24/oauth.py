"""Who may call: incoming webhooks, applications and their tokens.

Source: Bitrix24 REST docs, "OAuth 2.0" (authorization code, automatic renewal, error codes) and "Local webhooks".
Here the authorization server stands under the portal's own address.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ringbridge.emulators.bitrix24 import refusals
from ringbridge.emulators.bitrix24.refusals import Refusal
from ringbridge.emulators.bitrix24.settings import Settings

ALL_SCOPES = (
    "telephony",
    "crm",
    "user",
    "user_basic",
    "user_brief",
    "department",
    "task",
    "im",
    "timeman",
    "placement",
)


@dataclass(slots=True, kw_only=True)
class Webhook:
    """An incoming webhook: acts as its user, within its scopes."""

    user_id: int
    secret: str
    scopes: tuple[str, ...] = ALL_SCOPES
    expires: datetime | None = None


@dataclass(slots=True, kw_only=True)
class Application:
    """A local application that an administrator added to the portal."""

    id: int
    client_id: str
    client_secret: str
    name: str = "Ringbridge"
    application_token: str = field(default_factory=lambda: secrets.token_hex(16))
    redirect_uri: str = ""  # where the authorization page sends the browser
    scopes: tuple[str, ...] = ALL_SCOPES
    installed: bool = True
    paid: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    application: Application
    user_id: int
    expires: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Whom a request speaks for."""

    user_id: int
    scopes: tuple[str, ...]
    owner: str  # whose quota: the webhook's or the application's
    application: Application | None = None
    access_token: str = ""


@dataclass(slots=True, kw_only=True)
class Access:
    """Everything that opens the portal."""

    settings: Settings
    webhooks: list[Webhook] = field(default_factory=list)
    applications: list[Application] = field(default_factory=list)
    access: dict[str, Token] = field(default_factory=dict)
    refresh: dict[str, Token] = field(default_factory=dict)
    codes: dict[str, Token] = field(default_factory=dict)
    refreshes: int = 0  # how often tokens were renewed

    def by_webhook(self, user_id: str, secret: str, now: datetime) -> Caller:
        for hook in self.webhooks:
            if str(hook.user_id) == user_id and secrets.compare_digest(hook.secret.encode(), secret.encode()):
                if hook.expires is not None and hook.expires <= now:
                    break
                return Caller(user_id=hook.user_id, scopes=hook.scopes, owner=f"webhook {hook.user_id}/{hook.secret}")
        raise refusals.NO_AUTH_FOUND.refusal()

    def by_token(self, token: str, now: datetime) -> Caller:
        if not token:
            raise refusals.NO_AUTH_FOUND.refusal()
        known = self.access.get(token)
        if known is None or known.application not in self.applications:
            raise refusals.INVALID_TOKEN.refusal()
        if known.expires <= now:
            raise refusals.EXPIRED_TOKEN.refusal()
        if not known.application.paid:
            raise refusals.PAYMENT_REQUIRED.refusal()
        application = known.application
        return Caller(
            user_id=known.user_id,
            scopes=application.scopes,
            owner=f"application {application.id}",
            application=application,
            access_token=token,
        )

    def issue(self, application: Application, user_id: int, now: datetime) -> tuple[str, str]:
        """A fresh pair: access token, refresh token."""
        access, refresh = secrets.token_hex(35), secrets.token_hex(35)
        lives, renews = now + self.settings.access_token_lifetime, now + self.settings.refresh_token_lifetime
        self.access[access] = Token(application=application, user_id=user_id, expires=lives)
        self.refresh[refresh] = Token(application=application, user_id=user_id, expires=renews)
        return access, refresh

    def issue_code(self, application: Application, user_id: int, now: datetime) -> str:
        """What the browser brings back from the authorization page."""
        code = secrets.token_hex(16)
        expires = now + self.settings.code_lifetime
        self.codes[code] = Token(application=application, user_id=user_id, expires=expires)
        return code

    def expire_all(self) -> None:
        """Every access token is old from now on; refresh tokens stay good."""
        for name, token in self.access.items():
            expired = datetime.min.replace(tzinfo=token.expires.tzinfo)
            self.access[name] = Token(application=token.application, user_id=token.user_id, expires=expired)

    def exchange(self, query: Mapping[str, Any], now: datetime) -> Token:
        """The grant behind a request to the token endpoint, used up by it."""
        application = self._client(query)
        match query.get("grant_type"):
            case "refresh_token":
                grants, name = self.refresh, str(query.get("refresh_token", ""))
            case "authorization_code":
                grants, name = self.codes, str(query.get("code", ""))
            case _:
                raise Refusal("invalid_request", "Unknown grant type", status=400)
        grant = grants.get(name)
        if grant is None or grant.application is not application or grant.expires <= now:
            raise Refusal("invalid_grant", "Invalid grant", status=400)
        if not application.paid:
            raise refusals.PAYMENT_REQUIRED.refusal()
        if grants is self.codes or not self.settings.reuse_refresh_token:
            del grants[name]
        self.refreshes += grants is self.refresh
        return grant

    def _client(self, query: Mapping[str, Any]) -> Application:
        client_id, secret = str(query.get("client_id", "")), str(query.get("client_secret", ""))
        if not client_id or not secret:
            raise Refusal("invalid_request", "Required parameters are missing", status=400)
        for application in self.applications:
            if application.client_id == client_id and application.client_secret == secret and application.installed:
                return application
        raise Refusal("invalid_client", "Wrong client", status=401)
