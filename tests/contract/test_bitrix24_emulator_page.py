"""The emulated portal's page, its state for tests, and the portal as a process of its own."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import httpx2
import pytest
from tests.contract.bitrix24_desk import ADMIN, ANNA, CONTACT, STRANGER, desk, listener

from ringbridge.emulators.bitrix24 import Portal, demo, serve
from ringbridge.emulators.bitrix24.fields import Kind
from ringbridge.emulators.bitrix24.page.words import STATUSES, WORDS


async def test_the_state_tells_calls_cards_clients_and_what_was_asked() -> None:
    async with desk() as at:
        running = await at.registered()
        finished = await at.registered(PHONE_NUMBER=STRANGER, CRM_CREATE=1, USER_ID=ANNA, EXTERNAL_CALL_ID="pbx-1")
        await at.finished(finished, USER_ID=ANNA)
        await at.call("telephony.externalCall.finish", CALL_ID=finished, USER_ID=ANNA)
        await at.batch({"a": "profile", "b": "profile"})
        state = (await at.http.get("/_emulator/state")).json()
        assert [call["call_id"] for call in state["active"]] == [running]
        (call,) = state["finished"]
        assert (call["external_call_id"], call["user"], call["code"]) == ("pbx-1", "Anna Smirnova", "200")
        assert state["cards"] == {str(ADMIN): [running], str(ANNA): []}
        assert [move["action"] for move in state["card_log"]] == ["shown", "shown", "hidden"]
        assert [lead["ID"] for lead in state["leads"]] == ["1"]
        assert len(state["activities"]) == 1
        assert state["requests"]["http"] == 5
        assert state["requests"]["statuses"] == {"200": 4, "400": 1}
        assert state["requests"]["methods"]["profile"] == 2
        assert state["requests"]["methods"]["telephony.externalcall.finish"] == 2


async def test_the_board_shows_who_sees_which_card_and_the_newest_call_first() -> None:
    async with desk() as at:
        for phone in (STRANGER, CONTACT):
            await at.finished(await at.registered(PHONE_NUMBER=phone), DURATION=0)
        await at.registered(USER_ID=ANNA)
        board = (await at.http.get("/_emulator/board")).json()
        shown = {screen["name"]: [card["client"] for card in screen["cards"]] for screen in board["screens"]}
        assert shown["Anna Smirnova"] == ["Андрей Волков"]
        assert shown["Иван Петров"] == []
        assert [call["number"] for call in board["calls"]] == ["+7 912 555-11-22", "+7 999 000-11-22"]
        assert (board["missed"], board["finished"], board["running"]) == (2, 2, 1)


@pytest.mark.parametrize(
    ("path", "accept", "word"),
    [
        ("/?lang=ru", "en", "Пропущено"),
        ("/?lang=en", "ru", "Missed"),
        ("/", "ru-RU,ru;q=0.9,en;q=0.8", "Пропущено"),
        ("/", "de,en;q=0.5", "Missed"),
        ("/?lang=xx", "", "Missed"),
    ],
)
async def test_the_page_speaks_the_language_asked_for(path: str, accept: str, word: str) -> None:
    async with desk() as at:
        page = (await at.http.get(path, headers={"Accept-Language": accept})).text
        assert word in page
        assert "{{" not in page


def test_both_languages_have_the_same_words() -> None:
    assert set(WORDS["ru"]) == set(WORDS["en"])
    assert set(STATUSES["ru"]) == set(STATUSES["en"])


async def test_the_page_loads_nothing_from_elsewhere() -> None:
    async with desk() as at:
        parts = [
            (await at.http.get(path)).text for path in ("/", "/_emulator/page/portal.js", "/_emulator/page/portal.css")
        ]
        assert not [part for part in parts if "http://" in part or "https://" in part or "//cdn" in part]


async def test_what_people_do_on_the_portal_can_be_ordered() -> None:
    async with desk() as at:
        clicked = await at.http.post("/_emulator/do/click", json={"user_id": ANNA, "number": STRANGER})
        assert clicked.json()["call_id"] in at.portal.telephony.active
        await at.http.post("/_emulator/do/expire-tokens")
        assert (await at.call("profile")).refusal[1] == "expired_token"
        assert (await at.http.post("/_emulator/do/click", json={"who": 1})).status_code == 422
        assert (await at.http.post("/_emulator/do/nothing")).status_code == 422
        await at.http.post("/_emulator/do/move", json={"to": "http://new.example"})
        assert (await at.http.post(f"{at.hook}profile")).status_code == 302


async def test_clients_can_be_made_changed_and_deleted_from_outside() -> None:
    async with desk() as at:
        made = {"kind": "lead", "fields": {"TITLE": "From the site"}}
        number = (await at.http.post("/_emulator/do/create", json=made)).json()["id"]
        change = {"kind": "lead", "id": number, "fields": {"TITLE": "By phone"}}
        assert (await at.http.post("/_emulator/do/change", json=change)).json() == {"there": True}
        assert at.portal.clients.name(Kind.LEAD, number) == "By phone"
        gone = {"kind": "lead", "id": number}
        answers = [(await at.http.post("/_emulator/do/delete", json=gone)).json() for _ in range(2)]
        assert answers == [{"there": True}, {"there": False}]
        assert (await at.http.post("/_emulator/do/create", json={"kind": "cat", "fields": {}})).status_code == 422


async def test_a_served_portal_sends_its_events_by_itself() -> None:
    portal = Portal.demo()
    async with listener() as application, serve(portal) as address, httpx2.AsyncClient(trust_env=False) as http:
        portal.bus.bind("ONCRMLEADADD", application_id=1, url=f"{application.address}/lead")
        await http.post(f"{portal.webhook_url}crm.lead.add", json={"fields": {}})
        async with asyncio.timeout(60):
            while not portal.bus.delivered:
                await http.get(f"{address}/_emulator/faults")
        assert application.heard[0][0] == "/lead"


async def test_as_a_process_it_tells_its_address_and_journals_every_executed_method(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ringbridge.emulators.bitrix24", "--port", "0", "--journal", str(journal),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        _, address = (await process.stdout.readline()).decode().split()
        _, webhook = (await process.stdout.readline()).decode().split()
        assert webhook == f"{address}rest/1/{demo.WEBHOOK_SECRET}/"
        async with httpx2.AsyncClient(trust_env=False) as http:
            cmd = {"a": "crm.lead.add?fields[TITLE]=x", "b": "no.such"}
            await http.post(f"{webhook}batch", json={"cmd": cmd})
        rows = [json.loads(line) for line in journal.read_text().splitlines()]
    finally:
        process.terminate()
        assert await process.wait() == 0
    assert [(row["method"], row["result"], row["error"]) for row in rows] == [
        ("crm.lead.add", 1, None),
        ("no.such", None, "ERROR_METHOD_NOT_FOUND: Method not found!"),
    ]
    assert {row["request"] for row in rows} == {1}
