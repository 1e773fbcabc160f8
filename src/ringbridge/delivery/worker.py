"""Carry out a batch: fewer steps for the same result, one visit to the portal, an outcome for each delivery."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta

import structlog

from ringbridge.crm.contract import Crm, CrmError, Receipt, Rejected, Step, Transient
from ringbridge.delivery.coalesce import coalesce
from ringbridge.delivery.policy import REQUEST_LIMIT, Delivery, DeliveryId, Done, Outcome, Retry, decide, utc_now
from ringbridge.routing.intents import PortalId

log = structlog.get_logger(__name__)


CarriedOut = Callable[[PortalId, Sequence[Step], Sequence[Receipt | CrmError]], Awaitable[None]]


class Worker:
    """`deliver` is what an engine runs."""

    def __init__(
        self,
        crms: Mapping[PortalId, Crm],
        *,
        request_limit: timedelta = REQUEST_LIMIT,
        now: Callable[[], datetime] = utc_now,
        carried_out: CarriedOut | None = None,
    ) -> None:
        """`carried_out` is awaited with what became of each step, before it is settled: after a crash in between it is
        told once more."""
        self._crms = crms
        self._carried_out = carried_out
        self._request_limit = request_limit
        self._now = now

    async def deliver(self, deliveries: Sequence[Delivery]) -> list[Outcome]:
        """Carry out deliveries of one portal, in the order of each record, and tell what became of each."""
        plan = coalesce(deliveries)
        outcomes: dict[DeliveryId, Outcome] = {i: Done(note=why) for i, why in plan.needless.items()}
        portal, steps = deliveries[0].portal, [errand.step for errand in plan.errands]
        answers = await self._carry_out(portal, steps)
        if steps and self._carried_out:
            await self._carried_out(portal, steps, answers)
        rows = {row.id: row for row in deliveries}
        now = self._now()
        for errand, answer in zip(plan.errands, answers, strict=True):
            for i in errand.settles:
                outcomes[i] = decide(answer, attempts=rows[i].attempts, now=now, request_limit=self._request_limit)
                tell(rows[i], outcomes[i])
        return [outcomes[row.id] for row in deliveries]

    async def _carry_out(self, portal: PortalId, steps: Sequence[Step]) -> Sequence[Receipt | CrmError]:
        """An adapter that breaks must not take the other portals with it, nor lose what it was given."""
        if not steps:
            return []
        try:
            answers = await self._crms[portal].carry_out(steps)
        except CrmError as error:
            return [error] * len(steps) if not isinstance(error, Rejected) else [doubt(error)] * len(steps)
        except Exception as error:
            log.exception("adapter_failed", portal=portal)
            return [doubt(error)] * len(steps)
        if len(answers) != len(steps):
            log.error("adapter_answered_wrongly", portal=portal, steps=len(steps), answers=len(answers))
            return [doubt(RuntimeError(f"{len(answers)} answers to {len(steps)} steps"))] * len(steps)
        return answers


def doubt(error: Exception) -> Transient:
    return Transient(f"The adapter failed ({type(error).__name__}: {error}); its log has the details", maybe_done=True)


def tell(row: Delivery, outcome: Outcome) -> None:
    facts = {"portal": row.portal, "record": row.intent.record, "step": row.intent.step}
    match outcome:
        case Done():
            log.info("delivered", **facts)
        case Retry():
            log.info("delivery_postponed", **facts, until=outcome.at.isoformat(), reason=outcome.reason)
        case _:
            log.warning("delivery_stopped", **facts, outcome=type(outcome).__name__, reason=outcome.reason)
