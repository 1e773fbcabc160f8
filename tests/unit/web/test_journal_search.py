from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from ringbridge.store.calls import Filters
from ringbridge.telephony.model import Direction, Disposition
from ringbridge.web.search import FIELDS, Search, read_search

MOSCOW = ZoneInfo("Europe/Moscow")


def search(**fields: str) -> Search:
    return read_search({name.rstrip("_"): value for name, value in fields.items()}, MOSCOW, "RU")


def test_a_day_is_the_offices_day_and_the_last_one_is_included() -> None:
    found = search(from_="2026-11-24", to="2026-11-25")
    assert found.filters.since == datetime(2026, 11, 23, 21, tzinfo=UTC)
    assert found.filters.until == datetime(2026, 11, 25, 21, tzinfo=UTC)


def test_whole_number_is_found_however_it_is_written_and_a_part_as_it_is() -> None:
    assert {search(number=text).filters.number for text in ("8 (912) 555-11-22", "+79125551122", "79125551122")} == {
        "79125551122"
    }
    assert search(number="11-22").filters.number == "1122"


def test_unreadable_date_is_left_out_and_said_so() -> None:
    found = search(from_="yesterday")
    assert (found.filters.since, found.mistaken) == (None, True)


def test_choice_that_is_not_on_offer_matches_everything() -> None:
    assert search(direction="sideways", result="answered").filters.direction is None
    assert search(direction="inbound").filters.direction is Direction.INBOUND
    assert search(result="answered").filters.disposition is Disposition.ANSWERED


def test_address_carries_the_search_and_leaves_empty_fields_out() -> None:
    assert search(trunk="mango & co", number=" ").address(before="1-2") == "/journal?trunk=mango+%26+co&before=1-2"
    assert search().address() == "/journal"


@given(fields=st.dictionaries(st.sampled_from(FIELDS), st.text(max_size=100) | st.dates().map(str)))
def test_no_address_breaks_the_search(fields: dict[str, str]) -> None:
    found = read_search(fields, MOSCOW, "RU")
    assert found.address().startswith("/journal")
    assert found.filters.since is None or found.filters.since.tzinfo is UTC


def test_a_name_of_a_client_or_an_employee_is_no_number() -> None:
    found = search(number="Ромашка 24", employee="Орлов")
    assert (found.client, found.employee) == ("Ромашка 24", "Орлов")
    assert (found.filters.number, found.filters.extension) == ("", "")
    assert search(number="112", employee="101").filters == Filters(number="112", extension="101")


def test_an_employees_name_means_all_their_phones_and_a_name_that_nobody_has_means_none() -> None:
    phones = {"101": "Анна Орлова", "102": "Борис Ли", "79125550001": "Анна Орлова"}
    assert search(employee="орл").of_people(phones, None).employees == ("101", "79125550001")
    assert search(employee="Сидоров").of_people(phones, None).employees == ()
    assert search(employee="101").of_people(phones, None).employees is None


def test_our_number_is_found_however_it_is_written_and_a_trunk_by_its_name() -> None:
    assert search(trunk="8 (343) 272-30-33").filters.trunk == "73432723033"
    assert search(trunk="mango-2").filters.trunk == "mango-2"
