"""What the calls of the demonstration's past brought: leads and deals in the emulated portal, which Ringbridge reads
there as it reads a real one's.

Each call decides by itself whether it brought something, so that a demonstration that is started again has the same.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from ringbridge.emulators.bitrix24 import Portal
from ringbridge.emulators.bitrix24.fields import Kind
from ringbridge.store import calls
from ringbridge.store.calls import Filters
from ringbridge.store.database import Database
from ringbridge.telephony.model import Call, Direction

MOST = 10_000  # calls of the past that are looked at
TRUNKS = {"mango": (0.22, 18_000), "mtt": (0.34, 42_000)}  # how many calls bring a deal, and how much it is mostly
OTHERS = (0.12, 9_000)
LEADS = 0.35  # of what is brought, is a lead first
WITHOUT_CALL = 0.04  # beside each call: somebody who wrote instead
DECIDED = timedelta(days=20)  # after which most deals are won or lost
WON, LOST = 0.5, 0.35


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seller:
    portal: Portal
    now: datetime
    chance: random.Random

    def deal(self, contact: int | None, made: datetime, user: int, mostly: int) -> None:
        amount = round(mostly * self.chance.lognormvariate(0, 0.6), -2)
        fields = {"TITLE": "Заказ", "OPPORTUNITY": amount, "ASSIGNED_BY_ID": user, "CONTACT_ID": contact}
        number = self._add(Kind.DEAL, fields, user, made)
        self._decide(Kind.DEAL, number, {"STAGE_ID": "WON"}, {"STAGE_ID": "LOSE"}, made, user)

    def lead(self, number: str, made: datetime, user: int, mostly: int) -> None:
        """Who is won becomes a contact with a deal."""
        phones = [{"VALUE": f"+{number}", "VALUE_TYPE": "WORK"}]
        fields = {"TITLE": f"+{number} - Входящий звонок", "PHONE": phones, "ASSIGNED_BY_ID": user, "SOURCE_ID": "CALL"}
        lead = self._add(Kind.LEAD, fields, user, made)
        won = self._decide(Kind.LEAD, lead, {"STATUS_ID": "CONVERTED"}, {"STATUS_ID": "JUNK"}, made, user)
        if won is not None:
            self.deal(self.contact(number, won, user), won, user, mostly)

    def contact(self, number: str, made: datetime, user: int) -> int:
        """Whoever has this number, else somebody new."""
        if found := self.portal.clients.find(Kind.CONTACT, "PHONE", [number]):
            return found[0]
        phones = [{"VALUE": f"+{number}", "VALUE_TYPE": "WORK"}]
        return self._add(Kind.CONTACT, {"NAME": f"+{number}", "PHONE": phones, "ASSIGNED_BY_ID": user}, user, made)

    def _add(self, kind: Kind, fields: dict[str, object], user: int, made: datetime) -> int:
        return self.portal.clients.add(kind, fields, user_id=user, at=self.portal.local(made))

    def _decide(
        self, kind: Kind, number: int, won: dict[str, str], lost: dict[str, str], made: datetime, user: int
    ) -> datetime | None:
        """When it was won."""
        at = made + DECIDED * self.chance.random()
        drawn = self.chance.random()
        if at >= self.now or drawn > WON + LOST:
            return None
        stage = won if drawn < WON else lost
        self.portal.clients.update(kind, number, dict(stage), user_id=user, at=self.portal.local(at))
        return at if drawn < WON else None


async def put_deals(database: Database, portal: Portal, now: datetime) -> None:
    """Of the inbound calls that the journal has from before the day of `now`, into the portal."""
    past = Filters(until=now.replace(hour=0, minute=0, second=0, microsecond=0), direction=Direction.INBOUND)
    async with database.reading() as tx:
        page = await calls.page(tx, limit=MOST, filters=past)
    sell(portal, (entry.call for entry in reversed(page.entries)), now)


def sell(portal: Portal, past: Iterable[Call], now: datetime) -> None:
    """`past`: inbound calls, the oldest first."""
    users = {one.inner_phone: one.id for one in portal.staff.users.values()}
    for call in past:
        seller = _Seller(portal=portal, now=now, chance=random.Random(call.id))  # noqa: S311 nothing here is secret
        share, mostly = TRUNKS.get(call.trunk or "", OTHERS)
        user = users.get(next(iter(call.answered_by), ""), 1)
        made = call.start + timedelta(minutes=seller.chance.uniform(2, 40))
        if seller.chance.random() < WITHOUT_CALL:
            seller.deal(None, made, user, mostly)
        if not call.external or seller.chance.random() > (share if call.talks else share / 4):
            continue
        if seller.chance.random() < LEADS:
            seller.lead(call.external, made, user, mostly)
        else:
            seller.deal(seller.contact(call.external, made, user), made, user, mostly)
