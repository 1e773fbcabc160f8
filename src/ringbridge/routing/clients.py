"""A CRM's clients and deals as they are copied from it: plain values, in no CRM's words.

Numbers stand in them as the CRM has them written.
"""

from __future__ import annotations

from dataclasses import dataclass

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
    company_responsible: UserId | None = None  # where the company is kept itself
    deal: str | None = None  # the title of their most recent deal at work; None: there is none
    deal_responsible: UserId | None = None
