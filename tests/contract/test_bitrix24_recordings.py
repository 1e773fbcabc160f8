"""Recordings reach the call they belong to, whole or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.contract.bitrix24_office import Office, Sound, attach, finish, hours_ago, office, register

from ringbridge.crm.bitrix24 import RecordingMode
from ringbridge.crm.contract import NotReached, Receipt, Rejected, Throttled, Transient
from ringbridge.emulators.bitrix24 import Fault, FaultKind
from ringbridge.routing.intents import UserId
from ringbridge.routing.recordings import Absent, NotYet

ATTACH = "telephony.externalCall.attachRecord"


def stored(at: Office) -> list[tuple[str, bytes]]:
    return [(file.name, file.content) for file in at.portal.telephony.files.values()]


@asynccontextmanager
async def finished(**options: Any) -> AsyncIterator[tuple[Office, dict[str, Any]]]:
    async with office(**options) as at:
        facts = await at.registered()
        await at.do(finish(), facts=facts)
        yield at, facts


@asynccontextmanager
async def our_address(content: bytes, status: str = "200 OK") -> AsyncIterator[str]:
    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + content)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve_one, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/call.mp3?signature=opensesame"


@pytest.mark.parametrize("name", ["call.mp3", "call.wav", "Запись 1.MP3", 'a"b.wav', "../../up.mp3"])
async def test_an_uploaded_file_arrives_byte_for_byte(name: str) -> None:
    async with finished() as (at, facts):
        at.shelf.found = Sound(name=name, content=bytes(range(256)) * 500)
        (receipt,) = await at.do(attach(), facts=facts)
        assert isinstance(receipt, Receipt), receipt
        ((kept, content),) = stored(at)
        assert content == bytes(range(256)) * 500
        assert kept.lower().endswith((".mp3", ".wav"))
        assert "/" not in kept


async def test_a_linked_file_is_fetched_from_our_address() -> None:
    async with finished(recordings=RecordingMode.LINK) as (at, facts), our_address(b"sound") as address:
        at.shelf.found = Sound(address=address)
        (receipt,) = await at.do(attach(), facts=facts)
        assert receipt.facts["recording"] == "attached"
        assert stored(at) == [("call.mp3", b"sound")]
        assert "opensesame" not in receipt.exchange.sent


async def test_without_an_address_of_ours_the_file_is_sent_instead() -> None:
    async with finished(recordings=RecordingMode.LINK) as (at, facts):
        (receipt,) = await at.do(attach(), facts=facts)
        assert isinstance(receipt, Receipt)
        assert stored(at) == [("call.mp3", b"ID3 sound")]


@pytest.mark.parametrize("status", ["404 Not Found", "500 Oops"])
async def test_a_link_that_the_portal_cannot_fetch_is_tried_again(status: str) -> None:
    async with finished(recordings=RecordingMode.LINK) as (at, facts), our_address(b"", status) as address:
        at.shelf.found = Sound(address=address)
        (answer,) = await at.do(attach(), facts=facts)
        assert isinstance(answer, Transient)


async def test_a_link_to_nowhere_is_tried_again() -> None:
    async with finished(recordings=RecordingMode.LINK) as (at, facts):
        at.shelf.found = Sound(address="http://127.0.0.1:9/call.mp3")
        (answer,) = await at.do(attach(), facts=facts)
        assert isinstance(answer, Transient)


@pytest.mark.parametrize("kind", [FaultKind.CUT, FaultKind.LOSE_ANSWER, FaultKind.HTML_500, FaultKind.QUERY_LIMIT])
async def test_a_broken_upload_begins_anew_with_a_fresh_address(kind: FaultKind) -> None:
    async with finished() as (at, facts):
        at.portal.faults.add(Fault(kind=kind, method="upload"))
        (failed,) = await at.do(attach(), facts=facts)
        (receipt,) = await at.do(attach(), facts=facts, uncertain=True)
        assert isinstance(failed, Transient | Throttled)
        assert isinstance(receipt, Receipt)
        assert at.executed(ATTACH) == 2
        assert at.finished[0].record_file_id == max(at.portal.telephony.files)


@pytest.mark.parametrize("claims", [4, 400])
async def test_a_file_that_changes_while_it_is_sent_is_not_attached(claims: int) -> None:
    async with finished() as (at, facts):
        at.shelf.found = Sound(claims=claims)
        (answer,) = await at.do(attach(), facts=facts)
        assert isinstance(answer, Transient)
        assert not stored(at)


@dataclass(frozen=True)
class Unreadable(Sound):
    async def read(self) -> AsyncIterator[bytes]:
        yield b"ID3"
        raise PermissionError(13, "Permission denied")


async def test_a_file_that_cannot_be_read_is_tried_again_and_named() -> None:
    async with finished() as (at, facts):
        at.shelf.found = Unreadable()
        (answer,) = await at.do(attach(), facts=facts)
        assert isinstance(answer, Transient)
        assert "call.mp3" in str(answer)
        assert not stored(at)


@pytest.mark.parametrize("kind", [FaultKind.EXPIRED_TOKEN, FaultKind.NO_AUTH])
async def test_an_upload_address_that_opens_no_more_parks_no_portal(kind: FaultKind) -> None:
    async with finished(oauth=True) as (at, facts):
        at.portal.faults.add(Fault(kind=kind, method="upload"))
        (failed,) = await at.do(attach(), facts=facts)
        (receipt,) = await at.do(attach(), facts=facts)
        assert type(failed) is Transient
        assert isinstance(receipt, Receipt)


async def test_a_portal_behind_a_proxy_may_name_its_address_wrongly() -> None:
    async with finished() as (at, facts):
        reached = at.portal.address
        at.portal.address = "https://127.0.0.1"
        (receipt,) = await at.do(attach(), facts=facts)
        at.portal.address = reached
        assert isinstance(receipt, Receipt)


async def test_a_file_that_is_still_written_waits_without_using_an_attempt() -> None:
    async with finished() as (at, facts):
        until = datetime.now(UTC) + timedelta(seconds=7)
        at.shelf.found = NotYet(until=until, reason="still growing")
        requests = at.portal.traffic.requests
        (answer,) = await at.do(attach(), facts=facts)
        assert isinstance(answer, Throttled)
        assert answer.until == until
        assert at.portal.traffic.requests == requests


async def test_nothing_recorded_is_done_and_said() -> None:
    async with finished() as (at, facts):
        at.shelf.found = Absent(reason="the file holds a header and no sound")
        (receipt,) = await at.do(attach(), facts=facts)
        assert receipt.facts == {"recording": "absent", "reason": "the file holds a header and no sound"}
        assert not stored(at)


@pytest.mark.parametrize("name", ["call.gsm", "call", "call.wav.exe"])
async def test_a_format_that_the_portal_does_not_take_is_rejected_in_words(name: str) -> None:
    async with finished() as (at, facts):
        at.shelf.found = Sound(name=name)
        (answer,) = await at.do(attach(), facts=facts)
        assert isinstance(answer, Rejected)
        assert name in str(answer)


async def test_a_recording_waits_for_the_finish_of_its_call() -> None:
    async with office() as at:
        facts = await at.registered()
        answers = await at.do(finish(user=UserId("999")), attach(), facts=facts)
        assert isinstance(answers[0], Rejected)
        assert isinstance(answers[1], NotReached)
        assert at.shelf.fetched == 0


async def test_a_recording_of_an_unfinished_call_is_given_up_after_a_day() -> None:
    async with office() as at:
        facts = await at.registered()
        (fresh,) = await at.do(attach(), facts=facts)
        (old,) = await at.do(attach(started=hours_ago(25)), facts=facts)
        assert isinstance(fresh, Transient)
        assert isinstance(old, Rejected)


async def test_a_missing_right_to_attach_does_not_hold_back_the_calls() -> None:
    async with finished() as (at, facts):
        at.portal.faults.add(
            Fault(kind=FaultKind.REFUSE, method=ATTACH, code="ACCESS_DENIED", text="Access denied!", status=403)
        )
        # Among others in a batch, so that the one command is refused and not the request.
        answers = await at.do(attach(), attach(2), facts=facts)
        refused = next(answer for answer in answers if not isinstance(answer, Receipt))
        assert type(refused) is Transient
        assert "Access denied" in str(refused)


async def test_each_part_of_a_transferred_call_goes_to_its_own_record() -> None:
    async with office() as at:
        first, second = await at.registered(register(1)), await at.registered(register(2, user=UserId("2")))
        await at.do(finish(1), facts=first)
        await at.do(finish(2, user=UserId("2")), facts=second)
        at.shelf.found = Sound(content=b"part one")
        await at.do(attach(1), facts=first)
        at.shelf.found = Sound(content=b"part two")
        await at.do(attach(2), facts=second)
        files = at.portal.telephony.files
        sounds = {call.call.call_id: files[call.record_file_id].content for call in at.finished}
        assert sounds == {first["call_id"]: b"part one", second["call_id"]: b"part two"}


async def test_many_recordings_are_sent_in_batches_of_ten() -> None:
    async with office() as at:
        calls = [i for n in range(25) for i in (register(n, live=False, number=f"+7999000{n:04}"), finish(n))]
        answers = await at.do(*calls, *(attach(n) for n in range(25)))
        assert all(isinstance(answer, Receipt) for answer in answers)
        assert len(stored(at)) == 25
        assert at.executed("batch") <= 4
        assert at.portal.traffic.requests == 1 + 3 + 25
