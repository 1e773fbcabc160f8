"""A call's life on the emulated portal: register, cards, finish, and every refusal in its own words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.contract.bitrix24_desk import ADMIN, ANNA, CONTACT, OLEG, STRANGER, Desk, desk

from ringbridge.emulators.bitrix24 import CrmMode, Permission, Wording, deskwork
from ringbridge.emulators.bitrix24.calls import CardAction
from ringbridge.emulators.bitrix24.fields import Kind
from ringbridge.emulators.bitrix24.settings import Language

REGISTER = "telephony.externalCall.register"
FINISH = "telephony.externalCall.finish"
NOT_FOUND = "Call is not found (call should be registered prior to finishing)"


def registering(**changes: Any) -> dict[str, Any]:
    values = {"USER_ID": ADMIN, "PHONE_NUMBER": STRANGER, "TYPE": 2, **changes}
    return {name: value for name, value in values.items() if value is not None}


async def test_a_registered_call_has_an_id_of_the_portals_form_and_the_known_client() -> None:
    async with desk() as at:
        result = (await at.call(REGISTER, **registering(PHONE_NUMBER="8 (912) 555-11-22"))).result
        assert result.pop("CALL_ID").split(".")[0] == "externalCall"
        assert result == {
            "CRM_CREATED_LEAD": None,
            "CRM_CREATED_ENTITIES": [],
            "CRM_ENTITY_TYPE": "CONTACT",
            "CRM_ENTITY_ID": 1,
        }


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"USER_ID": None}, "USER_ID or USER_PHONE_INNER should be set"),
        ({"USER_ID": 0, "USER_PHONE_INNER": "999"}, "USER_ID or USER_PHONE_INNER should be set"),
        ({"TYPE": None}, "Unknown TYPE"),
        ({"TYPE": 6}, "Unknown TYPE"),
        ({"TYPE": "incoming"}, "Unknown TYPE"),
        ({"CALL_START_DATE": "10.03.2026 11:00:00"}, "CALL_START_DATE should be in the ISO-8601 format"),
        ({"CALL_START_DATE": "2026-03-10T11:00:00"}, "CALL_START_DATE should be in the ISO-8601 format"),
        ({"CALL_START_DATE": "2026-13-10T11:00:00+03:00"}, "CALL_START_DATE should be in the ISO-8601 format"),
        ({"PHONE_NUMBER": "anonymous"}, "Unsupported phone number format"),
        ({"PHONE_NUMBER": "+"}, "Unsupported phone number format"),
        ({"PHONE_NUMBER": None}, "Unsupported phone number format"),
        ({"USER_ID": 77}, "User is not found or is not active"),
        # Of several mistakes the first in this order is told.
        ({"USER_ID": None, "TYPE": 9, "PHONE_NUMBER": ""}, "USER_ID or USER_PHONE_INNER should be set"),
        ({"USER_ID": 77, "TYPE": 9, "PHONE_NUMBER": ""}, "Unknown TYPE"),
        (
            {"USER_ID": 77, "CALL_START_DATE": "x", "PHONE_NUMBER": ""},
            "CALL_START_DATE should be in the ISO-8601 format",
        ),
        ({"USER_ID": 77, "PHONE_NUMBER": ""}, "Unsupported phone number format"),
    ],
)
async def test_register_refuses_in_its_own_words_and_registers_nothing(changes: dict[str, Any], text: str) -> None:
    async with desk() as at:
        assert (await at.call(REGISTER, **registering(**changes))).refusal == (400, "ERROR_CORE", text)
        assert not at.portal.telephony.active
        assert not at.portal.telephony.lines


async def test_the_code_of_telephony_errors_is_a_setting() -> None:
    async with desk(telephony_error_code="") as at:
        assert (await at.call(REGISTER, **registering(TYPE=9))).refusal == (400, "", "Unknown TYPE")


async def test_a_dismissed_employee_takes_no_calls() -> None:
    async with desk() as at:
        at.portal.staff.users[ANNA].active = False
        refused = await at.call(REGISTER, **registering(USER_ID=ANNA))
        assert refused.refusal[2] == "User is not found or is not active"
        by_inner = await at.call(REGISTER, **registering(USER_ID=None, USER_PHONE_INNER="102"))
        assert by_inner.refusal[2] == "USER_ID or USER_PHONE_INNER should be set"


@pytest.mark.parametrize("method", [REGISTER, FINISH, "telephony.externalLine.add", "telephony.externalLine.get"])
async def test_by_webhook_telephony_is_refused_where_the_portal_denies_it(method: str) -> None:
    async with desk(webhook_telephony=Permission.DENY) as at:
        text = "Current authorization type is denied for this method"
        assert (await at.by_webhook(method)).refusal == (403, "WRONG_AUTH_TYPE", text)


async def test_by_webhook_cards_and_records_work_all_the_same() -> None:
    async with desk(webhook_telephony=Permission.DENY) as at:
        call_id = await at.registered(SHOW=0)
        assert (await at.by_webhook("telephony.externalCall.show", CALL_ID=call_id)).result is True


async def test_by_webhook_a_call_and_its_line_belong_to_no_application() -> None:
    async with desk() as at:
        await at.by_webhook(REGISTER, **registering(LINE_NUMBER="trunk"))
        (call,) = at.portal.telephony.active.values()
        assert call.application_id is None
        assert call.line is not None
        assert call.line.application_id is None


async def test_the_employee_is_found_by_inner_number() -> None:
    async with desk() as at:
        call_id = await at.registered(USER_ID=None, USER_PHONE_INNER="103")
        assert at.portal.telephony.active[call_id].user_id == OLEG


async def test_an_unknown_line_is_made_once_and_cut_to_fifty_characters() -> None:
    async with desk() as at:
        await at.registered(LINE_NUMBER=f" {'7' * 60} ")
        await at.registered(LINE_NUMBER="7" * 50, PHONE_NUMBER=STRANGER)
        assert [line.number for line in at.portal.telephony.lines] == ["7" * 50]


# The same call twice.


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ({}, {}, True),
        ({"EXTERNAL_CALL_ID": "a"}, {"EXTERNAL_CALL_ID": "a"}, True),
        ({"EXTERNAL_CALL_ID": "a"}, {"EXTERNAL_CALL_ID": "b"}, False),
        ({"EXTERNAL_CALL_ID": "a"}, {}, True),  # without one, a call that had one matches
        ({}, {"EXTERNAL_CALL_ID": "a"}, False),
        ({"LINE_NUMBER": "1"}, {"LINE_NUMBER": "1"}, True),
        ({"LINE_NUMBER": "1"}, {"LINE_NUMBER": "2"}, False),
        ({"LINE_NUMBER": "1"}, {}, True),
        ({}, {"USER_ID": ANNA}, False),
        ({}, {"TYPE": 1}, False),
        ({}, {"PHONE_NUMBER": "+79990001123"}, False),
        ({"PHONE_NUMBER": "+79990001122"}, {"PHONE_NUMBER": "7 (999) 000-11-22"}, True),
        ({}, {"CRM_CREATE": 1, "CRM_SOURCE": "WEB"}, True),
    ],
)
async def test_an_unfinished_call_is_recognised_by_its_keys(
    first: dict[str, Any], second: dict[str, Any], same: bool
) -> None:
    async with desk() as at:
        one = await at.registered(**registering(**first))
        other = await at.registered(**registering(**second))
        assert (one == other) is same
        assert len(at.portal.telephony.active) == (1 if same else 2)


async def test_after_half_an_hour_or_a_finish_it_is_another_call() -> None:
    async with desk() as at:
        one = await at.registered()
        at.clock.forward(minutes=29)
        assert await at.registered() == one
        at.clock.forward(minutes=1)
        other = await at.registered()
        assert other != one
        await at.finished(other)
        assert await at.registered() not in {one, other}


async def test_a_call_caught_up_later_is_never_recognised() -> None:
    async with desk() as at:
        late = {"CALL_START_DATE": "2026-03-10T10:29:00+03:00", "EXTERNAL_CALL_ID": "a"}
        assert await at.registered(**late) != await at.registered(**late)


async def test_the_repetition_opens_the_card_again_when_it_shows() -> None:
    async with desk() as at:
        call_id = await at.registered(SHOW=0)
        assert at.portal.telephony.cards.viewers(call_id) == []
        await at.registered(SHOW=1)
        assert at.portal.telephony.cards.viewers(call_id) == [ADMIN]


# Clients.


async def test_a_given_client_is_taken_without_a_search() -> None:
    async with desk() as at:
        result = (await at.call(REGISTER, **registering(CRM_ENTITY_TYPE="CONTACT", CRM_ENTITY_ID=2))).result
        assert (result["CRM_ENTITY_TYPE"], result["CRM_ENTITY_ID"]) == ("CONTACT", 2)
        half = (await at.call(REGISTER, **registering(CRM_ENTITY_TYPE="CONTACT", PHONE_NUMBER="+79990001199"))).result
        assert (half["CRM_ENTITY_TYPE"], half["CRM_ENTITY_ID"]) == ("", None)


async def test_an_unknown_number_becomes_a_lead_of_the_employee_with_title_source_and_line() -> None:
    async with desk(language=Language.EN) as at:
        params = registering(CRM_CREATE=1, CRM_SOURCE="WEB", LINE_NUMBER="78005553535", USER_ID=ANNA)
        result = (await at.call(REGISTER, **params)).result
        assert result["CRM_CREATED_LEAD"] == 1
        assert result["CRM_CREATED_ENTITIES"] == [{"ENTITY_TYPE": "LEAD", "ENTITY_ID": 1}]
        assert (result["CRM_ENTITY_TYPE"], result["CRM_ENTITY_ID"]) == ("LEAD", 1)
        lead = (await at.call("crm.lead.get", id=1)).result
        assert lead["TITLE"] == "+7 999 000-11-22 - Incoming call"
        assert (lead["SOURCE_ID"], lead["ASSIGNED_BY_ID"]) == ("WEB", "2")
        assert "78005553535" in lead["SOURCE_DESCRIPTION"]
        assert [phone["VALUE"] for phone in lead["PHONE"]] == [STRANGER]


@pytest.mark.parametrize(("given", "source"), [("NO_SUCH", "CALL"), (None, "CALL"), ("ADVERTISING", "ADVERTISING")])
async def test_an_unknown_source_becomes_call(given: str | None, source: str) -> None:
    async with desk() as at:
        await at.call(REGISTER, **registering(CRM_CREATE=1, CRM_SOURCE=given))
        assert at.portal.clients.rows[Kind.LEAD][1]["SOURCE_ID"] == source


@pytest.mark.parametrize("wish", ["N", "false", "1", 1, True])
async def test_php_takes_any_other_word_for_yes(wish: Any) -> None:
    async with desk() as at:
        assert (await at.call(REGISTER, **registering(CRM_CREATE=wish))).result["CRM_CREATED_LEAD"] == 1


@pytest.mark.parametrize("wish", ["0", "", 0, False, None])
async def test_php_takes_these_for_no(wish: Any) -> None:
    async with desk() as at:
        assert (await at.call(REGISTER, **registering(CRM_CREATE=wish))).result["CRM_CREATED_LEAD"] is None


async def test_a_known_lead_is_found_again_and_not_doubled_until_it_is_closed() -> None:
    async with desk() as at:
        first = await at.registered(**registering(CRM_CREATE=1))
        await at.finished(first)
        again = (await at.call(REGISTER, **registering(CRM_CREATE=1))).result
        assert (again["CRM_ENTITY_ID"], again["CRM_CREATED_LEAD"]) == (1, None)
        await at.call("crm.lead.update", id=1, fields={"STATUS_ID": "JUNK"})
        anew = (await at.call(REGISTER, **registering(CRM_CREATE=1, EXTERNAL_CALL_ID="n"))).result
        assert anew["CRM_CREATED_LEAD"] == 2


async def test_a_known_client_makes_no_lead_unless_the_portal_wants_repeats() -> None:
    async with desk() as at:
        assert (await at.call(REGISTER, **registering(PHONE_NUMBER=CONTACT, CRM_CREATE=1))).result[
            "CRM_CREATED_LEAD"
        ] is None
    async with desk(repeat_for_known_clients=True) as at:
        incoming = (await at.call(REGISTER, **registering(PHONE_NUMBER=CONTACT, CRM_CREATE=1))).result
        outgoing = (await at.call(REGISTER, **registering(PHONE_NUMBER=CONTACT, CRM_CREATE=1, TYPE=1))).result
        assert incoming["CRM_CREATED_LEAD"] == 1
        assert at.portal.clients.rows[Kind.LEAD][1]["IS_RETURN_CUSTOMER"] == "Y"
        assert outgoing["CRM_CREATED_LEAD"] is None


async def test_without_leads_a_contact_and_a_deal_are_made() -> None:
    async with desk(mode=CrmMode.SIMPLE) as at:
        result = (await at.call(REGISTER, **registering(CRM_CREATE=1))).result
        assert result["CRM_CREATED_LEAD"] is None
        assert result["CRM_CREATED_ENTITIES"] == [
            {"ENTITY_TYPE": "CONTACT", "ENTITY_ID": 5},
            {"ENTITY_TYPE": "DEAL", "ENTITY_ID": 1},
        ]
        assert (await at.call("crm.deal.get", id=1)).result["CONTACT_ID"] == "5"


async def test_an_employees_mobile_makes_no_lead_and_says_why() -> None:
    async with desk() as at:
        at.portal.staff.users[ANNA].personal_mobile = "8 999 000-11-22"
        result = (await at.call(REGISTER, **registering(CRM_CREATE=1))).result
        assert result["LEAD_CREATION_ERROR"] == "Lead creation is disabled for local users"
        assert result["CRM_CREATED_ENTITIES"] == []


async def test_a_call_to_an_inner_number_never_touches_the_crm() -> None:
    async with desk() as at:
        call_id = await at.registered(PHONE_NUMBER="102", CRM_CREATE=1)
        row = await at.finished(call_id)
        assert row["CRM_ACTIVITY_ID"] is False
        assert "ERRORS" not in row
        assert not at.portal.clients.rows[Kind.LEAD]


# Cards.


async def test_a_card_opens_for_one_or_many_and_closes_for_those_named() -> None:
    async with desk() as at:
        call_id = await at.registered()
        cards = at.portal.telephony.cards
        assert (await at.call("telephony.externalCall.show", CALL_ID=call_id, USER_ID=[ANNA, OLEG])).result is True
        assert cards.viewers(call_id) == [ADMIN, ANNA, OLEG]
        assert (await at.call("telephony.externalCall.hide", CALL_ID=call_id, USER_ID=ANNA)).result is True
        assert (await at.call("telephony.externalCall.hide", CALL_ID=call_id)).result is True
        assert cards.viewers(call_id) == [OLEG]
        assert [(move.action, move.user_id) for move in cards.log] == [
            (CardAction.SHOWN, ADMIN),
            (CardAction.SHOWN, ANNA),
            (CardAction.SHOWN, OLEG),
            (CardAction.HIDDEN, ANNA),
            (CardAction.HIDDEN, ADMIN),
        ]


@pytest.mark.parametrize("method", ["telephony.externalCall.show", "telephony.externalCall.hide"])
async def test_cards_of_unknown_and_finished_calls_answer_false(method: str) -> None:
    async with desk() as at:
        call_id = await at.registered()
        await at.finished(call_id)
        assert (await at.call(method, CALL_ID=call_id)).result is False
        assert (await at.call(method, CALL_ID="externalCall.x.1")).result is False


async def test_finish_closes_the_card_of_the_finishing_employee_only() -> None:
    async with desk() as at:
        call_id = await at.registered()
        await at.call("telephony.externalCall.show", CALL_ID=call_id, USER_ID=ANNA)
        await at.finished(call_id, USER_ID=ANNA)
        assert at.portal.telephony.cards.viewers(call_id) == [ADMIN]


# Finish.


async def test_finish_answers_with_the_row_of_the_statistics() -> None:
    async with desk() as at:
        call_id = await at.registered(
            LINE_NUMBER="3", EXTERNAL_CALL_ID="pbx-1", CALL_START_DATE="2026-03-10T10:59:00+03:00"
        )
        row = await at.finished(call_id, DURATION=95, VOTE=5, COST=1.5, COST_CURRENCY="RUB")
        assert row == {
            "CALL_ID": call_id,
            "EXTERNAL_CALL_ID": "pbx-1",
            "PORTAL_USER_ID": ADMIN,
            "PHONE_NUMBER": "79125551122",
            "PORTAL_NUMBER": "3",
            "INCOMING": "2",
            "CALL_DURATION": 95,
            "CALL_START_DATE": {},
            "CALL_STATUS": 1,
            "CALL_VOTE": 5,
            "COST": 1.5,
            "COST_CURRENCY": "RUB",
            "CALL_FAILED_CODE": "200",
            "CALL_FAILED_REASON": "",
            "REST_APP_ID": "1",
            "REST_APP_NAME": "Ringbridge",
            "CRM_ACTIVITY_ID": 1,
            "COMMENT": None,
            "CRM_ENTITY_TYPE": "CONTACT",
            "CRM_ENTITY_ID": 1,
            "ID": 1,
        }


@pytest.mark.parametrize(
    ("params", "code", "status"),
    [
        ({"DURATION": 5}, "200", 1),
        ({}, "304", 0),
        ({"DURATION": 0, "STATUS_CODE": "200"}, "200", 0),  # the status follows the duration alone
        ({"DURATION": 5, "STATUS_CODE": "486"}, "486", 1),
        ({"STATUS_CODE": "whatever"}, "whatever", 0),  # not checked
    ],
)
async def test_the_status_code_and_what_the_portal_makes_of_it(params: dict[str, Any], code: str, status: int) -> None:
    async with desk() as at:
        call_id = await at.registered()
        row = (await at.call(FINISH, CALL_ID=call_id, USER_ID=ADMIN, **params)).result
        assert (row["CALL_FAILED_CODE"], row["CALL_STATUS"]) == (code, status)


async def test_a_call_is_finished_once() -> None:
    async with desk() as at:
        call_id = await at.registered()
        await at.finished(call_id)
        assert (await at.call(FINISH, CALL_ID=call_id, USER_ID=ADMIN)).refusal == (400, "ERROR_CORE", NOT_FOUND)
        assert len(at.portal.telephony.finished) == 1
        at.portal.settings.wording = Wording.BOX
        assert (await at.call(FINISH, CALL_ID=call_id, USER_ID=ADMIN)).refusal[2] == NOT_FOUND.removesuffix(")")


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"CALL_ID": None}, (400, "INVALID_ARGUMENT", "CALL_ID must be a string")),
        ({"CALL_ID": 12}, (400, "INVALID_ARGUMENT", "CALL_ID must be a string")),
        ({"USER_ID": None}, (400, "ERROR_CORE", "USER_ID or USER_PHONE_INNER should be set")),
        ({"CALL_ID": "externalCall.x.1"}, (400, "ERROR_CORE", NOT_FOUND)),
        ({"CALL_ID": "externalCall.x.1", "USER_ID": 77}, (400, "ERROR_CORE", NOT_FOUND)),
        ({"USER_ID": 77}, (400, "ERROR_CORE", "User is not found or is not active")),
    ],
)
async def test_finish_refuses_in_its_own_words_and_the_call_goes_on(
    changes: dict[str, Any], refusal: tuple[int, str, str]
) -> None:
    async with desk() as at:
        call_id = await at.registered()
        params = {"CALL_ID": call_id, "USER_ID": ADMIN, **changes}
        given = {name: value for name, value in params.items() if value is not None}
        assert (await at.call(FINISH, **given)).refusal == refusal
        assert call_id in at.portal.telephony.active


async def test_without_a_client_the_row_stays_and_says_that_there_is_no_activity() -> None:
    async with desk() as at:
        row = await at.finished(await at.registered(PHONE_NUMBER=STRANGER))
        assert row["CRM_ACTIVITY_ID"] is False
        assert row["ERRORS"] == {"ACTIVITY_CREATION": "Could not find associated crm entity for the current call"}
        assert "CRM_ENTITY_TYPE" not in row


async def test_a_client_made_while_they_talked_gets_the_activity() -> None:
    async with desk() as at:
        call_id = await at.registered(PHONE_NUMBER=STRANGER)
        contact = (await at.call("crm.contact.add", fields={"NAME": "New", "PHONE": [{"VALUE": STRANGER}]})).result
        row = await at.finished(call_id)
        assert (row["CRM_ENTITY_TYPE"], row["CRM_ENTITY_ID"]) == ("CONTACT", contact)
        assert row["CRM_ACTIVITY_ID"] == 1


async def test_what_the_call_created_goes_to_the_employee_who_finished_it() -> None:
    async with desk() as at:
        call_id = await at.registered(**registering(CRM_CREATE=1))
        await at.finished(call_id, USER_ID=None, USER_PHONE_INNER="102")
        assert at.portal.clients.rows[Kind.LEAD][1]["ASSIGNED_BY_ID"] == str(ANNA)
        known = await at.registered()
        await at.finished(known, USER_ID=OLEG)
        assert at.portal.clients.rows[Kind.CONTACT][1]["ASSIGNED_BY_ID"] == str(ANNA)  # as before the call


async def test_an_unfinished_call_may_be_forgotten_after_a_while() -> None:
    async with desk(unfinished_call_lifetime=timedelta(minutes=30)) as at:
        call_id = await at.registered()
        at.clock.forward(minutes=31)
        assert (await at.call(FINISH, CALL_ID=call_id, USER_ID=ADMIN)).refusal[2] == NOT_FOUND


@pytest.mark.parametrize(
    ("kind", "params", "wanted"),
    [
        (2, {"DURATION": 30}, {"DIRECTION": "1", "COMPLETED": "Y", "SETTINGS": []}),
        (2, {"STATUS_CODE": "304"}, {"DIRECTION": "1", "COMPLETED": "N", "SETTINGS": {"MISSED_CALL": True}}),
        (3, {"STATUS_CODE": "304"}, {"DIRECTION": "1", "COMPLETED": "Y", "SETTINGS": []}),
        (1, {"STATUS_CODE": "486"}, {"DIRECTION": "2", "COMPLETED": "Y", "SETTINGS": []}),
        (4, {"STATUS_CODE": "304"}, {"DIRECTION": None, "COMPLETED": "N", "PROVIDER_TYPE_ID": "CALLBACK"}),
        (2, {"DURATION": 3, "VOTE": 2}, {"RESULT_MARK": "3"}),
    ],
)
async def test_the_activity_tells_how_the_call_went(kind: int, params: dict[str, Any], wanted: dict[str, Any]) -> None:
    async with desk(language=Language.EN) as at:
        call_id = await at.registered(TYPE=kind)
        await at.call(FINISH, CALL_ID=call_id, USER_ID=ANNA, **params)
        (activity,) = (await at.call("crm.activity.list", filter={"ORIGIN_ID": f"VI_{call_id}"})).result
        assert {name: activity[name] for name in wanted} == wanted
        assert (activity["TYPE_ID"], activity["PROVIDER_ID"]) == ("2", "VOXIMPLANT_CALL")
        assert (activity["OWNER_TYPE_ID"], activity["OWNER_ID"], activity["RESPONSIBLE_ID"]) == ("3", "1", "2")


async def test_a_missed_call_waits_until_somebody_reaches_the_client() -> None:
    async with desk() as at:
        missed = at.portal.telephony.missed
        await at.finished(await at.registered(), DURATION=0)
        assert [one.closed_by for one in missed] == [None]
        await at.finished(await at.registered(TYPE=1), DURATION=0, STATUS_CODE="486")
        assert [one.closed_by for one in missed] == [None]
        back = await at.registered(TYPE=1)
        await at.finished(back)
        assert [one.closed_by for one in missed] == [back]


@pytest.mark.parametrize(("params", "written"), [({}, True), ({"ADD_TO_CHAT": 0}, False), ({"ADD_TO_CHAT": 1}, True)])
async def test_the_chat_hears_of_a_call_as_wished(params: dict[str, Any], written: bool) -> None:
    async with desk() as at:
        await at.finished(await at.registered(), **params)
        assert bool(at.portal.telephony.chat) is written


# Finding clients.


async def test_a_client_is_found_with_responsible_and_working_day() -> None:
    async with desk() as at:
        result = (await at.call("telephony.externalCall.searchCrmEntities", PHONE_NUMBER=CONTACT)).result
        assert result == [
            {
                "CRM_ENTITY_TYPE": "CONTACT",
                "CRM_ENTITY_ID": 1,
                "ASSIGNED_BY_ID": ANNA,
                "NAME": "Андрей Волков",
                "ASSIGNED_BY": {
                    "ID": "2",
                    "TIMEMAN_STATUS": "OPENED",
                    "USER_PHONE_INNER": "102",
                    "WORK_PHONE": None,
                    "PERSONAL_PHONE": None,
                    "PERSONAL_MOBILE": None,
                },
            }
        ]
        assert (await at.call("telephony.externalCall.searchCrmEntities", PHONE_NUMBER=STRANGER)).result == []
        nothing = await at.call("telephony.externalCall.searchCrmEntities", PHONE_NUMBER="anonymous")
        assert nothing.refusal == (400, "ERROR_CORE", "PHONE_NUMBER is empty")


# Lines.


async def lines(at: Desk) -> list[tuple[str, str, str]]:
    rows = (await at.call("telephony.externalLine.get")).result
    return [(row["NUMBER"], row["NAME"], row["CRM_AUTO_CREATE"]) for row in rows]


async def test_lines_are_added_changed_and_removed() -> None:
    async with desk() as at:
        assert (await at.call("telephony.externalLine.add", NUMBER="1", NAME="Main")).result == {"ID": 1}
        changed = await at.call("telephony.externalLine.update", NUMBER="1", CRM_AUTO_CREATE="N")
        assert changed.result == {"ID": "1"}
        assert await lines(at) == [("1", "Main", "N")]
        assert (await at.call("telephony.externalLine.delete", NUMBER="1")).result == []
        assert await lines(at) == []


@pytest.mark.parametrize(
    ("method", "params", "text"),
    [
        ("add", {"NAME": "x"}, "NUMBER should not be empty"),
        ("add", {"NUMBER": "1"}, "Line already exists"),
        ("update", {"NAME": "x"}, "NUMBER should not be empty"),
        ("update", {"NUMBER": "1"}, "There are no fields to update"),
        ("update", {"NUMBER": "2", "NAME": "x"}, "Could not find line with number 2"),
        ("delete", {}, "NUMBER should not be empty"),
        ("delete", {"NUMBER": "2"}, "Could not find line with number 2"),
    ],
)
async def test_lines_refuse_in_their_own_words(method: str, params: dict[str, Any], text: str) -> None:
    async with desk() as at:
        await at.call("telephony.externalLine.add", NUMBER="1")
        assert (await at.call(f"telephony.externalLine.{method}", **params)).refusal == (400, "ERROR_CORE", text)


async def test_a_clicked_number_is_registered_by_the_portal_and_only_finished_by_the_application() -> None:
    async with desk() as at:
        call_id = deskwork.click(at.portal, user_id=ANNA, number=STRANGER)
        row = await at.finished(call_id, USER_ID=ANNA)
        assert row["INCOMING"] == "1"
        assert row["PORTAL_NUMBER"] == "REST_APP:1"
        assert row["CRM_ENTITY_TYPE"] == "LEAD"
