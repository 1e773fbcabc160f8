"""How long recordings and their copies are kept is the office's to say."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ringbridge.service.config import Office, office_of
from ringbridge.service.portals.adapters import amo_settings, bitrix_settings
from ringbridge.service.recordings import OfficeRecordings, settings_of
from ringbridge.store.database import Database

BITRIX = {"name": "main", "webhook": "https://main.example/rest/1/secret/", "default_user": "1"}
AMO = {
    "name": "amo",
    "kind": "amocrm",
    "default_user": "1",
    "amocrm": {"address": "https://example.amocrm.ru", "token": "long-lived"},
}


def office(**portal: object) -> Office:
    pbx = {"name": "office", "username": "ringbridge", "secret": "s", "mp3": True}
    return office_of({"pbx": [pbx], "portal": [{**BITRIX, **portal}, {**AMO, **portal}]})


def lives(office: Office) -> list[timedelta]:
    bitrix, amo = office.portal
    assert amo.amocrm is not None
    return [bitrix_settings(bitrix, office).link_life, amo_settings(amo, amo.amocrm, office).link_life]


@pytest.mark.parametrize(
    ("portal", "days"), [({}, [1, 3 * 365]), ({"recording_days": 90}, [90, 90]), ({"recording_days": 1}, [1, 1])]
)
def test_links_open_as_long_as_the_portal_s_settings_say(portal: dict[str, object], days: list[int]) -> None:
    assert lives(office(**portal)) == [timedelta(days=each) for each in days]


def test_mp3_is_the_pbx_s_setting(tmp_path: Path) -> None:
    given = office()
    assert settings_of(given.pbx[0], given, tmp_path).mp3


def test_folders_of_recordings_are_named_by_the_clock_of_their_pbx(tmp_path: Path) -> None:
    pbx = {"name": "office", "username": "ringbridge", "secret": "s"}
    given = office_of({"pbx": [pbx, {**pbx, "name": "branch", "timezone": "Asia/Yekaterinburg"}]})
    zones = [settings_of(each, given, tmp_path).zone for each in given.pbx]
    assert zones == [ZoneInfo("Europe/Moscow"), ZoneInfo("Asia/Yekaterinburg")]


async def test_copies_of_long_ago_are_removed_while_the_service_runs(tmp_path: Path) -> None:
    old, fresh = tmp_path / "recordings" / "old.mp3", tmp_path / "recordings" / "fresh.mp3"
    old.parent.mkdir()
    for file in (old, fresh):
        file.write_bytes(b"sound")
    os.utime(old, (0, 0))
    async with await Database.open(f"sqlite:///{tmp_path / 'ringbridge.db'}") as database:
        task = asyncio.create_task(
            OfficeRecordings(office(), data=tmp_path, signer=None, database=database).keep_tidy()
        )
        async with asyncio.timeout(60):
            while old.exists():  # noqa: ASYNC110 - nobody announces that a file is gone
                await asyncio.sleep(0.01)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    assert fresh.exists()
