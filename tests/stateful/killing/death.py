"""When a life ends. Everything is drawn from one seed: what the deaths wait for, how often, and how long after."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from enum import StrEnum

from ringbridge.emulators.bitrix24.faults import Fault, FaultKind, Faults


class Sign(StrEnum):
    """What can be seen of a life from outside."""

    BIRTH = "its birth"
    READY = "the link to the PBX came up"
    EVENT = "the PBX said something"
    REQUEST = "a request arrived at the portal"
    DELIVERED = "it said that a step is done, and writes that down now"


@dataclass(slots=True, kw_only=True)
class Death:
    """Comes `delay` seconds after the `count`-th sign."""

    sign: Sign
    count: int = 1
    delay: float = 0.0
    lost: bool = False  # the request that was waited for is not carried out any more

    def __str__(self) -> str:
        return f"{self.sign}, {'lost' if self.lost else 'later' if self.delay else 'at once'}"


def deaths(chance: random.Random) -> Death:
    """The next one. Most lives are short; some are long enough for a call to be heard from beginning to end."""
    kinds: list[tuple[int, Callable[[], Death]]] = [
        (4, lambda: Death(sign=Sign.BIRTH, delay=chance.uniform(0, 1.5))),
        (5, lambda: Death(sign=Sign.READY, delay=chance.uniform(0, 1.5))),
        (2, lambda: Death(sign=Sign.READY, delay=chance.uniform(2, 4))),
        (1, lambda: Death(sign=Sign.READY, delay=chance.uniform(8, 11))),
        (3, lambda: Death(sign=Sign.EVENT, count=chance.randint(1, 100), delay=chance.uniform(0, 0.03))),
        (2, lambda: Death(sign=Sign.REQUEST, count=chance.randint(1, 8), lost=True)),
        (4, lambda: Death(sign=Sign.REQUEST, count=chance.randint(1, 8))),
        (3, lambda: Death(sign=Sign.REQUEST, count=chance.randint(1, 8), delay=chance.uniform(0, 0.03))),
        (3, lambda: Death(sign=Sign.DELIVERED, count=chance.randint(1, 15), delay=chance.choice([0.0, 0.002, 0.01]))),
    ]
    (draw,) = chance.choices([draw for _, draw in kinds], [weight for weight, _ in kinds])
    return draw()


@dataclass(slots=True)
class Fate:
    """Watches one life for the sign of its death."""

    death: Death
    kill: Callable[[], None]
    seen: int = 0
    timer: asyncio.TimerHandle | None = field(default=None)

    def see(self, sign: Sign) -> bool:
        """True when this is the moment."""
        if sign is not self.death.sign:
            return False
        self.seen += 1
        if self.seen != self.death.count:
            return False
        if self.death.delay:
            self.timer = asyncio.get_running_loop().call_later(self.death.delay, self.kill)
        else:
            self.kill()
        return True

    def over(self) -> None:
        if self.timer is not None:
            self.timer.cancel()


FAULTS = (
    FaultKind.LOSE_ANSWER,
    FaultKind.LOSE_ANSWER,
    FaultKind.GATEWAY_TIMEOUT,
    FaultKind.CUT,
    FaultKind.UNAVAILABLE,
    FaultKind.HTML_500,
    FaultKind.INTERNAL_ERROR,
    FaultKind.QUERY_LIMIT,
)


class BadDay(Faults):
    """Some of all requests go wrong, each in a way of its own; and every request is told to whoever watches."""

    __slots__ = ("chance", "rate", "struck", "watch")

    def __init__(self, chance: random.Random, rate: float) -> None:
        super().__init__()
        self.chance, self.rate = chance, rate
        self.struck = 0
        self.watch: Callable[[], bool] = lambda: False  # True: this request is lost

    def for_request(self, methods: Collection[str]) -> Fault | None:
        if self.watch():
            return Fault(kind=FaultKind.CUT)
        if self.chance.random() >= self.rate:
            return None
        self.struck += 1
        return Fault(kind=self.chance.choice(FAULTS))
