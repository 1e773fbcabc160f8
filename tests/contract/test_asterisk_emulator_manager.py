"""The emulated manager interface says what a real Asterisk 22 says (compared with one, word for word)."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator

import pytest

from ringbridge.ami.message import Message
from ringbridge.emulators.asterisk.server import Server
from ringbridge.emulators.asterisk.users import User

LEAST = User(name="least", secret="s", read=frozenset({"call"}), write=frozenset({"call"}))
ADMIN = User(name="admin", secret="s")


class Client:
    """A client that knows nothing of ours: bytes out, text in."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def says(self, *lines: str) -> None:
        self._writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        await self._writer.drain()

    async def hears(self) -> list[str]:
        block = await self._reader.readuntil(b"\r\n\r\n")
        return block.decode().strip("\r\n").split("\r\n")

    async def asks(self, *lines: str) -> list[str]:
        await self.says(*lines)
        return await self.hears()

    async def at_end(self) -> bool:
        return await self._reader.read() == b""


@contextlib.asynccontextmanager
async def connected(server: Server) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        async with asyncio.timeout(60):
            assert await reader.readline() == b"Asterisk Call Manager/11.0.0\r\n"
            yield Client(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with Server([LEAST, ADMIN], refusal_delay=0).listen() as server:
        yield server


@contextlib.asynccontextmanager
async def logged_in(server: Server, user: User = ADMIN) -> AsyncIterator[Client]:
    async with connected(server) as client:
        answer = await client.asks("Action: Login", "ActionID: 1", f"Username: {user.name}", "Secret: s", "Events: on")
        assert answer == ["Response: Success", "ActionID: 1", "Message: Authentication accepted"]
        if "system" in user.read:
            assert (await client.hears())[0] == "Event: FullyBooted"
        yield client


async def test_a_wrong_secret_is_refused_and_the_connection_closed(server: Server) -> None:
    async with connected(server) as client:
        answer = await client.asks("Action: Login", "ActionID: 1", "Username: admin", "Secret: wrong")
        assert answer == ["Response: Error", "ActionID: 1", "Message: Authentication failed"]
        assert await client.at_end()


async def test_nothing_is_allowed_before_the_login(server: Server) -> None:
    async with connected(server) as client:
        answer = await client.asks("Action: Ping", "ActionID: 0")
        assert answer == ["Response: Error", "ActionID: 0", "Message: Permission denied"]


async def test_the_right_key_for_the_challenge_logs_in_and_a_wrong_one_does_not(server: Server) -> None:
    for secret, response in (("s", "Response: Success"), ("x", "Response: Error")):
        async with connected(server) as client:
            challenge = (await client.asks("Action: Challenge", "AuthType: MD5"))[1].removeprefix("Challenge: ")
            key = hashlib.md5((challenge + secret).encode()).hexdigest()
            answer = await client.asks("Action: Login", "AuthType: MD5", "Username: admin", f"Key: {key}")
            assert answer[0] == response


@pytest.mark.parametrize(
    ("action", "message"),
    [
        ("Nonsense", "Invalid/unknown command: Nonsense. Use Action: ListCommands to show available commands."),
        ("CoreShowChannels", "Permission denied"),
        ("Command", "Permission denied"),
        ("Originate", "Permission denied"),
        ("Filter", "Permission denied"),
    ],
)
async def test_what_a_user_may_not_do_is_refused_in_asterisks_words(server: Server, action: str, message: str) -> None:
    async with logged_in(server, LEAST) as client:
        assert await client.asks(f"Action: {action}", "ActionID: 7") == [
            "Response: Error",
            "ActionID: 7",
            f"Message: {message}",
        ]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["ActionID: 7"], "Missing action in request"),
        (["Action: Filter", "ActionID: 7", "Filter: x"], "Unknown operation"),
        (
            ["Action: Filter", "ActionID: 7", "Operation: Add", "Filter: Event: ("],
            "Filter did not compile.  Check the syntax of the filter given.",
        ),
        (["Action: Getvar", "ActionID: 7", "Channel: PJSIP/nope", "Variable: X"], "No such channel"),
        (["Action: BridgeInfo", "ActionID: 7", "BridgeUniqueid: nope"], "Specified BridgeUniqueid not found"),
        (["Action: Originate", "ActionID: 7"], "Channel not specified"),
        (
            ["Action: Originate", "ActionID: 7", "Channel: PJSIP/101"],
            "Originate with 'Exten' requires 'Context' and 'Priority'",
        ),
    ],
)
async def test_wrong_requests_are_refused_in_asterisks_words(server: Server, lines: list[str], message: str) -> None:
    async with logged_in(server) as client:
        assert await client.asks(*lines) == ["Response: Error", "ActionID: 7", f"Message: {message}"]


async def test_events_reach_only_who_may_read_their_class(server: Server) -> None:
    async with logged_in(server) as admin, logged_in(server, LEAST) as least:
        server.send(Message([("Event", "Cdr"), ("Privilege", "cdr,all")]))
        server.send(Message([("Event", "Hold"), ("Privilege", "call,all")]))
        assert await admin.hears() == ["Event: Cdr", "Privilege: cdr,all"]
        assert await least.hears() == ["Event: Hold", "Privilege: call,all"]


