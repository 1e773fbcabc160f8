import asyncio
from collections.abc import AsyncIterator

import httpx2
import pytest
from tests.unit.web import sample_calls
from tests.unit.web.office_page import NOW, OFFICE, read, services, serving

from ringbridge.store.database import Database
from ringbridge.web.app import create_app


async def pictures(answer: httpx2.Response) -> AsyncIterator[str]:
    """The data of each event, as a browser puts it together."""
    data: list[str] = []
    async for line in answer.aiter_lines():
        if line.startswith("data: "):
            data.append(line.removeprefix("data: "))
        elif not line and data:
            yield "\n".join(data)
            data = []


@pytest.mark.parametrize(
    ("language", "word", "ringing"), [("en", "Calls now", "rings"), ("ru", "Звонки сейчас", "звонит")]
)
async def test_changed_call_is_pushed_in_the_visitors_language(
    database: Database, language: str, word: str, ringing: str
) -> None:
    given = services(database)
    async with (
        serving(create_app(given), given.live) as address,
        httpx2.AsyncClient(headers={"Accept-Language": language}) as browser,
        browser.stream("GET", f"{address}/live/stream") as answer,
        asyncio.timeout(60),
    ):
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert "content-encoding" not in answer.headers, "a compressed stream would be held back"
        pushed = pictures(answer)
        shown = read(await anext(pushed)).found
        assert word in shown
        assert "+7 912 555-99-88" not in shown
        given.live.tell(OFFICE, sample_calls.ringing(NOW))
        shown = read(await anext(pushed)).found
        assert {"+7 912 555-99-88", ringing} <= set(shown)
        given.live.close()
        assert [picture async for picture in pushed][1:] == []


async def test_server_stops_although_pages_are_open(database: Database) -> None:
    given = services(database)
    async with asyncio.timeout(60), httpx2.AsyncClient() as browser:
        async with serving(create_app(given), given.live) as address:
            answer = await browser.send(browser.build_request("GET", f"{address}/live/stream"), stream=True)
            await anext(pictures(answer))
        await answer.aclose()


async def test_visitor_who_goes_away_leaves_nothing_behind(database: Database) -> None:
    given = services(database)
    before = asyncio.all_tasks()
    async with serving(create_app(given), given.live) as address, asyncio.timeout(60):
        async with httpx2.AsyncClient() as browser, browser.stream("GET", f"{address}/live/stream") as answer:
            await anext(pictures(answer))
        given.live.tell(OFFICE, sample_calls.ringing(NOW))
    assert asyncio.all_tasks() == before
