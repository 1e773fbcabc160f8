"""The sans-IO core on everything a PBX may send."""

from __future__ import annotations

import hashlib
import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ringbridge.ami.errors import ActionRefused
from ringbridge.ami.message import Action, ActionId, Message
from ringbridge.ami.protocol import Answer, Closed, Event, Greeting, LoggedIn, LoginRefused, Protocol, Stranger

BANNER = b"Asterisk Call Manager/11.0.0\r\n"


def events_of(*portions: bytes, protocol: Protocol | None = None) -> list[Event]:
    protocol = protocol or Protocol()
    for portion in portions:
        protocol.receive_data(portion)
    return protocol.events_received()


def only_message(data: bytes) -> Message:
    greeting, message = events_of(BANNER + data)
    assert isinstance(greeting, Greeting)
    assert isinstance(message, Message)
    return message


# A stream with one of everything that makes reading hard.
HARD = (
    BANNER
    + b"Response: Success\r\nActionID: a-1\r\nMessage: Authentication accepted\r\n\r\n"
    + "Event: Newchannel\r\nChannel: PJSIP/101-1\r\nCallerIDName: Иван «Ёж» №1\r\nAccountCode: \r\n\r\n\r\n".encode()
    + b"Event: Newchannel\r\nCallerIDName: "
    + "Пётр".encode("cp1251")
    + b"\r\nExten: s\r\n\r\n\r\n\r\n"
    + b"Event: VarSet\r\nChannel: none\r\nUniqueid: none\r\nVariable: FROM_DID\r\nValue: leak\r\n\r\n"
    + b"Event: VarSet\r\nChannel: SIP/1\r\nVariable: __FROM_DID\r\nValue: 73432723033\r\n\r\n"
    + b"Event: VarSet\r\nChannel: SIP/1\r\nVariable: DB_RESULT\r\nValue: x\r\n\r\n"
    + b"Event: TestEvent\r\nState: A\r\nState: B\r\n\r\n"
    + b"just a stray line\r\nEvent: Hangup\r\nanother\r\nCause: 16\r\n\r\n"
    + b"Response: Follows\r\nPrivilege: Command\r\nActionID: a-2\r\n"
    + b"Event list: 1\r\n\r\nrow 2\n\nrow 3\n--END COMMAND--\r\n\r\n"
    + b"Response: Success\r\nActionID: a-3\r\nEventList: start\r\nMessage: Channels will follow\r\n\r\n"
    + b"Event: Hangup\r\nCause: 17\r\n\r\n"
    + b"Event: CoreShowChannel\r\nActionID: a-3\r\nChannel: PJSIP/101-1\r\n\r\n"
    + b"Event: CoreShowChannelsComplete\r\nActionID: a-3\r\nEventList: Complete\r\nListItems: 1\r\n\r\n"
    + b"Event: Status\r\nVariable: A=1\r\nVariable: B=2\r\nActionID: other\r\n\r\n"
    + b"Event: Cut\r\nNam"
)


@given(cuts=st.lists(st.integers(0, len(HARD)), max_size=12))
@example(cuts=list(range(len(HARD))))
def test_any_split_of_the_bytes_gives_the_same_events(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(HARD)]
    whole, split = Protocol(), Protocol()
    expected = events_of(HARD, protocol=whole)
    got = events_of(*(HARD[a:b] for a, b in itertools.pairwise(edges)), protocol=split)
    assert got == expected
    assert split.counters == whole.counters


def test_the_hard_stream_reads_as_a_person_would_read_it() -> None:
    protocol = Protocol()
    greeting, login, ivan, petr, did, hangup, command, during, channels, status = events_of(HARD, protocol=protocol)
    assert greeting == Greeting(version="11.0.0")
    assert isinstance(login, Answer)
    assert login.ok
    assert isinstance(ivan, Message)
    assert ivan.get("calleridname") == "Иван «Ёж» №1"
    assert "AccountCode" in ivan
    assert ivan.get("AccountCode", "missing") == ""
    assert isinstance(petr, Message)
    assert petr.get("CallerIDName") == "Пётр"
    assert isinstance(did, Message)
    assert did.get("Value") == "73432723033"
    assert isinstance(hangup, Message)
    assert hangup.get("Cause") == "16"
    assert isinstance(command, Answer)
    assert command.output == ("Event list: 1", "", "row 2", "", "row 3")
    assert isinstance(during, Message)
    assert during.get("Cause") == "17"
    assert isinstance(channels, Answer)
    assert [row.get("Channel") for row in channels.rows] == ["PJSIP/101-1"]
    assert isinstance(status, Message)
    assert status.all("variable") == ["A=1", "B=2"]
    counters = protocol.counters
    assert (counters.dropped, counters.stray, counters.oversized, counters.undecodable) == (3, 2, 0, 0)