async def test_a_filter_keeps_events_away_from_its_own_session_only(server: Server) -> None:
    async with logged_in(server) as filtered, logged_in(server) as other:
        await filtered.asks("Action: Filter", "Operation: Add", "Filter: !Event: VarSet")
        server.send(Message([("Event", "VarSet"), ("Privilege", "dialplan,all")]))
        server.send(Message([("Event", "Hold"), ("Privilege", "call,all")]))
        assert (await filtered.hears())[0] == "Event: Hold"
        assert (await other.hears())[0] == "Event: VarSet"


async def test_lists_have_a_start_rows_and_an_end_that_counts_them(server: Server) -> None:
    server.send(
        Message([("Event", "Newchannel"), ("Privilege", "call,all"), ("Channel", "PJSIP/101-1"), ("Uniqueid", "1.1")])
    )
    async with logged_in(server) as client:
        start = await client.asks("Action: CoreShowChannels", "ActionID: 9")
        assert start == ["Response: Success", "ActionID: 9", "EventList: start", "Message: Channels will follow"]
        row = await client.hears()
        assert row[:3] == ["Event: CoreShowChannel", "ActionID: 9", "Channel: PJSIP/101-1"]
        assert row[-2:] == ["Duration: 00:00:00", "BridgeId: "]
        end = await client.hears()
        assert end == ["Event: CoreShowChannelsComplete", "ActionID: 9", "EventList: Complete", "ListItems: 1"]


async def test_logoff_says_goodbye_and_closes(server: Server) -> None:
    async with logged_in(server) as client:
        answer = await client.asks("Action: Logoff", "ActionID: 3")
        assert answer == ["Response: Goodbye", "ActionID: 3", "Message: Thanks for all the fish."]
        assert await client.at_end()


# Phones, as a real one lists and tells of them

OF_101 = (("Channel", "PJSIP/101-00000001"), ("Uniqueid", "1795471332.1"), ("Linkedid", "1795471332.1"))


def of_101(name: str, **more: str) -> Message:
    return Message((("Event", name), ("Privilege", "call,all"), *OF_101, *more.items()))


async def test_phones_are_listed_as_they_are() -> None:
    async with Server([LEAST, ADMIN], phones=["101"]).listen() as server, logged_in(server, LEAST) as client:
        started = await client.asks("Action: DeviceStateList", "ActionID: 7")
        assert started[2:] == ["EventList: start", "Message: Device State Changes will follow"]
        assert await client.hears() == [
            "Event: DeviceStateChange", "ActionID: 7", "Device: PJSIP/101", "State: NOT_INUSE",
        ]  # fmt: skip
        assert (await client.hears())[0] == "Event: DeviceStateListComplete"
        await client.asks("Action: ExtensionStateList", "ActionID: 8")
        assert await client.hears() == [
            "Event: ExtensionStatus", "ActionID: 8", "Exten: 101", "Context: ext-local",
            "Hint: PJSIP/101&Custom:DND101", "Status: 0", "StatusText: Idle",
        ]  # fmt: skip
        assert (await client.hears())[0] == "Event: ExtensionStateListComplete"
        assert (await client.asks("Action: PJSIPShowEndpoints"))[1] == "Message: Permission denied"


async def test_the_dialplan_is_shown_as_a_real_asterisk_shows_it() -> None:
    text = "; ours\n[route]\nexten => s,1,Set(A=$[1, 2])\n same => n,Goto(end,1)\nexten => end,1,Return()\n[other]\n"
    async with Server([ADMIN], dialplan=text).listen() as server, logged_in(server, ADMIN) as client:
        assert (await client.asks("Action: ShowDialPlan\r\nContext: route"))[-1] == "Message: DialPlan list will follow"
        shown = [await client.hears() for _ in range(3)]
        assert shown[0][1:] == [
            "Context: route", "Extension: s", "Priority: 1", "Application: Set", "AppData: A=$[1, 2]",
            "Registrar: pbx_config",
        ]  # fmt: skip
        assert [row[2:4] for row in shown[1:]] == [["Extension: s", "Priority: 2"], ["Extension: end", "Priority: 1"]]
        ending = await client.hears()
        assert ending[-4:] == ["ListItems: 3", "ListExtensions: 2", "ListPriorities: 3", "ListContexts: 1"]
        unknown = await client.asks("Action: ShowDialPlan\r\nContext: nowhere")
        assert unknown[-1] == "Message: Did not find context nowhere"


async def test_a_phone_tells_of_itself_only_when_its_state_changes() -> None:
    async with Server([LEAST], phones=["101"]).listen() as server, logged_in(server, LEAST) as client:
        story = [
            (of_101("Newchannel", ChannelState="0"), None),
            (of_101("Newstate", ChannelState="5"), "RINGING"),
            (of_101("NewConnectedLine", ChannelState="5"), None),
            (of_101("Newstate", ChannelState="6"), "INUSE"),
            (of_101("Hold", ChannelState="6"), "ONHOLD"),
            (of_101("Unhold", ChannelState="6"), "INUSE"),
            (of_101("Hangup", ChannelState="6"), "NOT_INUSE"),
        ]
        for event, state in story:
            server.send(event)
            assert (await client.hears())[0] == f"Event: {event.event}"
            if state:
                assert await client.hears() == [
                    "Event: DeviceStateChange", "Privilege: call,all", "Device: PJSIP/101", f"State: {state}",
                ]  # fmt: skip
        server.register("101", there=False)
        assert "State: UNAVAILABLE" in await client.hears()
