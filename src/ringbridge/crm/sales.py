"""How a CRM's leads and deals are read, so that the office sees which calls bring money.

An adapter that can do it is a `SalesSource`; ask with ``isinstance(crm, SalesSource)``. What it gives are plain values.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any, Protocol, runtime_checkable

from ringbridge.routing.sales import Sale as Sale
from ringbridge.routing.sales import SaleState as SaleState

LARGEST = Decimal(
    10**15
)  # hundredths: what is beyond it is a slip of the keyboard, and sums of many such would not fit


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which leads and deals are asked for."""

    created_since: datetime
    changed_since: datetime | None = None  # None: whenever they were changed


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesPage:
    sales: tuple[Sale, ...] = ()
    cursor: str | None = None  # where the next piece begins, opaque; None: that was the last one
    total: int | None = None  # how many the CRM says there are in all, where it tells


@runtime_checkable
class SalesSource(Protocol):
    """An adapter whose CRM's leads and deals can be read. It spends the portal's budget at the lowest rank but
    history's. Raises `CrmError`; `Rejected` where the connection has no right to read them, in words an administrator
    can act on."""

    async def sales_page(self, wanted: Wanted, cursor: str | None) -> SalesPage:
        """The next piece of these, as large as one request gives; `cursor` None begins. What is there from the
        beginning of the reading to its end must come in one of its pieces; what comes twice does no harm."""
        ...


def hundredths(amount: Any) -> int:
    """Of a sum as a CRM writes it ("1500.50", 1500, nothing)."""
    try:
        exact = Decimal(str(amount))
    except InvalidOperation:
        return 0
    if not exact.is_finite():
        return 0
    return int(max(-LARGEST, min(exact * 100, LARGEST)).quantize(Decimal(1), ROUND_HALF_UP))