@given(st.lists(st.binary(max_size=60), max_size=20))
@example([b"\r\n" * 50])
@example([b"Event\r\n\r\n", b": x\r\n\r\n", b"Response: Follows\r\n\r\n"])
def test_no_bytes_whatever_make_the_protocol_fail(portions: list[bytes]) -> None:
    protocol = Protocol(max_block=100)
    for portion in portions:
        protocol.receive_data(portion)
    protocol.receive_eof()
    assert isinstance(protocol.events_received()[-1], Closed)


@pytest.mark.parametrize(
    "block",
    [
        b"Event: VarSet\r\nChannel: none\r\nVariable: AMPDBPASS\r\nValue: s3cret\r\n\r\n",
        b"Event: VarSet\r\nPrivilege: dialplan,all\r\nVariable: AMPMGRPASS\r\nValue: s3cret\r\n\r\n",
        b"event: varset\r\nchannel: None\r\nVariable: AMPMGRPASS\r\nValue: s3cret\r\n\r\n",
        b"Privilege: dialplan,all\r\nEvent: VarSet\r\nChannel: \r\nVariable: AMPMGRPASS\r\nValue: s3cret\r\n\r\n",
        b"stray\r\nEvent:VarSet\r\nChannel:none\r\nVariable: AMPMGRPASS\r\nValue: s3cret\r\n\r\n",
    ],
)
def test_global_variables_never_pass_even_when_everything_is_asked_for(block: bytes) -> None:
    protocol = Protocol(wanted_variables=None, noise=())
    assert events_of(BANNER + block, protocol=protocol) == [Greeting(version="11.0.0")]
    assert protocol.counters.dropped == 1


def test_with_no_wish_named_every_variable_of_a_channel_passes() -> None:
    block = b"Event: VarSet\r\nChannel: SIP/1\r\nVariable: DB_RESULT\r\nValue: x\r\n\r\n"
    assert len(events_of(BANNER + block, protocol=Protocol(wanted_variables=None))) == 2
    assert len(events_of(BANNER + block)) == 1


def test_a_name_cut_inside_a_letter_keeps_its_whole_letters() -> None:
    cut = "Анна Смирнова".encode()[:-1]
    assert only_message(b"Event: E\r\nCallerIDName: " + cut + b"\r\n\r\n").get("CallerIDName") == "Анна Смирнов"


def test_a_cp1251_name_does_not_spoil_the_utf8_name_beside_it() -> None:
    message = only_message(
        b"Event: E\r\nCallerIDName: " + "Ёлкин".encode("cp1251") + "\r\nMemberName: Иван\r\n\r\n".encode()
    )
    assert (message.get("CallerIDName"), message.get("MemberName")) == ("Ёлкин", "Иван")


def test_a_line_in_no_known_encoding_is_read_with_replacement_signs_and_counted() -> None:
    protocol = Protocol()
    events = events_of(BANNER + b"Event: E\r\nCallerIDName: a\x98\xff\r\n\r\n", protocol=protocol)
    assert isinstance(events[1], Message)
    assert events[1].get("CallerIDName") == "a\ufffd\ufffd"
    assert protocol.counters.undecodable == 1


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_a_block_past_the_limit_is_skipped_and_the_next_one_read(step: int) -> None:
    stream = BANNER + b"Event: A\r\nX: " + b"x" * 500 + b"\r\n\r\nEvent: B\r\n\r\n"
    protocol = Protocol(max_block=200)
    events = events_of(*(stream[i : i + step] for i in range(0, len(stream), step)), protocol=protocol)
    assert [e.event for e in events if isinstance(e, Message)] == ["B"]
    assert protocol.counters.oversized == 1


def test_an_endless_block_keeps_no_memory() -> None:
    protocol = Protocol(max_block=1000)
    for portion in [BANNER, *[b"x" * 900] * 100]:
        protocol.receive_data(portion)
    protocol.receive_eof()
    closed = protocol.events_received()[-1]
    assert isinstance(closed, Closed)
    assert closed.unread < 1000
    assert protocol.counters.oversized == 1


def test_command_output_of_new_asterisks_is_a_line_per_output_header() -> None:
    block = b"Response: Success\r\nActionID: 1\r\nOutput: a: 1\r\nOutput: \r\nOutput: b\r\n\r\n"
    _, answer = events_of(BANNER + block)
    assert isinstance(answer, Answer)
    assert answer.output == ("a: 1", "", "b")


def test_an_old_command_answer_without_its_end_does_not_swallow_the_events_after_it() -> None:
    _, answer, hangup = events_of(
        BANNER + b"Response: Follows\r\nActionID: 1\r\nrow\r\n\r\nEvent: Hangup\r\nCause: 16\r\n\r\n"
    )
    assert isinstance(answer, Answer)
    assert answer.output == ("row",)
    assert isinstance(hangup, Message)
    assert hangup.event == "Hangup"


