"""A portal's leads and deals, open and closed, with their sums.

Of a deal's contacts the list tells the first, and its company. A lead has phones of its own; one that was converted is
won. When a deal was closed is told by the last change of its stage, else by the day that stands in it.

Source: Bitrix24 REST docs, crm.lead.list, crm.deal.list (``STATUS_SEMANTIC_ID``, ``STAGE_SEMANTIC_ID``: P at work, S
success, F failure; filters by time take ISO 8601).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from ringbridge.crm.bitrix24.batch import Reference
from ringbridge.crm.bitrix24.clients import user_of
from ringbridge.crm.bitrix24.listings import phones_in, ref_of
from ringbridge.crm.bitrix24.reading import Listed, Reading, Row
from ringbridge.crm.bitrix24.sender import Sender
from ringbridge.crm.bitrix24.telephony import Command, moment, text
from ringbridge.crm.contract import Rejected
from ringbridge.crm.mirroring import Ref
from ringbridge.crm.sales import Sale, SalesPage, SaleState, Wanted, hundredths

_FIELDS = (
    *("ID", "ASSIGNED_BY_ID", "CONTACT_ID", "COMPANY_ID", "OPPORTUNITY", "CURRENCY_ID"),
    *("DATE_CREATE", "DATE_MODIFY", "MOVED_TIME"),
)
FIELDS = {
    "lead": (*_FIELDS, "STATUS_SEMANTIC_ID", "DATE_CLOSED", "PHONE"),
    "deal": (*_FIELDS, "STAGE_SEMANTIC_ID", "CLOSEDATE"),
}
SEMANTICS = {"lead": "STATUS_SEMANTIC_ID", "deal": "STAGE_SEMANTIC_ID"}
STATES = {"S": SaleState.WON, "F": SaleState.LOST}
CLOSED = {"lead": ("DATE_CLOSED", "MOVED_TIME"), "deal": ("MOVED_TIME", "CLOSEDATE")}  # the first that is told


class Deals:
    def __init__(self, sender: Sender) -> None:
        self._reading = Reading(sender)

    async def page(self, wanted: Wanted, cursor: str | None) -> SalesPage:
        """Raises `CrmError`; `Rejected` where it is this that our key does not open."""
        lists: dict[str, Listed] = {kind: partial(listed, kind, wanted) for kind in FIELDS}
        try:
            piece = await self._reading.piece(lists, cursor)
        except Rejected as error:
            raise Rejected(f"Leads and deals cannot be read. {error}", exchange=error.exchange) from error
        sales = tuple(sale for kind, row in piece.rows if (sale := sale_in(kind, row)))
        return SalesPage(sales=sales, cursor=piece.cursor, total=piece.total)


def listed(kind: str, wanted: Wanted, after: int | Reference | None) -> Command:
    """The page behind an id; None: the first one, with the count of all."""
    condition: dict[str, Any] = {">=DATE_CREATE": _written(wanted.created_since)}
    if wanted.changed_since is not None:
        condition[">=DATE_MODIFY"] = _written(wanted.changed_since)
    if after is not None:
        condition[">ID"] = after if isinstance(after, Reference) else str(after)
    start = 0 if after is None else -1
    params = {"select": FIELDS[kind], "filter": condition, "order": {"ID": "ASC"}, "start": start}
    return Command(method=f"crm.{kind}.list", params=params)


def _written(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


def sale_in(kind: str, row: Row) -> Sale | None:
    """None: the portal does not tell when it was made."""
    created = moment(row.get("DATE_CREATE"))
    if created is None:
        return None
    state = STATES.get(text(row.get(SEMANTICS[kind])).upper(), SaleState.OPEN)
    changed = moment(row.get("DATE_MODIFY")) or created
    clients = (ref_of(one, row.get(f"{one.upper()}_ID")) for one in ("contact", "company"))
    return Sale(
        ref=Ref(kind=kind, id=text(row["ID"])),
        state=state,
        created=created,
        changed=changed,
        closed=None if state is SaleState.OPEN else next(_moments(kind, row), changed),
        amount=hundredths(row.get("OPPORTUNITY")),
        currency=text(row.get("CURRENCY_ID")),
        responsible=user_of(row.get("ASSIGNED_BY_ID")),
        clients=tuple(client for client in clients if client),
        phones=phones_in(row),
    )


def _moments(kind: str, row: Mapping[str, Any]) -> Iterator[datetime]:
    return (at for name in CLOSED[kind] if (at := moment(row.get(name))))
