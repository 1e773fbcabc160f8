"""Bad days on demand: what waits to go wrong, and which of the next requests it strikes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar


class Waiting(Protocol):
    """A fault: it strikes `times` requests that it fits, after it has let `skip` of them pass."""

    times: int
    skip: int


F = TypeVar("F", bound=Waiting)


@dataclass(slots=True)
class FaultQueue(Generic[F]):
    """First come, first served."""

    waiting: list[F] = field(default_factory=list)

    def add(self, fault: F) -> None:
        self.waiting.append(fault)

    def clear(self) -> None:
        self.waiting.clear()

    def take(self, fits: Callable[[F], bool]) -> F | None:
        """The fault that strikes a request, used up by it."""
        for fault in self.waiting:
            if not fits(fault):
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            fault.times -= 1
            if not fault.times:
                self.waiting.remove(fault)
            return fault
        return None
