"""Breaking the portal by hand: which mishaps there are, which last, what was asked of the portal meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from ringbridge.emulators.bitrix24.faults import Fault, FaultKind
from ringbridge.emulators.bitrix24.portal import Portal

MISHAPS = (
    FaultKind.UNAVAILABLE,
    FaultKind.HANG,
    FaultKind.LOSE_ANSWER,
    FaultKind.QUERY_LIMIT,
    FaultKind.INTERNAL_ERROR,
    FaultKind.NO_AUTH,
)
FEW = 5
_UNTIL_MENDED = 10**9
_LATEST = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Mishap:
    kind: str
    lasts: bool  # until it is mended
    left: int  # how many requests it will still strike


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One method that was executed."""

    at: str
    method: str
    error: str


def mishaps_of(portal: Portal) -> tuple[Mishap, ...]:
    return tuple(_mishap(portal, kind) for kind in MISHAPS)


def _mishap(portal: Portal, kind: FaultKind) -> Mishap:
    left = sum(fault.times for fault in portal.faults.waiting if fault.kind is kind)
    return Mishap(kind=kind.value, lasts=left > _UNTIL_MENDED // 2, left=left)


def break_it(portal: Portal, kind: FaultKind, *, lasting: bool) -> None:
    """From now on every request, or the next few, fare like this; a mishap of the same kind is taken back first."""
    if kind not in MISHAPS:
        raise ValueError(f"{kind.value} is not to be had on the page")
    mend(portal, kind)
    portal.faults.add(Fault(kind=kind, times=_UNTIL_MENDED if lasting else FEW))


def mend(portal: Portal, kind: FaultKind | None = None) -> None:
    """This mishap ends; without one, all do."""
    waiting = portal.faults.waiting
    waiting[:] = [fault for fault in waiting if kind is not None and fault.kind is not kind]


def latest_commands(portal: Portal) -> tuple[Command, ...]:
    newest = islice(reversed(portal.traffic.executed), _LATEST)
    return tuple(Command(at=one.at.isoformat(), method=one.method, error=one.error or "") for one in newest)
