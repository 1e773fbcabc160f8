"""An account's leads, which are deals in other words, open and closed, with their sums.

An incoming lead that nobody has accepted is none yet. All sums are in the account's currency.

Source: amoCRM API v4, "Leads" (stages 142 won and 143 lost in every pipeline, ``price`` in whole units; contacts come
with ``with=contacts``), "Account parameters" (``currency``).
"""

from __future__ import annotations

from datetime import UTC, datetime

from ringbridge.crm.amocrm.entities import CLOSED, WON, Kind
from ringbridge.crm.amocrm.errors import Forbidden
from ringbridge.crm.amocrm.lists import Lists, Piece, Reached
from ringbridge.crm.amocrm.mirror import linked, responsible_of
from ringbridge.crm.amocrm.rest import API, Query, Rest, Row
from ringbridge.crm.amocrm.values import as_map, text, whole
from ringbridge.crm.contract import Rejected
from ringbridge.crm.mirroring import Ref
from ringbridge.crm.sales import Sale, SalesPage, SaleState, Wanted, hundredths
from ringbridge.routing.intents import Priority


class Deals:
    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._lists = Lists(rest)
        self._currency: str | None = None  # None: not asked yet

    async def page(self, wanted: Wanted, cursor: str | None) -> SalesPage:
        """Raises `CrmError`; `Rejected` where it is this that our key does not open."""
        try:
            currency = await self._account_currency()
            piece = await self._piece(wanted, reached_of(cursor))
        except Forbidden as error:
            raise Rejected(f"Deals cannot be read. {error}", exchange=error.exchange) from error
        sales = (sale_in(row, currency) for row in piece.rows)
        # Where filters are ignored, older ones come too.
        fresh = tuple(sale for sale in sales if sale and sale.created >= wanted.created_since)
        return SalesPage(sales=fresh, cursor=cursor_of(piece.after))

    async def _piece(self, wanted: Wanted, reached: Reached) -> Piece:
        query: Query = [("filter[created_at][from]", int(wanted.created_since.timestamp()))]
        if wanted.changed_since is None:
            return await self._lists.piece(Kind.LEAD, reached, query)
        return await self._lists.changed(Kind.LEAD, int(wanted.changed_since.timestamp()), reached, query)

    async def _account_currency(self) -> str:
        if self._currency is None:
            account = await self._rest.get(f"{API}/account", priority=Priority.REST)
            self._currency = text(as_map(account).get("currency"))
        return self._currency


def reached_of(cursor: str | None) -> Reached:
    """The beginning, for None and for what is no cursor of ours."""
    parts = [whole(part) or 0 for part in (cursor or "").split()]
    return Reached(read=parts[0], last=parts[1]) if len(parts) == 2 else Reached()


def cursor_of(reached: Reached | None) -> str | None:
    return f"{reached.read} {reached.last}" if reached else None


def sale_in(row: Row, currency: str) -> Sale | None:
    """None for what is deleted, or not a lead."""
    number, created, stage = whole(row.get("id")), moment(row.get("created_at")), whole(row.get("status_id"))
    if number is None or created is None or row.get("is_deleted") is True:
        return None
    changed = moment(row.get("updated_at")) or created
    state = SaleState.OPEN if stage not in CLOSED else SaleState.WON if stage == WON else SaleState.LOST
    return Sale(
        ref=Ref(kind="deal", id=str(number)),
        state=state,
        created=created,
        changed=changed,
        closed=None if state is SaleState.OPEN else moment(row.get("closed_at")) or changed,
        amount=hundredths(row.get("price")),
        currency=currency,
        responsible=responsible_of(row),
        clients=(*linked(row, "contact", Kind.CONTACT), *linked(row, "company", Kind.COMPANY)),
    )


def moment(seconds: object) -> datetime | None:
    number = whole(seconds)
    return datetime.fromtimestamp(number, UTC) if number else None
