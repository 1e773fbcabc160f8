"""Whom a call is about: clients and deals made by rule, each of them once."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from tests.contract.bitrix24_newcomers import DEAL, SPEAKERS, add, made, rows, unknown
from tests.contract.bitrix24_office import (
    STRANGER,
    commands,
    complete,
    finish,
    office,
    portal,
    record,
    register,
    task,
)

from ringbridge.crm.contract import Receipt, Step, Throttled, Transient
from ringbridge.emulators.bitrix24 import CrmMode, Fault, FaultKind
from ringbridge.emulators.bitrix24.fields import Kind
from ringbridge.routing.intents import AdoptCall, Creation, Intent, RecordKind, UserId
from ringbridge.routing.rules import Attach, Create
from ringbridge.telephony.model import CallId

# Made by rule


async def test_an_unknown_number_gets_the_contact_and_the_deal_that_the_rule_asks_for() -> None:
    async with office() as at:
        facts = await at.registered(unknown(DEAL, user=UserId("2")))
        (contact,) = [row for row in rows(at, Kind.CONTACT) if row["ORIGIN_ID"] == record()]
        (deal,) = rows(at, Kind.DEAL)
        assert contact["PHONE"][0]["VALUE"] == STRANGER
        assert (contact["SOURCE_ID"], contact["ASSIGNED_BY_ID"]) == ("ADVERTISING", "2")
        assert (deal["TITLE"], deal["CATEGORY_ID"], deal["STAGE_ID"]) == ("Call of +7 999", "1", "C1:PREPARATION")
        assert (deal["CONTACT_ID"], deal["COMMENTS"]) == (contact["ID"], "#radio #night_shift")
        assert facts["client"] == {"kind": "contact", "id": contact["ID"]}
        assert [one["kind"] for one in facts["made"]] == ["contact", "deal"]
        await at.do(finish(user=UserId("2")), facts=facts)
        (activity,) = at.portal.activities.rows.values()
        assert {(b["OWNER_TYPE_ID"], b["OWNER_ID"]) for b in activity["BINDINGS"]} == {
            ("3", contact["ID"]),
            ("2", deal["ID"]),
        }


@pytest.mark.parametrize(
    ("creation", "classic", "simple"),
    [
        (Creation(what=Create.CLIENT), {"lead": 1}, {"contact": 1, "deal": 1}),
        (Creation(what=Create.CLIENT, title="T"), {"lead": 1}, {"contact": 1, "deal": 1}),
        (Creation(what=Create.CLIENT, pipeline="1"), {"contact": 1, "deal": 1}, {"contact": 1, "deal": 1}),
        (Creation(what=Create.LEAD), {"lead": 1}, {"contact": 1, "deal": 1}),
        (Creation(what=Create.CONTACT), {"contact": 1}, {"contact": 1}),
        (Creation(what=Create.CONTACT_AND_DEAL), {"contact": 1, "deal": 1}, {"contact": 1, "deal": 1}),
        (Creation(what=Create.LEAD_AND_DEAL), {"lead": 1, "deal": 1}, {"contact": 1, "deal": 1}),
        (Creation(what=Create.UNSORTED), {"lead": 1}, {"contact": 1, "deal": 1}),
    ],
)
@pytest.mark.parametrize("mode", list(CrmMode))
async def test_each_kind_of_creation_in_both_crm_modes(
    mode: CrmMode, creation: Creation, classic: dict[str, int], simple: dict[str, int]
) -> None:
    async with office(portal(mode=mode)) as at:
        contacts = len(rows(at, Kind.CONTACT))
        answers = await at.do(unknown(creation), finish())
        assert all(isinstance(answer, Receipt) for answer in answers)
        found = {
            "lead": len(rows(at, Kind.LEAD)),
            "contact": len(rows(at, Kind.CONTACT)) - contacts,
            "deal": len(rows(at, Kind.DEAL)),
        }
        assert {kind: count for kind, count in found.items() if count} == (
            classic if mode is CrmMode.CLASSIC else simple
        )
        assert answers[0].facts["client"]["kind"] in {"lead", "contact"}


async def test_what_the_portal_makes_by_itself_costs_no_search() -> None:
    async with office() as at:
        await at.crm.check()
        begun = len(at.portal.traffic.executed)
        await at.registered(unknown(Creation(what=Create.LEAD)))
        assert commands(at, begun) == ["telephony.externalcall.register"]
        assert len(rows(at, Kind.LEAD)) == 1


async def test_a_leads_stage_is_its_status() -> None:
    async with office() as at:
        await at.registered(unknown(Creation(what=Create.LEAD, stage="IN_PROCESS", title="Radio")))
        (lead,) = rows(at, Kind.LEAD)
        assert (lead["STATUS_ID"], lead["TITLE"], lead["SOURCE_ID"]) == ("IN_PROCESS", "Radio", "CALL")


async def test_a_known_client_gets_nothing_new_and_stays_the_portals_choice() -> None:
    async with office() as at:
        contacts = len(rows(at, Kind.CONTACT))
        facts = await at.registered(register(creation=DEAL))
        assert len(rows(at, Kind.CONTACT)) == contacts
        assert not rows(at, Kind.DEAL)
        assert facts["client"] == {"kind": "contact", "id": "1"}
        assert "CRM_ENTITY_ID" not in facts["register"]


async def test_a_client_whose_number_was_written_the_national_way_is_known() -> None:
    async with office() as at:
        contact = add(at.portal, Kind.CONTACT, "9990001122", 3)
        facts = await at.registered(unknown(DEAL))
        assert facts["client"] == {"kind": "contact", "id": str(contact)}
        assert not rows(at, Kind.DEAL)
        assert (await at.crm.find(STRANGER)).id == str(contact)


@pytest.mark.parametrize("field", ["inner_phone", "work_phone", "personal_phone", "personal_mobile"])
async def test_no_client_is_made_of_an_employees_number(field: str) -> None:
    async with office() as at:
        setattr(at.portal.staff.users[2], field, "8 (999) 000-11-22")
        (answer,) = await at.do(unknown(DEAL))
        assert made(at) == {"lead": 0, "contact": 0, "deal": 0}
        assert "employee" in answer.facts["warning"]


async def test_two_calls_of_one_unknown_number_at_once_make_one_client() -> None:
    async with office() as at:
        answers = await at.do(unknown(DEAL, 1), unknown(DEAL, 2, user=UserId("2")))
        assert made(at) == {"lead": 0, "contact": 1, "deal": 1}
        assert len({answer.facts["client"]["id"] for answer in answers}) == 1
    async with office() as at:
        await asyncio.gather(*(at.do(unknown(DEAL, n)) for n in range(4)))
        assert made(at) == {"lead": 0, "contact": 1, "deal": 1}
        assert len(at.running) == 4


async def test_a_creation_that_the_portal_refuses_loses_no_call() -> None:
    async with office() as at:
        at.portal.faults.add(Fault(kind=FaultKind.REFUSE, method="crm.contact.add", text="Access denied."))
        (answer,) = await at.do(unknown(DEAL))
        assert "Access denied" in answer.facts["warning"]
        assert answer.facts["created"] == [{"kind": "lead", "id": "1"}]
        assert not rows(at, Kind.DEAL)


async def test_a_deal_that_the_portal_refuses_leaves_the_contact_and_the_call() -> None:
    async with office() as at:
        at.portal.faults.add(Fault(kind=FaultKind.REFUSE, method="crm.deal.add", text="Required field: Budget"))
        (answer,) = await at.do(unknown(DEAL))
        assert "Budget" in answer.facts["warning"]
        assert answer.facts["client"]["kind"] == "contact"
        assert made(at) == {"lead": 0, "contact": 1, "deal": 0}


async def test_a_search_that_the_portal_refuses_leaves_the_choice_to_it() -> None:
    async with office() as at:
        at.portal.faults.add(
            Fault(kind=FaultKind.OPERATION_LIMIT, method="telephony.externalcall.searchcrmentities", times=2)
        )
        (answer,) = await at.do(unknown(DEAL))
        assert answer.facts["created"] == [{"kind": "lead", "id": "1"}]
        assert "not found out" in answer.facts["warning"]


async def test_without_the_permission_crm_calls_are_registered_all_the_same() -> None:
    at_portal = portal()
    at_portal.access.webhooks[0].scopes = ("telephony", "user")
    async with office(at_portal) as at:
        answers = await at.do(unknown(DEAL), finish(new_owner=UserId("2")))
        assert all(isinstance(answer, Receipt) for answer in answers)
        assert len(at.finished) == 1


LOST = [FaultKind.LOSE_ANSWER, FaultKind.GATEWAY_TIMEOUT, FaultKind.CUT, FaultKind.HTML_500, FaultKind.INTERNAL_ERROR]


@pytest.mark.parametrize("kind", LOST)
@pytest.mark.parametrize("hit", range(5))
async def test_a_client_is_made_once_whichever_answer_was_lost(kind: FaultKind, hit: int) -> None:
    async with office() as at:
        await at.crm.users()
        at.portal.faults.add(Fault(kind=kind, skip=hit))
        waiting, facts = [(unknown(DEAL), False), (finish(user=UserId("4")), False)], dict[str, Any]()
        for _ in range(5):
            at_once = list(waiting)
            answers = []
            for intent, doubt in at_once:
                answers += await at.do(intent, facts=facts, uncertain=doubt)
                if not isinstance(answers[-1], Receipt):
                    break
                facts |= answers[-1].facts
            done = sum(isinstance(answer, Receipt) for answer in answers)
            waiting = waiting[done:]
            if not waiting:
                break
            assert isinstance(answers[-1], Transient | Throttled), answers[-1]
            waiting[0] = (waiting[0][0], waiting[0][1] or bool(getattr(answers[-1], "maybe_done", False)))
        assert not waiting
        assert made(at) == {"lead": 0, "contact": 1, "deal": 1}
        assert len(at.finished) == 1
        assert not at.running
        (deal,) = rows(at, Kind.DEAL)
        contact = at.portal.clients.rows[Kind.CONTACT][int(deal["CONTACT_ID"])]
        assert (deal["ASSIGNED_BY_ID"], contact["ASSIGNED_BY_ID"]) == ("4", "4")


async def test_a_register_that_failed_after_the_client_was_made_finds_it_again() -> None:
    async with office() as at:
        at.portal.faults.add(Fault(kind=FaultKind.OPERATION_LIMIT, method="telephony.externalcall.register"))
        (throttled,) = await at.do(unknown(DEAL))
        assert isinstance(throttled, Throttled)
        at.crm._sender._closed.clear()
        (done,) = await at.do(unknown(DEAL))
        assert [one["kind"] for one in done.facts["made"]] == ["contact", "deal"]
        assert made(at) == {"lead": 0, "contact": 1, "deal": 1}


@pytest.mark.parametrize("hit", range(5))
async def test_a_call_that_is_over_gives_its_client_to_the_right_owner_whichever_answer_was_lost(hit: int) -> None:
    async with office() as at:
        await at.crm.users()
        at.portal.faults.add(Fault(kind=FaultKind.LOSE_ANSWER, skip=hit))
        steps = (unknown(DEAL, live=False), finish(user=UserId("3"), new_owner=UserId("4")))
        answers = await at.do(*steps)
        for _ in range(2):
            if not all(isinstance(answer, Receipt) for answer in answers):
                answers = await at.do(*steps, uncertain=True)
        assert all(isinstance(answer, Receipt) for answer in answers)
        assert made(at) == {"lead": 0, "contact": 1, "deal": 1}
        ours = [row for kind in (Kind.CONTACT, Kind.DEAL) for row in rows(at, kind) if row["ORIGIN_ID"]]
        assert {row["ASSIGNED_BY_ID"] for row in ours} == {"4"}
        assert len(at.finished) == 1


# Repeated clients


@pytest.mark.parametrize(("stage", "deals"), [(None, 1), ("WON", 2), ("LOSE", 2), ("EXECUTING", 1)])
async def test_a_client_without_an_open_deal_gets_a_new_one_where_that_is_set(stage: str | None, deals: int) -> None:
    async with office(settings={"repeat_deals": True}) as at:
        if stage:
            at.portal.clients.add(Kind.DEAL, {"CONTACT_ID": 1, "STAGE_ID": stage}, user_id=1, at="")
        facts = await at.registered(register(creation=DEAL))
        assert len(rows(at, Kind.DEAL)) == deals
        assert facts["client"] == {"kind": "contact", "id": "1"}
        assert {row["CONTACT_ID"] for row in rows(at, Kind.DEAL)} == {"1"}


async def test_a_known_client_gets_no_deal_by_default() -> None:
    async with office() as at:
        await at.registered(register(creation=DEAL))
        assert not rows(at, Kind.DEAL)


# Calls that the portal registered itself


async def test_a_clicked_numbers_call_is_adopted_without_a_request_and_finished() -> None:
    async with office() as at:
        facts = await at.registered(register(kind=RecordKind.OUTBOUND))
        requests = at.portal.traffic.requests
        adopted = AdoptCall(record=record(7), call=CallId("7"), call_id=facts["call_id"])
        (receipt,) = await at.do(adopted)
        assert receipt.facts == {"call_id": facts["call_id"]}
        assert at.portal.traffic.requests == requests
        answers = await at.do(adopted, finish(7, **SPEAKERS))
        assert all(isinstance(answer, Receipt) for answer in answers)
        assert len(at.finished) == 1


# Everything at once


@pytest.mark.parametrize("seed", range(10))
async def test_whatever_is_lost_on_the_way_each_call_each_client_and_each_deal_is_there_once(seed: int) -> None:
    """Eight unknown callers and two calls of a ninth at different stages, every second request struck by a fault."""
    chance = random.Random(seed)
    async with office(portal(mode=chance.choice(list(CrmMode))), oauth=bool(seed % 2)) as at:
        facts: dict[int, dict[str, Any]] = {n: {} for n in range(10)}
        waiting: dict[int, list[tuple[Intent, bool]]] = {}
        for n in facts:
            number = f"+7999000{max(n, 1):04}"
            end = finish(n, user=UserId("3"), owner_first=True, new_owner=UserId("4"), duration=0)
            waiting[n] = [
                (i, False) for i in (unknown(DEAL, n, number=number), end, complete(n=n), task(n, number=number))
            ]
        for _ in range(300):
            if chance.random() < 0.5:
                at.portal.faults.clear()
                at.portal.faults.add(Fault(kind=chance.choice(LOST), skip=chance.randrange(4)))
            sent = [(n, one) for n in facts if chance.random() < 0.6 for one in waiting[n][: chance.randint(1, 4)]]
            steps = [Step(intent=intent, facts=facts[n], uncertain=doubt) for n, (intent, doubt) in sent]
            answers = await at.crm.carry_out(steps)
            for (n, (intent, doubt)), answer in zip(sent, answers, strict=True):
                place = waiting[n].index((intent, doubt))
                if isinstance(answer, Receipt):
                    del waiting[n][place]
                    facts[n] |= answer.facts
                else:
                    assert isinstance(answer, Transient | Throttled), answer
                    waiting[n][place] = (intent, doubt or bool(getattr(answer, "maybe_done", False)))
            if not any(waiting.values()):
                break
        assert not any(waiting.values())
        assert sorted(call.call.external_call_id for call in at.finished) == sorted(record(n) for n in facts)
        assert not at.running
        contacts = [row for row in rows(at, Kind.CONTACT) if row["ORIGINATOR_ID"]]
        assert len({row["PHONE"][0]["VALUE"] for row in contacts}) == len(contacts) == 9
        assert sorted(row["CONTACT_ID"] for row in rows(at, Kind.DEAL)) == sorted(row["ID"] for row in contacts)
        assert {row["ASSIGNED_BY_ID"] for row in (*contacts, *rows(at, Kind.DEAL))} == {"4"}
        assert len(at.portal.tasks) == 9
        assert {row["DESCRIPTION"] for row in at.portal.activities.rows.values()} == {"Waited 0:12."}


@pytest.mark.parametrize("number", ["+7 912 000-00-00 #12", "+4915112345678", "8" * 40, "+1 (415) 555-2699", "911"])
async def test_clients_are_made_of_numbers_of_all_kinds(number: str) -> None:
    async with office() as at:
        contacts = len(rows(at, Kind.CONTACT))
        answers = await at.do(unknown(DEAL, number=number), finish())
        assert all(isinstance(answer, Receipt) for answer in answers)
        assert len(rows(at, Kind.CONTACT)) == contacts + 1


@pytest.mark.parametrize("number", ["anonymous", "", "+", "неизвестно"])
async def test_no_client_is_looked_for_or_made_of_a_withheld_number(number: str) -> None:
    async with office() as at:
        await at.do(unknown(DEAL, number=number, attach=Attach.SPEAKERS), finish(owner_first=True, duration=0))
        assert commands(at) == ["telephony.externalcall.register", "telephony.externalcall.finish"]
