"""The queue of events that an application of the emulated portal fetches: given once, or reserved and confirmed."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.bitrix24_desk import ANNA, CONTACT, STRANGER, Desk, desk

from ringbridge.emulators.bitrix24 import deskwork


async def bound_offline(at: Desk) -> None:
    for event in ("ONEXTERNALCALLSTART", "ONCRMLEADUPDATE"):
        await at.call("event.bind", event=event, event_type="offline")


async def test_a_click_waits_in_the_queue_until_it_is_fetched_once() -> None:
    async with desk() as at:
        await bound_offline(at)
        call_id = deskwork.click(at.portal, user_id=ANNA, number=STRANGER)
        (event,) = (await at.call("event.offline.get")).result["events"]
        assert (event["EVENT_NAME"], event["EVENT_DATA"]["CALL_ID"]) == ("ONEXTERNALCALLSTART", call_id)
        assert event["TIMESTAMP_X"] == "2026-03-10T11:00:00+03:00"
        assert (await at.call("event.offline.get")).result["events"] == []


async def test_reserved_events_wait_for_their_process_to_clear_them() -> None:
    async with desk() as at:
        await bound_offline(at)
        deskwork.click(at.portal, user_id=ANNA, number=STRANGER)
        deskwork.click(at.portal, user_id=ANNA, number=CONTACT)
        taken = (await at.call("event.offline.get", clear=0)).result
        process, (first, second) = taken["process_id"], taken["events"]
        assert (await at.call("event.offline.get", clear=0)).result["events"] == []
        again = (await at.call("event.offline.get", clear=0, process_id=process)).result
        assert [one["ID"] for one in again["events"]] == [first["ID"], second["ID"]]
        await at.call("event.offline.clear", process_id=process, id=[first["ID"]])
        await at.call("event.offline.error", process_id=process, message_id=[second["MESSAGE_ID"]])
        (row,) = (await at.call("event.offline.list")).result
        assert (row["ID"], row["ERROR"], row["PROCESS_ID"]) == (second["ID"], "1", "")
        assert (await at.call("event.offline.get")).result["events"] == []
        (failed,) = (await at.call("event.offline.get", error=1)).result["events"]
        assert failed["ID"] == second["ID"]
        assert (await at.call("event.offline.clear")).refusal[1] == "ERROR_ARGUMENT"


async def test_where_the_plan_cannot_reserve_events_they_are_only_given_once() -> None:
    async with desk() as at:
        at.portal.settings.offline_confirmation = False
        await bound_offline(at)
        deskwork.click(at.portal, user_id=ANNA, number=STRANGER)
        assert (await at.call("feature.get", CODE="rest_offline_extended")).result == {"value": "N"}
        assert (await at.call("event.offline.get", clear=0)).refusal == (
            403,
            "WRONG_LICENSE",
            "This feature is not enabled for the current license: extended offline events handling",
        )
        assert len((await at.call("event.offline.get")).result["events"]) == 1


async def test_a_process_that_is_named_without_reserving_is_forgotten_whole() -> None:
    async with desk() as at:
        await bound_offline(at)
        for _ in range(3):
            deskwork.click(at.portal, user_id=ANNA, number=STRANGER)
        process = (await at.call("event.offline.get", clear=0)).result["process_id"]
        taken = (await at.call("event.offline.get", process_id=process, limit=1)).result
        assert (taken["process_id"], len(taken["events"])) == (process, 1)
        assert (await at.call("event.offline.list")).result == []


async def test_what_a_process_has_left_stands_first_where_it_is_asked_for_so() -> None:
    async with desk() as at:
        await bound_offline(at)
        deskwork.click(at.portal, user_id=ANNA, number=STRANGER)
        deskwork.click(at.portal, user_id=ANNA, number=CONTACT)
        reserved = (await at.call("event.offline.get", clear=0, limit=1, order={"ID": "DESC"})).result
        rows = (await at.call("event.offline.list", order={"PROCESS_ID": "DESC"})).result
        assert [row["PROCESS_ID"] for row in rows] == [reserved["process_id"], ""]
        (again,) = (await at.call("event.offline.list", filter={"=PROCESS_ID": reserved["process_id"]})).result
        assert again["ID"] == reserved["events"][0]["ID"]


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"limit": 0}, "Value must be positive integer"),
        ({"filter": {"!ID": 1}}, "Filter operation not allowed: !"),
        ({"filter": {"PROCESS_ID": "x"}}, "Filter field not allowed: PROCESS_ID"),
        ({"filter": "x"}, "The filter is not an array."),
        ({"filter": {"ID": [1]}}, "The value of an argument 'ID' has an invalid type"),
        ({"order": {"PROCESS_ID": "ASC"}}, "Order field not allowed: PROCESS_ID"),
        ({"order": {"ID": "UP"}}, "Order direction should be one of {ASC|DESC}"),
        ({"order": "x"}, "The order is not an array."),
    ],
)
async def test_a_wrong_question_to_the_queue_is_refused_in_its_own_words(params: dict[str, Any], text: str) -> None:
    async with desk() as at:
        assert (await at.call("event.offline.get", **params)).refusal == (400, "ERROR_ARGUMENT", text)


async def test_of_changes_to_one_object_the_queue_keeps_the_last() -> None:
    async with desk() as at:
        await bound_offline(at)
        await at.call("crm.lead.add", fields={})
        for title in ("one", "two"):
            await at.call("crm.lead.update", id=1, fields={"TITLE": title})
            at.clock.forward(seconds=1)
        (row,) = (await at.call("event.offline.list")).result
        assert row["TIMESTAMP_X"] == "2026-03-10T11:00:01+03:00"


async def test_the_queue_gives_at_most_the_limit_oldest_first() -> None:
    async with desk() as at:
        await bound_offline(at)
        for _ in range(3):
            deskwork.click(at.portal, user_id=ANNA, number=STRANGER)
            at.clock.forward(seconds=1)
        events = (await at.call("event.offline.get", limit=2)).result["events"]
        assert [one["TIMESTAMP_X"][17:19] for one in events] == ["00", "01"]
