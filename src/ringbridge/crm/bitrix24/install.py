"""How our local application gets its keys: from the installation frame, from ONAPPINSTALL, or by an authorization code.

What arrives is only an offer: anyone can post such a form. It becomes a key when Bitrix24's authorization server renews
it for our ``client_id`` and secret, which it does for tokens of our application alone, and names the portal they open.

Source: Bitrix24 REST docs, "OAuth 2.0" (authorization code, "simple way"), "Installing applications", app.info.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from ringbridge.crm.bitrix24.auth import Application, Tokens, authorization_servers, renewed
from ringbridge.crm.bitrix24.telephony import text
from ringbridge.crm.client import Door, Request
from ringbridge.crm.contract import CrmError, Transient, Unauthorized


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Keys that somebody says open their portal."""

    tokens: Tokens
    application_token: str = field(repr=False, default="")


class NoOffer(ValueError):
    """The request brings no keys. The text is for people."""


def offer_in_frame(query: Mapping[str, Any], form: Mapping[str, Any]) -> Offer:
    """From the form with which a portal opens our page in its frame. Raises `NoOffer`."""
    domain, refresh = text(query.get("DOMAIN")) or text(form.get("DOMAIN")), text(form.get("REFRESH_ID"))
    if not domain or not text(form.get("AUTH_ID")) or not refresh:
        raise NoOffer("This page is opened by a Bitrix24 portal: enter it as the application's installation address.")
    scheme = "http" if str(query.get("PROTOCOL", "1")) == "0" else "https"
    return Offer(
        tokens=Tokens(
            access=text(form.get("AUTH_ID")),
            refresh=refresh,
            endpoint=f"{scheme}://{domain}/rest/",
            server=text(form.get("SERVER_ENDPOINT")),
            member=text(form.get("member_id")),
        ),
        application_token=text(form.get("APPLICATION_TOKEN")),
    )


def offer_in_auth(auth: Mapping[str, str]) -> Offer:
    """From the `auth` block of ONAPPINSTALL. Raises `NoOffer`."""
    if not auth.get("refresh_token"):
        raise NoOffer("The portal's installation event brings no tokens.")
    tokens = Tokens(
        access=auth.get("access_token", ""),
        refresh=auth["refresh_token"],
        endpoint=auth.get("client_endpoint", ""),
        server=auth.get("server_endpoint", ""),
        member=auth.get("member_id", ""),
    )
    return Offer(tokens=tokens, application_token=auth.get("application_token", ""))


def authorization_page(endpoint: str, application: Application, state: str) -> str:
    """Where an administrator's browser is sent. The portal sends it back to the application's own address."""
    parts = urlsplit(endpoint)
    query = urlencode({"client_id": application.client_id, "state": state})
    return f"{parts.scheme}://{parts.netloc}/oauth/authorize/?{query}"


async def prove(offer: Offer, application: Application, door: Door, *, server: str | None = None) -> Tokens:
    """A fresh pair in place of the offered one. Raises `Unauthorized` when it is not of our application."""
    if not offer.tokens.refresh:
        raise Unauthorized("The portal brought no refresh token.")
    grant = {"grant_type": "refresh_token", "refresh_token": offer.tokens.refresh}
    tokens = await _granted(grant, offer.tokens, application, door, server)
    return replace(tokens, application_token=offer.application_token)


async def exchange(
    code: str, known: Tokens, application: Application, door: Door, *, server: str | None = None
) -> Tokens:
    """The first pair for an authorization code, which lives for 30 seconds."""
    grant = {"grant_type": "authorization_code", "code": code}
    return await _granted(grant, known, application, door, server)


async def _granted(
    grant: Mapping[str, str], known: Tokens, application: Application, door: Door, chosen: str | None
) -> Tokens:
    secrets = {"client_id": application.client_id, "client_secret": application.client_secret}
    query = urlencode({**grant, **secrets})
    failure: CrmError | None = None
    for server in authorization_servers(known, chosen):
        try:
            answer = await door.send_elsewhere(Request(method="GET", url=f"{server}/oauth/token/?{query}"))
            return renewed(known, answer, now=datetime.now(UTC))
        except Transient as error:
            failure = failure or error
    raise failure or Unauthorized("There is no authorization server to ask.")


def check_portal(tokens: Tokens, *, endpoint: str, member: str) -> None:
    """A portal does not turn into another one. `endpoint` and `member` as far as they are known already.

    Raises `Unauthorized`."""
    if member and not hmac.compare_digest(member.encode(), tokens.member.encode()):
        raise Unauthorized("These are keys of another portal than the one that was connected here before.")
    configured, given = urlsplit(endpoint).hostname, urlsplit(tokens.endpoint).hostname
    if not member and configured and configured != given:
        raise Unauthorized(f"These are keys of {given}, and {configured} is configured as this portal's endpoint.")
