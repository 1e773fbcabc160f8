from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest
from tests.unit.web import sample_calls
from tests.unit.web.office_page import NOW, OFFICE, SIGNER, client, read, services, told_to_the_crm

from ringbridge.pbx.recordings import SoundFile
from ringbridge.routing.intents import RecordKey
from ringbridge.store.database import Database
from ringbridge.store.keys import call_key
from ringbridge.web.app import create_app

CALL = sample_calls.answered(NOW - timedelta(hours=1))
RECORD = RecordKey(call_key(OFFICE, CALL.id))
SOUND = bytes(range(256)) * 100


@pytest.fixture
async def page(database: Database, tmp_path: Path) -> AsyncIterator[httpx2.AsyncClient]:
    file = tmp_path / "разговор.wav"
    file.write_bytes(SOUND)
    sound = SoundFile(record=RECORD, path=file, name=file.name, size=len(SOUND))
    async with client(create_app(services(database, sounds={RECORD: sound}))) as opened:
        yield opened


def link(record: RecordKey = RECORD, hours: float = 1) -> str:
    return f"/recordings/{SIGNER.sign(record, NOW + timedelta(hours=hours))}"


async def test_signed_link_gives_the_whole_recording_to_any_origin(page: httpx2.AsyncClient) -> None:
    for address in (link(), f"{link()}/anything.wav"):
        answer = await page.get(address)
        assert (answer.status_code, answer.content) == (200, SOUND)
        assert answer.headers["content-type"] == "audio/wav"
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
        assert "content-encoding" not in answer.headers


async def test_player_that_moves_its_slider_gets_the_part(page: httpx2.AsyncClient) -> None:
    answer = await page.get(link(), headers={"Range": "bytes=100-199"})
    assert (answer.status_code, answer.content) == (206, SOUND[100:200])
    assert answer.headers["content-range"] == f"bytes 100-199/{len(SOUND)}"
    assert (await page.get(link(), headers={"Range": "bytes=99999999-"})).status_code == 416


async def test_player_on_another_origin_is_given_leave_before_it_asks(page: httpx2.AsyncClient) -> None:
    asked = {"Origin": "https://example.amocrm.ru", "Access-Control-Request-Method": "GET"}
    answer = await page.options(link(), headers=asked | {"Access-Control-Request-Headers": "range"})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (204, "*")
    assert "range" in answer.headers["access-control-allow-headers"].lower()
    assert "access-control-allow-private-network" not in answer.headers
    inside = await page.options(link(), headers=asked | {"Access-Control-Request-Private-Network": "true"})
    assert inside.headers["access-control-allow-private-network"] == "true"


async def test_head_tells_the_size_and_sends_nothing(page: httpx2.AsyncClient) -> None:
    answer = await page.head(link())
    assert (answer.status_code, answer.headers["content-length"]) == (200, str(len(SOUND)))
    assert answer.content == b""


async def test_forged_expired_and_foreign_links_open_nothing(page: httpx2.AsyncClient) -> None:
    assert (await page.get("/recordings/nonsense")).status_code == 404
    assert (await page.get(link()[:-3] + "abc")).status_code == 404
    late = await page.get(link(hours=-1), headers={"Accept-Language": "ru"})
    assert (late.status_code, late.text) == (410, "Срок этой ссылки вышел: откройте запись из звонка заново")
    assert (await page.get(link(RecordKey("office-other")))).status_code == 404


async def test_calls_page_has_a_player_for_the_recording_that_is_there(
    page: httpx2.AsyncClient, database: Database
) -> None:
    await told_to_the_crm(database, CALL)
    html = (await page.get(f"/calls/{RECORD}")).text
    (player,) = [attributes for tag, attributes in read(html).tags if tag == "audio"]
    assert (await page.get(player["src"] or "")).content == SOUND


async def test_calls_page_without_the_file_has_no_player(database: Database) -> None:
    await told_to_the_crm(database, CALL)
    async with client(create_app(services(database))) as page:
        assert "<audio" not in (await page.get(f"/calls/{RECORD}")).text
