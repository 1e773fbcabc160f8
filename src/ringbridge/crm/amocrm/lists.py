"""Long lists of an account, read whole or from what was changed last.

Lists come in pages by number, and a page number is a place in a list that changes while it is read: what is deleted
moves everything behind it one place forward, and the next page begins behind something that nobody has seen. So a whole
list is asked for by id, in which order new things stand at the end, and each piece begins at or before the last row of
the one before: a piece that holds no row of those has a gap before it, and the reading goes back.

Source: amoCRM API v4, "Contacts", "Companies", "Leads", "Filtration": pages of 250 at most, orders by ``id`` and
``updated_at``. Filters are switched off in some accounts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ringbridge.crm.amocrm.entities import Kind
from ringbridge.crm.amocrm.rest import API, PER_PAGE, Query, Rest, Row
from ringbridge.crm.amocrm.values import as_map, embedded, whole
from ringbridge.crm.contract import Transient
from ringbridge.routing.intents import Priority

FEWEST = 25  # rows that are asked for however slow the account is


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """How far a list has been read."""

    read: int = 0  # rows
    last: int = 0  # id of the last of these rows, where the list is read by id


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    rows: list[Row]
    after: Reached | None  # where the next one begins; None: that was the last


class Lists:
    """Raises `CrmError`. An account that does not answer is asked for less the next time: pages of heavy leads are what
    its gateway loses patience with."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._most = PER_PAGE  # rows that are asked for

    async def piece(self, kind: Kind, reached: Reached, query: Query = ()) -> Piece:
        """The list from its beginning to its end."""
        number, limit = window(reached.read, self._most)
        rows, more = await self.rows(kind, [*query, ("order[id]", "asc"), ("page", number), ("limit", limit)])
        ids = [whole(row.get("id")) or 0 for row in rows]
        if reached.read and has_gap(ids, reached.last):
            return Piece(rows=rows, after=Reached(read=max(reached.read - PER_PAGE, 0), last=reached.last))
        return Piece(rows=rows, after=Reached(read=number * limit, last=ids[-1]) if more else None)

    async def changed(self, kind: Kind, since: int, reached: Reached, query: Query = ()) -> Piece:
        """What was changed since this Unix time, the newest first: what is changed meanwhile takes nothing out of the
        pages that follow."""
        number, limit = window(reached.read, self._most)
        ordered: Query = [("order[updated_at]", "desc"), ("filter[updated_at][from]", since)]
        rows, more = await self.rows(kind, [*query, *ordered, ("page", number), ("limit", limit)])
        fresh = [row for row in rows if (whole(row.get("updated_at")) or since) >= since]
        # Where filters are ignored, the list goes on with what is old.
        goes_on = more and len(fresh) == len(rows)
        return Piece(rows=fresh, after=Reached(read=number * limit) if goes_on else None)

    async def rows(self, kind: Kind, query: Query) -> tuple[list[Row], bool]:
        """And whether the list goes on."""
        try:
            body = await self._rest.get(f"{API}/{kind.path}", [*query, *along(kind)], priority=Priority.REST)
        except Transient:
            self._most = max(self._most // 2, FEWEST)
            raise
        self._most = min(self._most * 2, PER_PAGE)
        rows = embedded(body, kind.path)
        return rows, bool(rows and as_map(as_map(body).get("_links")).get("next"))


def along(kind: Kind) -> Query:
    """What is asked for with a row. A contact brings its company unasked."""
    return [("with", "contacts")] if kind is Kind.LEAD else []


def window(read: int, most: int = PER_PAGE) -> tuple[int, int]:
    """Number and size of the page that begins at or before the row read last and goes farthest beyond it. With at most
    250 rows a page, it brings 230 new rows on the average."""
    limit = max(range(1, most + 1), key=lambda size: (max(read - 1, 0) // size + 1) * size)
    return max(read - 1, 0) // limit + 1, limit


def has_gap(ids: Sequence[int], last: int) -> bool:
    """Whether rows may be missing between the one read last and this piece. Where the account keeps another order
    than it was asked for, nothing can be told."""
    return list(ids) == sorted(ids) and not any(number <= last for number in ids)
