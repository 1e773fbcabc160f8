"""The emulated account's calls and pop-ups: whom a phone finds, what is refused, what is told."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.amocrm_desk import ADMIN, ANTON, CONTACT, KATE, STRANGER, Desk, call, desk, phone

from ringbridge.emulators.amocrm import Kind, MixedBatch, Settings
from ringbridge.emulators.amocrm.pipelines import LOST, WON


def not_found(request_id: str) -> dict[str, Any]:
    return {"title": "Entity not found", "status": 263, "detail": "Entity not found", "request_id": request_id}


async def lead(at: Desk, contact: int, **more: Any) -> int:
    made = await at.post("leads", {"name": "Deal", "_embedded": {"contacts": [{"id": contact}]}, **more})
    number: int = made.rows[0]["id"]
    return number


async def placed(at: Desk, **changes: Any) -> tuple[str, int]:
    (row,) = (await at.post("calls", call(**changes))).rows
    return row["entity_type"], row["entity_id"]


async def test_a_call_becomes_a_note_of_the_contact_with_all_that_was_said() -> None:
    async with desk() as at:
        said = call(
            call_result="Sold", call_responsible="101", created_by=ANTON, responsible_user_id=KATE,
            created_at=1_700_000_000,
        )  # fmt: skip
        answer = await at.post("calls", said)
        (row,) = answer.rows
        assert (answer.body["_total_items"], answer.body["errors"]) == (1, [])
        assert (row["request_id"], row["account_id"]) == ("0", 12345678)
        note = (await at.get(f"contacts/{at.contact()}/notes/{row['id']}")).body
        assert (note["note_type"], note["created_by"], note["responsible_user_id"]) == ("call_in", ANTON, KATE)
        assert note["created_at"] == 1_700_000_000
        kept = ("uniq", "duration", "source", "link", "phone", "call_result", "call_status", "call_responsible")
        assert note["params"] == {name: said[name] for name in kept}
        assert (await at.get("events", **{"filter[type]": "incoming_call"})).rows[0]["entity_id"] == at.contact()


async def test_without_an_author_the_robot_wrote_it() -> None:
    async with desk() as at:
        (row,) = (await at.post("calls", call(direction="outbound"))).rows
        note = at.account.notes[row["id"]]
        assert (note["note_type"], note["created_by"], note["responsible_user_id"]) == ("call_out", 0, ANTON)


@pytest.mark.parametrize(
    "written",
    ["+79125551122", "8 (912) 555-11-22", "9125551122", "7-912-555-11-22", "+7 912 5551122", "00 7 912 555 11 22"],
)
async def test_the_last_ten_digits_find_a_contact_however_it_is_written(written: str) -> None:
    async with desk() as at:
        assert await placed(at, phone=written) == ("contact", at.contact())


async def test_nobody_found_is_263_and_nothing_is_added() -> None:
    async with desk() as at:
        answer = await at.post("calls", call(phone=STRANGER), call(phone="", uniq="2") | {"phone": "+70000000000"})
        assert answer.status == 400
        assert answer.body == {"_total_items": 0, "errors": [not_found("0"), not_found("1")]}
        assert not at.account.notes


async def test_of_a_mixed_batch_the_found_ones_are_added() -> None:
    async with desk() as at:
        answer = await at.post("calls", call(phone=STRANGER, request_id="a"), call(request_id="b"))
        assert (answer.status, answer.body["errors"]) == (200, [not_found("a")])
        assert [row["request_id"] for row in answer.rows] == ["b"]


async def test_or_a_mixed_batch_adds_nothing_where_the_account_is_so() -> None:
    async with desk(mixed_batch=MixedBatch.REFUSED) as at:
        answer = await at.post("calls", call(phone=STRANGER), call())
        assert (answer.status, answer.body["errors"]) == (400, [not_found("0")])
        assert not at.account.notes


async def test_the_only_active_lead_gets_the_call() -> None:
    async with desk() as at:
        contact = at.contact()
        closed = [await lead(at, contact, status_id=status) for status in (WON, LOST)]
        assert await placed(at) == ("contact", contact)
        active = await lead(at, contact)
        assert await placed(at) == ("lead", active)
        assert active not in closed
        await lead(at, contact)
        assert await placed(at) == ("contact", contact)  # two active ones: the card again


async def test_of_two_contacts_with_one_number_the_oldest_gets_it_and_contacts_go_before_companies() -> None:
    async with desk() as at:
        company = (await at.post("companies", {"name": "C", "custom_fields_values": phone(STRANGER)})).rows[0]["id"]
        assert await placed(at, phone=STRANGER) == ("company", company)
        first = (await at.post("contacts", {"name": "A", "custom_fields_values": phone(STRANGER)})).rows[0]["id"]
        await at.post("contacts", {"name": "B", "custom_fields_values": phone(STRANGER)})
        assert await placed(at, phone=STRANGER) == ("contact", first)


async def test_a_contact_without_the_phone_field_is_not_found() -> None:
    async with desk() as at:
        await at.post("contacts", {"name": f"Somebody {STRANGER}"})
        assert (await at.post("calls", call(phone=STRANGER))).status == 400


async def test_a_fresh_contact_is_found_only_after_the_lag() -> None:
    async with desk(calls_lag=Settings().code_lifetime / 240) as at:  # five seconds
        at.clock.forward(minutes=1)
        await at.post("contacts", {"name": "A", "custom_fields_values": phone(STRANGER)})
        assert (await at.post("calls", call(phone=STRANGER))).status == 400
        at.clock.forward(seconds=5)
        assert (await at.post("calls", call(phone=STRANGER))).status == 200


@pytest.mark.parametrize("dedupe", [False, True])
async def test_the_same_uniq_is_added_again_unless_the_account_is_so(dedupe: bool) -> None:
    async with desk(dedupe_calls=dedupe) as at:
        await at.post("calls", call())
        assert ((await at.post("calls", call())).status == 200) is not dedupe
        assert len(at.account.notes) == 2 - dedupe


@pytest.mark.parametrize(
    ("changes", "violation"),
    [
        ({"direction": "internal"}, ("NotSupportedChoice", "direction")),
        ({"direction": None}, ("FieldMissing", "direction")),
        ({"duration": "42"}, ("InvalidType", "duration")),
        ({"duration": -1}, ("NotInRange", "duration")),
        ({"source": ""}, ("NotBlank", "source")),
        ({"phone": None}, ("FieldMissing", "phone")),
        ({"phone": 79125551122}, ("InvalidType", "phone")),
        ({"call_status": 0}, ("NotSupportedChoice", "call_status")),
        ({"call_status": 8}, ("NotSupportedChoice", "call_status")),
        ({"created_by": 1}, ("NotSupportedChoice", "created_by")),
        ({"responsible_user_id": 1}, ("NotSupportedChoice", "responsible_user_id")),
        ({"created_at": "2026-03-10"}, ("InvalidType", "created_at")),
        ({"status": 4}, ("FieldNotExpected", "status")),
    ],
)
async def test_one_bad_call_refuses_the_whole_batch(changes: dict[str, Any], violation: tuple[str, str]) -> None:
    async with desk() as at:
        answer = await at.post("calls", call(request_id="good"), call(request_id="bad", **changes))
        assert answer.violations == {"bad": [violation]}
        assert answer.kind == "application/problem+json"
        assert not at.account.notes


async def test_every_status_from_one_to_seven_is_taken() -> None:
    async with desk() as at:
        assert (await at.post("calls", *[call(call_status=status) for status in range(1, 8)])).status == 200


async def test_a_dismissed_employee_is_no_author() -> None:
    async with desk() as at:
        at.account.staff.users[KATE].active = False
        assert (await at.post("calls", call(created_by=KATE))).violations == {
            "0": [("NotSupportedChoice", "created_by")]
        }


async def test_who_may_not_edit_the_contact_may_not_add_its_call() -> None:
    async with desk() as at:
        at.account.staff.users[KATE].rights["contacts"] = {"edit": "M"}
        token, _ = at.account.issue(at.account.access.integrations[0], KATE)
        assert (await at.ask("POST", "/api/v4/calls", token=token, json=[call()])).status == 403
        johns = call(phone="+1 415 555 2671")  # Kate's own
        at.account.entities.rows[Kind.CONTACTS][at.contact(2)].responsible_user_id = KATE
        assert (await at.ask("POST", "/api/v4/calls", token=token, json=[johns])).status == 200


@pytest.mark.parametrize("body", [[], {}, call(), None])
async def test_calls_come_as_a_list(body: Any) -> None:
    async with desk() as at:
        assert (await at.ask("POST", "/api/v4/calls", json=body)).violations == {"0": [("InvalidType", "")]}


# Pop-ups.


def ring(**changes: Any) -> dict[str, Any]:
    return {"json": {"add": [{"type": "phone_call", "phone_number": CONTACT, "users": [ADMIN, ANTON], **changes}]}}


async def test_the_ringing_users_see_the_card_of_who_calls() -> None:
    async with desk() as at:
        answer = await at.ask("POST", "/api/v2/events", **ring())
        (item,) = answer.rows
        assert (answer.status, item["element_id"], item["element_type"]) == (202, at.contact(), 1)
        (shown,) = (await at.http.get("/_emulator/state")).json()["ringing"]
        assert [user["id"] for user in shown["users"]] == [ADMIN, ANTON]
        assert (shown["entity_type"], shown["entity_name"]) == ("contacts", "Андрей Волков")


async def test_without_users_everybody_sees_it_and_a_dismissed_one_never() -> None:
    async with desk(event_status=200) as at:
        at.account.staff.users[KATE].active = False
        await at.ask("POST", "/api/v2/events", **ring(users=None))
        await at.ask("POST", "/api/v2/events", **ring(users=[KATE, str(ANTON), 1]))
        assert [KATE in one.users for one in at.account.ringing] == [False, False]
        assert [len(one.users) for one in at.account.ringing] == [4, 1]


async def test_the_only_active_lead_is_the_card_and_an_unknown_number_has_none() -> None:
    async with desk() as at:
        number = await lead(at, at.contact())
        await at.ask("POST", "/api/v2/events", **ring())
        await at.ask("POST", "/api/v2/events", **ring(phone_number=STRANGER))
        assert [one.place.key if one.place else None for one in at.account.ringing] == [(Kind.LEADS, number), None]


@pytest.mark.parametrize(("digits", "found"), [(8, True), (10, False)])
async def test_how_many_digits_a_pop_up_compares_is_a_setting(digits: int, found: bool) -> None:
    async with desk(event_digits=digits) as at:
        await at.ask("POST", "/api/v2/events", **ring(phone_number="+7 000 255-51122"))
        assert (at.account.ringing[0].place is not None) is found


@pytest.mark.parametrize("changes", [{"type": "call"}, {"phone_number": ""}, {"phone_number": None}, {"users": "all"}])
async def test_a_malformed_pop_up_is_refused_in_the_old_shape(changes: dict[str, Any]) -> None:
    async with desk() as at:
        answer = await at.ask("POST", "/api/v2/events", **ring(**changes))
        assert (answer.status, answer.body["status"], answer.body["title"]) == (400, "fail", "Error")
        assert not at.account.ringing
