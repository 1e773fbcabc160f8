"""The pure parts of results: spellings of numbers, what is made, what is read of employees and tasks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringbridge.crm.bitrix24.activities import completed
from ringbridge.crm.bitrix24.clients import key_of, name_of, ways_to_write
from ringbridge.crm.bitrix24.entities import Entity as Client
from ringbridge.crm.bitrix24.entities import entities_in, is_left_to_portal, make, make_deal, planned, stage_id
from ringbridge.crm.bitrix24.knowledge import MOST_RECORDS, Knowledge
from ringbridge.crm.bitrix24.lines import changes, lines_in, strangers
from ringbridge.crm.bitrix24.tasks import open_tasks, tags_in
from ringbridge.crm.bitrix24.users import users_in
from ringbridge.crm.contract import CrmUser, Line
from ringbridge.emulators.bitrix24.phones import normalise
from ringbridge.routing.intents import Creation, RecordKey, RecordKind, RegisterCall, UserId
from ringbridge.routing.rules import Create
from ringbridge.telephony.model import CallId

anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
)

# Names


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ({"NAME": "Пётр", "LAST_NAME": "Кузнецов", "TITLE": "+7 912 555-11-22 - Входящий звонок"}, "Пётр Кузнецов"),
        ({"NAME": None, "TITLE": "+7 912 555-11-22 - Входящий звонок"}, ""),
        ({"TITLE": "79125551122"}, ""),
        ({"TITLE": "ООО Ромашка"}, "ООО Ромашка"),
        ({"TITLE": "100500 мелочей"}, "100500 мелочей"),
        ({"TITLE": "2026-11-26 - Site form"}, "2026-11-26 - Site form"),
        ({}, ""),
    ],
)
def test_a_title_that_a_call_made_is_nobodys_name(row: dict[str, Any], name: str) -> None:
    assert name_of(row) == name


# Numbers


@given(st.text(alphabet="+0123456789-() ", min_size=1, max_size=16))
def test_numbers_are_compared_as_the_portal_compares_them(number: str) -> None:
    assert key_of(number.strip()) == normalise(number)


@pytest.mark.parametrize(
    ("number", "region", "ways"),
    [
        ("+79161234567", "RU", ["+79161234567", "9161234567"]),
        ("+4915112345678", "DE", ["+4915112345678", "015112345678"]),
        ("+4915112345678", "RU", ["+4915112345678"]),
        ("+14155552671", "US", ["+14155552671", "4155552671"]),
        ("+8613912345678", "RU", ["+8613912345678"]),
        ("101", "RU", ["101"]),
        ("12", "RU", ["12"]),
    ],
)
def test_a_number_is_asked_for_in_every_way_that_differs_for_the_portal(
    number: str, region: str, ways: list[str]
) -> None:
    assert ways_to_write(number, region) == ways
    assert len({normalise(way) for way in ways}) == len(ways)


# What is made

CALL = RegisterCall(
    record=RecordKey("pbx-1"),
    call=CallId("1"),
    kind=RecordKind.INBOUND,
    number="+79990001122",
    user=UserId("3"),
    started=datetime(2026, 3, 10, 9, 0, tzinfo=UTC),
    line="Radio",
)


@pytest.mark.parametrize("what", list(Create))
@pytest.mark.parametrize("leads", [True, False])
def test_a_deal_is_made_last_and_a_lead_only_where_there_are_leads(what: Create, leads: bool) -> None:
    kinds = planned(Creation(what=what, pipeline="2"), leads=leads)
    assert kinds[0] != "deal"
    assert "lead" not in kinds or leads
    assert kinds.count("deal") <= 1


@pytest.mark.parametrize("changes", [{"title": "T"}, {"pipeline": "1"}, {"stage": "NEW"}, {"tags": ("a",)}])
@pytest.mark.parametrize("leads", [True, False, None])
def test_what_the_portal_would_not_write_is_never_left_to_it(changes: dict[str, Any], leads: bool | None) -> None:
    assert not is_left_to_portal(Creation(what=Create.CLIENT, **changes), leads=leads)
    assert is_left_to_portal(Creation(what=Create.CLIENT, source="RADIO"), leads=leads)


@pytest.mark.parametrize(
    ("pipeline", "stage", "written"),
    [("", "NEW", "NEW"), ("0", "NEW", "NEW"), ("1", "NEW", "C1:NEW"), ("1", "C1:NEW", "C1:NEW")],
)
def test_a_stage_carries_the_number_of_its_pipeline(pipeline: str, stage: str, written: str) -> None:
    assert stage_id(Creation(what=Create.CLIENT, pipeline=pipeline, stage=stage)) == written


def test_everything_we_make_names_us_and_its_call() -> None:
    creation = Creation(what=Create.LEAD_AND_DEAL, source="RADIO", stage="NEW")
    lead = make("lead", CALL, creation, deal_follows=True)
    deal = make_deal(CALL, creation, Client(kind="lead", id="7"))
    for command in (lead, deal):
        fields = command.params["fields"]
        assert (fields["ORIGINATOR_ID"], fields["ORIGIN_ID"]) == ("ringbridge", "pbx-1")
        assert (fields["SOURCE_ID"], fields["SOURCE_DESCRIPTION"], fields["ASSIGNED_BY_ID"]) == ("RADIO", "Radio", "3")
    assert "STATUS_ID" not in lead.params["fields"]
    assert (deal.params["fields"]["LEAD_ID"], deal.params["fields"]["STAGE_ID"]) == ("7", "NEW")


@given(anything)
def test_no_facts_break_the_reading_of_entities(document: Any) -> None:
    for one in entities_in(document):
        assert one.kind in {"lead", "contact", "company", "deal"}


# What is remembered


def test_records_whose_register_never_succeeds_do_not_pile_up() -> None:
    knowledge = Knowledge(region="RU")
    for n in range(MOST_RECORDS + 5):
        knowledge.keep(RecordKey(str(n)), [Client(kind="lead", id=str(n))])
    assert len(knowledge.made) == MOST_RECORDS
    assert RecordKey("0") not in knowledge.made


def test_a_colleague_is_known_by_every_spelling_of_every_phone_until_dismissed() -> None:
    knowledge = Knowledge(region="RU")
    user = CrmUser(id=UserId("2"), name="A", active=True, extensions=("102",), phones=("8 (916) 123-45-67",))
    knowledge.learn_staff([user])
    assert knowledge.is_colleague("+79161234567")
    assert knowledge.is_colleague("102")
    assert not knowledge.is_colleague("+79161234568")
    knowledge.learn_staff([CrmUser(id=UserId("2"), name="A", active=False, phones=("8 (916) 123-45-67",))])
    assert not knowledge.is_colleague("+79161234567")
    assert knowledge.dismissed == {"2"}


# What is read


def test_phones_are_taken_from_every_field_and_several_from_one() -> None:
    row = {
        "ID": 7,
        "NAME": "Анна",
        "UF_PHONE_INNER": "102, 202",
        "PERSONAL_MOBILE": "+7 916 123-45-67; 8 903 000-00-01, 12",
        "UF_USR_SECOND_MOBILE": ["+7 905 111-11-11", ""],
        "UF_PHONE_INNER_OLD": None,
        "WORK_PHONE": "55",
        "UF_DEPARTMENT": [1, "15"],
    }
    (user,) = users_in([row], {"15": "Sales"})
    assert user.extensions == ("102", "202")
    assert user.phones == ("+7 916 123-45-67", "8 903 000-00-01", "55", "+7 905 111-11-11")
    assert user.departments == ("1", "Sales")


@pytest.mark.parametrize(
    "tags",
    [["ringbridge +7999"], {"4": {"id": 4, "title": "ringbridge +7999"}}, [{"title": "ringbridge +7999"}, "x"]],
)
def test_a_tasks_tags_are_read_in_either_shape(tags: Any) -> None:
    assert "ringbridge +7999" in tags_in(tags)
    row = {"id": "5", "status": 2, "tags": tags}
    assert open_tasks({"tasks": [row]}, "+7999") == ["5"]
    assert open_tasks({"tasks": [{**row, "status": "5"}]}, "+7999") == []
    assert open_tasks({"tasks": [row]}, "+7998") == []


@given(anything)
def test_no_answer_breaks_the_reading_of_tasks_and_lines(result: Any) -> None:
    assert open_tasks(result, "+7999") == open_tasks({"tasks": result}, "+7999") == []
    lines_in(result)


@given(st.text(max_size=20), st.text(min_size=1, max_size=20))
def test_a_text_is_added_once(written: str, ours: str) -> None:
    once = completed(written, ours)
    assert completed(once, ours) == once
    assert once.startswith(written)
    assert ours in once


numbers = st.sampled_from(["+74951112233", "100", "", " 7 "])
lines = st.builds(Line, number=numbers, name=st.sampled_from(["", "A", "B"]), auto_create=st.booleans())


@given(st.lists(lines, max_size=4), st.lists(lines, max_size=4))
def test_lines_that_were_made_equal_differ_no_more(wanted: list[Line], there: list[Line]) -> None:
    known = {line.number.strip(): line for line in there if line.number.strip()}
    for change in changes(wanted, known):
        params = change.command.params
        name = params.get("NAME", known[params["NUMBER"]].name if params["NUMBER"] in known else "")
        known[params["NUMBER"]] = Line(number=params["NUMBER"], name=name, auto_create=params["CRM_AUTO_CREATE"] == "Y")
    assert changes(wanted, known) == []
    assert set(strangers(wanted, known)).isdisjoint(line.number.strip() for line in wanted)
