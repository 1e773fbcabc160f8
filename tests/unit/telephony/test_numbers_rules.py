"""The office's own rules for numbers: replacements, what is internal, and the patterns of employees' mobiles."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringbridge.telephony.numbers import (
    BadPattern,
    compile_patterns,
    compile_replacements,
    is_internal,
    parse_number,
    replace,
    spellings,
)

# A busy machine is no reason to fail.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def test_replacements_work_in_their_order_each_on_what_the_one_before_left():
    rules = compile_replacements([(r"^9(\d{11})$", r"\1"), (r"^8", "+7"), (r"^\+7800", "8800-")])
    assert replace("988005553535", rules) == "8800-5553535"
    assert replace("89125551122", rules) == "+79125551122"
    assert replace("101", rules) == "101"


def test_a_group_can_be_written_as_in_python_or_as_in_php():
    for by in (r"\1", "$1"):
        assert replace("sip-101-home", compile_replacements([(r"^sip-(\d+)-.*$", by)])) == "101"
    assert replace("12", compile_replacements([(r"^(\d)(\d)$", "$2-0$1")])) == "2-01"


def test_a_replacement_may_be_empty():
    assert replace("W101", compile_replacements([("^W", "")])) == "101"


@pytest.mark.parametrize(
    "rule", [("(", ""), ("^8", r"\1"), ("(a)", "$2"), ("[", "x"), ("a", "\\q"), ("a{99999999999}", "")]
)
def test_a_rule_that_cannot_work_is_refused_when_it_is_written_and_named(rule):
    with pytest.raises(BadPattern, match="rule 2"):
        compile_replacements([("^8", "+7"), rule])


def test_an_endless_number_is_left_alone_so_that_a_careless_pattern_cannot_hang():
    assert replace("1" * 65, compile_replacements([(r"^(1+)+$", "x")])) == "1" * 65
    assert replace("1" * 64, compile_replacements([(r"^1+$", "x")])) == "x"


def test_internal_is_short_or_a_known_peer():
    assert is_internal("101")
    assert is_internal("1001")
    assert not is_internal("10011")
    assert is_internal("10011", longest=5)
    assert is_internal("79125551122", peers={"79125551122"})
    assert is_internal("office-door", peers={"office-door"})
    for other in ("", "*97", "+112", "abc", "١٢٣"):
        assert not is_internal(other)


LIST = """
# the sales team's mobiles
8123456XXXX
+7 912 55X-11-22   ; the director
7495100хххх  # typed on a Russian keyboard
"""


@pytest.mark.parametrize(
    ("written", "listed"),
    [
        ("+79125551122", True),
        ("89125541122", True),
        ("9125591122", True),
        ("+79126551122", False),
        ("+74951000042", True),
        ("84951000042", True),
        ("81234567890", True),
        ("8123456789", False),
        ("+49301234567", False),
        ("112", False),
    ],
)
def test_a_pattern_matches_a_number_in_all_its_writings(written, listed):
    patterns = compile_patterns(LIST)
    assert patterns.count == 3
    number = parse_number(written)
    assert number is not None
    assert patterns.match(number) is listed


def test_an_empty_list_matches_nobody():
    for text in ("", "\n# nobody yet\n"):
        number = parse_number("+79125551122")
        assert number is not None
        assert not compile_patterns(text).match(number)


@pytest.mark.parametrize("line", ["8912abc", "XXXXXXXXXX", "12", "8912555112*", "8" * 21])
def test_a_line_that_is_no_pattern_is_named(line):
    with pytest.raises(BadPattern, match="Line 2"):
        compile_patterns(f"8123456XXXX\n{line}\n")


def test_a_foreign_number_has_no_national_writings_here():
    number = parse_number("+49 30 1234567")
    assert number is not None
    assert spellings(number, "RU") == {"49301234567"}


@UNHURRIED
@given(st.text(max_size=40))
def test_any_list_is_either_read_or_refused(text):
    try:
        patterns = compile_patterns(text)
    except BadPattern:
        return
    assert patterns.count >= 0


@UNHURRIED
@given(
    st.lists(st.tuples(st.text(max_size=8), st.text(max_size=8)), max_size=3),
    st.from_regex(r"\+?[0-9]{1,12}", fullmatch=True),
)
def test_any_rules_are_either_refused_or_work(rules, number):
    try:
        compiled = compile_replacements(rules)
    except BadPattern:
        return
    replace(number, compiled)
