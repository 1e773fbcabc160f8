"""The board of phones, on what real Asterisks sent, and over a link to the emulated one."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tests.unit.pbx.test_link import ADMIN, LEAST, channel_event, link_to, running

from ringbridge.ami.message import Action, Message
from ringbridge.ami.noise import WANTED_VARIABLES
from ringbridge.ami.protocol import Answer, Protocol
from ringbridge.emulators.asterisk.server import Server
from ringbridge.emulators.asterisk.users import Filters, User
from ringbridge.pbx.devices import DeviceBoard, Phones
from ringbridge.pbx.filters import filter_actions
from ringbridge.pbx.link import Link, LinkState
from ringbridge.pbx.settings import Patience
from ringbridge.routing.distribution import Reach
from ringbridge.telephony.trace import read_trace

TRACES = Path(__file__).parents[2] / "traces"


def told(board: DeviceBoard, event: str, **headers: str) -> DeviceBoard:
    board.feed(Message([("Event", event), *headers.items()]))
    return board


def device(board: DeviceBoard, name: str, state: str) -> DeviceBoard:
    return told(board, "DeviceStateChange", Device=name, State=state)


# Recordings


def messages(path: Path) -> Iterator[tuple[datetime, Message]]:
    protocol = Protocol()
    for portion in read_trace(path):
        protocol.receive_data(portion.data)
        for event in protocol.events_received():
            rows = event.rows if isinstance(event, Answer) else (event,)
            yield from ((portion.at, row) for row in rows if isinstance(row, Message))


def rings(truth: dict[str, Any]) -> list[tuple[float, str]]:
    """A moment at which each of these phones was ringing, by what the phones themselves know."""
    legs = [leg for call in truth["calls"] for leg in call["legs"] or () if leg.get("ring_start")]
    lengths = [(leg, (leg.get("answer") or leg.get("end") or 0) - leg["ring_start"]) for leg in legs]
    return sorted((leg["ring_start"] + length / 2, leg["extension"]) for leg, length in lengths if length > 0.2)


@pytest.mark.parametrize("pbx", ["ast16", "ast22", "freepbx15", "freepbx17"])
def test_a_phone_that_rang_was_busy_then_and_every_phone_is_free_when_all_calls_are_over(pbx: str) -> None:
    looked_at = 0
    for path in sorted((TRACES / pbx).glob("*.ami.gz")):
        truth = path.with_name(path.name.replace(".ami.gz", ".json"))
        if "midcall" in path.name or "restart" in path.name or not truth.exists():
            continue
        board, moments = DeviceBoard(), rings(json.loads(truth.read_text()))
        for at, message in messages(path):
            while moments and moments[0][0] < at.timestamp():
                _, extension = moments.pop(0)
                assert board.reach(extension) is Reach.BUSY, f"{path.name}: {extension}"
                looked_at += 1
            board.feed(message)
        assert {board.reach(str(phone)) for phone in range(101, 107)} <= {Reach.FREE, Reach.UNKNOWN}, path.name
    assert looked_at > 20


def test_the_lists_of_a_real_asterisk_tell_every_phone_in_the_middle_of_a_call() -> None:
    board = DeviceBoard()
    for _, message in messages(TRACES / "ast22" / "connect_midcall.ami.gz"):
        board.feed(message)
        if message.get("Device") == "Queue:700_pause_Local/101@from-queue/n":  # the last row of the last list
            break
    reaches = {extension: board.reach(extension) for extension in ("101", "102", "106", "199", "700")}
    assert reaches == {
        "101": Reach.BUSY,
        "102": Reach.FREE,
        "106": Reach.FREE,
        "199": Reach.UNKNOWN,
        "700": Reach.FREE,  # a queue whose members are in no call
    }


# What a state means. The messages are those of Asterisk 16 and 22.


@pytest.mark.parametrize(
    ("state", "reach"),
    [
        ("NOT_INUSE", Reach.FREE),
        ("INUSE", Reach.BUSY),
        ("BUSY", Reach.BUSY),
        ("RINGING", Reach.BUSY),
        ("RINGINUSE", Reach.BUSY),
        ("ONHOLD", Reach.BUSY),
        ("UNAVAILABLE", Reach.ABSENT),
        ("INVALID", Reach.UNKNOWN),
        ("UNKNOWN", Reach.UNKNOWN),
    ],
)
@pytest.mark.parametrize("technology", ["PJSIP", "SIP", "IAX2"])
def test_a_device_state_says_whether_the_phone_can_be_rung(technology: str, state: str, reach: Reach) -> None:
    assert device(DeviceBoard(), f"{technology}/101", state).reach("101") is reach


@pytest.mark.parametrize(
    ("words", "reach"),
    [
        ("Not in use", Reach.FREE),
        ("In use", Reach.BUSY),
        ("Ring+Inuse", Reach.BUSY),
        ("On Hold", Reach.BUSY),
        ("Unavailable", Reach.ABSENT),
        ("Invalid", Reach.UNKNOWN),
    ],
)
def test_a_list_of_endpoints_says_it_in_words(words: str, reach: Reach) -> None:
    assert told(DeviceBoard(), "EndpointList", ObjectName="101", DeviceState=words).reach("101") is reach


def test_do_not_disturb_makes_a_phone_busy_and_an_unregistered_phone_stays_absent() -> None:
    board = device(device(DeviceBoard(), "PJSIP/101", "NOT_INUSE"), "Custom:DND101", "INUSE")
    assert board.reach("101") is Reach.BUSY
    assert device(board, "PJSIP/101", "UNAVAILABLE").reach("101") is Reach.ABSENT
    device(board, "Custom:DND101", "NOT_INUSE")
    assert device(board, "PJSIP/101", "NOT_INUSE").reach("101") is Reach.FREE


def hint(board: DeviceBoard, extension: str, devices: str, status: str = "0") -> DeviceBoard:
    return told(board, "ExtensionStatus", Exten=extension, Context="ext-local", Hint=devices, Status=status)


def test_a_hint_names_the_devices_of_an_extension_also_where_they_have_other_names() -> None:
    board = hint(DeviceBoard(), "101", "PJSIP/desk-7&SIP/soft-7&Custom:AWAY7,CustomPresence:101")
    device(device(board, "PJSIP/desk-7", "UNAVAILABLE"), "SIP/soft-7", "NOT_INUSE")
    assert board.reach("101") is Reach.FREE
    assert device(board, "Custom:AWAY7", "BUSY").reach("101") is Reach.BUSY
    assert device(board, "SIP/soft-7", "UNAVAILABLE").reach("101") is Reach.ABSENT


def test_an_idle_hint_does_not_make_an_unregistered_phone_free() -> None:
    board = hint(device(DeviceBoard(), "PJSIP/101", "UNAVAILABLE"), "101", "PJSIP/101&Custom:DND101", "0")
    assert board.reach("101") is Reach.ABSENT


@pytest.mark.parametrize(
    ("status", "reach"),
    [
        ("0", Reach.FREE),
        *((busy, Reach.BUSY) for busy in ("1", "2", "8", "9", "16", "17")),
        ("4", Reach.ABSENT),
        ("", Reach.UNKNOWN),
    ],
)
def test_where_no_device_of_it_is_known_the_hint_itself_tells(status: str, reach: Reach) -> None:
    assert hint(DeviceBoard(), "101", "PJSIP/101", status).reach("101") is reach


def test_a_hint_that_names_no_phone_or_was_removed_tells_nothing() -> None:
    board = hint(hint(DeviceBoard(), "71", "park:71@parkedcalls"), "101", "PJSIP/101")
    assert hint(board, "101", "PJSIP/101", "-1").reach("101") is Reach.UNKNOWN
    assert board.reach("71") is Reach.UNKNOWN


def test_registration_counts_only_where_no_state_is_known() -> None:
    board = told(DeviceBoard(), "PeerStatus", ChannelType="SIP", Peer="SIP/106", PeerStatus="Unregistered")
    assert board.reach("106") is Reach.ABSENT
    assert told(board, "PeerStatus", Peer="SIP/106", PeerStatus="Registered").reach("106") is Reach.FREE
    device(board, "SIP/106", "INUSE")
    assert told(board, "PeerStatus", Peer="SIP/106", PeerStatus="Unreachable").reach("106") is Reach.BUSY


@pytest.mark.parametrize(
    ("address", "status", "reach"),
    [
        ("10.0.0.6", "OK (12 ms)", Reach.FREE),
        ("10.0.0.6", "Unmonitored", Reach.FREE),
        ("10.0.0.6", "UNREACHABLE", Reach.ABSENT),
        ("-none-", "UNKNOWN", Reach.ABSENT),
        ("-none-", "Unmonitored", Reach.ABSENT),
    ],
)
def test_the_list_of_chan_sip_tells_who_is_registered(address: str, status: str, reach: Reach) -> None:
    board = told(DeviceBoard(), "PeerEntry", Channeltype="SIP", ObjectName="106", IPaddress=address, Status=status)
    assert board.reach("106") is reach


def test_channels_mailboxes_and_parking_places_are_no_phones() -> None:
    board = DeviceBoard()
    for name in ("Local/101@from-queue", "MWI:101@default", "park:71@parkedcalls", "Queue:700_avail", "confbridge:800"):
        device(board, name, "INUSE")
    assert {board.reach(name) for name in ("101", "71", "700", "800")} == {Reach.UNKNOWN}


# Queues


def member(board: DeviceBoard, phone: str, status: str, *, paused: str = "0") -> DeviceBoard:
    facts = {"Queue": "700", "MemberName": phone, "Interface": f"PJSIP/{phone}", "Status": status, "Paused": paused}
    return told(board, "QueueMemberStatus", **facts)


def test_a_queue_is_as_free_as_its_freest_member_who_takes_calls() -> None:
    board = told(DeviceBoard(), "QueueParams", Queue="700")
    assert board.reach("700") is Reach.ABSENT
    assert member(board, "101", "5").reach("700") is Reach.ABSENT
    assert member(board, "102", "2").reach("700") is Reach.BUSY
    assert member(board, "103", "1").reach("700") is Reach.FREE
    assert member(board, "103", "1", paused="1").reach("700") is Reach.BUSY
    told(board, "QueueMemberRemoved", Queue="700", Interface="PJSIP/102")
    assert board.reach("700") is Reach.ABSENT
    listed = {"Queue": "700", "Name": "Anna", "Location": "Local/104@q/n", "Status": "0", "Paused": "0"}
    assert told(board, "QueueMember", **listed).reach("700") is Reach.UNKNOWN


# Over the link


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with Server([LEAST, ADMIN], phones=["101", "102", "103"], refusal_delay=0).listen() as server:
        yield server


async def caught_up(link: Link) -> None:
    """Until the link has taken in all that was sent so far: the answer stands behind it."""
    await link.action(Action(name="Ping"))


async def test_a_phone_that_cannot_be_rung_is_known_after_the_login_and_as_soon_as_it_changes(server: Server) -> None:
    server.register("103", there=False)
    server.disturb("102", not_wanted=True)
    board = DeviceBoard()
    async with running(link_to(server, phones=board)) as link:
        await link.until(LinkState.READY)
        assert [board.reach(phone) for phone in ("101", "102", "103")] == [Reach.FREE, Reach.BUSY, Reach.ABSENT]
        server.send(channel_event("Newchannel", 1))
        await caught_up(link)
        assert board.reach("101") is Reach.BUSY
        server.send(channel_event("Hangup", 1))
        server.register("103")
        await caught_up(link)
        assert [board.reach(phone) for phone in ("101", "103")] == [Reach.FREE, Reach.FREE]


async def test_what_was_known_is_forgotten_with_the_link_and_learned_anew(server: Server) -> None:
    board = DeviceBoard()
    async with running(link_to(server, phones=board)) as link:
        await link.until(LinkState.READY)
        server.disconnect()
        await link.until(LinkState.WAITING, LinkState.CONNECTING)
        assert board.reach("101") is Reach.UNKNOWN
        await link.until(LinkState.READY)
        assert board.reach("101") is Reach.FREE


async def test_the_least_rights_are_enough(server: Server) -> None:
    board = DeviceBoard()
    async with running(link_to(server, LEAST, phones=board)) as link:
        await link.until(LinkState.READY)
        assert board.reach("101") is Reach.FREE
        asked = {action.get("Action") for action in server.received}
        assert {"DeviceStateList", "ExtensionStateList"} <= asked
        assert "PJSIPShowEndpoints" not in asked


async def test_without_the_right_to_ask_a_phone_is_known_by_its_changes_and_the_right_is_named() -> None:
    user = User(name="deaf", secret="s", read=frozenset({"call"}), write=frozenset({"originate"}))
    async with Server([user], phones=["101"], refusal_delay=0).listen() as server:
        board = DeviceBoard()
        async with running(link_to(server, user, phones=board)) as link:
            status = await link.until(LinkState.READY)
            assert "state of a phone" in " ".join(map(str, link.status.missing or status.missing))
            assert board.reach("101") is Reach.UNKNOWN
            server.send(channel_event("Newchannel", 1))
            await caught_up(link)
            assert board.reach("101") is Reach.BUSY


async def test_nothing_is_asked_of_phones_where_nobody_wants_to_know(server: Server) -> None:
    async with running(link_to(server)) as link:
        await link.until(LinkState.READY)
        assert "DeviceStateList" not in {action.get("Action") for action in server.received}


async def test_a_pbx_that_does_not_answer_such_questions_keeps_its_link(server: Server) -> None:
    server.deaf_to = {"DeviceStateList"}
    patience = Patience(answer=0.01)
    async with running(link_to(server, phones=DeviceBoard(), patience=patience)) as link:
        await link.until(LinkState.READY)
        assert len([action for action in server.received if action.get("Action") == "Login"]) == 1


@pytest.mark.parametrize("event", ["DeviceStateChange", "ExtensionStatus", "PeerStatus", "QueueMemberStatus"])
def test_what_tells_of_phones_passes_the_filters(event: str) -> None:
    filters = Filters()
    for action in filter_actions(WANTED_VARIABLES):
        filters.add(dict(action.headers)["Filter"])
    assert filters.pass_on(f"Event: {event}\r\nPrivilege: call,all\r\nDevice: PJSIP/101\r\n\r\n")


# Several PBXs


def test_an_extension_is_the_pbxs_that_knows_it() -> None:
    near, far = device(DeviceBoard(), "PJSIP/101", "NOT_INUSE"), device(DeviceBoard(), "PJSIP/201", "UNAVAILABLE")
    phones = Phones([near, far])
    assert [phones.reach(one) for one in ("101", "201", "301")] == [Reach.FREE, Reach.ABSENT, Reach.UNKNOWN]
    device(far, "PJSIP/101", "INUSE")
    assert phones.reach("101") is Reach.BUSY
