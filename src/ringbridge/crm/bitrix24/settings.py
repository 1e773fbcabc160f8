"""What the office decides about its Bitrix24 portal."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from ringbridge.crm.limits import Quota
from ringbridge.crm.reach import Reach
from ringbridge.routing.intents import PortalId, Priority
from ringbridge.telephony.numbers import DEFAULT_REGION

# Source: Bitrix24 REST docs, "Limits": 2 requests/s drain a bucket of 50 (Enterprise: 5 and 250); a request is
# killed after 60 s. Ten of the fifty are left for what was spent before a restart.
RATE = 2.0
BURST = 40
FIRST = 10
PLACES = 6
REQUEST_LIMIT = timedelta(seconds=60)

LARGEST_UPLOAD = 100 * 1024 * 1024
"""Two hours of wav: beyond that a portal's web server refuses."""

# What each priority leaves to the better ones, as a share of burst and places.
RESERVES = {Priority.FINISH: 0.1, Priority.RECORDING: 0.4, Priority.REST: 0.5}


class RecordingMode(StrEnum):
    """How a recording gets to the portal."""

    LINK = "link"  # the portal fetches it from our signed address
    UPLOAD = "upload"  # we send the file


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    portal: PortalId
    recordings: RecordingMode = RecordingMode.LINK
    link_life: timedelta = timedelta(days=1)  # how long a link in RECORD_URL opens
    add_to_chat: bool = True  # the employee's chat gets a message about each call
    largest_upload: int | None = LARGEST_UPLOAD  # bytes; a larger recording is sent as a link. None: no limit
    repeat_deals: bool = False  # a known client without an open deal gets a new one, where a rule wants deals
    region: str = DEFAULT_REGION  # how local numbers are read, where clients' and employees' numbers are compared
    reach: Reach = field(default_factory=Reach)
    authorization_server: str | None = None  # https://host of another authorization server than Bitrix24's two
    rate: float = RATE  # requests per second
    burst: int = BURST

    @property
    def quota(self) -> Quota:
        first = min(FIRST, self.burst)
        return Quota(rate=self.rate, burst=self.burst, first=first, places=PLACES, reserves=RESERVES)
