"""The deliveries: every intent that was decided, from its call's own transaction until the CRM has it.

A row is `waiting`, then `sending` (written before it is handed out, so that after a crash it is known to be
uncertain), then waiting again, `done` or `given_up`. Which rows may be handed out is told in `order`; each change of a
call's rows arranges them anew, so that a claim only reads the few heads that are due.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Boolean, Integer, and_, bindparam, case, func, literal, or_, select, update

from ringbridge.routing.intents import Intent, PortalId, Priority, RegisterCall, idempotency_key
from ringbridge.store import portals
from ringbridge.store.database import Transaction, insert
from ringbridge.store.documents import dump_facts, dump_intent, load_facts, load_intent
from ringbridge.store.keys import CallKey
from ringbridge.store.order import REFUSED, Row, State, arrange, together
from ringbridge.store.outcome import Delivery, DeliveryId, Done, GiveUp, Outcome, Park, Retry
from ringbridge.store.schema import GIVEN_UP, HEADS, OPEN, Moment, deliveries

D = deliveries.c
# Written once: to put a statement together takes longer than to carry it out.
ADD = insert(deliveries).on_conflict_do_nothing(index_elements=["portal", "key"]).returning(D.id)
# Spelled so that the index of the heads gives the answer in order; a test asks the planner.
DUE_HEADS = (
    select(D.call_key, D.id)
    .where(D.portal == bindparam("of"), D.rank == bindparam("haste"), D.due <= bindparam("now", type_=Moment), HEADS)
    .order_by(D.due)
    .limit(bindparam("most", type_=Integer))
)
NEXT_HEADS = select(
    *(
        select(D.due)
        .where(D.portal == bindparam("of"), D.rank == priority.rank, HEADS)
        .order_by(D.due)
        .limit(1)
        .scalar_subquery()
        for priority in Priority
    )
)
TAKE = (
    update(deliveries)
    .where(D.id == bindparam("row"))
    .values(state=State.SENDING, sent_at=bindparam("now", type_=Moment))
)
REARRANGE = update(deliveries).where(D.id == bindparam("row")).values(head=bindparam("first"), rank=bindparam("haste"))
HANDED_OUT = select(D.id, D.call_key, D.record, D.kind, D.intent, D.attempts, D.uncertain).where(
    D.id.in_(bindparam("rows", expanding=True))
)
FACTS = (
    select(D.record, D.facts)
    .where(D.call_key.in_(bindparam("calls", expanding=True)), D.portal == bindparam("of"), D.facts.is_not(None))
    .order_by(D.id)
)
RESULT = (
    update(deliveries)
    .where(D.id == bindparam("row"), D.state == State.SENDING)
    .values(
        state=bindparam("to"),
        attempts=D.attempts + bindparam("counted", type_=Integer),
        uncertain=or_(D.uncertain, bindparam("doubt", type_=Boolean)),
        due=func.coalesce(bindparam("next", type_=Moment), D.due),
        facts=bindparam("brought"),
        sent=func.coalesce(bindparam("said"), D.sent),
        answered=func.coalesce(bindparam("heard"), D.answered),
        reason=bindparam("why"),
        answered_at=bindparam("now", type_=Moment),
        settled=bindparam("ended", type_=Moment),
    )
)
CALLS_OF = select(D.call_key).distinct().where(D.id.in_(bindparam("rows", expanding=True)))
ORDER = (D.call_key, D.id, D.record, D.kind, D.rank, D.state, D.due, D.head, D.reason)
ROWS_OF_CALLS = (
    select(*ORDER)
    .where(
        D.call_key.in_(bindparam("calls", expanding=True)),
        D.portal == bindparam("of"),
        or_(
            D.state.in_([State.WAITING, State.SENDING]),
            and_(D.kind == RegisterCall.__name__, D.state.in_(REFUSED)),
        ),
    )
    .order_by(D.id)
)


async def enqueue(
    tx: Transaction, portal: PortalId, intents: Sequence[Intent], call_key: CallKey, now: datetime
) -> list[DeliveryId]:
    """Write what is wanted of the portal, in the transaction that journals the call. Returns the new rows; an intent
    whose idempotency key is there already is left as it is."""
    if not intents:
        return []
    written = (await tx.execute(ADD, [columns(portal, intent, call_key, now) for intent in intents])).scalars().all()
    if written:
        await rearrange(tx, portal, {call_key}, now)
    return [DeliveryId(i) for i in sorted(written)]


def columns(portal: PortalId, intent: Intent, call_key: CallKey, now: datetime) -> dict[str, Any]:
    return {
        "portal": portal,
        "call_key": call_key,
        "record": intent.record,
        "step": intent.step,
        "key": idempotency_key(intent),
        "kind": type(intent).__name__,
        "intent": dump_intent(intent),
        "rank": intent.priority.rank,
        "state": State.WAITING,
        "head": False,
        "attempts": 0,
        "due": now,
        "uncertain": False,
        "created": now,
    }


async def claim(
    tx: Transaction, portal: PortalId, now: datetime, limit: int, priorities: Collection[Priority] = tuple(Priority)
) -> list[Delivery]:
    """Take what goes next, at most `limit` rows, and mark it as being sent. Hand it out only after the commit.

    By priority of the head row, then by how long it is due; rows of one lane stay together and in order. With
    `priorities` only heads of these are looked for. A parked portal is the caller's to ask about.
    """
    heads = await due_heads(tx, portal, now, limit, priorities)
    rows = await rows_of(tx, portal, {call for call, _ in heads})
    chosen: list[int] = []
    for call, head in heads:
        chosen += together(head, rows[call], now)
    chosen = chosen[:limit]
    if not chosen:
        return []
    await tx.execute(TAKE, [{"row": i, "now": now} for i in chosen])
    return await handed_out(tx, portal, chosen)


async def due_heads(
    tx: Transaction, portal: PortalId, now: datetime, limit: int, priorities: Collection[Priority]
) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    for priority in Priority:
        if priority in priorities and len(found) < limit:
            asked = {"of": portal, "haste": priority.rank, "now": now, "most": limit - len(found)}
            found += [(row.call_key, row.id) for row in await tx.execute(DUE_HEADS, asked)]
    return found


async def handed_out(tx: Transaction, portal: PortalId, ids: Sequence[int]) -> list[Delivery]:
    found = (await tx.execute(HANDED_OUT, {"rows": list(ids)})).mappings()
    rows = {row["id"]: row for row in found}
    known = await facts_of(tx, portal, {row["call_key"] for row in rows.values()})
    return [
        Delivery(
            id=DeliveryId(i),
            portal=portal,
            intent=load_intent(rows[i]["kind"], rows[i]["intent"]),
            facts=known[rows[i]["record"]],
            attempts=rows[i]["attempts"],
            uncertain=rows[i]["uncertain"],
        )
        for i in ids
    ]


async def facts_of(tx: Transaction, portal: PortalId, calls: Iterable[str]) -> dict[str, dict[str, Any]]:
    """What the done steps of each record brought, a later one over an earlier one."""
    known: dict[str, dict[str, Any]] = defaultdict(dict)
    for row in await tx.execute(FACTS, {"calls": list(calls), "of": portal}):
        known[row.record] |= load_facts(row.facts)
    return known


async def settle(tx: Transaction, portal: PortalId, outcomes: Mapping[DeliveryId, Outcome], now: datetime) -> None:
    """Write what became of rows that were handed out. A `Park` among them parks the portal too."""
    if not outcomes:
        return
    await tx.execute(RESULT, [{"row": i} | changes(outcome, now) for i, outcome in outcomes.items()])
    touched = await tx.execute(CALLS_OF, {"rows": list(outcomes)})
    await rearrange(tx, portal, set(touched.scalars()), now)
    for outcome in outcomes.values():
        if isinstance(outcome, Park):
            await portals.park(tx, portal, reason=outcome.reason, until=outcome.until, now=now)


def changes(outcome: Outcome, now: datetime) -> dict[str, Any]:
    fixed: dict[str, Any] = {"counted": 0, "doubt": False, "next": None, "brought": None, "why": None, "ended": None}
    fixed |= {"said": outcome.sent, "heard": outcome.answered, "now": now}
    match outcome:
        case Done():
            told = dump_facts(outcome.facts)
            return fixed | {"to": State.DONE, "brought": told, "why": outcome.note or None, "ended": now}
        case GiveUp():
            return fixed | {"to": State.GIVEN_UP, "why": outcome.reason, "ended": now}
        case Park():
            return fixed | {"to": State.WAITING, "why": outcome.reason}
        case Retry():
            doubt, counted = outcome.uncertain, int(outcome.counts)
            return fixed | {
                "to": State.WAITING, "why": outcome.reason, "next": outcome.at, "doubt": doubt, "counted": counted
            }  # fmt: skip


async def release(tx: Transaction, ids: Collection[DeliveryId]) -> None:
    """Rows that were claimed and then not sent after all wait again, as if nothing had been."""
    back = update(deliveries).where(D.id == bindparam("row"), D.state == State.SENDING)
    if ids:
        await tx.execute(back.values(state=State.WAITING, sent_at=None), [{"row": i} for i in ids])


async def recover(tx: Transaction, now: datetime, request_limit: timedelta) -> int:
    """At start: whatever was being sent when the last process ended may or may not have arrived. It is tried again,
    flagged as uncertain, when the portal cannot be working on it any more. Returns how many rows that are."""
    lost = (await tx.execute(select(D.id, D.sent_at).where(OPEN, D.state == State.SENDING))).all()
    again = update(deliveries).where(D.id == bindparam("row"))
    if lost:
        await tx.execute(
            again.values(state=State.WAITING, uncertain=True, due=bindparam("next"), reason=bindparam("why")),
            [{"row": row.id, "next": (row.sent_at or now) + request_limit, "why": INTERRUPTED} for row in lost],
        )
    return len(lost)


INTERRUPTED = "Ringbridge stopped before the answer came"


async def hasten(tx: Transaction, portal: PortalId, now: datetime, rest: timedelta) -> int:
    """The portal answers again: what failed and would be tried much later is tried now, or after a `rest` where its
    last try was a moment ago. What waits because the portal asked for it goes on waiting. Returns how many rows."""
    failed = update(deliveries).where(D.portal == portal, HEADS, D.attempts > 0, D.due > now + rest)
    soon = case((D.answered_at <= now - rest, literal(now, Moment)), else_=literal(now + rest, Moment))
    return len((await tx.execute(failed.values(due=soon).returning(D.id))).all())


async def revive(tx: Transaction, portal: PortalId, call_key: CallKey, now: datetime) -> int:
    """A person wants what was given up of a call to be tried again. Returns how many rows that are."""
    again = update(deliveries).where(D.call_key == call_key, D.portal == portal, D.state == State.GIVEN_UP)
    waiting = again.values(state=State.WAITING, attempts=0, due=now, reason=None, settled=None)
    revived = (await tx.execute(waiting.returning(D.id))).all()
    await rearrange(tx, portal, {call_key}, now)
    return len(revived)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What a portal has still to get."""

    waiting: int
    sending: int
    oldest: datetime  # when the oldest of them was decided


