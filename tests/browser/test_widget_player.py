"""A recording's link, as it stands in the account's list of calls, is played by a page of the account."""

from __future__ import annotations

import wave
from pathlib import Path

import pytest
from playwright.async_api import Browser
from tests.browser.widget_pages import open_pages
from tests.unit.web import sample_calls
from tests.unit.web.office_page import NOW, OFFICE, SIGNER, services, serving

from ringbridge.pbx.recordings import SoundFile
from ringbridge.routing.intents import RecordKey
from ringbridge.store.database import Database
from ringbridge.store.keys import call_key
from ringbridge.web.app import create_app

pytestmark = pytest.mark.browser

RECORD = RecordKey(call_key(OFFICE, sample_calls.call_id(NOW)))
SECONDS, RATE = 2, 8000

PART = """async (link) => {
  const answer = await fetch(link, { headers: { Range: "bytes=0-99" } });
  return [answer.status, (await answer.arrayBuffer()).byteLength, answer.headers.get("Content-Range") !== null];
}"""
PLAYED = """(link) => new Promise((good, bad) => {
  const player = new Audio();
  player.crossOrigin = "anonymous";
  player.onloadedmetadata = () => good(player.duration);
  player.onerror = () => bad(new Error(player.error.message));
  player.src = link;
})"""


async def test_page_of_the_account_plays_a_recording_and_reads_a_part_of_it(
    tmp_path: Path, chromium: Browser, database: Database
) -> None:
    path = tmp_path / "talk.wav"
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(RATE)
        sound.writeframes(bytes(2 * RATE * SECONDS))
    file = SoundFile(record=RECORD, path=path, name=path.name, size=path.stat().st_size)
    ours = services(database, sounds={RECORD: file})
    async with open_pages(tmp_path, chromium) as pages, serving(create_app(ours), ours.live) as server:
        page = await pages.visit()
        link = f"{server}/recordings/{SIGNER.sign(RECORD, NOW.replace(year=2027))}/talk.wav"
        assert await page.evaluate(PART, link) == [206, 100, True]
        assert await page.evaluate(PLAYED, link) == SECONDS
