"""Calls reach the portal as they were: registers, cards, finishes, in as few requests as it takes."""

from __future__ import annotations

import pytest
from tests.contract.bitrix24_office import (
    CLIENT,
    MAKE,
    STRANGER,
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

from ringbridge.crm.contract import NotReached, Receipt, Rejected, Throttled, Transient, Unauthorized
from ringbridge.emulators.bitrix24 import CrmMode, Fault, FaultKind, Permission
from ringbridge.emulators.bitrix24.people import User
from ringbridge.routing.intents import RecordKind, UserId
from ringbridge.routing.results import CallStatus


@pytest.fixture(params=["webhook", "application"])
def oauth(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "application")


async def test_an_inbound_answered_call_on_one_phone_takes_three_commands(oauth: bool) -> None:
    async with office(oauth=oauth) as at:
        facts = await at.registered()
        (done,) = await at.do(finish(), facts=facts)
        (attached,) = await at.do(attach(), facts=facts)
        assert isinstance(done, Receipt)
        assert isinstance(attached, Receipt)
        (call,) = at.finished
        assert (call.user_id, call.duration, call.code) == (1, 42, "200")
        assert call.call.external_call_id == record()
        assert call.call.line.number == "+74951112233"
        assert sum(at.portal.traffic.methods.values()) - at.executed("batch") == 3


async def test_a_ring_all_of_twenty_phones_that_one_answers_takes_five_commands(oauth: bool) -> None:
    async with office(oauth=oauth) as at:
        for n in range(10, 30):
            at.portal.staff.users[n] = User(id=n, name=f"User {n}", inner_phone=str(n))
        everyone = [str(n) for n in range(10, 30)]
        facts = await at.registered(register(user=UserId("10")))
        await at.do(*(show(user, ring=user) for user in everyone[1:]), facts=facts)
        assert len(at.portal.telephony.cards.viewers(facts["call_id"])) == 20
        await at.do(*(hide(user, ring=user) for user in everyone if user != "15"), facts=facts)
        assert at.portal.telephony.cards.viewers(facts["call_id"]) == [15]
        await at.do(finish(user=UserId("15")), facts=facts)
        await at.do(attach(), facts=facts)
        assert sum(at.portal.traffic.methods.values()) - at.executed("batch") == 5


async def test_a_call_that_is_over_costs_one_request() -> None:
    async with office() as at:
        register_receipt, finish_receipt = await at.do(register(live=False), finish())
        assert register_receipt.facts["call_id"] == at.finished[0].call.call_id
        assert finish_receipt.facts["activity"] == str(at.finished[0].activity_id)
        assert at.portal.traffic.requests == 1
        assert not at.portal.telephony.cards.log


async def test_twenty_five_ended_calls_share_one_request() -> None:
    async with office() as at:
        intents = [i for n in range(25) for i in (register(n, live=False, number=f"+7999000{n:04}"), finish(n))]
        answers = await at.do(*intents)
        assert all(isinstance(answer, Receipt) for answer in answers)
        assert {call.call.external_call_id for call in at.finished} == {record(n) for n in range(25)}
        assert at.portal.traffic.requests == 1


async def test_more_than_fifty_commands_are_split_and_answered_in_their_order() -> None:
    async with office() as at:
        intents = [i for n in range(60) for i in (register(n, number=f"+7999000{n:04}"), finish(n))]
        answers = await at.do(*intents)
        assert at.portal.traffic.requests == 3
        by_key = {call.call.external_call_id: call.call.call_id for call in at.finished}
        assert [answer.facts["call_id"] for answer in answers[::2]] == [by_key[record(n)] for n in range(60)]


async def test_live_cards_go_before_ended_calls_when_both_do_not_fit_one_batch() -> None:
    async with office() as at:
        old = [register(n, live=False, number=f"+7999000{n:04}") for n in range(60)]
        await at.do(*old, register(99))
        first = [one for one in at.portal.traffic.executed if one.request == 1]
        assert record(99) in {one.params.get("EXTERNAL_CALL_ID") for one in first}


async def test_cards_open_for_who_rings_and_close_for_who_lost_in_two_commands() -> None:
    async with office() as at:
        facts = await at.registered(register(show=False))
        await at.do(*(show(str(user), ring=user) for user in range(1, 6)), facts=facts)
        assert sorted(at.portal.telephony.cards.viewers(facts["call_id"])) == [1, 2, 3, 4, 5]
        await at.do(hide("1", "2", "3", ring=6), hide("4", ring=7), facts=facts)
        assert at.portal.telephony.cards.viewers(facts["call_id"]) == [5]
        assert (at.executed("telephony.externalCall.show"), at.executed("telephony.externalCall.hide")) == (1, 1)


async def test_a_card_that_opens_and_closes_in_one_run_is_closed() -> None:
    async with office() as at:
        await at.do(register(show=False), show("2", ring=0), hide("2", ring=1), show("3", ring=2))
        assert at.portal.telephony.cards.viewers(at.running[0].call_id) == [3]


async def test_a_card_for_a_call_that_is_over_is_no_failure() -> None:
    async with office() as at:
        facts = await at.registered()
        await at.do(finish(), facts=facts)
        assert all(isinstance(a, Receipt) for a in await at.do(show("2"), hide("2", ring=1), facts=facts))


@pytest.mark.parametrize(
    ("kind", "number"),
    [(RecordKind.OUTBOUND, 1), (RecordKind.INBOUND, 2), (RecordKind.TRANSFERRED, 3), (RecordKind.CALLBACK, 4)],
)
async def test_each_kind_of_record_has_its_type(kind: RecordKind, number: int) -> None:
    async with office() as at:
        await at.registered(register(kind=kind))
        assert at.running[0].type == number


@pytest.mark.parametrize("status", list(CallStatus))
async def test_each_status_arrives_unchanged(status: CallStatus) -> None:
    async with office() as at:
        await at.do(register(), finish(status=status, duration=0, reason="Занято & $result[s0][CALL_ID]"))
        assert at.finished[0].code == status.value
        assert at.finished[0].reason == "Занято & result[s0][CALL_ID]"


async def test_an_unknown_number_makes_a_lead_where_the_portal_has_leads() -> None:
    async with office() as at:
        facts = await at.registered(register(number=STRANGER, creation=MAKE))
        assert facts["created"] == [{"kind": "lead", "id": "1"}]
        assert facts["client"] == {"kind": "lead", "id": "1"}


async def test_an_unknown_number_makes_a_contact_and_a_deal_where_it_has_none() -> None:
    async with office(portal(mode=CrmMode.SIMPLE)) as at:
        facts = await at.registered(register(number=STRANGER, creation=MAKE))
        assert {one["kind"] for one in facts["created"]} == {"contact", "deal"}


@pytest.mark.parametrize("number", ["anonymous", "", "+", "Unavailable", "неизвестно"])
async def test_a_withheld_number_is_one_record_and_no_client(number: str) -> None:
    async with office() as at:
        answers = await at.do(register(number=number, creation=MAKE), finish(duration=0, status=CallStatus.MISSED))
        assert all(isinstance(answer, Receipt) for answer in answers)
        assert len(at.finished) == 1
        assert "created" not in answers[0].facts


@pytest.mark.parametrize("number", ["+7 912 000-00-00 #12", "+4915112345678", "8" * 40, "+1 (415) 555-2671"])
async def test_numbers_of_all_kinds_are_recorded(number: str) -> None:
    async with office() as at:
        assert all(isinstance(answer, Receipt) for answer in await at.do(register(number=number), finish()))


async def test_a_colleagues_number_never_becomes_a_lead() -> None:
    async with office() as at:
        at.portal.staff.users[2].personal_mobile = STRANGER
        facts = await at.registered(register(number=STRANGER, creation=MAKE))
        assert "created" not in facts
        assert "local users" in facts["warning"]


async def test_two_calls_of_the_same_client_at_once_are_two_records() -> None:
    async with office() as at:
        first, second = await at.registered(register(1)), await at.registered(register(2))
        assert first["call_id"] != second["call_id"]
        await at.do(finish(1), facts=first)
        await at.do(finish(2), facts=second)
        assert {call.call.external_call_id for call in at.finished} == {record(1), record(2)}


async def test_a_failed_register_leaves_its_record_unreached_and_its_neighbours_done() -> None:
    async with office() as at:
        answers = await at.do(register(1, user=UserId("999")), show("2"), finish(1), register(2), finish(2), attach(1))
        assert isinstance(answers[0], Rejected)
        assert "dismissed or unknown" in str(answers[0])
        assert [type(answers[n]) for n in (1, 2, 5)] == [NotReached] * 3
        assert [type(answers[n]) for n in (3, 4)] == [Receipt] * 2
        assert [call.call.external_call_id for call in at.finished] == [record(2)]


async def test_what_follows_a_call_that_was_never_registered_is_rejected_in_words() -> None:
    async with office() as at:
        (answer,) = await at.do(finish())
        assert isinstance(answer, Rejected)
        assert "never registered" in str(answer)
        assert at.portal.traffic.requests == 0


async def test_a_card_that_failed_is_repeated_with_the_later_ones_so_that_none_stays_open() -> None:
    async with office() as at:
        facts = await at.registered(register(show=False))
        at.portal.faults.add(Fault(kind=FaultKind.OPERATION_LIMIT, method="telephony.externalCall.show"))
        first, second, last = await at.do(show("2"), hide("2", ring=1), finish(), facts=facts)
        assert isinstance(first, Throttled)
        assert isinstance(second, NotReached)
        assert isinstance(last, Receipt)


async def test_a_method_closed_for_its_running_time_stops_that_method_alone() -> None:
    async with office() as at:
        facts = await at.registered()
        at.portal.faults.add(Fault(kind=FaultKind.OPERATION_LIMIT, method="telephony.externalCall.hide"))
        (first,) = await at.do(hide("1"), facts=facts)
        requests = at.portal.traffic.requests
        (again,) = await at.do(hide("1"), facts=facts)
        assert isinstance(first, Throttled)
        assert isinstance(again, Throttled)
        assert again.until == first.until
        assert at.portal.traffic.requests == requests
        (shown,) = await at.do(show("2", ring=1), facts=facts)
        assert isinstance(shown, Receipt)


async def test_a_webhook_that_may_not_register_parks_the_portal_in_words() -> None:
    async with office(portal(webhook_telephony=Permission.DENY)) as at:
        first, second = await at.do(register(), finish())
        assert isinstance(first, Unauthorized)
        assert "local application" in str(first)
        assert isinstance(second, NotReached)


@pytest.mark.parametrize(
    ("code", "text", "status", "expected"),
    [
        ("ERROR_CORE", "User is not found or is not active", 400, Rejected),
        ("", "User is not found or is not active", 400, Rejected),
        ("", "Unknown TYPE", 400, Rejected),
        ("ERROR_CORE", "CALL_START_DATE should be in the ISO-8601 format", 400, Rejected),
        ("ERROR_CORE", "SQL query error!", 500, Transient),
        ("insufficient_scope", "The request requires higher privileges", 401, Unauthorized),
        ("ACCESS_DENIED", "REST API is available only on commercial plans", 403, Unauthorized),
        ("ERROR_METHOD_NOT_FOUND", "Method not found!", 404, Unauthorized),
        ("INVALID_CREDENTIALS", "Invalid request credentials", 401, Unauthorized),
        ("METHOD_CONFIRM_WAITING", "Waiting for confirmation", 401, Unauthorized),
        ("NEVER_SEEN", "Something new<br>", 400, Rejected),
    ],
)
async def test_a_command_refused_inside_a_batch_means_what_the_table_says(
    code: str, text: str, status: int, expected: type
) -> None:
    async with office() as at:
        at.portal.faults.add(
            Fault(kind=FaultKind.REFUSE, method="telephony.externalCall.register", code=code, text=text, status=status)
        )
        refused, fine = await at.do(register(1), register(2))
        assert type(refused) is expected
        assert isinstance(fine, Receipt)
        assert "<br>" not in str(refused)


async def test_the_story_of_a_step_shows_both_sides_and_no_key() -> None:
    async with office(oauth=True) as at:
        (receipt,) = await at.do(register())
        assert CLIENT in receipt.exchange.sent
        assert "telephony.externalCall.register" in receipt.exchange.sent
        assert receipt.facts["call_id"] in receipt.exchange.answered
        for secret in at.crm._key.secrets():
            assert secret not in receipt.exchange.sent + receipt.exchange.answered


async def test_a_catch_up_call_of_hours_ago_opens_no_card() -> None:
    async with office() as at:
        await at.do(register(started=hours_ago(5), live=False, show=True), finish())
        assert len(at.finished) == 1
        assert not at.portal.telephony.cards.log