async def backlog(tx: Transaction) -> dict[PortalId, Backlog]:
    """Of each portal that has any."""
    sending = func.sum(case((D.state == State.SENDING, 1), else_=0)).label("sending")
    rows, oldest = func.count().label("rows"), func.min(D.created).label("oldest")
    found = await tx.execute(select(D.portal, rows, sending, oldest).where(OPEN).group_by(D.portal))
    return {
        PortalId(row["portal"]): Backlog(
            waiting=row["rows"] - row["sending"], sending=row["sending"], oldest=row["oldest"]
        )
        for row in found.mappings()
    }


async def waiting(tx: Transaction, portal: PortalId) -> dict[Priority, int]:
    """How many rows of each priority the portal has still to get."""
    ranks = list(Priority)
    counted = select(D.rank, func.count().label("rows")).where(D.portal == portal, OPEN).group_by(D.rank)
    return {ranks[row.rank]: row.rows for row in await tx.execute(counted)}


async def given_up(tx: Transaction, portal: PortalId) -> int:
    """How many rows the portal refused for good."""
    counted = select(func.count()).select_from(deliveries).where(D.portal == portal, GIVEN_UP)
    return int((await tx.execute(counted)).scalar_one())


async def next_due(
    tx: Transaction, portal: PortalId, priorities: Collection[Priority] = tuple(Priority)
) -> datetime | None:
    """When the next row may be claimed, if nothing else happens; None while nothing waits."""
    heads = (await tx.execute(NEXT_HEADS, {"of": portal})).one()
    moments = [due for priority in priorities if (due := heads[priority.rank])]
    return min(moments, default=None)


