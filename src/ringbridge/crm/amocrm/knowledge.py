"""What was learned of an account. It lives as long as the adapter: after a start it is asked again."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from ringbridge.crm.amocrm.entities import Entity
from ringbridge.crm.contract import CrmUser
from ringbridge.routing.intents import RecordKind, UserId
from ringbridge.telephony.model import CallId
from ringbridge.telephony.numbers import parse_number

LAG = 900.0  # seconds: so long what we made counts as known, whatever the account's search says
FRESH = 60.0  # seconds: so long a search is not repeated
MOST = 5000

V = TypeVar("V")


class Recent(Generic[V]):
    """Values that are good for a while; the oldest go when there are too many."""

    def __init__(self, seconds: float, clock: Callable[[], float], most: int = MOST) -> None:
        self._seconds = seconds
        self._clock = clock
        self._most = most
        self._held: OrderedDict[str, tuple[float, V]] = OrderedDict()

    def get(self, key: str) -> V | None:
        until, value = self._held.get(key, (0.0, None))
        return value if until > self._clock() else None

    def put(self, key: str, value: V) -> None:
        self._held.pop(key, None)
        self._held[key] = (self._clock() + self._seconds, value)
        while len(self._held) > self._most:
            self._held.popitem(last=False)

    def drop(self, key: str) -> None:
        self._held.pop(key, None)


@dataclass(slots=True)
class Knowledge:
    region: str
    clock: Callable[[], float]  # seconds, never back
    user: int | None = None  # whom our key speaks for; None: not asked yet
    dismissed: set[UserId] = field(default_factory=set)
    phones: frozenset[str] = frozenset()  # of everybody who works there, digits only
    making: asyncio.Lock = field(default_factory=asyncio.Lock)  # held while clients are made
    tasks: asyncio.Lock = field(default_factory=asyncio.Lock)  # held from the look for a task to its making
    open_tasks: dict[str, list[int]] | None = None  # ours, by digits of the number; None: not listed yet
    made: Recent[tuple[Entity, ...]] = field(init=False)  # of a number, by us
    found: Recent[tuple[Entity, ...]] = field(init=False)  # who had a number when it was last searched
    rung: Recent[bool] = field(init=False)  # whose pop-up of a call was opened, by record and user
    kinds: Recent[RecordKind] = field(init=False)  # how a call began: what follows a transfer goes the same way

    def __post_init__(self) -> None:
        self.made = Recent(LAG, self.clock)
        self.found = Recent(FRESH, self.clock)
        self.rung = Recent(3600.0, self.clock)
        self.kinds = Recent(24 * 3600.0, self.clock)

    def learn_staff(self, users: Iterable[CrmUser]) -> None:
        everyone = list(users)
        self.dismissed = {user.id for user in everyone if not user.active}
        self.phones = frozenset(self.digits(phone) for user in everyone if user.active for phone in user.phones)

    def learn_kind(self, call: CallId, kind: RecordKind) -> None:
        if kind is not RecordKind.TRANSFERRED:
            self.kinds.put(call, kind)

    def is_colleague(self, number: str) -> bool:
        """Whether the number is an employee's."""
        return self.digits(number) in self.phones

    def works(self, user: str) -> bool:
        """Whether somebody may be made responsible; who is not known is believed to."""
        return bool(user) and UserId(user) not in self.dismissed

    def digits(self, number: str) -> str:
        """By what numbers are compared."""
        parsed = parse_number(number, self.region)
        return parsed.digits or parsed.given.casefold() if parsed else ""
