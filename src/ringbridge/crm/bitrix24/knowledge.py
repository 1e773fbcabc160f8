"""What was learned of a portal. It lives as long as the adapter: after a start it is asked again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

from ringbridge.crm.bitrix24.entities import Entity
from ringbridge.crm.contract import CrmUser
from ringbridge.routing.intents import RecordKey, UserId
from ringbridge.telephony.numbers import parse_number

MOST_RECORDS = 1000


@dataclass(slots=True, kw_only=True)
class Knowledge:
    region: str
    leads: bool | None = None  # whether the portal works with leads; None: not asked yet
    phones: frozenset[str] | None = None  # of everybody who works there, digits only; None: not read yet
    dismissed: set[UserId] = field(default_factory=set)
    made: dict[RecordKey, tuple[Entity, ...]] = field(default_factory=dict)  # for calls that are not registered yet
    making: asyncio.Lock = field(default_factory=asyncio.Lock)  # held from the look for a client to its making
    tasks: asyncio.Lock = field(default_factory=asyncio.Lock)  # held from the look for a task to its making

    def learn_staff(self, users: Iterable[CrmUser]) -> None:
        everyone = list(users)
        self.dismissed = {user.id for user in everyone if not user.active}
        phones = (phone for user in everyone if user.active for phone in (*user.extensions, *user.phones))
        self.phones = frozenset(filter(None, map(self._digits, phones)))

    def is_colleague(self, number: str) -> bool:
        """Whether the number is an employee's."""
        return self._digits(number) in (self.phones or ())

    def keep(self, record: RecordKey, entities: Iterable[Entity]) -> None:
        """Made for this call, which is not registered yet: if that fails, the next try must not make them again."""
        self.made[record] = tuple(entities)
        while len(self.made) > MOST_RECORDS:
            del self.made[next(iter(self.made))]

    def _digits(self, phone: str) -> str:
        number = parse_number(phone, self.region)
        return number.digits if number else ""
