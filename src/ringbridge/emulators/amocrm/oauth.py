"""Who may call: integrations and their tokens.

Source: amoCRM developer documentation, "OAuth 2.0" (codes for 20 minutes, access tokens for a day, single-use refresh
tokens for three months), "Long-lived tokens", "Disconnecting an integration".
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from ringbridge.emulators.amocrm import jwt
from ringbridge.emulators.amocrm.problems import oauth_problem, unauthorized
from ringbridge.emulators.amocrm.settings import Settings

SCOPES = ("crm", "files", "files_delete", "notifications", "push_notifications")
_REFRESH_BYTES = 360


@dataclass(slots=True, kw_only=True)
class Integration:
    """`client_id` is a UUID. `code` names its widget; `disable_hook` is called when it is switched off."""

    client_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    client_secret: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    redirect_uri: str = "http://localhost:8077/oauth/amocrm"
    disable_hook: str = ""
    name: str = "Ringbridge"
    code: str = "ringbridge"
    scopes: tuple[str, ...] = SCOPES
    enabled: bool = True

    @property
    def origin(self) -> str:
        """Scheme and host of its own server: the audience of one-time tokens."""
        parts = urlsplit(self.redirect_uri)
        return f"{parts.scheme}://{parts.netloc}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    integration: Integration
    user_id: int
    expires: datetime
    pair: str = ""  # what was issued together
    used: bool = False
    revoked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Whom a request speaks for; without an integration it is a person in a browser."""

    user_id: int
    integration: Integration | None = None

    @property
    def owner(self) -> str:
        """Whose quota is used."""
        return self.integration.client_id if self.integration else f"user {self.user_id}"


@dataclass(slots=True, kw_only=True)
class Access:
    """Everything that opens the account."""

    settings: Settings
    integrations: list[Integration] = field(default_factory=list)
    access: dict[str, Token] = field(default_factory=dict)
    refresh: dict[str, Token] = field(default_factory=dict)
    codes: dict[str, Token] = field(default_factory=dict)
    refreshes: int = 0  # pairs given for a refresh token

    def integration(self, client_id: str) -> Integration | None:
        return next((one for one in self.integrations if one.client_id == client_id), None)

    def by_token(self, token: str, now: datetime) -> Caller:
        known = self.access.get(token)
        if known is None or known.revoked or known.expires <= now or not known.integration.enabled:
            raise unauthorized()
        return Caller(user_id=known.user_id, integration=known.integration)

    def issue_code(self, integration: Integration, user_id: int, now: datetime) -> str:
        """What the browser brings back from the authorization page, or a person copies from the settings."""
        code = f"def50200{secrets.token_hex(_REFRESH_BYTES)}"
        self.codes[code] = Token(
            integration=integration, user_id=user_id, expires=now + self.settings.code_lifetime, pair=code
        )
        return code

    def issue(
        self,
        integration: Integration,
        user_id: int,
        now: datetime,
        claims: Mapping[str, Any],
        *,
        lifetime: timedelta | None = None,
    ) -> tuple[str, str]:
        """A fresh pair: access token, refresh token. `claims` say which account it is."""
        expires = now + (lifetime or self.settings.access_token_lifetime)
        access = jwt.by_platform({**_claims(integration, user_id, now, expires), **claims})
        refresh = f"def50200{secrets.token_hex(_REFRESH_BYTES)}"
        pair = secrets.token_hex(8)
        self.access[access] = Token(integration=integration, user_id=user_id, expires=expires, pair=pair)
        renews = now + self.settings.refresh_token_lifetime
        self.refresh[refresh] = Token(integration=integration, user_id=user_id, expires=renews, pair=pair)
        return access, refresh

    def issue_long_lived(
        self, integration: Integration, user_id: int, now: datetime, claims: Mapping[str, Any], *, days: int = 365
    ) -> str:
        """A token that a person makes in the settings: a day to five years, nothing to renew it with."""
        access, refresh = self.issue(integration, user_id, now, claims, lifetime=timedelta(days=days))
        del self.refresh[refresh]
        return access

    def exchange(self, body: Mapping[str, Any], now: datetime) -> Token:
        """The grant behind a request to the token endpoint, used up by it."""
        integration = self._client(body)
        match body.get("grant_type"):
            case "authorization_code":
                return self._use(self.codes, str(body.get("code", "")), integration, now, "authorization code", 400)
            case "refresh_token":
                grant = self._use(
                    self.refresh, str(body.get("refresh_token", "")), integration, now, "refresh token", 401
                )
                self._renewed(grant)
                return grant
        raise oauth_problem("Check the `grant_type` parameter")

    def _client(self, body: Mapping[str, Any]) -> Integration:
        integration = self.integration(str(body.get("client_id", "")))
        secret = str(body.get("client_secret", ""))
        if integration is None or not secrets.compare_digest(integration.client_secret.encode(), secret.encode()):
            raise oauth_problem("Client authentication failed", status=401)
        if not integration.enabled:
            raise oauth_problem("Token has been revoked", status=401)
        if body.get("redirect_uri") != integration.redirect_uri:
            raise oauth_problem("Check the `redirect_uri` parameter")
        return integration

    def _use(
        self, grants: dict[str, Token], name: str, integration: Integration, now: datetime, what: str, status: int
    ) -> Token:
        grant = grants.get(name)
        if grant is None or grant.integration is not integration:
            raise oauth_problem(f"Cannot decrypt the {what}", status=status)
        subject = "Token" if grants is self.refresh else "Authorization code"
        if grant.revoked or (grant.used and not (grants is self.refresh and self.settings.reuse_refresh_token)):
            raise oauth_problem(f"{subject} has been revoked", status=status)
        if grant.expires <= now:
            raise oauth_problem(f"{subject} has expired", status=status)
        grants[name] = replace(grant, used=True)
        return grant

    def _renewed(self, grant: Token) -> None:
        self.refreshes += 1
        if self.settings.refresh_revokes_access:
            self._change(self.access, lambda one: replace(one, revoked=True) if one.pair == grant.pair else one)

    def expire_all(self) -> None:
        """Every access token is old from now on; refresh tokens stay good."""
        self._change(self.access, lambda one: replace(one, expires=datetime.min.replace(tzinfo=one.expires.tzinfo)))

    def revoke(self, integration: Integration) -> None:
        """All of an integration's tokens are void: it was switched off, or its secret changed."""
        for tokens in (self.access, self.refresh, self.codes):
            self._change(tokens, lambda one: replace(one, revoked=True) if one.integration is integration else one)

    @staticmethod
    def _change(tokens: dict[str, Token], change: Any) -> None:
        for name, token in tokens.items():
            tokens[name] = change(token)


def disable_signature(integration: Integration, account_id: int) -> str:
    """The disable hook's `signature`: hex HMAC-SHA256 of ``client_id|account_id`` by the client's secret."""
    told = f"{integration.client_id}|{account_id}".encode()
    return hmac.new(integration.client_secret.encode(), told, hashlib.sha256).hexdigest()


def _claims(integration: Integration, user_id: int, now: datetime, expires: datetime) -> dict[str, Any]:
    at = int(now.timestamp())
    return {
        "aud": integration.client_id,
        "jti": secrets.token_hex(32),
        "iat": at,
        "nbf": at,
        "exp": int(expires.timestamp()),
        "sub": str(user_id),
        "grant_type": "",
        "version": 2,
        "scopes": list(integration.scopes),
        "hash_uuid": str(uuid.uuid4()),
    }
