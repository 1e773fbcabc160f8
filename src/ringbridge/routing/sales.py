"""A CRM's leads and deals as they are read from it for the analytics: plain values, in no CRM's words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ringbridge.routing.clients import Ref
from ringbridge.routing.intents import UserId


class SaleState(StrEnum):
    OPEN = "open"
    WON = "won"  # of a lead: it became a client
    LOST = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale:
    """A lead or a deal, open or closed."""

    ref: Ref  # lead, deal
    state: SaleState
    created: datetime
    changed: datetime  # as the CRM says
    closed: datetime | None = None
    amount: int = 0  # hundredths of the currency
    currency: str = ""  # RUB; empty: the CRM tells none
    responsible: UserId | None = None
    clients: tuple[Ref, ...] = ()  # contacts and companies: whose it is
    phones: tuple[str, ...] = ()  # its own, as written
