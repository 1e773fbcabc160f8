"""The emulated portal's CRM, activities, tasks, employees, directories and notifications."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.contract.bitrix24_desk import ADMIN, ANNA, OLEG, Desk, desk

from ringbridge.emulators.bitrix24 import CrmMode, demo
from ringbridge.emulators.bitrix24.fields import Kind
from ringbridge.emulators.bitrix24.people import WorkingDay
from ringbridge.emulators.bitrix24.phones import normalise

# Numbers.


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("+7 916 123-45-67", "79161234567"),
        ("8 (916) 123-45-67", "79161234567"),
        ("0079161234567", "79161234567"),
        ("01179161234567", "79161234567"),
        ("9161234567", "9161234567"),
        ("0916123456", "916123456"),
        ("+86 138 0013 8000", "8613800138000"),
        ("8099123456", "8099123456"),
        ("8199123456", "8199123456"),
        ("+7 916 123-45-67;12", "79161234567"),
        ("79161234567,,5#", "79161234567"),
        ("101", "101"),
        ("anonymous", ""),
    ],
)
def test_numbers_are_normalised_as_documented(written: str, key: str) -> None:
    assert normalise(written) == key


@given(st.text("0123456789+ ()-;#,", max_size=40))
def test_a_normal_number_is_digits_only(written: str) -> None:
    assert normalise(written).isdigit() or normalise(written) == ""


async def duplicates(at: Desk, *values: str, **more: Any) -> Any:
    return (await at.call("crm.duplicate.findbycomm", type="PHONE", values=list(values), **more)).result


async def test_a_client_is_found_by_any_writing_of_the_number_but_not_by_its_last_digits() -> None:
    async with desk() as at:
        assert await duplicates(at, "8 912 555 11 22") == {"CONTACT": [1]}
        assert await duplicates(at, "9125551122") == []
        assert await duplicates(at, "9125551122", "+79125551122") == {"CONTACT": [1]}
        assert await duplicates(at, "+79125551122", entity_type="LEAD") == []
        await at.call("crm.contact.update", id=1, fields={"PHONE": [{"VALUE": "+79160000000"}]})
        assert await duplicates(at, "+79125551122", "+79160000000") == {"CONTACT": [1]}


async def test_when_one_kind_fills_twenty_the_later_kinds_are_dropped() -> None:
    async with desk() as at:
        for _ in range(21):
            await at.call("crm.lead.add", fields={"PHONE": [{"VALUE": "+79125551122"}]})
        assert await duplicates(at, "+79125551122") == {"LEAD": list(range(1, 21))}


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"values": ["1"]}, "Communication type is not defined"),
        ({"type": "FAX", "values": ["1"]}, "Communication type 'FAX' is not supported in current context"),
        ({"type": "PHONE"}, "Communication values is not defined"),
        ({"type": "PHONE", "values": []}, "Communication values is not defined"),
    ],
)
async def test_a_search_is_refused_in_its_own_words(params: dict[str, Any], text: str) -> None:
    async with desk() as at:
        assert (await at.call("crm.duplicate.findbycomm", **params)).refusal == (400, "", text)


async def test_by_email_the_case_does_not_matter() -> None:
    async with desk() as at:
        await at.call("crm.contact.add", fields={"NAME": "A", "EMAIL": [{"VALUE": "A@Example.org"}]})
        found = await at.call("crm.duplicate.findbycomm", type="EMAIL", values=["a@example.org"])
        assert found.result == {"CONTACT": [5]}


# Objects.


@pytest.mark.parametrize("kind", ["lead", "contact", "company", "deal"])
async def test_an_object_is_added_read_changed_listed_and_deleted(kind: str) -> None:
    async with desk() as at:
        name = "NAME" if kind == "contact" else "TITLE"
        number = (await at.call(f"crm.{kind}.add", fields={name: "One", "NO_SUCH": "x", "ID": 77})).result
        row = (await at.call(f"crm.{kind}.get", id=number)).result
        assert (row["ID"], row[name], row["ASSIGNED_BY_ID"]) == (str(number), "One", str(ADMIN))
        assert "NO_SUCH" not in row
        assert (await at.call(f"crm.{kind}.update", id=number, fields={"ASSIGNED_BY_ID": ANNA})).result is True
        listed = await at.call(f"crm.{kind}.list", filter={"ASSIGNED_BY_ID": ANNA, name: "One"}, select=["ID", name])
        assert listed.result == [{"ID": str(number), name: "One"}]
        assert (await at.call(f"crm.{kind}.delete", id=number)).result is True
        assert (await at.call(f"crm.{kind}.get", id=number)).refusal == (400, "", "Not found")
        fields = (await at.call(f"crm.{kind}.fields")).result
        assert fields["ID"]["isReadOnly"] is True
        assert fields[name]["type"] == "string"


@pytest.mark.parametrize(
    ("method", "params", "text"),
    [
        ("crm.lead.get", {}, "ID is not defined or invalid"),
        ("crm.lead.get", {"id": "abc"}, "ID is not defined or invalid"),
        ("crm.lead.get", {"id": 9}, "Not found"),
        ("crm.lead.update", {"id": 9, "fields": {}}, "Not found"),
        ("crm.lead.delete", {"id": 9}, "Not found"),
        ("crm.lead.add", {}, "Parameter 'fields' must be array."),
        ("crm.lead.add", {"fields": "x"}, "Parameter 'fields' must be array."),
        ("crm.lead.add", {"FIELDS": {}}, "Parameter 'fields' must be array."),
    ],
)
async def test_objects_refuse_in_their_own_words(method: str, params: dict[str, Any], text: str) -> None:
    async with desk() as at:
        assert (await at.call(method, **params)).refusal == (400, "", text)


async def test_a_bad_email_is_refused_and_nothing_is_added() -> None:
    async with desk() as at:
        refused = await at.call("crm.lead.add", fields={"TITLE": "x", "EMAIL": [{"VALUE": "nonsense"}]})
        assert refused.refusal[:2] == (400, "ERROR_CORE")
        assert not at.portal.clients.rows[Kind.LEAD]


async def test_a_phone_is_changed_by_its_id_added_without_one_and_removed_when_emptied() -> None:
    async with desk() as at:
        (phone,) = (await at.call("crm.contact.get", id=1)).result["PHONE"]
        update = {"PHONE": [{"ID": phone["ID"], "VALUE": "+79160000001"}, {"VALUE": "+79160000002"}]}
        await at.call("crm.contact.update", id=1, fields=update)
        changed, added = (await at.call("crm.contact.get", id=1)).result["PHONE"]
        assert (changed["ID"], changed["VALUE"], added["VALUE"]) == (phone["ID"], "+79160000001", "+79160000002")
        assert await duplicates(at, "+79125551122") == []
        gone = {"PHONE": [{"ID": changed["ID"], "VALUE": ""}, {"ID": added["ID"], "DELETE": "Y"}]}
        await at.call("crm.contact.update", id=1, fields=gone)
        row = (await at.call("crm.contact.get", id=1)).result
        assert (row["PHONE"], row["HAS_PHONE"]) == ([], "N")
        assert await duplicates(at, "+79160000001", "+79160000002") == []


async def test_a_deleted_client_is_not_found_by_its_number() -> None:
    async with desk() as at:
        await at.call("crm.contact.delete", id=1)
        assert await duplicates(at, "+79125551122") == []


async def test_lists_show_multi_fields_only_by_name_and_match_them_exactly() -> None:
    async with desk() as at:
        rows = (await at.call("crm.contact.list", filter={"PHONE": "+7 912 555-11-22"}, select=["*"])).result
        assert [row["ID"] for row in rows] == ["1"]
        assert "PHONE" not in rows[0]
        assert (await at.call("crm.contact.list", filter={"PHONE": "+79125551122"})).result == []
        named = (await at.call("crm.contact.list", select=["PHONE"], filter={"ID": 1})).result
        assert named[0]["PHONE"][0]["VALUE"] == "+7 912 555-11-22"


@pytest.mark.parametrize(
    ("condition", "ids"),
    [
        ({"ID": [1, 3]}, ["1", "3"]),
        ({"@ID": [1, 3]}, ["1", "3"]),
        ({"!@ID": [1, 3]}, ["2", "4"]),
        ({">ID": 2}, ["3", "4"]),
        ({">ID": ["what", "a", "reference", "found"]}, ["2", "3", "4"]),  # PHP makes 1 of an array
        ({">=ID": "2", "<ID": "4"}, ["2", "3"]),
        ({"!ID": 1}, ["2", "3", "4"]),
        ({"%LAST_NAME": "ов"}, ["1", "2", "4"]),
        ({"!%LAST_NAME": "ов"}, ["3"]),
        ({"=%LAST_NAME": "М%а"}, ["2"]),
        ({"%=LAST_NAME": "%ler"}, ["3"]),
        ({"NO_SUCH": "x"}, ["1", "2", "3", "4"]),
        ({">DATE_CREATE": "2026-03-10T11:00:00+03:00"}, []),
        ({">=DATE_CREATE": "2026-03-10T08:00:00+00:00"}, ["1", "2", "3", "4"]),
        ({"COMPANY_ID": ""}, ["1", "2", "3", "4"]),
    ],
)
async def test_filters_mean_what_their_prefixes_say(condition: dict[str, Any], ids: list[str]) -> None:
    async with desk() as at:
        rows = (await at.call("crm.contact.list", filter=condition)).result
        assert [row["ID"] for row in rows] == ids


async def test_lists_are_ordered_as_asked() -> None:
    async with desk() as at:
        rows = (await at.call("crm.contact.list", order={"ID": "DESC"}, select=["ID"])).result
        assert rows == [{"ID": "4"}, {"ID": "3"}, {"ID": "2"}, {"ID": "1"}]


async def test_pages_by_id_are_not_counted_and_hold_fifty() -> None:
    async with desk() as at:
        for number in range(60):
            at.portal.clients.add(Kind.CONTACT, {"NAME": f"Client {number}"}, user_id=ADMIN, at="")
        by_id = {"order": {"ID": "ASC"}, "start": -1, "select": ["ID"]}
        first = (await at.call("crm.contact.list", **by_id, filter={">ID": 2})).body
        assert "total" not in first
        assert "next" not in first
        assert [row["ID"] for row in first["result"]] == [str(number) for number in range(3, 53)]
        rest = (await at.call("crm.contact.list", **by_id, filter={">ID": "52"})).result
        assert [row["ID"] for row in rest] == [str(number) for number in range(53, 65)]


async def test_a_lead_and_a_deal_get_default_titles_and_semantics() -> None:
    async with desk() as at:
        await at.call("crm.lead.add", fields={"STATUS_ID": "CONVERTED", "OPPORTUNITY": 5})
        await at.call("crm.deal.add", fields={"STAGE_ID": "C1:LOSE"})
        lead, deal = (await at.call("crm.lead.get", id=1)).result, (await at.call("crm.deal.get", id=1)).result
        assert (lead["TITLE"], lead["STATUS_SEMANTIC_ID"], lead["OPPORTUNITY"]) == ("Lead #1", "S", "5.00")
        assert (deal["TITLE"], deal["STAGE_SEMANTIC_ID"], deal["CLOSED"]) == ("Deal #1", "F", "Y")


async def test_when_a_stage_was_changed_stays_while_something_else_is() -> None:
    async with desk() as at:
        clients, user = at.portal.clients, {"user_id": int(ADMIN)}
        for kind, stage, other in ((Kind.LEAD, "STATUS_ID", "JUNK"), (Kind.DEAL, "STAGE_ID", "WON")):
            number = clients.add(kind, {}, **user, at="2026-03-10T10:00:00+03:00")
            clients.update(kind, number, {stage: other}, **user, at="2026-03-10T11:00:00+03:00")
            clients.update(kind, number, {"OPPORTUNITY": 5}, **user, at="2026-03-10T12:00:00+03:00")
            row = (await at.call(f"crm.{kind.lower()}.get", id=number)).result
            assert (row["MOVED_TIME"], row["DATE_MODIFY"]) == ("2026-03-10T11:00:00+03:00", "2026-03-10T12:00:00+03:00")


# Directories.


async def test_directories_hold_a_new_portals_values() -> None:
    async with desk() as at:
        sources = (await at.call("crm.status.list", filter={"ENTITY_ID": "SOURCE"})).result
        assert [row["STATUS_ID"] for row in sources][:3] == ["CALL", "EMAIL", "WEB"]
        assert len(sources) == 12
        stages = (await at.call("crm.status.list", filter={"ENTITY_ID": "DEAL_STAGE"})).result
        assert [row["SEMANTICS"] for row in stages][-3:] == ["S", "F", "F"]
        assert stages[-1]["EXTRA"]["SEMANTICS"] == "apology"
        categories = (await at.call("crm.category.list", entityTypeId=2)).result["categories"]
        assert [(one["id"], one["isDefault"]) for one in categories] == [(0, "Y"), (1, "N")]
        assert (await at.call("crm.category.list", entityTypeId=99)).refusal[1] == "ENTITY_TYPE_NOT_SUPPORTED"


@pytest.mark.parametrize(("mode", "number"), [(CrmMode.CLASSIC, 1), (CrmMode.SIMPLE, 2)])
async def test_the_mode_says_whether_there_are_leads(mode: CrmMode, number: int) -> None:
    async with desk(mode=mode) as at:
        assert (await at.call("crm.settings.mode.get")).result == number


# Activities.

MEETING = {
    "OWNER_TYPE_ID": 3,
    "OWNER_ID": 1,
    "TYPE_ID": 1,
    "SUBJECT": "Meet",
    "RESPONSIBLE_ID": ANNA,
    "COMMUNICATIONS": [{"VALUE": "+79125551122", "TYPE": "PHONE", "ENTITY_ID": 1, "ENTITY_TYPE_ID": 3}],
}


async def test_an_activity_is_added_changed_and_deleted() -> None:
    async with desk() as at:
        number = (await at.call("crm.activity.add", fields=MEETING)).result
        assert (await at.call("crm.activity.update", id=number, fields={"COMPLETED": "Y"})).result is True
        row = (await at.call("crm.activity.get", id=number)).result
        assert (row["COMPLETED"], row["STATUS"], row["SUBJECT"]) == ("Y", "2", "Meet")
        assert "COMMUNICATIONS" not in row
        (listed,) = (await at.call("crm.activity.list", select=["ID", "COMMUNICATIONS"])).result
        assert listed["COMMUNICATIONS"][0]["VALUE"] == "+79125551122"
        assert (await at.call("crm.activity.delete", id=number)).result is True
        assert (await at.call("crm.activity.get", id=number)).refusal[0] == 400


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"SUBJECT": ""}, "The field SUBJECT is not defined or empty"),
        ({"RESPONSIBLE_ID": 0}, "The field RESPONSIBLE_ID is not defined or invalid"),
        ({"TYPE_ID": 3}, "The field TYPE_ID is not defined or invalid"),
        ({"COMMUNICATIONS": []}, "The field COMMUNICATIONS is not defined or invalid"),
        (
            {"COMMUNICATIONS": [{"VALUE": "1"}, {"VALUE": "2"}]},
            "The only one communication is allowed for activity of specified type",
        ),
        (
            {"OWNER_ID": 99},
            "Could not build binding. Please ensure that owner info and communications are defined correctly",
        ),
    ],
)
async def test_an_activity_is_refused_in_its_own_words(changes: dict[str, Any], text: str) -> None:
    async with desk() as at:
        assert (await at.call("crm.activity.add", fields={**MEETING, **changes})).refusal == (400, "", text)


async def test_an_activity_is_bound_to_more_clients_once_each() -> None:
    async with desk() as at:
        number = (await at.call("crm.activity.add", fields=MEETING)).result
        binding = {"activityId": number, "entityTypeId": 3, "entityId": 2}
        assert (await at.call("crm.activity.binding.add", **binding)).result is True
        assert (await at.call("crm.activity.binding.add", **binding)).refusal[1] == "ACTIVITY_IS_ALREADY_BOUND"
        bound = (await at.call("crm.activity.binding.list", activityId=number)).result
        assert bound == [{"entityTypeId": 3, "entityId": 1}, {"entityTypeId": 3, "entityId": 2}]
        assert (await at.call("crm.activity.binding.delete", **binding)).result is True
        assert (await at.call("crm.activity.binding.delete", **binding)).refusal[1] == "NOT_FOUND"
        assert (await at.call("crm.activity.binding.list")).refusal[1] == "100"
        strange = await at.call("crm.activity.binding.add", **{**binding, "entityId": 99})
        assert strange.refusal[1] == "OWNER_NOT_FOUND"


async def test_a_todo_stands_on_a_client_with_a_deadline() -> None:
    async with desk() as at:
        todo = {"ownerTypeId": 3, "ownerId": 1, "deadline": "2026-03-11T10:00:00+03:00", "title": "Call back"}
        number = (await at.call("crm.activity.todo.add", **todo)).result["id"]
        assert (await at.call("crm.activity.get", id=number)).result["SUBJECT"] == "Call back"
        bad = await at.call("crm.activity.todo.add", **{**todo, "deadline": "tomorrow"})
        assert bad.refusal[1] == "WRONG_DATETIME_FORMAT"


async def test_a_comment_goes_to_the_timeline_of_a_client_that_exists() -> None:
    async with desk() as at:
        comment = {"ENTITY_TYPE": "contact", "ENTITY_ID": 1, "COMMENT": "Hello"}
        assert (await at.call("crm.timeline.comment.add", fields=comment)).result == 1
        assert (await at.call("crm.timeline.comment.add", fields={**comment, "ENTITY_ID": 99})).status == 400
        assert (await at.call("crm.timeline.comment.add", FIELDS=comment)).status == 400


# Tasks.


async def test_a_task_is_added_changed_completed_and_listed() -> None:
    async with desk() as at:
        fields = {"TITLE": "Call back", "RESPONSIBLE_ID": ANNA, "UF_CRM_TASK": ["C_1"]}
        task = (await at.call("tasks.task.add", fields=fields)).result["task"]
        assert (task["title"], task["responsibleId"], task["status"]) == ("Call back", str(ANNA), "2")
        assert task["responsible"]["name"] == "Anna Smirnova"
        changed = await at.call("tasks.task.update", taskId=task["id"], fields={"RESPONSIBLE_ID": OLEG})
        assert changed.result["task"]["responsibleId"] == str(OLEG)
        assert (await at.call("tasks.task.complete", taskId=task["id"])).result["task"]["status"] == "5"
        listed = (await at.call("tasks.task.list", filter={"UF_CRM_TASK": "C_1", "STATUS": 5})).result["tasks"]
        assert [one["id"] for one in listed] == [task["id"]]


@pytest.mark.parametrize(
    ("params", "code", "text"),
    [
        ({}, "100", "Could not find value for parameter {fields}"),
        ({"fields": {"RESPONSIBLE_ID": 1}}, "ERROR_CORE", "Task title is not specified<br>"),
        (
            {"fields": {"TITLE": "x", "RESPONSIBLE_ID": 99}},
            "ERROR_CORE",
            'User specified in the "Responsible" field not found',
        ),
    ],
)
async def test_a_task_is_refused_in_its_own_words(params: dict[str, Any], code: str, text: str) -> None:
    async with desk() as at:
        assert (await at.call("tasks.task.add", **params)).refusal == (400, code, text)


# People.


async def test_employees_are_found_by_inner_number_name_and_state() -> None:
    async with desk() as at:
        at.portal.staff.users[OLEG].active = False

        async def found(**condition: Any) -> list[str]:
            return [row["ID"] for row in (await at.call("user.get", **condition)).result]

        assert await found(FILTER={"UF_PHONE_INNER": "102"}) == ["2"]
        assert await found(UF_PHONE_INNER="102") == ["2"]
        assert await found(filter={"ACTIVE": True}) == ["1", "2", "4", "5", "6"]
        assert await found(FILTER={"ACTIVE": "false"}) == ["3"]
        assert await found(FILTER={"NAME_SEARCH": "орлов"}) == ["5"]
        assert await found(FILTER={"ID": [1, 2]}, sort="ID", order="desc") == ["2", "1"]
        assert await found(FILTER={"UF_DEPARTMENT": 1, "NAME": "Anna"}) == ["2"]


async def test_an_employee_is_searched_for_everywhere_or_by_field() -> None:
    async with desk() as at:
        assert [row["ID"] for row in (await at.call("user.search", FIND="smirn")).result] == ["2"]
        by_name = await at.call("user.search", FILTER={"NAME": "Ann", "UF_DEPARTMENT_NAME": "office"})
        assert [row["ID"] for row in by_name.result] == ["2"]
        assert (await at.call("user.current")).result["UF_PHONE_INNER"] == "101"


async def test_departments_and_working_days_are_told() -> None:
    async with desk() as at:
        at.portal.staff.users[ANNA].working_day = WorkingDay.PAUSED
        assert (await at.call("department.get", PARENT=1)).result == [
            {"ID": "2", "NAME": "Sales", "SORT": 500, "PARENT": "1"}
        ]
        assert (await at.call("timeman.status", USER_ID=ANNA)).result["STATUS"] == "PAUSED"
        assert (await at.call("timeman.status")).result["STATUS"] == "OPENED"
        assert (await at.call("timeman.status", USER_ID=99)).refusal == (400, "", "User not found")


async def test_a_notification_replaces_the_one_with_its_tag() -> None:
    async with desk() as at:
        first = (await at.call("im.notify", USER_ID=ANNA, MESSAGE="one", TAG="t")).result
        second = (await at.call("im.notify.system.add", USER_ID=ANNA, MESSAGE="two", TAG="t")).result
        assert second > first
        assert [note["message"] for note in at.portal.notifications] == ["two"]
        assert (await at.call("im.notify", MESSAGE="x")).refusal[1] == "USER_ID_EMPTY"
        assert (await at.call("im.notify", USER_ID=ANNA)).refusal[1] == "MESSAGE_EMPTY"


# About the connection.


async def test_the_application_learns_of_itself_and_a_webhook_is_told_that_it_is_none() -> None:
    async with desk() as at:
        info = (await at.call("app.info")).result
        assert (info["CODE"], info["INSTALLED"]) == (demo.CLIENT_ID, True)
        text = "Access denied! Application context required"
        assert (await at.by_webhook("app.info")).refusal == (403, "ACCESS_DENIED", text)
        assert (await at.call("profile")).result["ADMIN"] is True
        assert "telephony" in (await at.by_webhook("scope")).result
        assert (await at.call("method.get", name="CRM.Lead.add")).result == {"isExisting": True, "isAvailable": True}
        at.portal.access.webhooks[0].scopes = ("crm",)
        seen = (await at.by_webhook("method.get", name="user.get")).result
        assert seen == {"isExisting": True, "isAvailable": False}
        assert (await at.call("feature.get", CODE="rest_offline_extended")).result == {"value": "Y"}
