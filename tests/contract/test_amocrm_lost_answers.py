"""An answer that never came back loses no call and doubles none, though amoCRM knows no idempotency keys."""

from __future__ import annotations

import pytest
from tests.contract.amocrm_office import (
    ANTON,
    CLIENT,
    SOUND,
    STRANGER,
    Office,
    account,
    adapter,
    attach,
    close_tasks,
    complete,
    create,
    finish,
    office,
    record,
    register,
    show,
    task,
)

from ringbridge.crm.contract import Receipt, Step, Throttled, Transient, Unauthorized
from ringbridge.emulators.amocrm import Fault, FaultKind
from ringbridge.routing.rules import Attach, Create

AFTER = [FaultKind.LOSE_ANSWER, FaultKind.GATEWAY_TIMEOUT]  # executed, and nobody knows
BEFORE = [
    FaultKind.CUT,
    FaultKind.UNAVAILABLE,
    FaultKind.HTML_500,
    FaultKind.HTML_200,
    FaultKind.INTERNAL_ERROR,
    FaultKind.GATEWAY_REFUSED,
    FaultKind.TOO_MANY,
    FaultKind.UNAUTHORIZED,
]

SOME = [*AFTER, FaultKind.CUT, FaultKind.UNAVAILABLE, FaultKind.TOO_MANY]


def told(at: Office) -> list[str]:
    return sorted(call["params"]["uniq"] for call in at.calls)


@pytest.mark.parametrize("kind", AFTER + BEFORE)
async def test_a_known_clients_call_is_written_once_whatever_became_of_the_answer(kind: FaultKind) -> None:
    async with office() as at:
        at.account.faults.add(Fault(kind=kind, method="POST", path="/api/v4/calls"))
        await at.deliver(register(), finish())
        assert told(at) == [record()]


@pytest.mark.parametrize("hit", range(5))
@pytest.mark.parametrize("kind", SOME)
@pytest.mark.parametrize("what", [Create.CONTACT, Create.CLIENT, Create.UNSORTED])
async def test_a_strangers_call_is_written_once_and_makes_one_client(kind: FaultKind, hit: int, what: Create) -> None:
    async with office() as at:
        at.account.faults.add(Fault(kind=kind, skip=hit))
        await at.deliver(register(number=STRANGER, creation=create(what)), finish())
        if what is Create.UNSORTED:
            assert [row["metadata"]["uniq"] for row in at.account.unsorted.values()] == [record()]
            assert at.calls == at.contacts(STRANGER) == []
        else:
            assert told(at) == [record()]
            assert len(at.contacts(STRANGER)) == 1


@pytest.mark.parametrize("kind", AFTER)
async def test_a_process_that_died_between_making_and_telling_makes_no_second_client(kind: FaultKind) -> None:
    async with office() as at:
        at.account.faults.add(Fault(kind=kind, path="/api/v4/leads/notes"))
        _, lost = await at.do(register(number=STRANGER), finish())
        assert lost.maybe_done
        (registered,) = await at.do(register(number=STRANGER))
        next_life = adapter(at.account, at.shelf, [])
        (done,) = await next_life.carry_out([Step(intent=finish(), facts=registered.facts, uncertain=True)])
        await next_life.aclose()
        assert isinstance(done, Receipt)
        assert told(at) == [record()]
        assert len(at.contacts(STRANGER)) == 1


async def test_whatever_follows_a_client_that_was_made_leaves_the_step_in_doubt() -> None:
    async with office() as at:
        at.account.faults.add(Fault(kind=FaultKind.TOO_MANY, path="/api/v4/leads/notes"))
        _, answer = await at.do(register(number=STRANGER), finish())
        assert isinstance(answer, Transient)
        assert answer.maybe_done


