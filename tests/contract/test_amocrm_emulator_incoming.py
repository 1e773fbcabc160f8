"""The emulated account's incoming leads, notes, tasks, sources and webhooks."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.amocrm_desk import ADMIN, ANTON, CONTACT, KATE, STRANGER, Answer, Desk, call, desk, phone
from tests.contract.bitrix24_desk import listener

from ringbridge.emulators.amocrm import Kind, demo, deskwork
from ringbridge.emulators.common.forms import parse_query


def incoming(**changes: Any) -> dict[str, Any]:
    metadata = {
        "uniq": "1700.1", "duration": 12, "service_code": "ringbridge", "link": "http://pbx.test/1.mp3",
        "phone": STRANGER, "called_at": 1_700_000_000, "from": "101",
    }  # fmt: skip
    given = {"source_uid": "line-1", "source_name": "Main line", "metadata": metadata | changes.pop("metadata", {})}
    embedded = {
        "contacts": [{"name": "New", "custom_fields_values": phone(STRANGER)}],
        "leads": [{"name": "Call of a stranger"}],
    }
    return {**given, "_embedded": embedded, **changes}


async def test_an_incoming_lead_is_hidden_until_somebody_accepts_it() -> None:
    async with desk() as at:
        answer = await at.post("leads/unsorted/sip", incoming(pipeline_id=demo.SERVICE))
        (made,) = answer.rows
        contact, lead = (made["_embedded"][kind][0]["id"] for kind in ("contacts", "leads"))
        assert (answer.body["_total_items"], made["request_id"], made["account_id"]) == (1, "0", 12345678)
        assert (await at.get("contacts", query=STRANGER)).status == 204
        assert (await at.get("leads")).status == 204
        assert (await at.post("calls", call(phone=STRANGER))).status == 400
        accepted = await at.ask(
            "POST",
            f"/api/v4/leads/unsorted/{made['uid']}/accept",
            json={"user_id": KATE, "status_id": demo.SERVICE + 3},
        )
        assert [one["id"] for one in accepted.body["_embedded"]["leads"]] == [lead]
        row = (await at.get(f"leads/{lead}")).body
        assert (row["status_id"], row["pipeline_id"], row["responsible_user_id"]) == (
            demo.SERVICE + 3, demo.SERVICE, KATE,
        )  # fmt: skip
        (note,) = (await at.get(f"leads/{lead}/notes")).rows
        assert (note["params"]["uniq"], note["params"]["phone"], note["created_at"]) == (
            "1700.1", STRANGER, 1_700_000_000,
        )  # fmt: skip
        assert (await at.get("contacts", query=STRANGER)).rows[0]["id"] == contact
        assert (await at.get("leads/unsorted")).status == 204
        assert (await at.get("leads/unsorted/summary")).body["accepted"] == 1


async def test_without_a_stage_it_is_accepted_into_the_first_and_no_note_is_written_unless_wanted() -> None:
    async with desk() as at:
        (made,) = (await at.post("leads/unsorted/sip", incoming(metadata={"is_call_event_needed": False}))).rows
        assert (await at.ask("POST", f"/api/v4/leads/unsorted/{made['uid']}/accept")).status == 200
        assert (await at.get("leads")).rows[0]["status_id"] == demo.SALES + 2
        assert not at.account.notes


async def test_some_accounts_swap_the_numbers_when_they_accept() -> None:
    async with desk(swap_numbers_on_accept=True) as at:
        (made,) = (await at.post("leads/unsorted/sip", incoming())).rows
        await at.ask("POST", f"/api/v4/leads/unsorted/{made['uid']}/accept", json={})
        assert [note["params"]["phone"] for note in at.account.notes.values()] == ["101"]


async def test_a_declined_one_is_gone_with_all_that_came_with_it() -> None:
    async with desk() as at:
        (made,) = (await at.post("leads/unsorted/sip", incoming())).rows
        declined = await at.ask("DELETE", f"/api/v4/leads/unsorted/{made['uid']}/decline", json={"user_id": ADMIN})
        lead = declined.body["_embedded"]["leads"][0]["id"]
        assert (await at.get(f"leads/{lead}")).status == 404
        assert (await at.get("contacts", query=STRANGER)).status == 204
        again = await at.ask("DELETE", f"/api/v4/leads/unsorted/{made['uid']}/decline")
        assert again.status == 404


@pytest.mark.parametrize("refused", [True, False])
async def test_two_identical_ones_are_refused(refused: bool) -> None:
    async with desk(refuse_same_unsorted=refused) as at:
        await at.post("leads/unsorted/sip", incoming())
        again = await at.post("leads/unsorted/sip", incoming())
        assert again.status == (400 if refused else 200)
        assert len(at.account.unsorted) == (1 if refused else 2)
        assert (await at.post("leads/unsorted/sip", incoming(metadata={"uniq": "2"}))).status == 200


async def test_they_are_filtered_by_category_pipeline_and_uid() -> None:
    async with desk() as at:
        first, _ = (
            await at.post("leads/unsorted/sip", incoming(), incoming(pipeline_id=demo.SERVICE, source_uid="line-2"))
        ).rows
        assert len((await at.get("leads/unsorted", **{"filter[category][]": "sip"})).rows) == 2
        assert (await at.get("leads/unsorted", **{"filter[category][]": "forms"})).status == 204
        assert (await at.get("leads/unsorted", **{"filter[uid]": first["uid"]})).rows[0]["pipeline_id"] == demo.SALES
        only = await at.get("leads/unsorted", **{"filter[pipeline_id]": demo.SERVICE})
        assert [one["source_uid"] for one in only.rows] == ["line-2"]
        assert (await at.get(f"leads/unsorted/{first['uid']}")).body["metadata"]["phone"] == STRANGER


@pytest.mark.parametrize("name", ["uniq", "duration", "service_code", "link", "phone", "called_at", "from"])
async def test_all_the_documented_metadata_is_required(name: str) -> None:
    async with desk() as at:
        answer = await at.post("leads/unsorted/sip", incoming(metadata={name: None}))
        assert answer.violations == {"0": [("FieldMissing", f"metadata.{name}")]}


async def test_a_pipeline_without_incoming_leads_takes_none() -> None:
    async with desk() as at:
        at.account.pipelines.rows[1].unsorted_on = False
        answer = await at.post("leads/unsorted/sip", incoming(pipeline_id=demo.SERVICE))
        assert answer.violations == {"0": [("NotSupportedChoice", "pipeline_id")]}
        at.account.pipelines.rows[0].unsorted_on = False
        assert (await at.post("leads/unsorted/sip", incoming())).status == 422


# Notes.


async def test_a_call_can_be_written_straight_to_the_chosen_entity_and_its_recording_later() -> None:
    async with desk() as at:
        params = {"uniq": "u", "duration": 5, "source": "ringbridge", "phone": CONTACT}
        (made,) = (
            await at.post("contacts/notes", {"entity_id": at.contact(), "note_type": "call_in", "params": params})
        ).rows
        assert made["entity_id"] == at.contact()
        link = {"note_type": "call_in", "params": params | {"link": "http://pbx.test/2.mp3"}}
        assert (await at.patch(f"contacts/{at.contact()}/notes/{made['id']}", link)).status == 200
        (note,) = (await at.get("contacts/notes", **{"filter[note_type]": "call_in"})).rows
        assert note["params"]["link"] == "http://pbx.test/2.mp3"
        many = await at.ask("PATCH", "/api/v4/contacts/notes", json=[link | {"id": made["id"]}])
        assert many.rows[0]["id"] == made["id"]


@pytest.mark.parametrize(
    ("note", "violation"),
    [
        (
            {"note_type": "call_in", "params": {"duration": 1, "source": "s", "phone": "1"}},
            ("FieldMissing", "params.uniq"),
        ),
        ({"note_type": "common", "params": {}}, ("FieldMissing", "params.text")),
        ({"note_type": "service_message", "params": {"text": "t"}}, ("FieldMissing", "params.service")),
        ({"note_type": "song", "params": {}}, ("NotSupportedChoice", "note_type")),
        ({"note_type": "common"}, ("FieldMissing", "params")),
    ],
)  # fmt: skip
async def test_a_note_must_be_whole(note: dict[str, Any], violation: tuple[str, str]) -> None:
    async with desk() as at:
        assert (await at.post(f"contacts/{at.contact()}/notes", note)).violations == {"0": [violation]}


async def test_a_note_needs_an_entity_that_is_there() -> None:
    async with desk() as at:
        note = {"note_type": "common", "params": {"text": "t"}}
        assert (await at.post("contacts/notes", note)).violations == {"0": [("FieldMissing", "entity_id")]}
        assert (await at.post("contacts/notes", note | {"entity_id": 1})).violations == {
            "0": [("NotSupportedChoice", "entity_id")]
        }
        assert (await at.post("leads/1/notes", note)).status == 404


# Tasks.


async def test_a_task_is_made_found_and_completed() -> None:
    async with desk() as at:
        task = {
            "text": "Call back", "complete_till": 1_800_000_000, "entity_id": at.contact(), "entity_type": "contacts",
            "responsible_user_id": ANTON,
        }  # fmt: skip
        number = (await at.post("tasks", task)).rows[0]["id"]
        assert (await at.get(f"contacts/{at.contact()}")).body["closest_task_at"] == 1_800_000_000
        wanted = {"filter[is_completed]": 0, "filter[entity_type]": "contacts", "filter[entity_id][]": at.contact()}
        assert [one["id"] for one in (await at.get("tasks", **wanted)).rows] == [number]
        done = await at.patch(f"tasks/{number}", {"is_completed": True, "result": {"text": "Reached"}})
        assert done.status == 200
        row = (await at.get(f"tasks/{number}")).body
        assert (row["is_completed"], row["result"], row["task_type_id"]) == (True, {"text": "Reached"}, 1)
        assert (await at.get("tasks", **wanted)).status == 204
        assert (await at.get(f"contacts/{at.contact()}")).body["closest_task_at"] is None
        types = [one["type"] for one in (await at.get("events")).rows]
        assert types == ["task_completed", "task_added"]


@pytest.mark.parametrize(
    ("changes", "violation"),
    [
        ({"text": None}, ("FieldMissing", "text")),
        ({"complete_till": None}, ("FieldMissing", "complete_till")),
        ({"task_type_id": 9}, ("NotSupportedChoice", "task_type_id")),
        ({"entity_id": 1}, ("NotSupportedChoice", "entity_id")),
        ({"entity_type": "contact"}, ("NotSupportedChoice", "entity_type")),
        ({"responsible_user_id": 1}, ("NotSupportedChoice", "responsible_user_id")),
    ],
)
async def test_a_task_must_be_whole(changes: dict[str, Any], violation: tuple[str, str]) -> None:
    async with desk() as at:
        task = {"text": "x", "complete_till": 1, "entity_id": at.contact(), "entity_type": "contacts"}
        assert (await at.post("tasks", task | changes)).violations == {"0": [violation]}
        assert (await at.patch("tasks", [{"id": 1, "is_completed": True}])).violations == {
            "0": [("NotSupportedChoice", "id")]
        }


# Sources and webhooks.


async def test_sources_belong_to_their_integration() -> None:
    async with desk() as at:
        made = await at.post("sources", {"name": "Line", "external_id": "line-1", "pipeline_id": demo.SERVICE})
        number = made.rows[0]["id"]
        assert (await at.get("sources", **{"filter[external_id]": "line-1"})).rows[0]["name"] == "Line"
        assert (await at.post("sources", {"name": "Again", "external_id": "line-1"})).status == 400
        await at.patch(f"sources/{number}", {"name": "Renamed"})
        assert (await at.get(f"sources/{number}")).body["name"] == "Renamed"
        lead = await at.post("leads", {"_embedded": {"source": {"external_id": "line-1", "type": "widget"}}})
        row = (await at.get(f"leads/{lead.rows[0]['id']}", **{"with": "source_id"})).body
        assert row["source_id"] == number
        assert (await at.ask("DELETE", f"/api/v4/sources/{number}")).status == 204
        assert (await at.get("sources")).status == 204


async def subscribed(at: Desk, address: str, *events: str) -> Answer:
    return await at.ask("POST", "/api/v4/webhooks", json={"destination": address, "settings": list(events)})


async def test_a_webhook_tells_a_change_as_a_form_with_php_brackets() -> None:
    async with desk() as at, listener() as server:
        assert (await subscribed(at, f"{server.address}/hook", "status_lead", "add_company")).status == 201
        number = (await at.post("leads", {"name": "Deal"})).rows[0]["id"]
        deskwork.change(at.account, Kind.LEADS, number, user_id=KATE, status_id=142)
        await at.post("companies", {"name": "Firm", "custom_fields_values": phone(STRANGER)})
        await at.account.chores.finish_waiting()
        status, company = (parse_query(body.decode()) for _, body in server.heard)
        (lead,) = status["leads"]["status"]
        assert (lead["id"], lead["status_id"], lead["old_status_id"]) == (str(number), "142", str(demo.SALES + 2))
        assert lead["modified_user_id"] == str(KATE)
        assert status["account"] == {
            "id": "12345678",
            "subdomain": "example",
            "_links": {"self": "http://example.test"},
        }
        (row,) = company["contacts"]["add"]
        assert (row["type"], row["custom_fields"][0]["code"]) == ("company", "PHONE")
        assert row["custom_fields"][0]["values"][0]["value"] == STRANGER
        assert [one[2] for one in at.account.delivered] == [200, 200]


async def test_what_a_person_deletes_and_restores_is_told_and_leaves_lists_and_links_meanwhile() -> None:
    async with desk() as at, listener() as server:
        await subscribed(at, server.address, "delete_contact", "restore_contact", "delete_lead", "delete_company")
        number = at.contact(3)
        (company,) = at.account.entities.rows[Kind.COMPANIES]
        lead = (await at.post("leads", {"_embedded": {"contacts": [{"id": number}]}})).rows[0]["id"]
        deskwork.remove(at.account, Kind.COMPANIES, company, user_id=ADMIN)
        assert (await at.get(f"contacts/{number}")).body["_embedded"]["companies"] == []
        deskwork.remove(at.account, Kind.CONTACTS, number, user_id=ADMIN)
        assert (await at.get(f"leads/{lead}", **{"with": "contacts"})).body["_embedded"]["contacts"] == []
        assert (await at.get(f"contacts/{number}")).status == 404
        deskwork.restore(at.account, Kind.CONTACTS, number, user_id=ADMIN)
        assert (await at.get(f"contacts/{number}")).status == 200
        deskwork.remove(at.account, Kind.LEADS, lead, user_id=ADMIN)
        await at.account.chores.finish_waiting()
        firm, gone, back, deal = (parse_query(body.decode()) for _, body in server.heard)
        assert firm["contacts"]["delete"] == [{"id": str(company), "type": "company"}]
        assert gone["contacts"]["delete"] == [{"id": str(number), "type": "contact"}]
        assert back["contacts"]["restore"][0]["id"] == str(number)
        assert deal["leads"]["delete"][0]["id"] == str(lead)


async def test_its_own_changes_may_be_kept_from_an_integration() -> None:
    async with desk(webhooks_for_own_changes=False) as at, listener() as server:
        await subscribed(at, server.address, "add_contact", "update_contact")
        await at.post("contacts", {"name": "A"})
        deskwork.add_client(at.account, Kind.CONTACTS, user_id=KATE, name="B", phones=(STRANGER,))
        await at.account.chores.finish_waiting()
        assert [parse_query(body.decode())["contacts"]["add"][0]["name"] for _, body in server.heard] == ["B"]


async def test_a_webhook_that_fails_is_tried_as_often_as_the_account_does() -> None:
    async with desk(webhook_retries=2) as at, listener(status=500) as server:
        await subscribed(at, server.address, "add_contact")
        await at.post("contacts", {"name": "A"})
        await at.account.chores.finish_waiting()
        assert [one[2] for one in at.account.delivered] == [500] * 3


async def test_webhooks_are_listed_renewed_and_taken_away_by_administrators() -> None:
    async with desk() as at:
        await subscribed(at, "http://a.test", "add_lead")
        await subscribed(at, "http://a.test", "add_lead", "note_lead")
        (hook,) = (await at.get("webhooks", **{"filter[destination]": "http://a.test"})).rows
        assert hook["settings"] == ["add_lead", "note_lead"]
        assert (await subscribed(at, "http://a.test", "sing_lead")).violations == {
            "0": [("NotSupportedChoice", "settings.0")]
        }
        token, _ = at.account.issue(at.account.access.integrations[0], KATE)
        assert (await at.ask("GET", "/api/v4/webhooks", token=token)).status == 403
        gone = await at.ask("DELETE", "/api/v4/webhooks", json={"destination": "http://a.test"})
        assert (gone.status, (await at.get("webhooks")).status) == (204, 204)


async def test_a_call_is_told_as_a_note() -> None:
    async with desk() as at, listener() as server:
        await subscribed(at, server.address, "note_contact")
        await at.post("calls", call())
        await at.account.chores.finish_waiting()
        ((_, body),) = server.heard
        note = parse_query(body.decode())["contacts"]["note"][0]["note"]
        assert (note["note_type"], note["element_id"]) == ("10", str(at.contact()))