async def rearrange(tx: Transaction, portal: PortalId, calls: Collection[str], now: datetime) -> None:
    """Put heads, haste and doom of these calls' rows in order after a change."""
    edits: list[dict[str, Any]] = []
    doomed: list[dict[str, Any]] = []
    for rows in (await rows_of(tx, portal, calls)).values():
        order = arrange(rows)
        doomed += [{"row": i, "why": reason} for i, reason in order.doomed.items()]
        edits += [edit for row in rows if row.open and (edit := edited(row, order.heads, order.demoted))]
    if doomed:
        ended = update(deliveries).where(D.id == bindparam("row"), D.state == State.WAITING)
        await tx.execute(ended.values(state=State.GIVEN_UP, reason=bindparam("why"), settled=now), doomed)
    if edits:
        await tx.execute(REARRANGE, edits)


def edited(row: Row, heads: Collection[int], demoted: Collection[int]) -> dict[str, Any] | None:
    first, haste = row.id in heads, Priority.FINISH.rank if row.id in demoted else row.rank
    return {"row": row.id, "first": first, "haste": haste} if (first, haste) != (row.head, row.rank) else None


async def rows_of(tx: Transaction, portal: PortalId, calls: Collection[str]) -> dict[str, list[Row]]:
    """What `arrange` needs to know of each call: its open rows and the registrations that were given up, by id."""
    found: dict[str, list[Row]] = defaultdict(list)
    if not calls:
        return found
    for row in (await tx.execute(ROWS_OF_CALLS, {"calls": list(calls), "of": portal})).mappings():
        values = dict(row)
        found[values.pop("call_key")].append(Row(**values | {"state": State(row["state"])}))
    return found
