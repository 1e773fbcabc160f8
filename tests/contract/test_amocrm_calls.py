"""Calls as amoCRM gets them: from the ring to the end, to whom they belong, in few requests."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.contract.amocrm_office import (
    ADDRESS,
    ANTON,
    CLIENT,
    KATE,
    SOUND,
    STRANGER,
    Addresses,
    account,
    attach,
    complete,
    create,
    finish,
    hide,
    office,
    only,
    record,
    register,
    show,
)

from ringbridge.crm.contract import NotReached, Receipt, Rejected
from ringbridge.emulators.amocrm import Fault, FaultKind, Kind, MixedBatch
from ringbridge.emulators.amocrm.demo import ADMIN_ID, SALES, SERVICE
from ringbridge.routing.intents import RecordKey, RecordKind, UserId
from ringbridge.routing.results import CallStatus
from ringbridge.routing.rules import Attach, Create

LAG = timedelta(minutes=5)
STARTED = datetime(2026, 3, 10, 9, 15, tzinfo=UTC)


async def test_an_answered_call_of_a_known_client_costs_two_requests_and_says_all() -> None:
    async with office(shelf=Addresses()) as at:
        facts = await at.done(register(started=STARTED))
        facts = await at.done(show(ANTON, KATE), facts=facts)
        facts = await at.done(hide(KATE), finish(recorded=True), facts=facts)
        assert at.asked() == ["POST /api/v2/events", "POST /api/v4/calls"]
        (call,) = at.calls
        assert call["params"] == {
            "uniq": record(),
            "duration": 42,
            "source": "ringbridge",
            "phone": CLIENT,
            "call_status": 4,
            "call_result": None,
            "call_responsible": int(ANTON),
            "link": f"{ADDRESS}/recordings/{record()}/{record()}.mp3",
        }
        assert (call["note_type"], call["created_by"], call["responsible_user_id"]) == (
            "call_in",
            int(ANTON),
            int(ANTON),
        )
        assert call["created_at"] == STARTED.timestamp()
        assert facts["entity"]["id"] == call["entity_id"]
        assert facts["entity"]["kind"] == "contact"


async def test_an_answered_call_of_an_unknown_client_costs_four_requests() -> None:
    async with office() as at:
        facts = await at.done(register(number=STRANGER))
        facts = await at.done(show(ANTON), facts=facts)
        facts = await at.done(finish(), facts=facts)
        assert len(at.asked()) <= 4
        (call,), (contact,) = at.calls, at.contacts(STRANGER)
        (lead,) = contact.linked(Kind.LEADS)
        assert (call["entity_type"], call["entity_id"]) == ("leads", lead)
        assert [one["kind"] for one in facts["made"]] == ["lead", "contact"]


async def test_a_pop_up_opens_once_for_all_who_ring_and_never_for_others() -> None:
    async with office() as at:
        facts = await at.done(register())
        await at.done(show(ANTON, KATE), facts=facts)
        (ringing,) = at.account.ringing
        assert (ringing.phone, ringing.users) == (CLIENT, (int(ANTON), int(KATE)))
        assert [card.users for card in at.feed.shown] == [(ANTON, KATE)]


async def test_calls_that_ring_at_once_open_their_pop_ups_in_one_request() -> None:
    async with office() as at:
        await at.done(*(step for n in range(5) for step in (register(n), show(ANTON, n=n))))
        assert at.asked() == ["POST /api/v2/events"]
        assert len(at.account.ringing) == 5


async def test_a_queue_that_rings_again_opens_pop_ups_only_for_who_is_new() -> None:
    async with office() as at:
        facts = await at.done(register())
        for ring, users in enumerate([(ANTON,), (ANTON,), (ANTON, KATE), (KATE,)]):
            await at.done(show(*users, ring=ring), facts=facts)
        assert [one.users for one in at.account.ringing] == [(int(ANTON),), (int(KATE),)]
        await at.done(register(2), show(ANTON, n=2))
        assert len(at.account.ringing) == 3


async def test_a_pop_up_in_doubt_is_not_opened_twice() -> None:
    async with office() as at:
        facts = await at.done(register())
        at.account.faults.add(Fault(kind=FaultKind.LOSE_ANSWER))
        (lost,) = await at.do(show(ANTON), facts=facts)
        assert lost.maybe_done
        only(await at.do(show(ANTON), facts=facts, uncertain=True))
        assert len(at.account.ringing) == 1


async def test_a_pop_up_without_a_user_of_the_account_is_refused_in_words_and_opens_for_nobody() -> None:
    async with office() as at:
        facts = await at.done(register())
        (answer,) = await at.do(show("ivan"), facts=facts)
        assert isinstance(answer, Rejected)
        assert "ivan" in str(answer)
        assert at.account.ringing == []


async def test_the_widgets_card_opens_and_closes_without_a_request() -> None:
    async with office() as at:
        facts = await at.done(register(kind=RecordKind.OUTBOUND, show=True))
        await at.done(hide(ANTON), facts=facts)
        assert at.asked() == []
        (shown,), (hidden,) = at.feed.shown, at.feed.hidden
        assert (shown.users, shown.number, shown.line, shown.kind) == ((ANTON,), CLIENT, "+74951112233", "outbound")
        assert hidden.record == shown.record == record()


async def test_the_card_names_the_client_as_soon_as_somebody_told_who_it_is() -> None:
    async with office() as at:
        found = await at.crm.find(CLIENT)
        assert found is not None
        await at.done(register(), show(ANTON))
        (card,) = at.feed.shown
        assert card.entity == ("contact", int(found.id))


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (CallStatus.ANSWERED, 4),
        (CallStatus.MISSED, 6),
        (CallStatus.BUSY, 7),
        (CallStatus.WRONG_NUMBER, 5),
        (CallStatus.UNAVAILABLE, 3),
    ],
)
async def test_results_are_told_in_the_accounts_own_numbers(status: CallStatus, told: int) -> None:
    async with office() as at:
        await at.done(register(kind=RecordKind.OUTBOUND), finish(status=status, reason="why"))
        (call,) = at.calls
        assert (call["note_type"], call["params"]["call_status"]) == ("call_out", told)
        assert call["params"]["call_result"] == "why"


async def test_the_record_after_a_transfer_goes_the_way_its_call_went() -> None:
    async with office() as at:
        await at.done(register(kind=RecordKind.OUTBOUND), finish())
        second = RecordKey(f"{record()}-2")
        taken = replace(register(kind=RecordKind.TRANSFERRED, creation=None), record=second)
        await at.done(taken, replace(finish(user=UserId(KATE)), record=second))
        assert [call["note_type"] for call in at.calls] == ["call_out", "call_out"]
        assert [call["created_by"] for call in at.calls] == [int(ANTON), int(KATE)]


async def test_one_open_lead_gets_the_call_and_closed_ones_count_as_none() -> None:
    async with office() as at:
        client = at.contacts(CLIENT)[0]
        lead = at.add_lead(client)
        at.add_lead(client, closed=True)
        await at.done(register(), finish())
        assert [(call["entity_type"], call["entity_id"]) for call in at.calls] == [("leads", lead.id)]


async def test_fifty_calls_are_told_in_one_request() -> None:
    async with office() as at:
        await at.done(*(step for n in range(50) for step in (register(n), finish(n))))
        assert at.asked() == ["POST /api/v4/calls"]
        assert {call["params"]["uniq"] for call in at.calls} == {record(n) for n in range(50)}


# Whose number it is


@pytest.mark.parametrize(
    "written",
    [
        "+7 (999) 000-11-22",
        "8 999 000 11 22",
        "79990001122",
        "9990001122",
        "8-999-000-11-22 доб. 12",
        "007 999 000 11 22, 8 495 123 45 67",
    ],
)
async def test_a_client_is_found_however_the_phone_is_written(written: str) -> None:
    async with office() as at:
        known = at.add(Kind.CONTACTS, written)
        facts = await at.done(register(number=STRANGER), show(ANTON))
        await at.done(finish(), facts=facts)
        assert [call["entity_id"] for call in at.calls] == [known.id]
        found = await at.crm.find(STRANGER)
        assert found is not None
        assert found.id == str(known.id)


async def test_a_search_that_finds_other_numbers_finds_nobody() -> None:
    async with office() as at:
        at.add(Kind.CONTACTS, "+19990001122")
        at.add(Kind.CONTACTS, "+7 999 000 11 220")
        at.add(Kind.CONTACTS, name=STRANGER)
        assert await at.crm.find(STRANGER) is None


async def test_a_contact_without_any_field_is_nobodys_trouble() -> None:
    async with office(account(contacts_have_phone=False)) as at:
        facts = await at.done(register(number=STRANGER, creation=create(Create.CONTACT)), finish())
        assert "more simply" in facts["warning"]
        (call,) = at.calls
        assert at.account.entities.rows[Kind.CONTACTS][call["entity_id"]].name == STRANGER
        assert any("no field for phones" in words for words in (await at.crm.check()).missing)


async def test_of_two_clients_with_one_number_the_oldest_contact_is_chosen() -> None:
    async with office() as at:
        at.add(Kind.COMPANIES, STRANGER)
        first = at.add(Kind.CONTACTS, STRANGER)
        at.add(Kind.CONTACTS, STRANGER)
        found = await at.crm.find(STRANGER)
        await at.done(register(number=STRANGER), finish())
        assert found is not None
        assert int(found.id) == first.id == at.calls[0]["entity_id"]


async def test_the_speakers_own_client_gets_the_call_where_the_rule_wants_it() -> None:
    async with office() as at:
        at.add(Kind.CONTACTS, STRANGER, responsible_user_id=ADMIN_ID)
        own = at.add(Kind.COMPANIES, STRANGER, responsible_user_id=int(ANTON))
        lead = at.add_lead(own)
        await at.done(register(number=STRANGER), finish(attach=Attach.SPEAKERS))
        assert [(call["entity_type"], call["entity_id"]) for call in at.calls] == [("leads", lead.id)]


async def test_a_missed_call_is_its_clients_owners_unless_they_left() -> None:
    async with office() as at:
        at.add(Kind.CONTACTS, STRANGER, responsible_user_id=int(KATE))
        await at.crm.users()
        missed = {"owner_first": True, "status": CallStatus.MISSED, "duration": 0}
        facts = await at.done(register(number=STRANGER), finish(**missed))
        assert at.calls[0]["created_by"] == int(KATE)
        assert facts["user"] == KATE
        at.account.staff.users[int(KATE)].active = False
        await at.crm.users()
        await at.done(register(2, number=STRANGER), finish(2, **missed))
        assert at.calls[1]["created_by"] == int(ANTON)


# What is made of a number nobody has


@pytest.mark.parametrize("what", [Create.CLIENT, Create.LEAD, Create.CONTACT_AND_DEAL, Create.LEAD_AND_DEAL])
async def test_a_contact_and_its_lead_are_made_as_the_rule_says(what: Create) -> None:
    async with office() as at:
        at.account.sources[1] = {"id": 1, "external_id": "line-1", "owner": "us"}
        wanted = create(
            what, title="Call", pipeline=str(SERVICE), stage=str(_stage(at, SERVICE)), tags=("call", "new"),
            source="line-1",
        )  # fmt: skip
        await at.done(register(number=STRANGER, creation=wanted), finish(new_owner=UserId(KATE)))
        (contact,) = at.contacts(STRANGER)
        lead = at.account.entities.rows[Kind.LEADS][contact.linked(Kind.LEADS)[0]]
        assert (lead.name, lead.pipeline_id, lead.status_id) == ("Call", SERVICE, _stage(at, SERVICE))
        assert (lead.responsible_user_id, contact.responsible_user_id) == (int(KATE), int(KATE))
        assert [at.account.tags["leads"][tag] for tag in lead.tags] == ["call", "new"]
        assert lead.source_id == 1
        assert len(at.calls) == 1


def _stage(at: Any, pipeline: int) -> int:
    stages = at.account.pipelines.get(pipeline).statuses
    return int(next(one.id for one in reversed(stages) if one.id not in {142, 143}))


async def test_a_contact_alone_is_made_where_the_rule_wants_no_more() -> None:
    async with office() as at:
        await at.done(register(number=STRANGER, creation=create(Create.CONTACT)), finish())
        (contact,), (call,) = at.contacts(STRANGER), at.calls
        assert contact.linked(Kind.LEADS) == []
        assert (call["entity_type"], call["entity_id"]) == ("contacts", contact.id)


async def test_nothing_is_made_where_the_rule_says_so_and_the_step_is_done() -> None:
    async with office() as at:
        facts = await at.done(register(number=STRANGER, creation=None), finish())
        assert "no place" in facts["note"]
        assert at.calls == at.contacts(STRANGER) == []


async def test_an_incoming_lead_carries_its_call() -> None:
    async with office() as at:
        wanted = create(Create.UNSORTED, title="Call", tags=("call",))
        facts = await at.done(register(number=STRANGER, creation=wanted), finish())
        (row,) = at.account.unsorted.values()
        assert (row["metadata"]["uniq"], row["metadata"]["phone"]) == (record(), STRANGER)
        assert facts["unsorted"] == row["uid"]
        assert at.calls == []


async def test_an_incoming_lead_says_what_brought_it() -> None:
    async with office() as at:
        await at.done(register(number=STRANGER, creation=create(Create.UNSORTED, source="Radio")), finish())
        (row,) = at.account.unsorted.values()
        assert (row["source_uid"], row["source_name"]) == ("Radio", "Radio")


async def test_sources_that_the_office_names_are_there_once_and_their_leads_carry_them() -> None:
    long = "An advertisement in the newspaper of the neighbouring town"
    async with office() as at:
        assert set(await at.crm.add_sources({"Radio", long})) == {"Radio", long}
        assert await at.crm.add_sources({"Radio", long, " "}) == ()
        for n, source in enumerate(("Radio", long)):
            number = f"+7999000112{n}"
            await at.done(register(n, number=number, creation=create(Create.LEAD, source=source)), finish(n))
            (contact,) = at.contacts(number)
            lead = at.account.entities.rows[Kind.LEADS][contact.linked(Kind.LEADS)[0]]
            assert at.account.sources[lead.source_id]["name"] == source


async def test_an_account_without_wanted_sources_is_not_asked_for_them() -> None:
    async with office() as at:
        assert await at.crm.add_sources(set()) == ()
        assert at.asked() == []


async def test_a_pipeline_that_takes_no_incoming_leads_costs_no_call() -> None:
    async with office() as at:
        for pipeline in at.account.pipelines.rows:
            pipeline.unsorted_on = False
        wanted = create(Create.UNSORTED, pipeline=str(SALES))
        facts = await at.done(register(number=STRANGER, creation=wanted), finish())
        assert len(at.calls) == len(at.contacts(STRANGER)) == 1
        assert facts["warning"]


@pytest.mark.parametrize("broken", [{"pipeline": "77"}, {"stage": "78"}, {"source": ""}, {"pipeline": "sales"}])
async def test_a_rule_that_names_what_is_gone_costs_no_call(broken: dict[str, str]) -> None:
    async with office() as at:
        await at.done(register(number=STRANGER, creation=create(Create.LEAD, **broken)), finish())
        assert len(at.calls) == len(at.contacts(STRANGER)) == 1


async def test_two_calls_of_one_stranger_at_once_make_one_client() -> None:
    async with office() as at:
        steps = [step for n in range(3) for step in (register(n, number=STRANGER), finish(n))]
        await at.done(*steps)
        assert len(at.contacts(STRANGER)) == 1
        assert {call["params"]["uniq"] for call in at.calls} == {record(0), record(1), record(2)}


async def test_two_runs_at_once_about_one_stranger_make_one_client() -> None:
    async with office(account(search_lag=LAG, calls_lag=LAG)) as at:
        runs = (at.done(register(n, number=STRANGER), finish(n)) for n in range(5))
        await asyncio.gather(*runs)
        assert len(at.contacts(STRANGER)) == 1
        assert len(at.calls) == 5


async def test_the_accounts_search_may_lag_and_no_second_client_is_made() -> None:
    async with office(account(search_lag=LAG, calls_lag=LAG)) as at:
        for n in range(3):
            await at.done(register(n, number=STRANGER), finish(n))
        assert len(at.contacts(STRANGER)) == 1
        assert {call["params"]["uniq"] for call in at.calls} == {record(0), record(1), record(2)}


async def test_a_client_that_was_made_and_deleted_again_is_made_again() -> None:
    async with office() as at:
        await at.done(register(number=STRANGER), finish())
        for kind in (Kind.CONTACTS, Kind.LEADS):
            for one in at.account.entities.rows[kind].values():
                one.is_deleted = one.name == STRANGER
        await at.done(register(2, number=STRANGER), finish(2))
        assert len(at.calls) == 2
        assert len(at.contacts(STRANGER)) == 1


async def test_no_client_is_made_of_a_colleague() -> None:
    async with office() as at:
        at.account.staff.users[int(KATE)].phone = "8 999 000-11-22"
        await at.crm.users()
        await at.done(register(number=STRANGER), finish())
        assert at.contacts(STRANGER) == []


async def test_a_known_client_without_an_open_lead_gets_one_where_the_office_wants_that() -> None:
    async with office(settings={"repeat_deals": True}) as at:
        client = at.contacts(CLIENT)[0]
        at.add_lead(client, closed=True)
        for n in range(2):
            await at.done(register(n, creation=create(Create.LEAD, title="Again")), finish(n))
        leads = [at.account.entities.rows[Kind.LEADS][one] for one in client.linked(Kind.LEADS)]
        assert [lead.name for lead in leads if lead.open] == ["Again"]
        assert {call["entity_type"] for call in at.calls} == {"leads"}


async def test_a_withheld_number_is_no_client_and_no_failure() -> None:
    async with office() as at:
        facts = await at.done(register(number="anonymous", creation=None), show(ANTON), finish())
        assert "withheld" in facts["note"]
        assert at.asked() == []


# Batches that are refused in part


@pytest.mark.parametrize("mixed", list(MixedBatch))
async def test_whom_nobody_knows_costs_no_other_call(mixed: MixedBatch) -> None:
    async with office(account(mixed_batch=mixed)) as at:
        answers = await at.do(
            register(1), register(2, number=STRANGER, creation=None), register(3), finish(1), finish(2), finish(3)
        )
        assert all(isinstance(answer, Receipt) for answer in answers)
        assert sorted(call["params"]["uniq"] for call in at.calls) == [record(1), record(3)]


async def test_a_dismissed_employee_costs_no_call() -> None:
    async with office() as at:
        at.account.staff.users[int(KATE)].active = False
        facts = await at.done(register(1), register(2), finish(1), finish(2, user=UserId(KATE)))
        assert sorted(call["created_by"] for call in at.calls) == [0, int(ANTON)]
        assert "nobody's name" in facts["warning"]


async def test_a_call_whose_beginning_is_unknown_is_refused_in_words() -> None:
    async with office() as at:
        (answer,) = await at.do(finish())
        assert isinstance(answer, Rejected)


async def test_what_follows_a_call_that_failed_is_not_tried() -> None:
    async with office() as at:
        at.account.faults.add(Fault(kind=FaultKind.GATEWAY_REFUSED))
        _, failed, after = await at.do(register(), finish(), complete())
        assert failed.maybe_done
        assert isinstance(after, NotReached)


# After the call


async def test_a_recording_whose_link_stands_in_the_call_needs_nothing_more() -> None:
    async with office(shelf=Addresses()) as at:
        facts = await at.done(register(), finish(recorded=True), attach())
        assert facts["recording"] == "linked"
        assert at.shelf.fetched == 0
        assert at.asked() == ["POST /api/v4/calls"]


async def test_a_recording_whose_link_came_too_late_is_written_below_the_call() -> None:
    async with office() as at:
        at.shelf.found = SOUND
        facts = await at.done(register(), finish(recorded=True), attach())
        assert at.texts == [f"Recording: {ADDRESS}/late.mp3"]
        assert facts["recording"] == "linked"


async def test_the_completing_text_is_written_to_the_calls_client_once() -> None:
    async with office() as at:
        facts = await at.done(register(), finish())
        at.account.faults.add(Fault(kind=FaultKind.LOSE_ANSWER))
        (lost,) = await at.do(complete("Waited 0:12."), facts=facts)
        assert lost.maybe_done
        only(await at.do(complete("Waited 0:12."), facts=facts, uncertain=True))
        assert at.texts == ["Waited 0:12."]
        facts = await at.done(register(2, number=STRANGER, creation=None), finish(2), complete(n=2))
        assert at.texts == ["Waited 0:12."]
