from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from tests.stateful.sample_calls import NOON, PORTAL, Record
from tests.stateful.twin_crm import Fault, TwinCrm

from ringbridge.crm.contract import CrmError, Receipt, Rejected, Step, Throttled, Unauthorized
from ringbridge.delivery.policy import Delivery, DeliveryId, Done, GiveUp, Park, Retry
from ringbridge.delivery.worker import Worker
from ringbridge.routing.intents import Intent

R = Record()


def rows(*intents: Intent) -> list[Delivery]:
    return [Delivery(id=DeliveryId(n), portal=PORTAL, intent=i, attempts=n) for n, i in enumerate(intents)]


class BrokenCrm(TwinCrm):
    """An adapter with a bug of its own."""

    def __init__(self, bug: Exception | int) -> None:
        super().__init__(lambda: NOON)
        self.bug = bug

    async def carry_out(self, steps: Sequence[Step]) -> Sequence[Receipt | CrmError]:
        if isinstance(self.bug, Exception):
            raise self.bug
        return [Receipt()] * self.bug


def a_worker(twin: TwinCrm) -> Worker:
    return Worker({PORTAL: twin}, now=lambda: NOON)


async def test_every_row_gets_its_outcome_in_its_place() -> None:
    twin = TwinCrm(lambda: NOON)
    faults = {"FinishCall": Fault.REJECTED}
    twin.fault = lambda step: faults.get(step.intent.step, Fault.NONE)
    outcomes = await a_worker(twin).deliver(rows(R.register(), R.show("2"), R.show("3", ring="2")))
    assert [type(outcome) for outcome in outcomes] == [Done] * 3
    assert outcomes[0].sent == "> RegisterCall"
    assert len(twin.requests[0]) == 2
    other = Record(2)
    outcomes = await a_worker(twin).deliver(rows(other.register(), other.show("2"), other.finish()))
    assert [type(outcome) for outcome in outcomes] == [Done, Done, GiveUp]
    assert outcomes[1] == Done(note="not sent: the call was over already")


async def test_rows_that_went_as_one_command_wait_each_by_its_own_tries() -> None:
    twin = TwinCrm(lambda: NOON)
    twin.fault = lambda _: Fault.DOWN
    outcomes = await a_worker(twin).deliver(rows(R.show("1"), R.show("2", ring="2")))
    assert [o.at - NOON for o in outcomes if isinstance(o, Retry)] == [timedelta(seconds=2), timedelta(seconds=4)]


async def test_what_is_not_needed_is_not_sent() -> None:
    twin = TwinCrm(lambda: NOON)
    await a_worker(twin).deliver(rows(R.show("1"), R.finish()))
    assert [step.intent.step for step in twin.requests[0]] == ["FinishCall"]


@pytest.mark.parametrize("bug", [KeyError("result"), 0, 3, Rejected("raised instead of returned")])
async def test_an_adapter_that_breaks_loses_nothing_and_what_it_did_is_in_doubt(bug: Exception | int) -> None:
    outcomes = await a_worker(BrokenCrm(bug)).deliver(rows(R.register(), R.finish()))
    assert [isinstance(o, Retry) and o.uncertain for o in outcomes] == [True, True]


@pytest.mark.parametrize(
    ("error", "outcome"), [(Unauthorized("no"), Park), (Throttled("wait", until=NOON + timedelta(minutes=1)), Retry)]
)
async def test_an_error_that_is_raised_is_every_rows_answer(error: CrmError, outcome: type) -> None:
    outcomes = await a_worker(BrokenCrm(error)).deliver(rows(R.register(), R.finish()))
    assert [type(o) for o in outcomes] == [outcome, outcome]
