"""Reading an account for the mirror: which page comes next, where a gap shows, what is a phone."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringbridge.crm.amocrm.entities import phones_written
from ringbridge.crm.amocrm.lists import FEWEST, has_gap, window
from ringbridge.crm.amocrm.mirror import STEPS, Place, by_kind, stages_filter
from ringbridge.crm.amocrm.rest import PER_PAGE
from ringbridge.crm.mirroring import Ref


@given(st.integers(min_value=1, max_value=2_000_000), st.integers(min_value=FEWEST, max_value=PER_PAGE))
def test_a_page_begins_at_or_before_the_row_read_last_and_goes_beyond_it(read: int, most: int) -> None:
    number, limit = window(read, most)
    assert 1 <= limit <= most
    assert (number - 1) * limit <= read - 1 < read < number * limit


def test_the_first_page_is_a_whole_one() -> None:
    assert window(0) == (1, PER_PAGE)


@given(
    st.lists(st.integers(min_value=1, max_value=10_000), min_size=20, max_size=600, unique=True),
    st.data(),
)
def test_a_piece_that_misses_a_row_of_a_shrunken_list_is_known_by_its_gap(
    numbers: list[int], data: st.DataObject
) -> None:
    """Whatever was deleted: either the piece goes on where the reading stopped, or it says that it does not."""
    before = sorted(numbers)
    read = data.draw(st.integers(min_value=1, max_value=len(before) - 1))
    after = sorted(set(before) - set(data.draw(st.lists(st.sampled_from(before)))))
    number, limit = window(read)
    piece = after[(number - 1) * limit : number * limit]
    last = before[read - 1]
    if not has_gap(piece, last):
        assert [one for one in piece if one > last] == [one for one in after[: number * limit] if one > last]


@given(
    st.builds(
        Place,
        began=st.integers(1, 2**40),
        step=st.integers(0, len(STEPS) - 1),
        read=st.integers(0),
        last=st.integers(0),
    )
)
def test_a_place_is_found_again_by_its_cursor(place: Place) -> None:
    assert Place.of(str(place)) == place


def row(*fields: dict[str, Any]) -> dict[str, Any]:
    return {"custom_fields_values": list(fields)}


def texts(code: str | None, *values: Any, kind: str = "multitext") -> dict[str, Any]:
    return {"field_code": code, "field_type": kind, "values": [{"value": value} for value in values]}


@pytest.mark.parametrize(
    ("fields", "phones"),
    [
        ([], ()),
        ([texts("PHONE", "8 (912) 555-11-22", "")], ("8 (912) 555-11-22",)),
        ([texts("PHONE", "112", "доб. 12")], ("112", "доб. 12")),
        ([texts("PHONE", "+79125551122; 301")], ("+79125551122; 301", "+79125551122", "301")),
        ([texts(None, "+7 912 555-11-22", kind="text"), texts("PHONE", "101")], ("101", "+7 912 555-11-22")),
        ([texts(None, "7 years, since 2019", "ул. Ленина, 5", "+7 912", kind="text")], ()),
        ([texts("EMAIL", "79125551122@example.com", "79125551122")], ()),
        ([texts(None, 1_700_000_000, kind="date")], ()),
    ],
)
def test_phones_are_those_of_their_field_and_whatever_else_looks_like_a_whole_number(
    fields: list[dict[str, Any]], phones: tuple[str, ...]
) -> None:
    assert phones_written(row(*fields)) == phones


def test_rows_of_an_account_that_writes_no_fields_are_read_too() -> None:
    assert phones_written({"custom_fields_values": None}) == ()


def test_ids_are_asked_for_once_and_only_of_what_an_account_can_have() -> None:
    refs = [Ref(kind=kind, id=number) for kind, number in (("deal", "7"), ("lead", "8"), ("deal", "7"), ("deal", "x"))]
    assert list(by_kind(refs).values()) == [[7]]


def test_closed_stages_are_left_out_of_the_filter_of_open_leads() -> None:
    pipelines = [{"id": 5, "_embedded": {"statuses": [{"id": 51}, {"id": 142}, {"id": 143}]}}]
    assert stages_filter(pipelines) == [
        ("filter[statuses][0][pipeline_id]", "5"),
        ("filter[statuses][0][status_id]", "51"),
    ]
