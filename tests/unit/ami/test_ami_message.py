"""A message reads the same, however it was made and whichever of its headers is asked for first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringbridge.ami.message import Message

EVENT = (
    "Event: Hangup\r\nPrivilege: call,all\r\nUniqueid: 1.1\r\nCause: 16\r\nCause-txt: Normal: Clearing\r\n"
    "AccountCode: \r\nvariable: A=1\r\nVariable: B=2\r\nBare:x\r\nno header\r\nDestUniqueid: 1.2"
)
NAMES = (
    "Event",
    "uniqueid",
    "Uniqueid",
    "Cause",
    "CAUSE-TXT",
    "AccountCode",
    "Bare",
    "DestUniqueid",
    "Nope",
    "no header",
)


@given(asked=st.permutations(NAMES))
def test_what_is_asked_first_makes_no_difference(asked: list[str]) -> None:
    came = Message.read(EVENT)
    whole = Message(Message.read(EVENT).headers)
    assert [came.get(name, "missing") for name in asked] == [whole.get(name, "missing") for name in asked]
    assert [name in came for name in asked] == [name in whole for name in asked]
    assert came == whole
    assert hash(came) == hash(whole)


def test_a_header_is_found_in_whatever_case_and_form_it_was_written() -> None:
    message = Message.read(EVENT)
    assert message.event == "Hangup"
    assert message.response == ""
    assert message.get("UniqueID") == "1.1"
    assert message.get("Cause") == "16"
    assert message.get("Cause-txt") == "Normal: Clearing"
    assert message.get("AccountCode", "missing") == ""
    assert message.get("bare") == "x"
    assert message.all("Variable") == ["A=1", "B=2"]
    assert "no header" not in message


@pytest.mark.parametrize("text", ["event: Hangup\r\nCause: 16", "Cause: 16\r\nEvent:Hangup", "Event:  Hangup"])
def test_an_event_has_its_name_wherever_and_however_it_stands(text: str) -> None:
    assert Message.read(text).event.strip() == "Hangup"


headers = st.lists(
    st.tuples(
        st.text("aAbB-", min_size=1, max_size=3), st.text(st.characters(exclude_characters="\r\n"), max_size=5)
    ).map(lambda pair: (pair[0], pair[1].lstrip(" "))),
    unique_by=lambda pair: pair[0].lower(),
    max_size=6,
)


@given(headers)
def test_what_is_written_line_by_line_is_read_as_it_was(pairs: list[tuple[str, str]]) -> None:
    message = Message.read("\r\n".join(f"{name}: {value}" for name, value in pairs))
    assert list(message.headers) == pairs
    for name, value in pairs:
        assert message.get(name) == message.get(name.swapcase()) == value
