"""How many new clients each phone got on the day that is kept."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from sqlalchemy import delete, select

from ringbridge.store import schema
from ringbridge.store.database import Transaction, insert

D = schema.dealt.c


async def read(tx: Transaction, day: date) -> dict[str, int]:
    found = select(D.phone, D.clients).where(D.day == day.isoformat())
    return {row.phone: row.clients for row in await tx.execute(found)}


async def keep(tx: Transaction, day: date, counts: Mapping[str, int]) -> None:
    """Of this day alone: earlier ones are forgotten."""
    await tx.execute(delete(schema.dealt).where(D.day != day.isoformat()))
    rows = [{"day": day.isoformat(), "phone": phone, "clients": count} for phone, count in counts.items()]
    if rows:
        put = insert(schema.dealt)
        changed = {"clients": put.excluded["clients"]}
        await tx.execute(put.on_conflict_do_update(index_elements=["day", "phone"], set_=changed), rows)
