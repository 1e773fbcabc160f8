"""From a portal's configuration to the adapter that speaks to it. The only module that names concrete CRMs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from ringbridge.crm.amocrm import auth as amo
from ringbridge.crm.amocrm.account import AmoCrm
from ringbridge.crm.amocrm.cards import CardFeed
from ringbridge.crm.amocrm.settings import DOMAINS
from ringbridge.crm.amocrm.settings import Settings as AmoSettings
from ringbridge.crm.bitrix24 import auth as bitrix
from ringbridge.crm.bitrix24.portal import Bitrix24
from ringbridge.crm.bitrix24.settings import Settings as BitrixSettings
from ringbridge.crm.contract import Crm, RecordingSource
from ringbridge.crm.customise import Customise
from ringbridge.crm.reach import Reach
from ringbridge.routing.intents import PortalId
from ringbridge.service.config import Office
from ringbridge.service.config.portal import AmoCrmKeys, BitrixOAuth, Portal

Credentials = bitrix.Credentials | amo.Credentials
Save = Callable[[Credentials], Awaitable[None]]


def open_crm(
    config: Portal,
    office: Office,
    *,
    stored: dict[str, Any] | None,
    save: Save,
    recordings: RecordingSource,
    cards: CardFeed | None = None,
    customise: Customise | None = None,
) -> Crm:
    """`stored`: what `document_of` gave of the key that was kept last; it is newer than the configured one.
    `customise` is asked about requests."""
    if config.amocrm is not None:
        return AmoCrm(
            amo_settings(config, config.amocrm, office),
            _amo_restored(stored) if stored else amo_credentials(config.amocrm),
            recordings=recordings,
            save=save,
            application=amo_application(config, config.amocrm, office),
            cards=cards,
            customise=customise,
        )
    credentials, application = bitrix_credentials(config)
    if stored:
        credentials = _with_event_secret(_bitrix_restored(stored), credentials)
    return Bitrix24(
        bitrix_settings(config, office),
        credentials,
        recordings=recordings,
        save=save,
        application=application,
        customise=customise,
    )


def secret_of(config: Portal) -> str:
    """What tells whether a stored key came of the one that is configured now: a newly configured one goes before it.
    An application without tokens of its own gets them by its installation."""
    if config.amocrm is not None:
        return config.amocrm.token.get_secret_value() or f"connected {config.amocrm.client_id}"
    if config.oauth is not None:
        return config.oauth.refresh_token.get_secret_value() or f"installed {config.oauth.client_id}"
    return config.webhook.get_secret_value() if config.webhook else ""


def document_of(credentials: Credentials) -> dict[str, Any]:
    """JSON-ready."""
    document = asdict(credentials)
    if expires := document.get("expires"):
        document["expires"] = expires.timestamp()
    return document


def _moment(seconds: float | None) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


# Bitrix24


def bitrix_settings(config: Portal, office: Office) -> BitrixSettings:
    settings = BitrixSettings(
        portal=PortalId(config.name),
        recordings=config.recordings,
        add_to_chat=config.add_to_chat,
        reach=Reach(allow_http=config.allow_http, allow_private=config.allow_private, ca_file=config.ca_file),
        authorization_server=config.oauth.authorization_server if config.oauth else None,
        rate=config.requests_per_second,
        burst=config.burst,
        largest_upload=config.largest_upload_mb * 1_000_000,
        repeat_deals=config.repeat_deals,
        region=office.region,
    )
    return replace(settings, link_life=link_life(config, settings.link_life))


def link_life(config: Portal, default: timedelta) -> timedelta:
    return timedelta(days=config.recording_days) if config.recording_days else default


def bitrix_credentials(config: Portal) -> tuple[bitrix.Credentials, bitrix.Application | None]:
    """As they were configured."""
    if config.webhook is not None:
        return bitrix.Webhook.parse(config.webhook.get_secret_value()), None
    if config.oauth is None:
        raise ValueError(f"portal {config.name} has neither webhook nor oauth")
    return _tokens_of(config.oauth), bitrix.Application(
        client_id=config.oauth.client_id, client_secret=config.oauth.client_secret.get_secret_value()
    )


def _tokens_of(oauth: BitrixOAuth) -> bitrix.Tokens:
    return bitrix.Tokens(
        access=oauth.access_token.get_secret_value(),
        refresh=oauth.refresh_token.get_secret_value(),
        endpoint=oauth.endpoint,
        server=oauth.server,
        member=oauth.member_id,
        application_token=oauth.application_token.get_secret_value(),
    )


def _bitrix_restored(document: dict[str, Any]) -> bitrix.Credentials:
    if "refresh" not in document:
        return bitrix.Webhook(**document)
    return bitrix.Tokens(**{**document, "expires": _moment(document["expires"])})


def _with_event_secret(kept_last: bitrix.Credentials, configured: bitrix.Credentials) -> bitrix.Credentials:
    """The secret of the portal's events may be entered later than the tokens were."""
    if not isinstance(kept_last, bitrix.Tokens) or not isinstance(configured, bitrix.Tokens):
        return kept_last
    return replace(kept_last, application_token=kept_last.application_token or configured.application_token)


# amoCRM


def amo_settings(config: Portal, keys: AmoCrmKeys, office: Office) -> AmoSettings:
    host = urlsplit(keys.address).hostname
    settings = AmoSettings(
        portal=PortalId(config.name),
        source=keys.source,
        repeat_deals=config.repeat_deals,
        region=office.region,
        reach=Reach(allow_http=config.allow_http, allow_private=config.allow_private, ca_file=config.ca_file),
        domains=(*DOMAINS, host) if keys.local and host else DOMAINS,
    )
    return replace(settings, link_life=link_life(config, settings.link_life))


def amo_credentials(keys: AmoCrmKeys) -> amo.Credentials:
    token = keys.token.get_secret_value()
    return amo.LongLived(address=keys.address, token=token) if token else amo.Tokens(address=keys.address)


def amo_application(config: Portal, keys: AmoCrmKeys, office: Office) -> amo.Application | None:
    if not keys.client_id:
        return None
    return amo.Application(
        client_id=keys.client_id,
        client_secret=keys.client_secret.get_secret_value(),
        redirect_uri=f"{(office.public_address or '').rstrip('/')}/amocrm/{config.name}/oauth",
    )


def _amo_restored(document: dict[str, Any]) -> amo.Credentials:
    if "token" in document:
        return amo.LongLived(**document)
    return amo.Tokens(**{**document, "expires": _moment(document["expires"])})
