"""Where the sources disagree or are silent, the account can be either: every such point is a setting here.

Defaults are what the public documentation says, or, where it says nothing, what its official library expects.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Brand(StrEnum):
    """One platform under two names; they differ in domains."""

    AMOCRM = "amocrm.ru"
    KOMMO = "kommo.com"

    @property
    def platform(self) -> int:
        """As the authorization page tells it."""
        return 1 if self is Brand.AMOCRM else 2


class Limiter(StrEnum):
    BUCKET = "bucket"  # a burst of seven, refilled at seven a second
    WINDOW = "window"  # never more than seven in any second, the strictest reading


class QuotaOwner(StrEnum):
    INTEGRATION = "integration"
    ACCOUNT = "account"


class MixedBatch(StrEnum):
    """What `calls` does when it can place only some of the calls."""

    PARTIAL = "partial"  # 200, the rest in `errors`
    REFUSED = "refused"  # 400, nothing is added


class UnknownFields(StrEnum):
    REFUSED = "refused"  # 400 FieldNotExpected
    IGNORED = "ignored"


@dataclass(slots=True, kw_only=True)
class Settings:
    brand: Brand = Brand.AMOCRM
    language: str = "ru"
    # Quotas.
    rate_limit: bool = True
    limiter: Limiter = Limiter.BUCKET
    rate_per_second: float = 7.0
    burst: int = 7
    quota_owner: QuotaOwner = QuotaOwner.INTEGRATION
    account_rate_per_second: float = 50.0  # of all integrations together; not in the documentation
    refusals_before_block: int = 50  # consecutive 429 answers that lead to 403
    block_time: timedelta = timedelta(minutes=5)
    block_as_html: bool = True  # 403 of the web server in front; else problem+json
    # Tokens.
    access_token_lifetime: timedelta = timedelta(days=1)
    refresh_token_lifetime: timedelta = timedelta(days=90)
    code_lifetime: timedelta = timedelta(minutes=20)
    one_time_token_lifetime: timedelta = timedelta(minutes=30)
    reuse_refresh_token: bool = False  # whether a used refresh token opens once more, after a lost answer
    refresh_revokes_access: bool = False  # whether a new pair kills the access token before it
    redirect_tells_client: bool = True  # `client_id` and `platform` beside `code`, `referer` and `state`
    api_domain: str = ""  # the claim; empty: the account's first host
    moved_status: int = 401  # of an account's former host; 404 is seen too
    longest_address: int = 8000  # bytes of path and query; 414 beyond: web servers have 8 kB for a request's line
    # Lists.
    missing_status: int = 404  # of an entity that is not there; 204 for some
    filters_enabled: bool = True  # `is_api_filter_enabled`; without, `filter` is ignored
    users_for_admins_only: bool = False
    unknown_fields: UnknownFields = UnknownFields.REFUSED
    batch_limit: int = 250
    complex_limit: int = 50
    # Search.
    search_lag: timedelta = timedelta(0)  # until `query` finds what was just created or changed
    calls_lag: timedelta = timedelta(0)  # until `calls` and `events` find a phone
    calls_digits: int = 10  # last digits that must be the same
    event_digits: int = 10  # 8 in Kommo's documentation
    # Calls.
    mixed_batch: MixedBatch = MixedBatch.PARTIAL
    dedupe_calls: bool = False  # whether a second call with the same `uniq` is refused
    call_status_8: bool = False  # the library's "undefined"
    event_status: int = 202  # of POST /api/v2/events; 200 is seen
    # Incoming leads.
    refuse_same_unsorted: bool = True
    swap_numbers_on_accept: bool = False  # the accepted call's note tells `from` where `phone` is meant
    # Webhooks.
    webhooks_for_own_changes: bool = True  # whether an integration hears of what it changed itself
    webhook_patience: float = 2.0  # seconds
    webhook_retries: int = 0
    webhook_status: int = 201
    widget_maps_as_text: bool = False  # a setting of type `users` reaches the widget as JSON text
    # What the account has.
    customers_mode: str = "disabled"
    contacts_have_phone: bool = True  # the field PHONE of contacts
