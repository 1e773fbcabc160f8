"""One telephone has one E.164 form, whichever way the provider writes it; what is no telephone stays what it was."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringbridge.telephony.numbers import Number, comparable, masked, parse_number, same

# A busy machine is no reason to fail.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize(
    ("written", "e164"),
    [
        ("+7 912 555-11-22", "+79125551122"),
        ("8 (912) 555-11-22", "+79125551122"),
        ("89125551122", "+79125551122"),
        ("79125551122", "+79125551122"),
        ("9125551122", "+79125551122"),
        ("+7(912)555‑11‑22", "+79125551122"),  # non-breaking hyphens
        ("\u202a+7 912 555\u00a011\u00a022\u202c", "+79125551122"),  # copied from a phone's contacts
        ("+79125551122", "+79125551122"),  # full-width
        ("8-800-555-35-35", "+78005553535"),
        ("84993508890", "+74993508890"),
        ("+49 30 1234567", "+49301234567"),
        ("0049301234567", "+49301234567"),
        ("81049301234567", "+49301234567"),
        ("8~10 49 30 1234567", "+49301234567"),
        ("380501234567", "+380501234567"),  # a foreign number whose plus the provider cut off
        ("12025550123", "+12025550123"),
        ("+77012345678", "+77012345678"),  # Kazakhstan shares the code 7
    ],
)
def test_every_writing_of_a_number_gives_its_e164_form(written, e164):
    number = parse_number(written)
    assert number is not None
    assert number.e164 == e164
    assert number.digits == e164[1:]
    assert number.given == written.strip()
    assert str(number) == e164


@pytest.mark.parametrize(
    "written",
    [
        "+7 912 000-00-00 #12",
        "+79120000000;ext=12",
        "+7 912 000-00-00 ext. 12",
        "+7 912 000-00-00, 12",
        "8 912 000 00 00 доб. 12",
        "+79120000000x12",
    ],
)
def test_an_extension_behind_the_number_does_not_hide_the_number(written):
    number = parse_number(written)
    assert number is not None
    assert number.e164 == "+79120000000"
    assert number.given == written


@pytest.mark.parametrize(
    "written",
    [
        "sip:+79125551122@10.0.0.1",
        "sip:%2B79125551122@10.0.0.1:5060;user=phone",
        "<sip:89125551122@provider.example>",
        '"Анна, «Ромашка»" <sips:+79125551122@provider.example;transport=tls>;tag=1',
        "sip:+79125551122;phone-context=ru@provider.example",
        "tel:+7-912-555-11-22",
        "tel:+7-912-555-11-22;phone-context=example.com",
        "79125551122@mango",
    ],
)
def test_the_number_is_found_inside_a_uri(written):
    number = parse_number(written)
    assert number is not None
    assert number.e164 == "+79125551122"


@pytest.mark.parametrize(
    "written",
    [
        None,
        "",
        "  ",
        "anonymous",
        "Anonymous",
        "unknown",
        "<unknown>",
        "Restricted",
        "private",
        "Unavailable",
        "sip:anonymous@anonymous.invalid",
        '"Anonymous" <sip:anonymous@anonymous.invalid>',
        "sip:10.0.0.1",
        "s",
    ],
)
def test_a_withheld_number_is_no_number(written):
    assert parse_number(written) is None


@pytest.mark.parametrize(
    "written",
    [
        "+",
        "abc",
        "Romashka LLC",
        "1" * 40,
        "112",
        "101",
        "*97",
        "+7912",
        "5551122",
        "8-800-FLOWERS",
        "+99912345678",
        "00",
    ],
)
def test_what_is_no_telephone_number_is_kept_as_given_and_flagged(written):
    number = parse_number(written)
    assert number is not None
    assert not number.valid
    assert number.given == written
    assert str(number) == written


def test_letters_never_become_digits():
    number = parse_number("8-800-FLOWERS")
    assert number is not None
    assert number.digits == "8800"


def test_the_offices_region_decides_what_a_national_number_is():
    assert str(parse_number("030 1234567", "DE")) == "+49301234567"
    assert str(parse_number("(202) 555-0123", "US")) == "+12025550123"
    assert str(parse_number("87012345678", "KZ")) == "+77012345678"
    assert str(parse_number("011 49 30 1234567", "US")) == "+49301234567"


def test_a_region_that_does_not_exist_still_reads_complete_numbers():
    assert str(parse_number("+79125551122", "Narnia")) == "+79125551122"
    assert str(parse_number("79125551122", "")) == "+79125551122"


@UNHURRIED
@given(st.text(max_size=80), st.sampled_from(["RU", "KZ", "US", "DE", "", "ZZ", "ru"]))
def test_no_text_is_too_strange(text, region):
    number = parse_number(text, region)
    assert number is None or (number.given == text.strip() and number.digits.isascii())
    masked(number)
    masked(text)


@UNHURRIED
@given(st.text(alphabet='+0123456789 -()#;,.extsip:@<>"*доб', max_size=60))
def test_an_e164_form_is_always_plus_and_up_to_fifteen_digits_and_reads_as_itself(text):
    number = parse_number(text)
    if number is not None and number.e164 is not None:
        assert number.e164[0] == "+"
        assert number.e164[1:].isdigit()
        assert len(number.e164) <= 16
        assert parse_number(number.e164, "ZZ") == Number(given=number.e164, e164=number.e164, digits=number.digits)


@UNHURRIED
@given(st.integers(min_value=9_000_000_000, max_value=9_999_999_999))
def test_a_russian_mobile_is_the_same_client_in_all_its_writings(national):
    writings = [f"{prefix}{national}" for prefix in ("+7", "8", "7", "")]
    numbers = [parse_number(writing) for writing in writings]
    assert all(same(numbers[0], other) for other in numbers)


def test_withheld_callers_are_never_the_same_client():
    assert not same(None, None)
    assert not same(parse_number("89125551122"), None)


def test_numbers_that_are_not_valid_are_compared_by_what_was_given():
    assert same(parse_number("112"), parse_number("1-12"))
    assert not same(parse_number("112"), parse_number("113"))
    assert same(parse_number("Romashka"), parse_number("romashka"))
    assert not same(parse_number("Romashka"), parse_number("Vasilek"))
    assert not same(parse_number("+"), parse_number("112"))


def test_a_different_tail_or_country_is_a_different_client():
    assert not same(parse_number("+79125551122"), parse_number("+79125551123"))
    assert not same(parse_number("+4989125551122"), parse_number("89125551122"))


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("+79125551122", "+7********22"),
        ("89125551122", "+7********22"),
        ("+380501234567", "+380*******67"),
        ("1" * 40, "*" * 38 + "11"),
        ("101", "101"),
        ("*97", "*97"),
        ("anonymous", "withheld"),
        ("Romashka LLC", "letters"),
    ],
)
def test_a_log_shows_the_country_and_two_digits_and_nothing_more(written, shown):
    assert masked(parse_number(written)) == shown


def test_bare_text_is_masked_too():
    assert masked("+79125551122") == "+7********22"
    assert masked("79125551122") == "+7********22"
    assert masked("89125551122") == "*********22"
    assert masked(None) == "withheld"


@UNHURRIED
@given(st.integers(min_value=10**9, max_value=10**15))
def test_a_masked_number_has_lost_at_least_half_of_its_digits(value):
    shown = masked(str(value))
    assert sum(c.isdigit() for c in shown) <= len(str(value)) // 2


@pytest.mark.parametrize(
    ("written", "digits"),
    [
        ("8 (912) 555-11-22", "79125551122"),
        ("+7 495 123-45-67 доб. 12", "74951234567"),
        ("8 (000) 123-45-67", "70001234567"),  # a code that nobody has (yet)
        ("70001234567", "70001234567"),
        ("555-11-22", "5551122"),  # of some town
        ("101", "101"),
        ("anonymous", ""),
        ("", ""),
    ],
)
def test_the_spellings_of_a_number_meet_whether_or_not_it_is_a_valid_one(written: str, digits: str) -> None:
    assert comparable(written) == digits
