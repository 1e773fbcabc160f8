"""The emulated account's contacts, companies, leads: envelopes, pages, filters, search, refusals, consequences."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.contract.amocrm_desk import ADMIN, ANTON, CONTACT, KATE, STRANGER, desk, phone

from ringbridge.emulators.amocrm import Account, Kind, Settings, UnknownFields, demo
from ringbridge.emulators.amocrm.pipelines import LOST, WON


async def test_a_created_contact_is_read_back_in_the_documented_shape() -> None:
    async with desk() as at:
        made = await at.post(
            "contacts",
            {
                "first_name": "Пётр", "last_name": "Ёлкин", "responsible_user_id": KATE, "request_id": "x",
                "custom_fields_values": phone(STRANGER), "_embedded": {"tags": [{"name": "calls"}]},
            },
        )  # fmt: skip
        (row,) = made.rows
        assert (made.kind, row["request_id"]) == ("application/hal+json", "x")
        assert row["_links"]["self"]["href"] == f"http://example.test/api/v4/contacts/{row['id']}"
        contact = (await at.get(f"contacts/{row['id']}")).body
        assert (contact["name"], contact["created_by"], contact["responsible_user_id"]) == ("Пётр Ёлкин", ADMIN, KATE)
        (field,) = contact["custom_fields_values"]
        assert (field["field_code"], field["field_type"]) == ("PHONE", "multitext")
        (value,) = field["values"]
        assert (value["value"], value["enum_code"], type(value["enum_id"])) == (STRANGER, "WORK", int)
        assert [tag["name"] for tag in contact["_embedded"]["tags"]] == ["calls"]
        assert contact["is_unsorted"] is False


async def test_a_contact_without_values_has_null_for_them() -> None:
    async with desk() as at:
        number = (await at.post("contacts", {"name": "Nobody"})).rows[0]["id"]
        assert (await at.get(f"contacts/{number}")).body["custom_fields_values"] is None


async def test_an_empty_list_is_204_without_a_body() -> None:
    async with desk() as at:
        for path in ("leads", "tasks", "contacts/notes", "leads/unsorted", "sources", "webhooks", "leads/tags"):
            answer = await at.get(path)
            assert (answer.status, answer.body) == (204, ""), path
        assert (await at.get("contacts", query="no such")).status == 204
        assert (await at.get("contacts", page=2)).status == 204


async def test_pages_link_to_the_next_until_the_last() -> None:
    async with desk() as at:
        await at.post("contacts", *[{"name": f"N{number}"} for number in range(6)])
        seen: list[int] = []
        path: str | None = "/api/v4/contacts?limit=4&order[id]=asc"
        while path:
            answer = await at.ask("GET", path)
            seen += [row["id"] for row in answer.rows]
            path = answer.body["_links"].get("next", {}).get("href")
        assert len(seen) == len(set(seen)) == 10
        assert "_total_items" not in answer.body


async def test_an_address_longer_than_a_web_server_takes_is_refused_in_front_of_the_account() -> None:
    async with desk() as at:
        many = "&".join(f"filter%5Bid%5D%5B%5D={40401000 + number}" for number in range(280))
        answer = await at.ask("GET", f"/api/v4/contacts?{many}")
        assert (answer.status, answer.kind.partition(";")[0]) == (414, "text/html")


@pytest.mark.parametrize("params", [{"limit": 251}, {"limit": 0}, {"page": 0}, {"limit": "x"}])
async def test_pages_beyond_the_documented_are_refused(params: dict[str, Any]) -> None:
    async with desk() as at:
        assert (await at.get("contacts", **params)).status == 400


@pytest.mark.parametrize("query", ["9125551122", "+7 912 555-11-22", "912555", "(912) 555", "волков", "Андрей В"])
async def test_the_search_finds_a_contact_by_parts_of_phone_or_name(query: str) -> None:
    async with desk() as at:
        assert at.contact() in [row["id"] for row in (await at.get("contacts", query=query)).rows]


async def test_the_search_is_loose_and_finds_a_number_that_is_no_phone() -> None:
    async with desk() as at:
        number = (await at.post("contacts", {"name": "see 9125551122 please"})).rows[0]["id"]
        assert [row["id"] for row in (await at.get("contacts", query="9125551122")).rows] == [at.contact(), number]


async def test_the_search_lags_behind_and_the_list_does_not() -> None:
    async with desk(search_lag=timedelta(seconds=3)) as at:
        at.clock.forward(minutes=1)
        number = (await at.post("contacts", {"name": "Fresh", "custom_fields_values": phone(STRANGER)})).rows[0]["id"]
        assert (await at.get("contacts", query="9990001122")).status == 204
        assert (await at.get("contacts", **{"filter[id][]": number})).rows[0]["id"] == number
        at.clock.forward(seconds=3)
        assert (await at.get("contacts", query="9990001122")).rows[0]["id"] == number


async def test_filters_take_one_value_several_and_ranges() -> None:
    async with desk() as at:
        first, second = at.contact(0), at.contact(1)
        assert [one["id"] for one in (await at.get("contacts", **{"filter[id][]": [first, second]})).rows] == [
            first, second,
        ]  # fmt: skip
        mine = await at.get("contacts", **{"filter[responsible_user_id]": ANTON})
        assert {one["responsible_user_id"] for one in mine.rows} == {ANTON}
        now = int(at.clock().timestamp())
        assert (await at.get("contacts", **{"filter[updated_at][from]": now + 1})).status == 204
        assert len((await at.get("contacts", **{"filter[updated_at][to]": now})).rows) == 4


async def test_filters_are_ignored_where_the_account_has_none() -> None:
    async with desk(filters_enabled=False) as at:
        assert len((await at.get("contacts", **{"filter[id]": at.contact()})).rows) == 4
        assert (await at.get("account", **{"with": "is_api_filter_enabled"})).body["is_api_filter_enabled"] is False


@pytest.mark.parametrize("status", [404, 204])
async def test_what_is_not_there_is_404_or_204(status: int) -> None:
    async with desk(missing_status=status) as at:
        for path in ("contacts/1", "leads/1", "tasks/1", "users/1", "leads/pipelines/1", "leads/unsorted/x"):
            assert (await at.get(path)).status == status


@pytest.mark.parametrize(
    ("item", "violation"),
    [
        ({"name": 5}, ("InvalidType", "name")),
        ({"name": "x" * 256}, ("TooLong", "name")),
        ({"phone": STRANGER}, ("FieldNotExpected", "phone")),
        ({"responsible_user_id": 5}, ("NotSupportedChoice", "responsible_user_id")),
        ({"custom_fields_values": {}}, ("InvalidType", "custom_fields_values")),
        (
            {"custom_fields_values": [{"field_id": 5, "values": []}]},
            ("NotSupportedChoice", "custom_fields_values.0.field_id"),
        ),
        ({"custom_fields_values": [{"values": []}]}, ("FieldMissing", "custom_fields_values.0.field_id")),
        (
            {"custom_fields_values": [{"field_code": "PHONE", "values": [{"value": 7912}]}]},
            ("InvalidType", "custom_fields_values.0.values.0.value"),
        ),
        (
            {"custom_fields_values": [{"field_code": "PHONE", "values": [{"value": "1", "enum_code": "MOBILE"}]}]},
            ("NotSupportedChoice", "custom_fields_values.0.values.0.enum_code"),
        ),
        ({"_embedded": {"companies": [{"id": 5}]}}, ("NotSupportedChoice", "_embedded.companies.0.id")),
        ({"_embedded": {"tags": [{"name": ""}]}}, ("NotBlank", "_embedded.tags.0.name")),
    ],
)  # fmt: skip
async def test_one_bad_item_refuses_the_batch_and_says_where(item: dict[str, Any], violation: tuple[str, str]) -> None:
    async with desk() as at:
        assert (await at.post("contacts", {"name": "good"}, item)).violations == {"1": [violation]}
        assert len(at.account.entities.rows[Kind.CONTACTS]) == 4


async def test_unknown_fields_may_be_ignored_where_the_account_is_so() -> None:
    async with desk(unknown_fields=UnknownFields.IGNORED) as at:
        assert (await at.post("contacts", {"name": "A", "phone": STRANGER})).status == 200


async def test_an_account_may_have_no_phone_field_at_all() -> None:
    async with desk(contacts_have_phone=False) as at:
        codes = {row["code"] for row in (await at.get("contacts/custom_fields")).rows}
        assert codes == {"EMAIL", "POSITION"}
        assert (await at.post("contacts", {"custom_fields_values": phone(STRANGER)})).violations == {
            "0": [("NotSupportedChoice", "custom_fields_values.0.field_code")]
        }


async def test_a_batch_is_at_most_250_long() -> None:
    async with desk() as at:
        assert (await at.post("contacts", *[{"name": "A"}] * 250)).status == 200
        assert (await at.post("contacts", *[{"name": "A"}] * 251)).status == 400


async def test_a_change_replaces_the_values_of_the_fields_it_names_and_no_others() -> None:
    async with desk() as at:
        mail = [{"field_code": "EMAIL", "values": [{"value": "a@example.com", "enum_code": "WORK"}]}]
        await at.patch(f"contacts/{at.contact()}", {"custom_fields_values": mail})
        await at.patch(f"contacts/{at.contact()}", {"custom_fields_values": phone(STRANGER, "+7 1")})
        contact = (await at.get(f"contacts/{at.contact()}")).body
        values = {
            one["field_code"]: [each["value"] for each in one["values"]] for one in contact["custom_fields_values"]
        }
        assert values == {"PHONE": [STRANGER, "+7 1"], "EMAIL": ["a@example.com"]}


async def test_a_lead_starts_in_the_first_stage_and_a_stage_belongs_to_its_pipeline() -> None:
    async with desk() as at:
        made = await at.post(
            "leads", {}, {"pipeline_id": demo.SERVICE}, {"status_id": demo.SERVICE + 3}, {"status_id": WON}
        )
        leads = [(await at.get(f"leads/{row['id']}")).body for row in made.rows]
        assert [(one["pipeline_id"], one["status_id"]) for one in leads] == [
            (demo.SALES, demo.SALES + 2), (demo.SERVICE, demo.SERVICE + 2), (demo.SERVICE, demo.SERVICE + 3),
            (demo.SALES, WON),
        ]  # fmt: skip
        assert [one["closed_at"] is not None for one in leads] == [False, False, False, True]
        wrong = {"pipeline_id": demo.SALES, "status_id": demo.SERVICE + 3}
        assert (await at.post("leads", wrong)).violations == {"0": [("NotSupportedChoice", "status_id")]}


async def test_closing_and_reopening_a_lead_is_history() -> None:
    async with desk() as at:
        number = (await at.post("leads", {"name": "Deal"})).rows[0]["id"]
        await at.patch(f"leads/{number}", {"status_id": LOST})
        assert (await at.get(f"leads/{number}")).body["closed_at"] == at.clock().timestamp()
        await at.patch("leads", [{"id": number, "status_id": demo.SALES + 2, "responsible_user_id": ANTON}])
        assert (await at.get(f"leads/{number}")).body["closed_at"] is None
        changes = (await at.get("events", **{"filter[type]": "lead_status_changed"})).rows
        assert [one["value_after"][0]["lead_status"]["id"] for one in changes] == [demo.SALES + 2, LOST]
        changed = (await at.get("events", **{"filter[type]": "entity_responsible_changed"})).rows
        assert [one["value_after"] for one in changed] == [[{"responsible_user": {"id": ANTON}}]]


async def test_leads_are_filtered_by_pipeline_and_stage_together() -> None:
    async with desk() as at:
        await at.post(
            "leads", {"pipeline_id": demo.SALES, "status_id": WON}, {"pipeline_id": demo.SERVICE, "status_id": WON}
        )
        pair = {"filter[statuses][0][pipeline_id]": demo.SERVICE, "filter[statuses][0][status_id]": WON}
        assert [one["pipeline_id"] for one in (await at.get("leads", **pair)).rows] == [demo.SERVICE]


async def test_links_are_seen_from_both_sides() -> None:
    async with desk() as at:
        number = (await at.post("leads", {"_embedded": {"contacts": [{"id": at.contact(), "is_main": True}]}})).rows[0][
            "id"
        ]
        seen = (await at.get(f"contacts/{at.contact()}", **{"with": "leads"})).body["_embedded"]["leads"]
        assert [one["id"] for one in seen] == [number]
        more = {"to_entity_id": at.contact(1), "to_entity_type": "contacts", "metadata": {"is_main": True}}
        assert (await at.post(f"leads/{number}/link", more)).status == 200
        contacts = (await at.get(f"leads/{number}", **{"with": "contacts"})).body["_embedded"]["contacts"]
        assert [(one["id"], one["is_main"]) for one in contacts] == [(at.contact(1), True), (at.contact(0), False)]
        assert (await at.post(f"leads/{number}/unlink", more)).status == 204
        assert len((await at.get(f"leads/{number}/links")).rows) == 1


async def test_a_complex_lead_comes_with_its_contact_and_company_and_answers_a_bare_list() -> None:
    async with desk() as at:
        answer = await at.post(
            "leads/complex",
            {
                "name": "Call", "pipeline_id": demo.SERVICE, "responsible_user_id": KATE, "request_id": "q",
                "_embedded": {
                    "contacts": [{"first_name": "New", "custom_fields_values": phone(STRANGER)}],
                    "companies": [{"name": "Firm"}], "tags": [{"name": "inbound"}],
                    "source": {"external_id": "line-1", "type": "widget"},
                },
            },
        )  # fmt: skip
        (made,) = answer.body
        assert (made["request_id"], made["merged"]) == (["q"], False)
        lead = (await at.get(f"leads/{made['id']}", **{"with": "contacts,source"})).body
        assert [one["id"] for one in lead["_embedded"]["contacts"]] == [made["contact_id"]]
        assert [one["id"] for one in lead["_embedded"]["companies"]] == [made["company_id"]]
        assert lead["_embedded"]["source"]["external_id"] == "line-1"
        assert (await at.get(f"contacts/{made['contact_id']}")).body["_embedded"]["companies"][0]["id"] == made[
            "company_id"
        ]


async def test_a_complex_lead_takes_one_contact_and_at_most_fifty_leads() -> None:
    async with desk() as at:
        two = {"_embedded": {"contacts": [{"name": "A"}, {"name": "B"}]}}
        assert (await at.post("leads/complex", two)).violations == {"0": [("TooMany", "_embedded.contacts")]}
        assert (await at.post("leads/complex", *[{"name": "x"}] * 51)).status == 400
        known = await at.post("leads/complex", {"_embedded": {"contacts": [{"id": at.contact()}]}})
        assert (known.body[0]["contact_id"], known.body[0]["company_id"]) == (at.contact(), None)


async def test_tags_are_added_taken_away_and_listed_by_name() -> None:
    async with desk() as at:
        await at.patch(f"contacts/{at.contact()}", {"tags_to_add": [{"name": "a"}, {"name": "b"}]})
        await at.patch(f"contacts/{at.contact()}", {"tags_to_add": [{"name": "A"}], "tags_to_delete": [{"name": "b"}]})
        tags = (await at.get(f"contacts/{at.contact()}")).body["_embedded"]["tags"]
        assert [one["name"] for one in tags] == ["a"]
        made = (await at.post("contacts/tags", {"name": "b"}, {"name": "c"})).rows
        assert [one["name"] for one in (await at.get("contacts/tags", query="b")).rows] == ["b"]
        assert made[0]["id"] != made[1]["id"]


async def test_rights_hide_and_protect() -> None:
    async with desk() as at:
        at.account.staff.users[KATE].rights["contacts"] = {"view": "M", "edit": "D", "add": "D"}
        await at.post("contacts", {"name": "Her own", "responsible_user_id": KATE})
        token, _ = at.account.issue(at.account.access.integrations[0], KATE)
        seen = await at.ask("GET", "/api/v4/contacts", token=token)
        assert {one["responsible_user_id"] for one in seen.rows} == {KATE}
        assert (await at.ask("GET", f"/api/v4/contacts/{at.contact()}", token=token)).status == 403
        assert (await at.ask("POST", "/api/v4/contacts", token=token, json=[{"name": "A"}])).status == 403
        changed = await at.ask("PATCH", f"/api/v4/contacts/{at.contact()}", token=token, json={"name": "A"})
        assert changed.status == 403


async def test_users_pipelines_and_the_account_tell_what_is_documented() -> None:
    async with desk() as at:
        users = await at.get("users", **{"with": "role,group,uuid,amojo_id,user_rank,phone_number"})
        assert (users.body["_total_items"], users.body["_page_count"]) == (5, 1)
        first = users.rows[0]
        assert (first["rights"]["is_admin"], first["rights"]["is_active"]) == (True, True)
        assert {"amojo_id", "uuid", "user_rank", "phone_number"} <= set(first)
        pipelines = (await at.get("leads/pipelines")).rows
        for one in pipelines:
            statuses = one["_embedded"]["statuses"]
            assert [each["type"] for each in statuses] == [1] + [0] * (len(statuses) - 1)
            assert {WON, LOST} < {each["id"] for each in statuses}
        account = (await at.get("account", **{"with": "task_types,users_groups,datetime_settings"})).body
        assert account["current_user_id"] == ADMIN
        assert set(account["_embedded"]) == {"task_types", "users_groups", "datetime_settings"}
        assert "_embedded" not in (await at.get("account")).body


async def test_users_may_be_for_administrators_only() -> None:
    async with desk(users_for_admins_only=True) as at:
        token, _ = at.account.issue(at.account.access.integrations[0], KATE)
        assert (await at.ask("GET", "/api/v4/users", token=token)).status == 403
        assert (await at.get("users")).status == 200


@given(st.text(alphabet="0123456789 +-()", max_size=16))
def test_a_phone_finds_its_contact_by_the_last_ten_digits_and_nothing_by_none(written: str) -> None:
    account = Account.demo(settings=Settings())
    digits = "".join(sign for sign in written if sign.isdigit())
    found = account.entities.by_phone(written, digits=10, indexed_before=account.clock().timestamp())
    tails = {"9125551122", "4951234567", "4155552671", "9037008090", "8123090011"}
    assert bool(found) is (digits[-10:] in tails)


def test_the_demonstration_office_has_the_contact_that_tests_call() -> None:
    account = Account.demo()
    first = next(iter(account.entities.rows[Kind.CONTACTS].values()))
    assert account.entities.phones(first) == [CONTACT]
