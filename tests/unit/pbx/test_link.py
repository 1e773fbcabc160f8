"""The link against an emulated manager interface on a real socket, through every kind of loss."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.ports import free_port
from tests.unit.conftest import LoggedBy

from ringbridge.ami.errors import ActionRefused, NotConnected
from ringbridge.ami.message import Action, ActionId, Message
from ringbridge.emulators.asterisk.server import Server
from ringbridge.emulators.asterisk.users import User
from ringbridge.pbx import link as link_module
from ringbridge.pbx.backoff import Backoff
from ringbridge.pbx.devices import DeviceBoard
from ringbridge.pbx.inbox import Item, Lost, Received, Resync
from ringbridge.pbx.link import Link, LinkState
from ringbridge.pbx.settings import Patience, PbxAddress
from ringbridge.pbx.tape import Tape

SOON = Backoff(first=0.001, longest=0.001)
LEAST = User(
    name="least", secret="s", read=frozenset({"call", "agent", "user", "cdr"}), write=frozenset({"call", "originate"})
)
ADMIN = User(name="admin", secret="s")
NOBODY = User(name="nobody", secret="s", read=frozenset({"cdr"}), write=frozenset())


def channel_event(event: str, number: int, **more: str) -> Message:
    headers = {
        "Channel": f"PJSIP/10{number}-0000000{number}",
        "ChannelState": "6",
        "CallerIDNum": f"10{number}",
        "Uniqueid": f"1795471332.{number}",
        "Linkedid": "1795471332.1",
    }
    return Message([("Event", event), ("Privilege", "call,all"), *headers.items(), *more.items()])


def bridge_event(event: str) -> Message:
    return Message([("Event", event), ("Privilege", "call,all"), ("BridgeUniqueid", "b-1"), ("BridgeType", "basic")])


def start_a_talk(server: Server) -> None:
    for number in (1, 2):
        server.send(channel_event("Newchannel", number))
    server.send(bridge_event("BridgeCreate"))
    for number in (1, 2):
        server.send(channel_event("BridgeEnter", number, BridgeUniqueid="b-1"))


@contextlib.asynccontextmanager
async def running(link: Link) -> AsyncIterator[Link]:
    task = asyncio.create_task(link.run())
    try:
        async with asyncio.timeout(30):
            yield link
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with Server([LEAST, ADMIN, NOBODY], refusal_delay=0).listen() as server:
        yield server


def link_to(
    server: Server,
    user: User = ADMIN,
    *,
    secret: str = "s",
    patience: Patience | None = None,
    phones: DeviceBoard | None = None,
) -> Link:
    address = PbxAddress(host="127.0.0.1", port=server.port, username=user.name, secret=secret)
    return Link(address, lost=SOON, patience=patience, phones=phones)


class Reader:
    """Takes what the link hands out, item by item."""

    def __init__(self, link: Link) -> None:
        self._batches = link.batches()
        self._items: list[Item] = []
        self._messages: list[Message] = []
        self.passed: list[str] = []  # names of events that message() handed out or passed over

    async def next(self) -> Item:
        while not self._items:
            self._items = list(await anext(self._batches))
        return self._items.pop(0)

    async def until(self, kind: type[Item]) -> list[Item]:
        """Everything up to the first item of a kind, that included."""
        items = [await self.next()]
        while not isinstance(items[-1], kind):
            items.append(await self.next())
        return items

    async def message(self, event: str) -> Message:
        """The next event of a name; those before it are passed over."""
        while True:
            while not self._messages:
                item = await self.next()
                self._messages = list(item.messages) if isinstance(item, Received) else []
            message = self._messages.pop(0)
            self.passed.append(message.event)
            if message.event == event:
                return message

    async def events_until(self, event: str) -> list[str]:
        await self.message(event)
        return self.passed


def actions(server: Server, name: str) -> list[Message]:
    return [action for action in server.received if action.get("Action") == name]


async def test_events_reach_the_reader_in_the_order_the_pbx_sent_them(server: Server) -> None:
    async with running(link_to(server)) as link:
        await link.until(LinkState.READY)
        reader = Reader(link)
        assert isinstance((await reader.until(Resync))[-1], Resync)
        for number in range(1, 9):
            server.send(channel_event("Newchannel", number))
        seen = [(await reader.message("Newchannel")).get("Uniqueid") for _ in range(8)]
        assert seen == [f"1795471332.{number}" for number in range(1, 9)]
        assert link.status.interface == "11.0.0"


@pytest.mark.parametrize("user", [ADMIN, LEAST], ids=lambda user: user.name)
async def test_a_login_in_mid_call_tells_the_living_channels_and_bridges_first(server: Server, user: User) -> None:
    start_a_talk(server)
    async with running(link_to(server, user)) as link:
        first = await Reader(link).next()
        assert isinstance(first, Resync)
        assert [channel.get("Uniqueid") for channel in first.channels] == ["1795471332.1", "1795471332.2"]
        assert {channel.get("BridgeId") for channel in first.channels} == {"b-1"}
        (bridge,) = first.bridges
        assert bridge.bridge.get("BridgeUniqueid") == "b-1"
        assert len(bridge.channels) == 2
        assert first.members == {"b-1": ("1795471332.1", "1795471332.2")}
        assert first.complete


async def test_without_a_right_to_list_channels_the_bridges_tell_what_they_can(server: Server) -> None:
    start_a_talk(server)
    async with running(link_to(server, NOBODY)) as link:
        first = await Reader(link).next()
        assert isinstance(first, Resync)
        assert not first.complete
        assert len(first.channels) == 2
        status = await link.until(LinkState.READY)
        assert {right.name for right in status.missing} >= {"originate", "call", "reporting"}


async def test_filters_are_set_again_after_each_login(server: Server) -> None:
    async with running(link_to(server)) as link:
        reader = Reader(link)
        await reader.until(Resync)
        once = len(actions(server, "Filter"))
        assert once > 0
        server.disconnect()
        await reader.until(Resync)
        assert len(actions(server, "Filter")) == 2 * once


async def test_without_the_system_right_no_filter_is_tried_and_noise_still_stays_out(
    server: Server, logged_by: LoggedBy
) -> None:
    noisy = User(name="noisy", secret="s", write=frozenset({"call"}))
    server.users["noisy"] = noisy
    with logged_by(link_module) as lines:
        await _hear_noise(server, noisy)
    (ended,) = [line for line in lines if line["event"] == "pbx_connection_ended"]
    assert (ended["dropped"], ended["stray"], ended["oversized"], ended["undecodable"]) == (2, 0, 0, 0)
    assert "AMPDBPASS" not in str(lines)


async def test_the_log_calls_a_pbx_as_the_office_does(server: Server, logged_by: LoggedBy) -> None:
    named = PbxAddress(host="127.0.0.1", port=server.port, username=ADMIN.name, secret="s", name="main office")
    with logged_by(link_module) as lines:
        async with running(Link(named)) as link:
            await link.until(LinkState.READY)
    assert {line["pbx"] for line in lines} == {"main office"}


async def _hear_noise(server: Server, noisy: User) -> None:
    async with running(link_to(server, noisy)) as link:
        reader = Reader(link)
        await reader.until(Resync)
        dialplan = ("Privilege", "dialplan,all")
        server.send(Message([("Event", "VarSet"), dialplan, ("Channel", "none"), ("Variable", "AMPDBPASS")]))
        server.send(Message([("Event", "Newexten"), dialplan, ("Channel", "PJSIP/101-1")]))
        server.send(channel_event("Newchannel", 1))
        assert await reader.events_until("Newchannel") == ["FullyBooted", "Newchannel"]
        assert actions(server, "Filter") == []


async def test_the_secret_never_crosses_the_network_in_clear_when_a_challenge_is_offered(server: Server) -> None:
    async with running(link_to(server)) as link:
        await link.until(LinkState.READY)
    (login,) = actions(server, "Login")
    assert login.get("AuthType") == "MD5"
    assert "Secret" not in login


async def test_a_pbx_without_challenge_gets_the_plain_secret() -> None:
    async with Server([ADMIN], challenge=False).listen() as server, running(link_to(server)) as link:
        await link.until(LinkState.READY)
        (login,) = actions(server, "Login")
        assert login.get("Secret") == "s"


async def test_a_half_open_link_is_noticed_and_replaced(server: Server) -> None:
    async with running(link_to(server, patience=Patience(ping_every=0.01, pong=0.05, login=0.05, answer=0.5))) as link:
        reader = Reader(link)
        await reader.until(Resync)
        start_a_talk(server)
        server.silent = True
        lost = (await reader.until(Lost))[-1]
        assert isinstance(lost, Lost)
        assert "half-open" in lost.reason
        assert lost.heard < lost.at
        server.silent = False
        back = (await reader.until(Resync))[-1]
        assert isinstance(back, Resync)
        assert len(back.channels) == 2


async def test_a_wrong_password_is_tried_once_and_again_when_the_settings_change(server: Server) -> None:
    async with running(link_to(server, secret="wrong")) as link:
        status = await link.until(LinkState.REFUSED)
        assert "Authentication failed" in status.reason
        assert status.retry_at is not None
        assert status.retry_at - status.since > timedelta(minutes=4)
        assert len(actions(server, "Login")) == 1
        link.configure(PbxAddress(host="127.0.0.1", port=server.port, username="admin", secret="s"))
        await link.until(LinkState.READY)
        assert len(actions(server, "Login")) == 2


async def test_new_settings_replace_a_living_connection(server: Server) -> None:
    async with running(link_to(server)) as link:
        reader = Reader(link)
        await reader.until(Resync)
        link.configure(PbxAddress(host="127.0.0.1", port=server.port, username="least", secret="s"))
        await reader.until(Resync)
        assert [login.get("Username") for login in actions(server, "Login")] == ["admin", "least"]


async def test_a_connection_cut_in_the_middle_of_a_block_loses_only_that_block(server: Server) -> None:
    async with running(link_to(server)) as link:
        reader = Reader(link)
        await reader.until(Resync)
        server.send(channel_event("Newchannel", 1))
        server.cut(channel_event("Newchannel", 2))
        items = await reader.until(Lost)
        seen = [
            m.get("Uniqueid")
            for item in items
            if isinstance(item, Received)
            for m in item.messages
            if m.get("Uniqueid")
        ]
        assert seen == ["1795471332.1"]
        back = (await reader.until(Resync))[-1]
        assert isinstance(back, Resync)
        assert [channel.get("Uniqueid") for channel in back.channels] == ["1795471332.1"]


async def test_an_action_without_an_answer_fails_and_is_not_sent_again(server: Server) -> None:
    server.deaf_to = {"Originate"}
    async with running(link_to(server)) as link:
        reader = Reader(link)
        await reader.until(Resync)
        with pytest.raises(NotConnected) as caught:
            await link.action(Action(name="Originate"), patience=0.01)
        assert caught.value.sent
        server.disconnect()
        await reader.until(Resync)
        assert len(actions(server, "Originate")) == 1


async def test_an_action_whose_link_breaks_before_the_answer_fails_and_is_not_sent_again(
    server: Server,
) -> None:
    server.deaf_to = {"Originate"}
    async with running(link_to(server)) as link:
        reader = Reader(link)
        await reader.until(Resync)
        originate = asyncio.create_task(link.action(Action(name="Originate"), patience=600))
        while not actions(server, "Originate"):
            await link.action(Action(name="Ping"))
        server.disconnect()
        with pytest.raises(NotConnected) as caught:
            await originate
        assert caught.value.sent
        await reader.until(Resync)
        assert len(actions(server, "Originate")) == 1


async def test_without_a_link_an_action_fails_at_once_and_was_not_sent(server: Server) -> None:
    link = link_to(server)
    with pytest.raises(NotConnected) as caught:
        await link.action(Action(name="Ping"))
    assert not caught.value.sent


async def test_a_refusal_for_want_of_rights_names_the_class_to_add(server: Server) -> None:
    async with running(link_to(server, LEAST)) as link:
        await link.until(LinkState.READY)
        with pytest.raises(ActionRefused, match="write = command") as caught:
            await link.action(Action(name="Command", headers=(("Command", "core show version"),)))
        assert caught.value.missing_right == "command"


async def test_two_actions_with_one_id_do_not_steal_each_others_answers(server: Server) -> None:
    server.deaf_to = {"Getvar"}
    async with running(link_to(server)) as link:
        await link.until(LinkState.READY)
        twin = Action(name="Getvar", action_id=ActionId("twin"))
        first = asyncio.create_task(link.action(twin, patience=600))
        while not actions(server, "Getvar"):
            await link.action(Action(name="Ping"))
        with pytest.raises(ActionRefused, match="under way"):
            await link.action(twin)
        first.cancel()


async def test_a_stranger_on_the_port_is_named_as_such() -> None:
    async def http(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(http, "127.0.0.1", 0) as stranger:
        port = stranger.sockets[0].getsockname()[1]
        address = PbxAddress(host="127.0.0.1", port=port, username="u", secret="s")
        async with running(Link(address)) as link:
            assert "HTTP/1.1 400" in (await link.until(LinkState.WAITING)).reason


async def test_a_closed_port_is_named_in_words(server: Server) -> None:
    async with running(Link(PbxAddress(host="127.0.0.1", port=free_port(), username="u", secret="s"))) as link:
        status = await link.until(LinkState.WAITING)
        assert "manager.conf" in status.reason
        assert status.retry_at is not None


async def test_a_restart_of_the_pbx_is_told_as_one(server: Server) -> None:
    async with running(link_to(server)) as link:
        reader = Reader(link)
        await reader.until(Resync)
        server.send(Message([("Event", "Shutdown"), ("Privilege", "system,all"), ("Restart", "True")]))
        await reader.message("Shutdown")
        server.disconnect()
        lost = (await reader.until(Lost))[-1]
        assert isinstance(lost, Lost)
        assert lost.reason == "Asterisk restarts"


def self_signed(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pbx")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / "cert.pem", folder / "key.pem"
    cert_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return cert_file, key_file


async def test_tls_with_a_self_signed_certificate_works_when_it_is_named_and_not_before(tmp_path: Path) -> None:
    cert, key = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    async with Server([ADMIN]).listen(tls=context) as server:
        trusted = PbxAddress(host="localhost", port=server.port, username="admin", secret="s", tls=True, tls_ca=cert)
        async with running(Link(trusted)) as link:
            await link.until(LinkState.READY)
        stranger = PbxAddress(host="localhost", port=server.port, username="admin", secret="s", tls=True)
        async with running(Link(stranger)) as link:
            assert "certificate" in (await link.until(LinkState.WAITING)).reason
        unverified = PbxAddress(
            host="localhost", port=server.port, username="admin", secret="s", tls=True, tls_verify=False
        )
        async with running(Link(unverified)) as link:
            await link.until(LinkState.READY)


async def test_what_the_pbx_says_is_recorded_byte_for_byte(server: Server) -> None:
    tape = Tape(hours=1)
    address = PbxAddress(host="127.0.0.1", port=server.port, username=ADMIN.name, secret="s")
    async with running(Link(address, lost=SOON, tape=tape)) as link:
        await link.until(LinkState.READY)
        server.send(channel_event("Newchannel", 1))
        await Reader(link).message("Newchannel")
    now = datetime.now(UTC)
    told = b"".join(portion.data for portion in tape.portions(now - timedelta(hours=1), now))
    assert told.startswith(b"Asterisk Call Manager/")
    assert b"Channel: PJSIP/101-00000001\r\n" in told
