"""Tasks for missed calls: one open task for a client, completed when somebody has reached them."""

from __future__ import annotations

from tests.contract.amocrm_office import (
    CLIENT,
    KATE,
    STRANGER,
    account,
    close_tasks,
    finish,
    office,
    register,
    task,
)

from ringbridge.crm.contract import Receipt
from ringbridge.emulators.amocrm.demo import ADMIN_ID
from ringbridge.routing.intents import UserId
from ringbridge.routing.results import CallStatus

MISSED = {"owner_first": True, "status": CallStatus.MISSED, "duration": 0}


async def test_a_missed_call_makes_a_task_at_its_client_for_the_clients_owner() -> None:
    async with office() as at:
        facts = await at.done(register(), finish(**MISSED), task())
        (one,) = at.tasks
        owner = at.contacts(CLIENT)[0].responsible_user_id
        assert (one["entity_type"], one["entity_id"]) == ("contacts", at.contacts(CLIENT)[0].id)
        assert one["responsible_user_id"] == owner
        assert one["complete_till"] == task().deadline.timestamp()
        assert one["text"].startswith("Call back Мария\nRung: 101, 102.")
        assert facts["task"] == one["id"]


async def test_however_often_a_client_calls_there_is_one_open_task() -> None:
    async with office() as at:
        for n in range(3):
            await at.done(register(n), finish(n, **MISSED), task(n))
        await at.done(*(step for n in range(3, 6) for step in (register(n), finish(n, **MISSED), task(n))))
        assert len(at.tasks) == 1


async def test_a_task_that_somebody_completed_by_hand_gives_way_to_a_new_one() -> None:
    async with office() as at:
        await at.done(register(), finish(**MISSED), task())
        at.tasks[0]["is_completed"] = True
        await at.done(register(2), finish(2, **MISSED), task(2))
        assert [one["is_completed"] for one in at.tasks] == [True, False]


async def test_reaching_the_client_completes_the_task_and_no_other() -> None:
    async with office() as at:
        await at.done(register(1), finish(1, **MISSED), task(1))
        await at.done(register(2, number=STRANGER), finish(2, **MISSED), task(2, number=STRANGER))
        facts = await at.done(register(3), finish(3), close_tasks(3))
        assert facts["tasks_closed"] == 1
        assert [one["is_completed"] for one in at.tasks] == [True, False]


async def test_a_client_without_a_task_costs_no_request_to_close_it() -> None:
    async with office() as at:
        await at.done(close_tasks(1))
        before = len(at.asked())
        await at.done(register(2), finish(2), close_tasks(2))
        assert at.asked(before) == ["POST /api/v4/calls"]


async def test_tasks_are_found_again_by_a_process_that_remembers_nothing() -> None:
    for filters in (True, False):
        at_account = account(filters_enabled=filters)
        async with office(at_account) as at:
            await at.done(register(), finish(**MISSED), task())
            at.account.tasks[1] = at.tasks[0] | {"id": 1, "text": "Somebody's own", "created_by": ADMIN_ID}
        async with office(at_account) as at:
            await at.done(register(2), finish(2), close_tasks(2))
            assert sorted(one["is_completed"] for one in at.tasks) == [False, True]
            assert not at.account.tasks[1]["is_completed"]


async def test_a_task_for_an_employee_who_left_is_made_all_the_same() -> None:
    async with office() as at:
        at.account.staff.users[int(KATE)].active = False
        answers = await at.do(register(), finish(), task(owner_first=False, responsible=UserId(KATE)))
        assert all(isinstance(answer, Receipt) for answer in answers)
        assert len(at.tasks) == 1


async def test_a_client_who_was_reached_in_the_same_run_needs_no_task() -> None:
    async with office() as at:
        await at.done(register(), finish(**MISSED), task(), register(2), finish(2), close_tasks(2))
        assert at.tasks == []