def test_a_list_cut_off_by_the_end_of_the_connection_is_handed_out_as_incomplete() -> None:
    protocol = Protocol()
    protocol.receive_data(BANNER + b"Response: Success\r\nActionID: 1\r\nEventList: start\r\n\r\n")
    protocol.receive_data(b"Event: Status\r\nActionID: 1\r\nChannel: c\r\n\r\nEvent: Sta")
    protocol.receive_eof()
    _, answer, closed = protocol.events_received()
    assert isinstance(answer, Answer)
    assert not answer.complete
    assert len(answer.rows) == 1
    assert closed == Closed(unread=10)


@pytest.mark.parametrize(
    "first", [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 400 Bad Request\r\n", b"\x15\x03\x01" + b"\0" * 1100]
)
def test_another_service_on_the_port_is_recognised(first: bytes) -> None:
    assert isinstance(events_of(first)[0], Stranger)


def test_a_recording_without_its_greeting_loses_no_event() -> None:
    (message,) = events_of(b"Event: Hangup\r\nCause: 16\r\n\r\n")
    assert isinstance(message, Message)


# Login


def sent(protocol: Protocol) -> bytes:
    return b"".join(protocol.data_to_send())


def test_md5_login_answers_the_challenge_and_never_sends_the_secret() -> None:
    protocol = Protocol(id_prefix="t")
    protocol.login("crm", "pässword")
    out = sent(protocol)
    assert out == b"Action: Challenge\r\nActionID: t-1\r\nAuthType: MD5\r\n\r\n"
    protocol.receive_data(BANNER + b"Response: Success\r\nActionID: t-1\r\nChallenge: 840415273\r\n\r\n")
    out = sent(protocol)
    assert b"Key: " + hashlib.md5("840415273pässword".encode()).hexdigest().encode() in out
    assert "pässword".encode() not in out
    protocol.receive_data(b"Response: Success\r\nActionID: t-2\r\nMessage: Authentication accepted\r\n\r\n")
    assert [type(event) for event in protocol.events_received()] == [Greeting, LoggedIn]


def test_without_a_challenge_the_plain_secret_is_sent_only_where_allowed() -> None:
    refusal = BANNER + b"Response: Error\r\nActionID: t-1\r\nMessage: Must specify AuthType\r\n\r\n"
    protocol = Protocol(id_prefix="t")
    protocol.login("crm", "secret")
    protocol.receive_data(refusal)
    assert b"Secret: secret\r\n" in sent(protocol)
    strict = Protocol(id_prefix="t")
    strict.login("crm", "secret", plain_allowed=False)
    strict.receive_data(refusal)
    assert b"secret" not in sent(strict)
    assert isinstance(strict.events_received()[-1], LoginRefused)


def test_a_wrong_password_is_refused_in_the_words_of_the_pbx() -> None:
    protocol = Protocol(id_prefix="t")
    protocol.login("crm", "wrong", md5=False)
    protocol.receive_data(BANNER + b"Response: Error\r\nActionID: t-1\r\nMessage: Authentication failed\r\n\r\n")
    assert protocol.events_received()[-1] == LoginRefused(reason="Authentication failed")


# Actions


def test_an_action_goes_out_as_its_headers_in_order() -> None:
    protocol = Protocol()
    action = Action(
        name="Originate",
        headers=(("Channel", "PJSIP/101"), ("Variable", "A=1"), ("Variable", "B=2")),
        action_id=ActionId("me"),
    )
    assert protocol.send(action) == "me"
    assert sent(protocol) == (
        b"Action: Originate\r\nActionID: me\r\nChannel: PJSIP/101\r\nVariable: A=1\r\nVariable: B=2\r\n\r\n"
    )
    assert protocol.data_to_send() == []


@pytest.mark.parametrize("evil", ["101\r\nAction: Command", "101\nX: y", "101\rX", "a\0b", "x" * 2000])
def test_a_value_that_would_become_another_header_is_refused_before_sending(evil: str) -> None:
    protocol = Protocol()
    with pytest.raises(ActionRefused, match="Exten"):
        protocol.send(Action(name="Originate", headers=(("Exten", evil),)))
    assert protocol.data_to_send() == []


@given(st.text(), st.text())
def test_what_is_sent_is_always_one_block_with_no_header_added(name: str, value: str) -> None:
    protocol = Protocol()
    try:
        protocol.send(Action(name="Ping", headers=((name, value),)))
    except ActionRefused:
        return
    block = sent(protocol)
    assert block.count(b"\r\n") == 4
    assert block.count(b"\n") == 4
    assert block.endswith(b"\r\n\r\n")
