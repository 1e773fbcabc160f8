"""The part of the configuration that says which CRMs there are and how they are opened."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from ringbridge.crm.amocrm.connection import Brand
from ringbridge.crm.bitrix24.auth import Webhook
from ringbridge.crm.bitrix24.settings import RecordingMode
from ringbridge.routing.office import Transfers
from ringbridge.service.config.dialing import EventsBy
from ringbridge.service.config.parts import NAME_HELP, Name, Part, Secret


class BitrixOAuth(Part):
    client_id: str = Field(description="Of the local application, as its page shows it (local.….…).")
    client_secret: Secret = Field(description="Of the local application.")
    access_token: Secret = Field(Secret(""), description="The first token pair; renewed by itself from then on.")
    refresh_token: Secret = Field(
        Secret(""), description="The first refresh token; it opens once. Without it the installation brings the tokens."
    )
    endpoint: str = Field("", description="client_endpoint: https://your-portal/rest/")
    server: str = Field("", description="server_endpoint, where the portal told one.")
    member_id: str = Field("", description="The portal's member_id.")
    application_token: Secret = Field(
        Secret(""),
        description="By which the portal's events show that they are its. The installation brings it; else enter it.",
    )
    authorization_server: str | None = Field(None, description="Another authorization server than Bitrix24's own two.")


class AmoCrmKeys(Part):
    address: str = Field("", description="The account: https://example.amocrm.ru; an integration may learn it itself.")
    brand: Brand = Field(Brand.AMOCRM, description="amocrm or kommo: one platform under two names.")
    token: Secret = Field(Secret(""), description="A long-lived token, instead of an integration's tokens.")
    client_id: str = Field("", description="Of the integration, as its page shows it.")
    client_secret: Secret = Field(Secret(""), description="Of the integration; it proves the widget's requests too.")
    source: str = Field("ringbridge", description="How calls name what wrote them: the code of our widget.")
    local: bool = Field(False, description="An account at an address outside the platform's own (test installations).")

    @model_validator(mode="after")
    def _one_key(self) -> AmoCrmKeys:
        if not self.token.get_secret_value() and not self.client_id:
            raise ValueError("give a long-lived token, or the integration's client_id and client_secret")
        if self.token.get_secret_value() and not self.address:
            raise ValueError("a long-lived token needs the account's address")
        return self


class Portal(Part):
    name: Name = Field(description=f"Your name for this portal: {NAME_HELP}.")
    kind: Literal["bitrix24", "amocrm"] = Field("bitrix24", description="Which CRM it is; amocrm is Kommo too.")
    webhook: Secret | None = Field(None, description="Address of an incoming webhook: https://portal/rest/1/secret/")
    oauth: BitrixOAuth | None = Field(None, description="A local application's keys, instead of a webhook.")
    amocrm: AmoCrmKeys | None = Field(None, description="The keys of an amoCRM or Kommo account.")
    default_user: str = Field(
        json_schema_extra={"suggests": "users"},
        description="Id of the CRM user who stands for a phone that nobody is named for.",
    )
    transfers: Transfers = Field(
        Transfers.EACH, description="each: a record for everybody who spoke; single: one record, on who spoke last."
    )
    recordings: RecordingMode = Field(
        RecordingMode.UPLOAD, description="upload: we send the file; link: the portal fetches it from public_address."
    )
    largest_upload_mb: int = Field(100, ge=1, le=2000, description="Larger recordings are linked instead of sent.")
    recording_days: int | None = Field(
        None,
        ge=1,
        le=36_500,
        description="How long a recording's link opens. By default a day for Bitrix24, which fetches the file, and "
        "three years for amoCRM, which keeps the link.",
    )
    add_to_chat: bool = Field(True, description="A message about each call in the employee's chat.")
    repeat_deals: bool = Field(
        False, description="A known client without an open deal gets a new one, where the rules make deals."
    )
    lines: bool = Field(True, description="Keep the portal's external lines equal to the trunks (application only).")
    allow_http: bool = Field(False, description="Allow a portal at plain http (closed networks).")
    allow_private: bool = Field(False, description="Allow a portal at a private address (closed networks).")
    ca_file: Path | None = Field(None, description="PEM file of the authority that signed the portal's certificate.")
    requests_per_second: float = Field(2.0, gt=0, le=50, description="The portal's quota: 2, Enterprise 5.")
    burst: int = Field(40, ge=1, le=250, description="How many requests it takes at once: 40 of 50, Enterprise 240.")
    request_limit: float = Field(60.0, gt=0, description="Seconds the portal may work on one request at most.")
    events: EventsBy = Field(
        EventsBy.AUTO,
        description="How clicks on numbers come: online (posted to public_address), offline (fetched every few "
        "seconds), auto (online with an https public_address), off.",
    )
    mirror: bool | None = Field(
        None,
        description="Keep a copy of the CRM's clients, their numbers and open deals: whom a caller belongs to is known "
        "at once, and while the CRM is away. By default where incoming calls are distributed: nothing else needs it, "
        "and nobody's clients are copied for nothing.",
    )
    mirror_sweep_hours: int = Field(
        24,
        ge=1,
        le=720,
        description="After so many hours the copy is compared with the whole CRM, in a quiet hour. A portal that tells "
        "of no changes (a webhook, or events off) is known as it was then.",
    )

    deals: bool = Field(
        True,
        description="Read the CRM's leads and deals, so that the analytics tell which calls bring money. Of their "
        "clients the last digits of the phones are kept, no names.",
    )
    deals_history_days: int = Field(
        365, ge=1, le=3650, description="Leads and deals that were made longer before the first reading are not read."
    )
    deals_attribution_days: int = Field(
        90,
        ge=1,
        le=3650,
        description="A call brings what is made for its client so many days after it; what is made later came by "
        "itself.",
    )

    @field_validator("webhook")
    @classmethod
    def _webhook(cls, value: Secret | None) -> Secret | None:
        if value is not None:
            Webhook.parse(value.get_secret_value())
        return value

    @model_validator(mode="after")
    def _one_key(self) -> Portal:
        keys = {"webhook": self.webhook, "oauth": self.oauth, "amocrm": self.amocrm}
        wanted = ("amocrm",) if self.kind == "amocrm" else ("webhook", "oauth")
        given = [name for name, key in keys.items() if key is not None]
        if len(given) != 1 or given[0] not in wanted:
            raise ValueError(
                f"give {' or '.join(wanted)}" + (", one of the two" if len(wanted) > 1 else " and no other")
            )
        return self
