"""How a CRM's clients are copied, so that a caller's client and their manager are known while the CRM is away.

An adapter that can do it is a `MirrorSource`; ask with ``isinstance(crm, MirrorSource)``. What it gives are plain
values; numbers stand in them as the CRM has them written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from ringbridge.crm.contract import Receipt, Step
from ringbridge.routing.clients import MirrorClient as MirrorClient
from ringbridge.routing.clients import MirrorDeal as MirrorDeal
from ringbridge.routing.clients import MirrorFound as MirrorFound
from ringbridge.routing.clients import Ref as Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorPage:
    """One piece of the CRM. `clients` and `deals` replace what was known of them; `gone` is not there any more (a
    client that was deleted, a deal that was closed)."""

    clients: tuple[MirrorClient, ...] = ()
    deals: tuple[MirrorDeal, ...] = ()
    gone: tuple[Ref, ...] = ()
    cursor: str | None = None  # where the next piece begins, opaque; None: that was the last one
    total: int | None = None  # how many things the CRM says to have in all, where it tells


@runtime_checkable
class MirrorSource(Protocol):
    """An adapter whose CRM's clients can be read whole. Both methods spend the portal's budget at the lowest rank but
    history's, so that cards and finishes go first; both raise `CrmError`."""

    async def mirror_page(self, cursor: str | None) -> MirrorPage:
        """The next piece of everything, as large as one request gives; `cursor` None begins. A client who is there
        from the beginning of the reading to its end must come in one of its pieces; who comes twice does no harm."""
        ...

    async def mirror_changed(self, refs: Sequence[Ref]) -> MirrorPage:
        """These as they are now, however many, in as few requests as it takes; what is not there (or is a deal or a
        lead at work no more) is among `gone`."""
        ...


@runtime_checkable
class MirrorTeacher(Protocol):
    """An adapter that knows which clients its own steps made. Ask with ``isinstance(crm, MirrorTeacher)``."""

    def mirror_made(self, step: Step, receipt: Receipt) -> Sequence[Ref]:
        """Clients and deals that this step made, or gave to somebody; mostly none."""
        ...
