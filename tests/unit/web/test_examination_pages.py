"""The installation examined on the page, the log's tail, and the file for whoever helps."""

from __future__ import annotations

import io
import logging
import zipfile
from collections.abc import Sequence
from dataclasses import replace

import structlog
from tests.unit.web.office_page import client, read, services
from tests.unit.web.visitors import BOSS, HEAD, VICTOR, accounts, session

from ringbridge.service.config import office_of
from ringbridge.service.doctor.findings import Finding, failure, ok, warning
from ringbridge.service.log_tail import LogTail
from ringbridge.service.logs import masked, without_numbers
from ringbridge.store.database import Database
from ringbridge.web.app import create_app
from ringbridge.web.services import Services

OFFICE = office_of(
    {
        "pbx": [{"name": "office", "username": "ringbridge", "secret": "pbx-secret"}],
        "portal": [
            {"name": "main", "webhook": "https://x.bitrix24.ru/rest/1/hook-secret/", "default_user": "1"},
        ],
        "employee": [{"name": "Ivan", "extensions": ["101"], "mobiles": ["+79125551122"]}],
    }
)
FOUND = (ok("Service", "it runs"), warning("Portal main", "no user was read yet"), failure("PBX office", "away", "go"))


def office(database: Database, tail: LogTail | None = None) -> Services:
    async def examine() -> Sequence[Finding]:
        return FOUND

    return replace(services(database), log=tail or logged(), examine=examine, office=lambda: OFFICE)


def logged() -> LogTail:
    tail = LogTail(mask=without_numbers)
    log = structlog.wrap_logger(
        structlog.ReturnLogger(), processors=[structlog.processors.add_log_level, masked, tail, lambda *_: ""]
    )
    log.info("call_ended", number="79125551122", trunk="mango")
    log.warning("portal_parked", portal="main")
    library = logging.LogRecord("uvicorn", logging.ERROR, "", 0, "no route to 79125551122", (), None)
    tail.emit(library)
    return tail


async def text(page_of: Services, path: str, language: str = "en") -> str:
    async with client(create_app(page_of), language) as page:
        answer = await page.get(path)
    assert answer.status_code == 200, answer.text
    return " | ".join(read(answer.text).found)


async def test_what_does_not_work_stands_first_with_what_to_do(database: Database) -> None:
    told = await text(office(database), "/status/doctor")
    order = [told.index(word) for word in ("PBX office", "Portal main", "Service")]
    assert order == sorted(order)
    assert "does not work | PBX office | : away | go" in told


async def test_the_log_is_filtered_by_level_and_text_and_has_no_whole_number(database: Database) -> None:
    given = office(database)
    every = await text(given, "/status/log")
    assert every.index("no route to") < every.index("portal_parked") < every.index("call_ended"), "the newest first"
    assert "79125551122" not in every
    worse = await text(given, "/status/log?level=warning")
    assert "portal_parked" in worse
    assert "call_ended" not in worse
    assert "call_ended" in await text(given, "/status/log?text=MANGO&level=nonsense")
    assert "С запуска службы таких строк не было." in await text(given, "/status/log?text=nothing", "ru")


async def test_only_the_last_lines_are_kept() -> None:
    tail = LogTail(kept=3)
    for number in range(5):
        tail(None, "info", {"event": f"e{number}", "level": "info"})
    assert [line.event for line in tail.lines()] == ["e4", "e3", "e2"]
    assert [line.event for line in tail.lines(most=1)] == ["e4"]


async def test_the_file_for_whoever_helps_has_everything_and_no_secret_and_no_number(database: Database) -> None:
    async with client(create_app(office(database))) as page:
        answer = await page.get("/status/diagnostics")
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert set(archive.namelist()) == {"version.txt", "status.json", "doctor.txt", "office.toml", "log.txt"}
    whole = "\n".join(archive.read(name).decode() for name in archive.namelist())
    for there in ("Ringbridge ", "acme", "PBX office: away", 'name = "main"', "portal_parked"):
        assert there in whole
    for absent in ("pbx-secret", "hook-secret", "79125551122"):
        assert absent not in whole


async def test_supervisors_look_administrators_download_and_employees_do_neither(database: Database) -> None:
    await accounts(database)
    async with client(create_app(office(database))) as page:
        found = {}
        for user in (BOSS, HEAD, VICTOR):
            headers = await session(database, user)
            found[user.name] = [
                (await page.get(f"/status/{name}", headers=headers)).status_code
                for name in ("doctor", "log", "diagnostics")
            ]
        status = (await page.get("/status", headers=await session(database, HEAD))).text
    assert found == {"boss": [200, 200, 200], "head": [200, 200, 404], "victor": [403, 403, 403]}
    assert "/status/doctor" in status
    assert "/status/diagnostics" not in status
