"""Where the sources disagree the emulated portal can be either."""

from __future__ import annotations

from tests.contract.bitrix24_desk import ADMIN, ANNA, CONTACT, STRANGER, desk, listener

from ringbridge.emulators.bitrix24 import CrmMode, Fault, FaultKind, deskwork
from ringbridge.emulators.common.forms import parse_query


async def test_a_deleted_portal_says_so_with_any_of_the_reported_statuses() -> None:
    for status in (500, 403, 410):
        async with desk(portal_deleted_status=status) as at:
            at.portal.faults.add(Fault(kind=FaultKind.PORTAL_DELETED))
            assert (await at.call("profile")).refusal[:2] == (status, "PORTAL_DELETED")


async def test_without_add_to_chat_an_on_premise_portal_writes_nothing() -> None:
    async with desk(add_to_chat_default=False) as at:
        await at.finished(await at.registered())
        assert not at.portal.telephony.chat


async def test_events_may_bring_a_refresh_token() -> None:
    async with desk(refresh_token_in_events=True) as at, listener() as application:
        await at.call("event.bind", event="ONEXTERNALCALLSTART", handler=application.address)
        deskwork.click(at.portal, user_id=ANNA, number=STRANGER)
        await at.portal.chores.finish_waiting()
        auth = parse_query(application.heard[0][1].decode())["auth"]
        assert auth["refresh_token"] in at.portal.access.refresh


async def test_missed_calls_may_be_completed_activities() -> None:
    async with desk(missed_activity_completed=True) as at:
        await at.finished(await at.registered(), DURATION=0)
        assert at.portal.activities.rows[1]["COMPLETED"] == "Y"


async def test_the_call_list_may_be_ignored() -> None:
    for ignored, kept in ((False, 7), (True, 0)):
        async with desk(ignore_call_list=ignored) as at:
            call_id = await at.registered(CALL_LIST_ID=7)
            assert at.portal.telephony.active[call_id].call_list_id == kept


async def test_closed_leads_may_be_found() -> None:
    for found, entity in ((False, ""), (True, "LEAD")):
        async with desk(closed_leads_match=found) as at:
            await at.call("crm.lead.add", fields={"STATUS_ID": "JUNK", "PHONE": [{"VALUE": STRANGER}]})
            params = {"USER_ID": ADMIN, "PHONE_NUMBER": STRANGER, "TYPE": 2}
            answer = await at.call("telephony.externalCall.register", **params)
            assert answer.result["CRM_ENTITY_TYPE"] == entity


async def test_the_start_of_a_finished_call_may_come_as_a_date() -> None:
    async with desk(finish_start_date_as_object=False) as at:
        row = await at.finished(await at.registered(PHONE_NUMBER=CONTACT))
        assert row["CALL_START_DATE"] == "2026-03-10T11:00:00+03:00"


async def test_without_leads_the_created_objects_may_come_in_either_order() -> None:
    async with desk(mode=CrmMode.SIMPLE, simple_mode_order=("DEAL", "CONTACT")) as at:
        params = {"USER_ID": ADMIN, "PHONE_NUMBER": STRANGER, "TYPE": 2, "CRM_CREATE": 1}
        result = (await at.call("telephony.externalCall.register", **params)).result
        assert [one["ENTITY_TYPE"] for one in result["CRM_CREATED_ENTITIES"]] == ["DEAL", "CONTACT"]
