"""How a CRM's clients are copied, so that a caller's client and their manager are known while the CRM is away.

An adapter that can do it is a `MirrorSource`; ask with ``isinstance(crm, MirrorSource)``. What it gives are plain
values; numbers stand in them as the CRM has them written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from ringbridge.routing.intents import UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class Ref:
    """One thing of the CRM."""

    kind: str  # contact, company, lead, deal
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorClient:
    """A client with all their numbers."""

    ref: Ref  # contact, company or lead
    name: str
    responsible: UserId | None
    phones: tuple[str, ...] = ()  # as written
    company: Ref | None = None  # for whom a contact works
    company_name: str = ""  # where the CRM tells it along with the contact or lead


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorDeal:
    """A deal at work: neither won nor lost."""

    ref: Ref
    title: str
    responsible: UserId | None
    clients: tuple[Ref, ...] = ()  # whose deal it is


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorFound:
    """What the mirror knows of one client, for whoever decides where their call goes."""

    kind: str  # contact, company, lead
    id: str
    name: str
    responsible: UserId | None
    company: str = ""  # its name
    deal: str | None = None  # the title of their most recent deal at work; None: there is none
    deal_responsible: UserId | None = None


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
        """The next piece of everything, as large as one request gives; `cursor` None begins."""
        ...

    async def mirror_changed(self, refs: Sequence[Ref]) -> MirrorPage:
        """These as they are now, however many, in as few requests as it takes."""
        ...
