"""The FastAGI core on everything that Asterisk, or anybody else, may send."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ringbridge.agi import MAX_LINE, MAX_LINES, Closed, Event, HungUp, Nonsense, Opened, Protocol, Reply
from ringbridge.pbx.agi_call import set_by

# As Asterisk 22 wrote it for AGI(agi://127.0.0.1:4574/route?did=74951000101&choice=,first,"second").
ENVIRONMENT = (
    b"agi_network: yes\n"
    b"agi_network_script: route?did=%2B74951000101&choice=\n"
    b"agi_request: agi://127.0.0.1:4574/route?did=74951000101&choice=\n"
    b"agi_channel: PJSIP/comtel-00000001\n"
    b"agi_language: en\n"
    b"agi_type: PJSIP\n"
    b"agi_uniqueid: 1795471332.17\n"
    b"agi_version: 22.5.2\n"
    b"agi_callerid: 79125551122\n"
    b"agi_calleridname: " + "Пётр".encode() + b"\n"
    b"agi_callingpres: 0\nagi_callingani2: 0\nagi_callington: 0\nagi_callingtns: 0\n"
    b"agi_dnid: 74951000101\nagi_rdnis: unknown\n"
    b"agi_context: ringbridge-route\nagi_extension: s\nagi_priority: 4\nagi_enhanced: 0.0\nagi_accountcode: \n"
    b"agi_threadid: 140244\nagi_arg_1: first\nagi_arg_2: second\n\n"
)
REPLIES = (
    b"200 result=1\n"
    b"200 result=1 (two\nlines (and) brackets)\n"
    b"HANGUP\n"
    b"HANGUP\n"
    b"511 Command Not Permitted on a dead channel or intercept routine\n"
    b"520-Invalid command syntax.  Proper usage follows:\n"
    b" Usage: SET VARIABLE <name> <value>\n"
    b"520 End of proper usage.\n"
    b"510 Invalid or unknown command\n"
    b"200 result=0"
)
WHOLE = ENVIRONMENT + REPLIES


def heard(*portions: bytes) -> list[Event]:
    protocol = Protocol()
    for portion in portions:
        protocol.receive_data(portion)
    protocol.receive_eof()
    return protocol.events_received()


@given(cuts=st.lists(st.integers(0, len(WHOLE)), max_size=12))
@example(cuts=list(range(len(WHOLE))))
def test_any_split_of_the_bytes_gives_the_same_events(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(WHOLE)]
    assert heard(*(WHOLE[start:end] for start, end in itertools.pairwise(edges))) == heard(WHOLE)


def test_the_environment_says_who_asks_and_what() -> None:
    opened = heard(ENVIRONMENT)[0]
    assert isinstance(opened, Opened)
    assert (opened.get("callerid"), opened.get("calleridname")) == ("79125551122", "Пётр")
    assert opened.get("uniqueid") == "1795471332.17"
    assert opened.get("rdnis") == "", "unknown is Asterisk's word for nothing"
    assert opened.script == "route"
    assert opened.query == {"did": "+74951000101", "choice": ""}
    assert opened.arguments == ("first", "second")


def test_each_reply_is_one_event_whatever_its_lines() -> None:
    _, done, value, hung_up, dead, usage, unknown, closed = heard(WHOLE)
    assert done == Reply(code=200, text="result=1", result="1")
    assert isinstance(value, Reply)
    assert (value.result, value.value) == ("1", "two\nlines (and) brackets")
    assert hung_up == HungUp()
    assert [reply.code for reply in (dead, usage, unknown) if isinstance(reply, Reply)] == [511, 520, 510]
    assert isinstance(usage, Reply)
    assert "Usage: SET VARIABLE" in usage.text
    assert closed == Closed(unread=len("200 result=0"))


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET /route HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\n",
        b"agi_network: yes\nnot a field\n",
        b"a" * (MAX_LINE + 1),
        b"agi_x: " + b"a" * MAX_LINE + b"\n",
        b"agi_arg_1: x\n" * (MAX_LINES + 1),
        ENVIRONMENT + b"what?\n",
        ENVIRONMENT + b"200 result=1 (never closed\n" + b"x\n" * MAX_LINES,
    ],
)
def test_what_is_no_agi_is_said_once_and_takes_no_more_memory(garbage: bytes) -> None:
    protocol = Protocol()
    protocol.receive_data(garbage)
    protocol.receive_data(garbage * 3)
    protocol.receive_eof()
    told = protocol.events_received()
    assert isinstance(told[-1], Nonsense)
    assert len(told) <= 2


@given(data=st.lists(st.binary(max_size=80), max_size=20))
def test_no_bytes_at_all_raise(data: list[bytes]) -> None:
    heard(*data)
    heard(ENVIRONMENT, *data)


def words(text: str, separator: str, *, brackets: bool = True) -> list[str]:
    """As Asterisk's __ast_app_separate_args takes an application's arguments apart, or its parse_args (no brackets, no
    empty words) the words of a command."""
    found, depth, quoted, letters = [""], 0, False, iter(text)
    for letter in letters:
        if letter == "\\":
            found[-1] += next(letters)
        elif letter == '"':
            quoted = not quoted
        elif letter == separator and not (quoted or depth):
            found.append("")
        else:
            depth += brackets * ((letter in "([") - (letter in ")]" and depth > 0))
            found[-1] += letter
    assert not quoted
    return found


def asterisk_sets(lines: list[bytes]) -> dict[str, str]:
    variables = {}
    for line in lines:
        assert line.count(b"\n") == 1
        assert len(line) <= 2048
        command = words(line.decode().removesuffix("\n"), " ", brackets=False)
        assert command[:2] == ["EXEC", "MSet"]
        pairs = words(command[2], ",")
        assert len(pairs) <= 24
        for pair in pairs:
            name, _, value = pair.partition("=")
            variables[name] = value
    return variables


values = st.text(st.characters(codec="utf-8", exclude_characters="\n\r\0"), max_size=100)


@given(told=st.dictionaries(st.from_regex(r"[A-Z_][A-Z0-9_]{0,20}", fullmatch=True), values, max_size=60))
@example(told={"NAME": '"; Hangup \\" ${SHELL(id)}\\', "HOPS": "101:20,102:20", "EMPTY": "", "TEXT": "a=b (c] [d"})
def test_every_value_reaches_the_channel_as_it_was_meant(told: dict[str, str]) -> None:
    protocol = Protocol()
    assert protocol.set_variables(told) == []
    lines = protocol.data_to_send()
    assert asterisk_sets(lines) == told
    assert {name: value for line in lines for name, value in set_by(line.decode().strip("\n")).items()} == told


def test_an_answer_of_a_few_phones_is_one_command() -> None:
    protocol = Protocol()
    protocol.set_variables({f"RINGBRIDGE_WHY{number}": "responsible" for number in range(20)})
    assert len(protocol.data_to_send()) == 1


@pytest.mark.parametrize("value", ["a\nHANGUP", "a\rb", "a\0b", "я" * 1000])
def test_a_value_that_would_become_another_command_is_refused(value: str) -> None:
    protocol = Protocol()
    (refused,) = protocol.set_variables({"BAD": value, "GOOD": "1"})
    assert str(refused).startswith("BAD: ")
    assert asterisk_sets(protocol.data_to_send()) == {"GOOD": "1"}


def test_a_name_that_is_none_is_refused() -> None:
    protocol = Protocol()
    (refused,) = protocol.set_variables({"X Y": "1"})
    assert "X Y" in str(refused)
    assert protocol.data_to_send() == []
