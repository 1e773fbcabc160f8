"""An answer that never came back loses no call and doubles none."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest
from tests.contract.bitrix24_office import (
    Office,
    attach,
    finish,
    hide,
    hours_ago,
    office,
    portal,
    record,
    register,
    show,
)

from ringbridge.crm.contract import CrmError, Receipt, Rejected, Step, Throttled, Transient, Unauthorized
from ringbridge.emulators.bitrix24 import Fault, FaultKind
from ringbridge.routing.intents import Intent

AFTER = [FaultKind.LOSE_ANSWER, FaultKind.GATEWAY_TIMEOUT]  # executed, and nobody knows
BEFORE = [FaultKind.CUT, FaultKind.UNAVAILABLE, FaultKind.HTML_500, FaultKind.HTML_200, FaultKind.INTERNAL_ERROR]


async def deliver(at: Office, *intents: Intent) -> list[Receipt]:
    """Carry out steps the way a durable worker does: what failed is tried again, in doubt where it was in doubt."""
    facts: dict[str, Any] = {}
    waiting = [(intent, False) for intent in intents]
    receipts: list[Receipt] = []
    for _ in range(6):
        steps = [Step(intent=intent, facts=facts, uncertain=doubt) for intent, doubt in waiting]
        answers = await at.crm.carry_out(steps)
        again = []
        for (intent, doubt), answer in zip(waiting, answers, strict=True):
            if isinstance(answer, Receipt):
                receipts.append(answer)
                facts = {**facts, **answer.facts}
                continue
            assert isinstance(answer, Transient | Throttled), answer
            again.append((intent, doubt or (isinstance(answer, Transient) and answer.maybe_done)))
        waiting = again
        if not waiting:
            return receipts
    raise AssertionError(f"never delivered: {waiting}")


@pytest.mark.parametrize("kind", AFTER + BEFORE)
@pytest.mark.parametrize("hit", [0, 1, 2])
async def test_a_live_call_is_recorded_once_whichever_answer_was_lost(kind: FaultKind, hit: int) -> None:
    async with office() as at:
        at.portal.faults.add(Fault(kind=kind, skip=hit))
        facts: dict[str, Any] = {}
        for stage in ([register()], [show("2"), hide("2", ring=1)], [finish()]):
            steps = [Step(intent=intent, facts=facts) for intent in stage]
            for _ in range(3):
                answers = await at.crm.carry_out(steps)
                failed = [answer for answer in answers if not isinstance(answer, Receipt)]
                for answer in answers:
                    facts |= answer.facts if isinstance(answer, Receipt) else {}
                if not failed:
                    break
                steps = [Step(intent=intent, facts=facts, uncertain=failed[0].maybe_done) for intent in stage]
        (call,) = at.finished
        assert call.call.external_call_id == record()
        assert not at.running


@pytest.mark.parametrize("kind", AFTER + BEFORE)
async def test_a_call_that_is_over_is_recorded_once_though_its_only_answer_was_lost(kind: FaultKind) -> None:
    async with office() as at:
        at.portal.faults.add(Fault(kind=kind))
        receipts = await deliver(at, register(live=False), finish(), attach())
        (call,) = at.finished
        assert not at.running
        assert receipts[0].facts["call_id"] == call.call.call_id
        assert call.record_file_id is not None


@pytest.mark.parametrize("kind", AFTER)
async def test_a_catch_up_of_a_call_of_hours_ago_is_not_doubled(kind: FaultKind) -> None:
    async with office() as at:
        at.portal.faults.add(Fault(kind=kind))
        await deliver(at, register(started=hours_ago(5), live=False), finish())
        assert len(at.finished) == 1
        assert not at.running


async def test_many_doubtful_calls_are_asked_about_in_one_request() -> None:
    async with office() as at:
        intents = [i for n in range(20) for i in (register(n, live=False, number=f"+7999000{n:04}"), finish(n))]
        await at.do(*intents)
        requests = at.portal.traffic.requests
        answers = await at.do(*intents, uncertain=True)
        assert all(isinstance(answer, Receipt) for answer in answers)
        assert at.portal.traffic.requests == requests + 1
        assert len(at.finished) == 20


async def test_a_second_finish_is_done_when_the_statistics_have_the_call() -> None:
    async with office() as at:
        facts = await at.registered()
        await at.do(finish(), facts=facts)
        (again,) = await at.do(finish(), facts=facts)
        assert isinstance(again, Receipt)
        assert again.facts["activity"] == str(at.finished[0].activity_id)


async def test_a_doubtful_finish_that_did_not_happen_is_done_now() -> None:
    async with office() as at:
        facts = await at.registered()
        (done,) = await at.do(finish(), facts=facts, uncertain=True)
        assert isinstance(done, Receipt)
        assert len(at.finished) == 1


async def test_a_finish_of_a_call_that_the_portal_never_knew_is_rejected() -> None:
    async with office() as at:
        (answer,) = await at.do(finish(), facts={"call_id": "externalCall.0.1"})
        assert isinstance(answer, Rejected)


async def test_a_call_that_the_portal_forgot_before_its_end_is_registered_again_and_finished() -> None:
    async with office(portal(unfinished_call_lifetime=timedelta(0))) as at:
        facts = await at.registered(register(started=hours_ago(2)))
        at.portal.telephony.active.clear()
        at.portal.settings.unfinished_call_lifetime = None
        cards = len(at.portal.telephony.cards.log)
        (done,) = await at.do(finish(), facts=facts)
        assert isinstance(done, Receipt)
        (call,) = at.finished
        assert (call.call.external_call_id, call.duration) == (record(), 42)
        assert done.facts["call_id"] == call.call.call_id
        assert not [move for move in at.portal.telephony.cards.log[cards:] if move.why != "finish"]


async def test_a_question_that_fails_leaves_the_doubt() -> None:
    async with office() as at:
        at.portal.faults.add(Fault(kind=FaultKind.HTML_500))
        (failed,) = await at.do(register(), uncertain=True)
        at.portal.faults.add(Fault(kind=FaultKind.QUERY_LIMIT))
        (throttled,) = await at.do(register(), uncertain=True)
        assert isinstance(throttled, Throttled)
        assert isinstance(failed, Transient)
        assert failed.maybe_done
        assert not at.running


async def test_without_the_right_to_see_statistics_nothing_is_lost() -> None:
    async with office() as at:
        at.portal.staff.users[1].sees_statistics = False
        facts = await at.registered()
        (again,) = await at.do(register(), uncertain=True)
        assert again.facts["call_id"] == facts["call_id"]
        await at.do(finish(), facts=facts)
        (repeated,) = await at.do(finish(), facts=facts, uncertain=True)
        assert isinstance(repeated, Receipt)
        assert len(at.finished) == 1


@pytest.mark.parametrize("kind", [kind for kind in AFTER + BEFORE if kind is not FaultKind.UNAVAILABLE])
async def test_every_step_of_a_batch_whose_answer_was_lost_is_in_doubt(kind: FaultKind) -> None:
    async with office() as at:
        at.portal.faults.add(Fault(kind=kind))
        answers = await at.do(register(1), finish(1), register(2))
        assert all(isinstance(answer, Transient) and answer.maybe_done for answer in answers)


async def test_a_portal_that_cannot_be_reached_leaves_nothing_in_doubt() -> None:
    async with office() as at:
        crm, closed = at.crm, at.portal.address
        moved = closed.rpartition(":")[0] + ":9"
        crm._key._webhook = type(crm._key.credentials)(address=at.portal.webhook_url.replace(closed, moved))
        (answer,) = await at.do(register())
        assert isinstance(answer, Transient)
        assert not answer.maybe_done


@pytest.mark.parametrize(
    "kind",
    [
        FaultKind.UNAVAILABLE,
        FaultKind.QUERY_LIMIT,
        FaultKind.OVERLOAD,
        FaultKind.OPERATION_LIMIT,
        FaultKind.PORTAL_DELETED,
    ],
)
async def test_a_refused_batch_is_not_executed_and_not_in_doubt(kind: FaultKind) -> None:
    async with office() as at:
        at.portal.faults.add(Fault(kind=kind))
        answers = await at.do(register(), finish())
        assert all(isinstance(answer, CrmError) for answer in answers)
        assert not any(getattr(answer, "maybe_done", False) for answer in answers)
        assert not at.running


KINDS = [*AFTER, *BEFORE, FaultKind.EXPIRED_TOKEN]


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_is_lost_on_the_way_each_call_is_recorded_once(seed: int) -> None:
    """Ten calls at different stages, every second request struck by a fault."""
    chance = random.Random(seed)
    async with office(oauth=bool(seed % 2)) as at:
        waiting: dict[int, list[tuple[Intent, bool]]] = {}
        facts: dict[int, dict[str, Any]] = {n: {} for n in range(10)}
        for n in facts:
            live = chance.random() < 0.5
            started = hours_ago(0 if live else chance.choice([0, 3]))
            call = register(n, live=live, number=f"+7999000{n:04}", started=started)
            waiting[n] = [(i, False) for i in (call, show("2", n=n), hide("2", n=n, ring=1), finish(n), attach(n))]
        for _ in range(200):
            if chance.random() < 0.5:
                at.portal.faults.clear()
                at.portal.faults.add(Fault(kind=chance.choice(KINDS), skip=chance.randrange(2)))
            chosen = [n for n in facts if waiting[n] and chance.random() < 0.7]
            sent = [(n, one) for n in chosen for one in waiting[n][: chance.randint(1, 5)]]
            steps = [Step(intent=intent, facts=facts[n], uncertain=doubt) for n, (intent, doubt) in sent]
            answers = await at.crm.carry_out(steps)
            for (n, (intent, doubt)), answer in zip(sent, answers, strict=True):
                place = waiting[n].index((intent, doubt))
                if isinstance(answer, Receipt):
                    del waiting[n][place]
                    facts[n] |= answer.facts
                else:
                    assert isinstance(answer, Transient | Throttled | Unauthorized), answer
                    waiting[n][place] = (intent, doubt or bool(getattr(answer, "maybe_done", False)))
            if not any(waiting.values()):
                break
        assert not any(waiting.values())
        assert sorted(call.call.external_call_id for call in at.finished) == [record(n) for n in range(10)]
        assert not at.running
        assert all(call.record_file_id for call in at.finished)
