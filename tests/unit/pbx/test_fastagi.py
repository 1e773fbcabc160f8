"""The FastAGI server over real connections, asked as Asterisk asks and as it should never be asked."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringbridge.agi import Opened
from ringbridge.pbx.agi_call import set_by
from ringbridge.pbx.fastagi import AgiServer, NoAgiPort, may_ask

ENVIRONMENT = b"agi_network: yes\nagi_callerid: 79125551122\nagi_uniqueid: 1.2\n\n"
ANSWER = {"RINGBRIDGE_COUNT": "1", "RINGBRIDGE_HOP1": "101", "RINGBRIDGE_NAME": 'ООО "Ромашка"'}


async def answered(opened: Opened) -> Mapping[str, str]:
    return ANSWER | {"RINGBRIDGE_ASKED": opened.get("callerid")}


async def never(opened: Opened) -> Mapping[str, str]:
    await asyncio.Event().wait()
    return {}


@asynccontextmanager
async def connected(server: AgiServer) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    async with server.listening("127.0.0.1", 0) as (host, port):
        reader, writer = await asyncio.open_connection(host, port)
        try:
            yield reader, writer
        finally:
            writer.close()


async def commands(server: AgiServer, said: bytes = ENVIRONMENT, reply: bytes = b"200 result=1\n") -> list[str]:
    """What a channel is told, each command answered as Asterisk answers it, until the server closes."""
    async with connected(server) as (reader, writer):
        writer.write(said)
        told = []
        while line := await reader.readline():
            told.append(line.decode().rstrip("\n"))
            writer.write(reply)
        return told


async def test_the_answer_becomes_channel_variables_in_its_order() -> None:
    (command,) = await commands(AgiServer(answered))
    assert list(set_by(command).items()) == [*ANSWER.items(), ("RINGBRIDGE_ASKED", "79125551122")]


async def test_fifty_callers_are_answered_at_once_each_with_their_own() -> None:
    async def own(opened: Opened) -> Mapping[str, str]:
        await everybody.wait()
        return {"RINGBRIDGE_NAME": opened.get("callerid")}

    async def caller(number: int) -> str:
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(f"agi_callerid: {number}\n\n".encode())
        if number == 50:
            everybody.set()
        line = await reader.readline()
        writer.write(b"200 result=1\n")
        assert await reader.read() == b""
        writer.close()
        return line.decode()

    everybody = asyncio.Event()
    async with AgiServer(own).listening("127.0.0.1", 0) as (host, port):
        told = await asyncio.gather(*(caller(number) for number in range(1, 51)))
    assert told == [f'EXEC MSet "RINGBRIDGE_NAME={number}"\n' for number in range(1, 51)]


@pytest.mark.parametrize("said", [b"", b"agi_callerid: 7912", ENVIRONMENT], ids=["nothing", "half", "all"])
async def test_a_question_is_closed_at_its_deadline_whatever_it_waits_for(said: bytes) -> None:
    async with connected(AgiServer(never, deadline=0.05)) as (reader, writer):
        writer.write(said)
        assert await reader.read() == b""


@pytest.mark.parametrize("said", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00" * 5000, b"\n\n", b"HANGUP\n"])
async def test_what_is_no_agi_is_closed_without_an_answer(said: bytes) -> None:
    server = AgiServer(answered)
    async with connected(server) as (reader, writer):
        writer.write(said)
        with contextlib.suppress(ConnectionResetError):  # it was closed before it had read all of it
            assert await reader.read() == b""
    assert await commands(server), "and the next caller is answered"


async def test_a_caller_who_has_gone_is_told_nothing_more() -> None:
    gone = b"511 Command Not Permitted on a dead channel or intercept routine\n"
    assert len(await commands(AgiServer(answered), reply=gone)) == 1
    assert len(await commands(AgiServer(answered), reply=b"HANGUP\n")) == 1


async def test_an_asterisk_that_takes_no_answer_is_not_told_the_rest_of_it() -> None:
    async def long(opened: Opened) -> Mapping[str, str]:
        return {f"RINGBRIDGE_HOP{number}": "101" for number in range(50)}

    assert len(await commands(AgiServer(long))) > 1
    for refused in (b"200 result=-2\n", b"200 result=-1\n", b"510 Invalid or unknown command\n"):
        assert len(await commands(AgiServer(long), reply=refused)) == 1


async def test_a_value_that_cannot_be_said_is_left_out_and_the_others_are_said() -> None:
    async def two(opened: Opened) -> Mapping[str, str]:
        return {"RINGBRIDGE_NAME": "a\nHANGUP", "RINGBRIDGE_COUNT": "0"}

    assert await commands(AgiServer(two)) == ['EXEC MSet "RINGBRIDGE_COUNT=0"']


async def test_only_addresses_that_are_named_may_ask() -> None:
    assert await commands(AgiServer(answered, allowed=("192.0.2.0/24",)), said=b"") == []
    assert await commands(AgiServer(answered, allowed=("192.0.2.0/24", "127.0.0.1")))


async def test_no_more_questions_are_open_than_the_server_takes() -> None:
    async with AgiServer(never, most=1).listening("127.0.0.1", 0) as (host, port):
        _, first = await asyncio.open_connection(host, port)
        reader, second = await asyncio.open_connection(host, port)
        assert await reader.read() == b""
        first.close()
        second.close()


async def test_a_port_that_is_taken_is_told_with_the_setting_that_changes_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(NoAgiPort, match=rf"127\.0\.0\.1:{port}.*agi_port.*4573"):
            async with AgiServer(answered).listening("127.0.0.1", port):
                pass


@given(peer=st.text(max_size=40) | st.ip_addresses().map(str))
def test_no_address_raises_and_none_is_let_in_by_no_network(peer: str) -> None:
    assert not may_ask(peer, ())


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.66.3.1", "::1", "::ffff:127.0.0.1"])
def test_this_machine_is_known_by_all_its_addresses(peer: str) -> None:
    assert may_ask(peer, (ip_network("127.0.0.0/8"), ip_network("::1")))
