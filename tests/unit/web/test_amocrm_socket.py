"""The widget's open line: who may open it, what comes over it, how it ends."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from tests.unit.web.amocrm_company import ANTON, KATE, Company, answered, inbound, open_company
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from ringbridge.web.amocrm.socket import MOST_SOCKETS, NOT_ADMITTED, RESTART, TOO_MANY


@pytest.fixture
async def company(tmp_path: Path) -> AsyncIterator[Company]:
    async with open_company(tmp_path) as opened:
        yield opened


@asynccontextmanager
async def opened(company: Company, said: str | bytes, *, origin: str = "") -> AsyncIterator[ClientConnection]:
    address = company.address.replace("http://", "ws://") + "/socket"
    async with connect(address, additional_headers={"Origin": origin or company.account.address}, proxy=None) as line:
        await line.send(said)
        yield line


async def session(company: Company, user: Any = ANTON) -> str:
    return json.dumps({"session": await company.session(user)})


async def told(line: ClientConnection) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(await line.recv())
    return said


async def closed(line: ClientConnection) -> int:
    with suppress(ConnectionClosed):
        async for _ in line:
            pass  # what was said before
    assert line.close_code is not None
    return line.close_code


async def test_view_comes_at_once_and_after_every_change(company: Company) -> None:
    async with opened(company, await session(company)) as line:
        assert (await told(line))["cards"] == []
        call = company.tell(inbound(company.clock(), "101", "102"))
        (card,) = (await told(line))["cards"]
        assert (card["number"], card["state"], card["others"]) == ("+79125551122", "ringing", ["Kate Miller"])
        company.tell(answered(call, "102", company.clock()))
        assert (await told(line))["cards"] == []


async def test_each_user_is_told_their_own_calls_only(company: Company) -> None:
    async with (
        opened(company, await session(company, ANTON)) as anton,
        opened(company, await session(company, KATE)) as kate,
    ):
        await told(anton)
        await told(kate)
        company.tell(inbound(company.clock(), "102"))
        company.tell(inbound(company.clock(), "101", number="79990001122"))
        assert [card["number"] for card in (await told(anton))["cards"]] == ["+79990001122"]
        assert [card["number"] for card in (await told(kate))["cards"]] == ["+79125551122"]


async def test_session_opens_one_line_and_soon(company: Company) -> None:
    first = await session(company)
    async with opened(company, first) as line:
        await told(line)
        async with opened(company, first) as again:
            assert await closed(again) == NOT_ADMITTED
    late = await session(company)
    company.clock.forward(seconds=61)
    async with opened(company, late) as line:
        assert await closed(line) == NOT_ADMITTED


@pytest.mark.parametrize(
    "said", ["", "{}", "[]", "null", '{"session": 5}', '{"session": "guess"}', "x" * 5000, "[" * 190]
)
async def test_nonsense_opens_no_line(company: Company, said: str) -> None:
    async with opened(company, said) as line:
        assert await closed(line) == NOT_ADMITTED


async def test_bytes_open_no_line(company: Company) -> None:
    async with opened(company, b"\x00\xff") as line:
        assert await closed(line) == NOT_ADMITTED


async def test_page_of_another_site_is_not_even_accepted(company: Company) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        async with opened(company, await session(company), origin="https://evil.example"):
            pass
    assert refusal.value.response.status_code == 403


async def test_user_has_so_many_lines_and_no_more(company: Company) -> None:
    text = [await session(company) for _ in range(MOST_SOCKETS + 1)]
    async with lines(company, text[:MOST_SOCKETS]), opened(company, text[-1]) as one_more:
        assert await closed(one_more) == TOO_MANY


@asynccontextmanager
async def lines(company: Company, sessions: list[str]) -> AsyncIterator[None]:
    if not sessions:
        yield
        return
    async with opened(company, sessions[0]) as line:
        await told(line)
        async with lines(company, sessions[1:]):
            yield


async def test_server_that_stops_says_come_again(company: Company) -> None:
    async with opened(company, await session(company)) as line:
        await told(line)
        company.board.close()
        assert await closed(line) == RESTART


async def test_line_that_was_left_is_forgotten(company: Company) -> None:
    async with opened(company, await session(company)) as line:
        await told(line)
        assert company.board.watchers(ANTON) == 1
    async with opened(company, await session(company)) as line:  # the server has read the first one's end by then
        await told(line)
        assert company.board.watchers(ANTON) == 1
