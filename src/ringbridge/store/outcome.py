"""A delivery on its way, and what became of a try: the values that the store keeps and delivery decides on.

`sent` and `answered` are the exchange with the portal for the call's story, secrets masked; None where there was none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NewType

from ringbridge.routing.intents import Intent, PortalId

DeliveryId = NewType("DeliveryId", int)

Facts = Mapping[str, Any]
"""JSON-ready values that an adapter wants back with the later steps of the same record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One intent on its way to one portal, as the store keeps it."""

    id: DeliveryId
    portal: PortalId
    intent: Intent
    facts: Facts = field(default_factory=dict)  # receipts of the record's earlier steps
    attempts: int = 0  # tries that count
    uncertain: bool = False  # a try was begun and its answer never came


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    facts: Facts = field(default_factory=dict)
    note: str = ""  # why it needed no request of its own, for the call's story
    sent: str | None = None
    answered: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    at: datetime
    reason: str
    counts: bool  # whether the try uses one of the attempts
    uncertain: bool = False
    sent: str | None = None
    answered: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Park:
    """The whole portal waits; the delivery waits with it and has lost nothing."""

    reason: str
    until: datetime | None = None  # None: until a person mends it
    sent: str | None = None
    answered: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUp:
    reason: str
    sent: str | None = None
    answered: str | None = None


Outcome = Done | Retry | Park | GiveUp
