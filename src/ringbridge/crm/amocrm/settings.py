"""What the office decides about its amoCRM or Kommo account."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from ringbridge.crm.limits import Quota
from ringbridge.crm.reach import Reach
from ringbridge.routing.intents import PortalId
from ringbridge.routing.rules import Create
from ringbridge.telephony.numbers import DEFAULT_REGION

# Source: Kommo developer documentation, "Limitations": seven requests a second, whoever goes on is shut out. Evenly
# spaced at six a second, no second ever holds more than seven, wherever the platform's own second begins.
RATE = 6.0
PLACES = 6
REQUEST_LIMIT = timedelta(seconds=60)

DOMAINS = ("amocrm.ru", "amocrm.com", "kommo.com")
"""Where accounts live. Our application's secret and our tokens go to hosts under these and to no others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    portal: PortalId
    source: str = "ringbridge"  # how calls name what wrote them; the code of our widget, where it is installed
    client: Create = Create.CONTACT_AND_DEAL  # what a rule's plain "client" is here
    repeat_deals: bool = False  # a known client without an open lead gets a new one, where a rule wants deals
    link_life: timedelta = timedelta(days=3 * 365)  # how long a recording's link opens: it stands in the call for good
    recording_note: str = "Recording: {link}"  # where a link comes too late to stand in the call
    region: str = DEFAULT_REGION  # how local numbers are read, where clients' numbers are compared
    reach: Reach = field(default_factory=Reach)
    domains: tuple[str, ...] = DOMAINS
    rate: float = RATE  # requests per second

    @property
    def quota(self) -> Quota:
        # Nothing can be reserved of a burst of one: who matters more goes first in the queue, and that is all.
        return Quota(rate=self.rate, burst=1, first=1, places=PLACES, reserves={})
