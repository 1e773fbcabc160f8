"""Tasks for missed calls, and the texts that complete activities."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.contract.bitrix24_office import (
    CLIENT,
    MAKE,
    STRANGER,
    Office,
    attach,
    close_tasks,
    complete,
    finish,
    office,
    portal,
    record,
    register,
    task,
)

from ringbridge.crm.contract import NotReached, Receipt, Rejected, Throttled, Transient
from ringbridge.emulators.bitrix24 import Fault, FaultKind, ScopeRefusal
from ringbridge.routing.intents import AdoptCall, UserId
from ringbridge.routing.results import CallStatus
from ringbridge.telephony.model import CallId

LOST = [FaultKind.LOSE_ANSWER, FaultKind.GATEWAY_TIMEOUT, FaultKind.CUT, FaultKind.HTML_200, FaultKind.INTERNAL_ERROR]
MISSED: dict[str, Any] = {"duration": 0, "status": CallStatus.MISSED}


def tasks(at: Office) -> list[dict[str, Any]]:
    return list(at.portal.tasks.values())


def still_open(at: Office) -> list[dict[str, Any]]:
    return [one for one in tasks(at) if one["STATUS"] != "5"]


# Tasks


async def test_a_missed_call_makes_a_task_for_the_clients_owner() -> None:
    async with office() as at:
        facts = await at.registered(register(user=UserId("3")))
        _, done = await at.do(finish(user=UserId("3"), owner_first=True, **MISSED), task(), facts=facts)
        (made,) = tasks(at)
        assert done.facts["task"] == made["ID"]
        assert (made["TITLE"], made["DESCRIPTION"]) == ("Call back Мария", "Rung: 101, 102. Waited 0:30.")
        assert (made["RESPONSIBLE_ID"], made["UF_CRM_TASK"]) == ("2", ["C_1"])
        assert made["DEADLINE"] == "2026-03-10T12:30:00+00:00"


async def test_an_unknown_callers_task_is_for_whom_the_rules_name_and_bound_to_the_new_lead() -> None:
    async with office() as at:
        facts = await at.registered(register(number=STRANGER, creation=MAKE))
        end = finish(user=UserId("3"), owner_first=True, **MISSED)
        await at.do(end, task(number=STRANGER), facts=facts)
        (made,) = tasks(at)
        assert (made["RESPONSIBLE_ID"], made["UF_CRM_TASK"]) == ("3", ["L_1"])


async def test_a_client_who_calls_three_times_has_one_open_task() -> None:
    async with office() as at:
        for n in range(3):
            facts = await at.registered(register(n))
            answers = await at.do(finish(n, **MISSED), task(n), facts=facts)
            assert all(isinstance(answer, Receipt) for answer in answers)
        assert len(tasks(at)) == 1
        assert "open task already" in answers[1].facts["note"]


@pytest.mark.parametrize("tags_as_rows", [False, True])
async def test_the_task_is_done_when_somebody_reaches_the_client_and_strangers_tasks_stay(tags_as_rows: bool) -> None:
    async with office(portal(task_tags_as_rows=tags_as_rows)) as at:
        for n, number in enumerate((CLIENT, STRANGER)):
            await at.do(register(n, number=number, live=False), finish(n, **MISSED), task(n, number=number))
        assert len(still_open(at)) == 2
        answers = await at.do(register(5), finish(5), close_tasks(5))
        assert answers[2].facts == {"tasks_closed": 1}
        assert [one["TAGS"] for one in still_open(at)] == [[f"ringbridge {STRANGER}"]]
        await at.do(register(6), finish(6, **MISSED), task(6))
        assert len(still_open(at)) == 2


async def test_nothing_to_close_is_done() -> None:
    async with office() as at:
        answers = await at.do(register(), finish(), close_tasks())
        assert answers[2].facts == {"tasks_closed": 0}


async def test_a_portal_that_drops_our_filter_loses_no_task_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    async with office() as at:
        at.portal.tasks[1] = {
            "ID": "1",
            "TITLE": "Pay the rent",
            "STATUS": "2",
            "RESPONSIBLE_ID": "1",
            "CREATED_BY": "1",
        }
        monkeypatch.setattr("ringbridge.emulators.bitrix24.tasks._ONLY_IN_FILTERS", ())
        answers = await at.do(register(), finish(), close_tasks())
        assert isinstance(answers[2], Receipt)
        assert at.portal.tasks[1]["STATUS"] == "2"


async def test_missed_calls_and_the_call_back_delivered_together_leave_no_task() -> None:
    async with office() as at:
        answers = await at.do(
            *(register(1, live=False), finish(1, **MISSED), task(1)),
            *(register(2, live=False), finish(2, **MISSED), task(2)),
            *(register(3, live=False), finish(3), close_tasks(3)),
        )
        assert all(isinstance(answer, Receipt) for answer in answers)
        assert not still_open(at)
        answers = await at.do(close_tasks(4), task(5))
        assert len(still_open(at)) == 1


async def test_two_missed_calls_delivered_at_once_make_one_task() -> None:
    async with office() as at:
        facts = [await at.registered(register(n)) for n in range(4)]
        await asyncio.gather(*(at.do(task(n), facts=facts[n]) for n in range(4)))
        assert len(tasks(at)) == 1


@pytest.mark.parametrize("kind", LOST)
@pytest.mark.parametrize("hit", range(4))
async def test_a_task_is_made_once_and_closed_whichever_answer_was_lost(kind: FaultKind, hit: int) -> None:
    async with office() as at:
        facts = await at.registered()
        await at.do(finish(**MISSED), facts=facts)
        at.portal.faults.add(Fault(kind=kind, skip=hit))
        for intent, count in ((task(), 1), (close_tasks(), 0)):
            (answer,) = await at.do(intent, facts=facts)
            while not isinstance(answer, Receipt):
                assert isinstance(answer, Transient)
                (answer,) = await at.do(intent, facts=facts, uncertain=answer.maybe_done)
            assert len(still_open(at)) == count
        assert len(tasks(at)) == 1


@pytest.mark.parametrize("refusal", list(ScopeRefusal))
async def test_without_the_permission_task_the_call_is_recorded_and_the_task_given_up_in_words(
    refusal: ScopeRefusal,
) -> None:
    at_portal = portal(scope_refusal=refusal)
    at_portal.access.webhooks[0].scopes = ("telephony", "crm", "user")
    async with office(at_portal) as at:
        answers = await at.do(register(), finish(), close_tasks(), task(2), attach())
        assert [type(answer) for answer in answers] == [Receipt, Receipt, Rejected, Rejected, Receipt]
        assert "permission task" in str(answers[2])


async def test_a_dismissed_responsible_is_named_and_given_up() -> None:
    async with office() as at:
        (answer,) = await at.do(task(responsible=UserId("99")))
        assert isinstance(answer, Rejected)
        assert "not found" in str(answer)


async def test_a_task_waits_for_the_call_before_it_and_not_for_one_that_was_rejected() -> None:
    async with office() as at:
        at.portal.faults.add(Fault(kind=FaultKind.OPERATION_LIMIT, method="telephony.externalcall.finish"))
        _, failed, waits = await at.do(register(1), finish(1), task(1))
        assert isinstance(failed, Throttled)
        assert isinstance(waits, NotReached)
        rejected, _, goes_on = await at.do(register(2, user=UserId("99")), finish(2), task(2))
        assert isinstance(rejected, Rejected)
        assert isinstance(goes_on, NotReached | Receipt)
        (alone,) = await at.do(task(2))
        assert isinstance(alone, Receipt)
        assert "UF_CRM_TASK" not in tasks(at)[0]


# Activities


def text_of(at: Office) -> str:
    (activity,) = at.portal.activities.rows.values()
    return str(activity["DESCRIPTION"])


async def test_the_text_stands_in_the_calls_activity() -> None:
    async with office() as at:
        facts = await at.registered()
        answers = await at.do(finish(), complete("Waited 0:12.\nИванов → Петров"), facts=facts)
        assert isinstance(answers[1], Receipt)
        assert text_of(at) == "Waited 0:12.\nИванов → Петров"


async def test_what_an_employee_wrote_meanwhile_stays_and_ours_is_written_once() -> None:
    async with office() as at:
        facts = await at.registered()
        (done,) = await at.do(finish(), facts=facts)
        at.portal.activities.rows[1]["DESCRIPTION"] = "Wants a discount"
        for _ in range(2):
            await at.do(complete(), facts={**facts, **done.facts}, uncertain=True)
        assert text_of(at) == "Wants a discount\nWaited 0:12."


async def test_the_activity_is_found_by_the_call_where_its_number_was_not_told() -> None:
    async with office() as at:
        facts = await at.registered()
        await at.do(finish(), facts=facts)
        adopted = AdoptCall(record=record(), call=CallId("1764090000.1"), call_id=facts["call_id"])
        answers = await at.do(adopted, complete())
        assert answers[1].facts == {"activity": "1"}
        assert text_of(at) == "Waited 0:12."


async def test_a_call_without_an_activity_is_done_with_a_note() -> None:
    async with office() as at:
        answers = await at.do(register(number=STRANGER), finish(), complete())
        assert "no activity" in answers[2].facts["note"]
        (unknown,) = await at.do(complete(n=9))
        assert isinstance(unknown, Receipt)


@pytest.mark.parametrize("refusal", list(ScopeRefusal))
async def test_without_the_permission_crm_the_text_is_given_up_and_the_recording_goes_on(refusal: ScopeRefusal) -> None:
    at_portal = portal(scope_refusal=refusal)
    at_portal.access.webhooks[0].scopes = ("telephony", "user", "task")
    async with office(at_portal) as at:
        answers = await at.do(register(), finish(), complete(), attach())
        assert [type(answer) for answer in answers] == [Receipt, Receipt, Rejected, Receipt]


@pytest.mark.parametrize("kind", LOST)
@pytest.mark.parametrize("hit", range(2))
async def test_a_text_is_written_once_whichever_answer_was_lost(kind: FaultKind, hit: int) -> None:
    async with office() as at:
        facts = await at.registered()
        await at.do(finish(), facts=facts)
        at.portal.faults.add(Fault(kind=kind, skip=hit))
        (answer,) = await at.do(complete(), facts=facts)
        assert isinstance(answer, Transient)
        (answer,) = await at.do(complete(), facts=facts, uncertain=answer.maybe_done)
        assert isinstance(answer, Receipt)
        assert text_of(at) == "Waited 0:12."
