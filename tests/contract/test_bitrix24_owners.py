"""Whose a client is: owners, what the portal itself has made, the one of several whose owner spoke."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.bitrix24_newcomers import DEAL, SPEAKERS, add, rows, unknown
from tests.contract.bitrix24_office import (
    CLIENT,
    STRANGER,
    Office,
    commands,
    finish,
    hours_ago,
    office,
    portal,
    record,
    register,
)

from ringbridge.crm.contract import Receipt, Transient
from ringbridge.emulators.bitrix24 import CrmMode, Fault, FaultKind, Portal
from ringbridge.emulators.bitrix24.fields import Kind
from ringbridge.routing.intents import Creation, Intent, RecordKind, UserId
from ringbridge.routing.results import CallStatus
from ringbridge.routing.rules import Create

# Owners


async def test_a_missed_call_is_finished_in_the_name_of_the_clients_owner() -> None:
    async with office() as at:
        facts = await at.registered(register(user=UserId("5")))
        (done,) = await at.do(
            finish(user=UserId("5"), owner_first=True, duration=0, status=CallStatus.MISSED), facts=facts
        )
        assert at.finished[0].user_id == 2
        assert done.facts["finished_by"] == "2"


async def test_a_missed_call_without_a_ring_is_finished_by_the_owner_as_well() -> None:
    async with office() as at:
        await at.do(register(user=UserId("5"), live=False), finish(user=UserId("5"), owner_first=True, duration=0))
        assert at.finished[0].user_id == 2


@pytest.mark.parametrize("read", [True, False])
async def test_a_dismissed_owner_finishes_no_call(read: bool) -> None:
    async with office() as at:
        at.portal.staff.users[2].active = False
        if read:
            await at.crm.users()
        facts = await at.registered(register(user=UserId("5")))
        (done,) = await at.do(finish(user=UserId("5"), owner_first=True, duration=0), facts=facts)
        assert isinstance(done, Receipt)
        assert at.finished[0].user_id == 5
        assert at.executed("telephony.externalCall.finish") == 1 + (not read)


async def test_an_unknown_number_has_no_owner_though_a_lead_was_made_of_it() -> None:
    async with office() as at:
        facts = await at.registered(unknown(Creation(what=Create.CLIENT), user=UserId("3")))
        begun = len(at.portal.traffic.executed)
        await at.do(finish(user=UserId("5"), owner_first=True, duration=0), facts=facts)
        assert at.finished[0].user_id == 5
        assert commands(at, begun) == ["telephony.externalcall.finish"]


@pytest.mark.parametrize("creation", [Creation(what=Create.CLIENT), DEAL])
async def test_a_new_client_is_given_to_whom_the_rules_name(creation: Creation) -> None:
    async with office() as at:
        facts = await at.registered(unknown(creation, user=UserId("3")))
        await at.do(finish(user=UserId("5"), new_owner=UserId("4")), facts=facts)
        owners = {row["ASSIGNED_BY_ID"] for kind in Kind for row in rows(at, kind) if row["CREATED_BY_ID"] != "1"}
        owners |= {row["ASSIGNED_BY_ID"] for kind in Kind for row in rows(at, kind) if row["ORIGIN_ID"] == record()}
        assert owners == {"4"}


async def test_a_client_that_has_its_owner_already_is_not_written() -> None:
    async with office() as at:
        facts = await at.registered(unknown(DEAL, user=UserId("3")))
        begun = len(at.portal.traffic.executed)
        await at.do(finish(user=UserId("3")), facts=facts)
        assert commands(at, begun) == ["telephony.externalcall.finish", "crm.activity.binding.add"]


async def test_what_is_put_right_after_a_finish_is_tried_until_it_is() -> None:
    async with office() as at:
        facts = await at.registered(unknown(Creation(what=Create.CLIENT), user=UserId("3")))
        at.portal.faults.add(Fault(kind=FaultKind.CUT, skip=1))
        end = finish(user=UserId("5"), new_owner=UserId("4"))
        (failed,) = await at.do(end, facts=facts)
        assert isinstance(failed, Transient)
        assert failed.maybe_done
        (done,) = await at.do(end, facts=facts, uncertain=True)
        assert isinstance(done, Receipt)
        assert rows(at, Kind.LEAD)[0]["ASSIGNED_BY_ID"] == "4"
        assert len(at.finished) == 1


async def test_an_owner_who_may_not_be_set_leaves_a_warning_and_the_call() -> None:
    async with office() as at:
        facts = await at.registered(unknown(Creation(what=Create.CLIENT), user=UserId("3")))
        at.portal.faults.add(Fault(kind=FaultKind.REFUSE, method="crm.lead.update", text="Access denied."))
        (done,) = await at.do(finish(user=UserId("5"), new_owner=UserId("4")), facts=facts)
        assert "Access denied" in done.facts["warning"]


# One real client, several companies


@pytest.fixture
def holding() -> Portal:
    """Contact 1 of Anna (2), company 1 of user 4, company 2 of user 5, all with the same number."""
    at_portal = portal()
    add(at_portal, Kind.COMPANY, CLIENT, 4)
    add(at_portal, Kind.COMPANY, CLIENT, 5)
    return at_portal


def bound(at: Office) -> set[tuple[str, str]]:
    (activity,) = at.portal.activities.rows.values()
    return {(one["OWNER_TYPE_ID"], one["OWNER_ID"]) for one in activity["BINDINGS"]}


async def test_a_call_belongs_to_the_company_whose_owner_it_rings(holding: Portal) -> None:
    async with office(holding) as at:
        facts = await at.registered(register(user=UserId("5"), **SPEAKERS))
        assert facts["client"] == {"kind": "company", "id": "2"}
        await at.do(finish(user=UserId("5"), **SPEAKERS), facts=facts)
        assert bound(at) == {("4", "2")}


async def test_a_call_moves_to_the_company_whose_owner_spoke(holding: Portal) -> None:
    async with office(holding) as at:
        facts = await at.registered(register(user=UserId("5"), **SPEAKERS))
        await at.do(finish(user=UserId("4"), **SPEAKERS), facts=facts)
        assert bound(at) == {("4", "1")}
        (activity,) = at.portal.activities.rows.values()
        assert (activity["OWNER_TYPE_ID"], activity["OWNER_ID"]) == ("4", "1")


async def test_a_call_that_rang_nobodys_owner_goes_to_who_spoke_alone(holding: Portal) -> None:
    async with office(holding) as at:
        facts = await at.registered(register(user=UserId("1"), **SPEAKERS))
        assert facts["client"] == {"kind": "contact", "id": "1"}
        await at.do(finish(user=UserId("4"), **SPEAKERS), facts=facts)
        assert bound(at) == {("4", "1")}


async def test_where_the_speaker_owns_none_the_portals_choice_stands(holding: Portal) -> None:
    async with office(holding) as at:
        facts = await at.registered(register(user=UserId("1"), **SPEAKERS))
        begun = len(at.portal.traffic.executed)
        await at.do(finish(user=UserId("1"), **SPEAKERS), facts=facts)
        assert bound(at) == {("3", "1"), ("4", "1"), ("4", "2")}
        assert commands(at, begun) == ["telephony.externalcall.finish"]


async def test_the_second_record_of_a_transferred_call_goes_to_its_own_speakers_company(holding: Portal) -> None:
    async with office(holding) as at:
        first = await at.registered(register(1, user=UserId("4"), **SPEAKERS))
        second = await at.registered(register(2, user=UserId("5"), kind=RecordKind.TRANSFERRED, **SPEAKERS))
        assert (first["client"]["id"], second["client"]["id"]) == ("1", "2")


# What the portal itself has made, when its answer was lost


def without_an_answer(at: Office, hit: int = 0) -> None:
    at.portal.faults.add(Fault(kind=FaultKind.LOSE_ANSWER, skip=hit))


async def until_done(at: Office, *steps: Intent) -> dict[str, Any]:
    """As often as it takes; the facts of all of them."""
    answers = await at.do(*steps)
    for _ in range(3):
        if all(isinstance(answer, Receipt) for answer in answers):
            break
        answers = await at.do(*steps, uncertain=True)
    return {name: value for answer in answers for name, value in answer.facts.items()}


def owners(at: Office, *kinds: Kind) -> set[str]:
    """Of those that were made of the stranger's number, and of deals."""
    strangers = [row for kind in kinds for row in rows(at, kind) if kind is Kind.DEAL or STRANGER in str(row["PHONE"])]
    return {row["ASSIGNED_BY_ID"] for row in strangers}