@pytest.mark.parametrize("attach_to", list(Attach))
@pytest.mark.parametrize("kind", AFTER)
async def test_a_call_at_a_lead_is_found_there_again(kind: FaultKind, attach_to: Attach) -> None:
    async with office() as at:
        client = at.contacts(CLIENT)[0]
        at.add_lead(client)
        client.responsible_user_id = int(register().user)
        path = "/api/v4/calls" if attach_to is Attach.FIRST else "/api/v4/leads/notes"
        at.account.faults.add(Fault(kind=kind, path=path))
        await at.deliver(register(), finish(attach=attach_to))
        assert [call["entity_type"] for call in at.calls] == ["leads"]


@pytest.mark.parametrize("kind", AFTER)
async def test_fifty_calls_in_doubt_are_each_written_once(kind: FaultKind) -> None:
    async with office() as at:
        at.account.faults.add(Fault(kind=kind))
        steps = [register(n) for n in range(50)]
        facts = {answer.facts["started"]: answer.facts for answer in await at.do(*steps)}
        (known, *_) = facts.values()
        answers = await at.do(*(finish(n) for n in range(50)), facts=known)
        assert all(answer.maybe_done for answer in answers)
        answers = await at.do(*(finish(n) for n in range(50)), facts=known, uncertain=True)
        assert all(isinstance(answer, Receipt) for answer in answers)
        assert told(at) == sorted(record(n) for n in range(50))


async def test_an_account_that_ignores_filters_is_asked_no_less_surely() -> None:
    async with office(account(filters_enabled=False)) as at:
        client = at.contacts(CLIENT)[0]
        at.add_lead(client)
        at.account.faults.add(Fault(kind=FaultKind.LOSE_ANSWER))
        await at.deliver(register(), finish())
        assert told(at) == [record()]


@pytest.mark.parametrize("hit", range(4))
@pytest.mark.parametrize("kind", SOME)
async def test_a_whole_missed_call_is_told_once(kind: FaultKind, hit: int) -> None:
    async with office() as at:
        at.shelf.found = SOUND
        at.account.faults.add(Fault(kind=kind, skip=hit))
        await at.deliver(
            register(), show(ANTON), finish(recorded=True), complete("Waited."), task(), attach(), tries=10
        )
        assert told(at) == [record()]
        assert sorted(at.texts) == ["Recording: https://calls.example.com/late.mp3", "Waited."]
        assert [one["is_completed"] for one in at.tasks] == [False]


@pytest.mark.parametrize("kind", AFTER + BEFORE)
async def test_a_task_is_made_once_whatever_became_of_the_answer(kind: FaultKind) -> None:
    async with office() as at:
        at.account.faults.add(Fault(kind=kind, method="POST", path="/api/v4/tasks"))
        await at.deliver(register(), finish(), task())
        assert [one["is_completed"] for one in at.tasks] == [False]


@pytest.mark.parametrize("kind", AFTER + BEFORE)
async def test_tasks_are_completed_whatever_became_of_the_answer(kind: FaultKind) -> None:
    async with office() as at:
        await at.deliver(register(), finish(), task())
        at.account.faults.add(Fault(kind=kind))
        await at.deliver(close_tasks(2))
        assert [one["is_completed"] for one in at.tasks] == [True]


async def test_an_account_that_is_not_paid_for_or_shut_is_parked_for_a_person() -> None:
    for kind in (FaultKind.NOT_PAID, FaultKind.BLOCKED, FaultKind.FORBIDDEN):
        async with office() as at:
            at.account.faults.add(Fault(kind=kind))
            _, answer = await at.do(register(), finish())
            assert isinstance(answer, Unauthorized), answer


async def test_too_many_requests_are_answered_by_waiting_longer_each_time() -> None:
    async with office() as at:
        waits = []
        (registered,) = await at.do(register())
        for _ in range(2):
            at.account.faults.add(Fault(kind=FaultKind.TOO_MANY))
            (answer,) = await at.do(finish(), facts=registered.facts)
            assert isinstance(answer, Throttled)
            waits.append(answer.until)
        assert (waits[1] - waits[0]).total_seconds() > 2
