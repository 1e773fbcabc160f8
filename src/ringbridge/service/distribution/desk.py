"""What people may see and try of distribution: the last answers, the dialplan, and an imagined call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from ringbridge.routing.dialplan import By, Kind
from ringbridge.routing.dialplan import dialplan as text_of
from ringbridge.routing.distribution import RouteQuestion
from ringbridge.service.config import Office
from ringbridge.service.distribution.log import Answered
from ringbridge.service.distribution.router import Router
from ringbridge.service.distribution.setup import words_of
from ringbridge.service.distribution.trial import RouteTrial, try_route
from ringbridge.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class DistributionDesk:
    """`office` gives it as it is now; `address` is the page's, as the PBX reaches it."""

    office: Callable[[], Office]
    database: Database
    router: Router
    address: str

    def latest(self, most: int) -> Sequence[Answered]:
        """The newest first."""
        return list(islice(reversed(self.router.log.answered), most))

    def dialplan(self, kind: Kind, by: By) -> str:
        """With the token, where one is set: for administrators."""
        return text_of(kind, by, words_of(self.office(), self.address))

    async def trial(self, question: RouteQuestion, at: datetime) -> RouteTrial:
        """With the phones and the turns as they are. Raises `StoreError`."""
        office = self.office()
        dealt = self.router.dealt.on(at.astimezone(office.zone).date())
        return await try_route(office, self.database, question, self.router.phones, at, dealt=dealt)