PLAIN = Creation(what=Create.CLIENT)


@pytest.mark.parametrize("hit", range(2))
@pytest.mark.parametrize(
    ("mode", "kinds"), [(CrmMode.CLASSIC, [Kind.LEAD]), (CrmMode.SIMPLE, [Kind.CONTACT, Kind.DEAL])]
)
async def test_what_the_portal_made_for_a_call_that_is_over_is_given_to_whom_the_rules_name_whichever_answer_was_lost(
    mode: CrmMode, kinds: list[Kind], hit: int
) -> None:
    async with office(portal(mode=mode)) as at:
        without_an_answer(at, hit)
        await until_done(at, unknown(PLAIN, live=False), finish(user=UserId("3"), new_owner=UserId("4")))
        assert owners(at, *kinds) == {"4"}
        assert len(at.finished) == 1


async def test_what_was_made_for_a_call_that_is_registered_anew_after_an_hour_is_given_to_whom_the_rules_name() -> None:
    """The portal answers again after more than half an hour: the call is registered anew, and finds its own lead."""
    async with office() as at:
        call = unknown(PLAIN, started=hours_ago(1), user=UserId("3"))
        without_an_answer(at)
        facts = await until_done(at, call)
        await at.do(finish(user=UserId("5"), new_owner=UserId("4")), facts=facts)
        assert owners(at, Kind.LEAD) == {"4"}


async def test_a_client_whom_the_portal_knew_stays_its_owners_though_the_answer_was_lost() -> None:
    async with office() as at:
        without_an_answer(at)
        await until_done(at, register(creation=PLAIN, live=False), finish(user=UserId("3"), new_owner=UserId("4")))
        assert at.portal.clients.rows[Kind.CONTACT][1]["ASSIGNED_BY_ID"] == "2"


async def test_a_lead_that_an_earlier_call_brought_is_not_given_away_by_a_later_one() -> None:
    async with office() as at:
        await until_done(at, unknown(PLAIN, n=1, live=False), finish(1, user=UserId("3")))
        without_an_answer(at)
        second = unknown(PLAIN, n=2, live=False, started=hours_ago(1))
        await until_done(at, second, finish(2, user=UserId("3"), new_owner=UserId("4")))
        assert owners(at, Kind.LEAD) == {"3"}
