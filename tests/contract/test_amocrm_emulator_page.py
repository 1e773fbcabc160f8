"""The emulated account's pages for its employees, its host page for widgets, and the account as a process."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.contract.amocrm_desk import ADMIN, ANTON, CONTACT, KATE, STRANGER, call, desk
from tests.contract.test_amocrm_emulator_incoming import incoming

from ringbridge.emulators.amocrm import Widget
from ringbridge.emulators.amocrm.page.words import STATUSES, WORDS
from ringbridge.emulators.amocrm.widget import NoWidget

PAGES = ("/", "/_emulator/page/account.js", "/_emulator/page/account.css", f"/?user={ADMIN}")


async def test_an_employee_sees_their_own_pop_ups_and_tasks() -> None:
    async with desk() as at:
        ring = {"add": [{"type": "phone_call", "phone_number": CONTACT, "users": [ANTON]}]}
        await at.ask("POST", "/api/v2/events", json=ring)
        await at.post("tasks", {"text": "Call them back", "complete_till": 1_800_000_000, "responsible_user_id": ANTON})
        anton, kate = [(await at.http.get(f"/?user={who}&lang=en")).text for who in (ANTON, KATE)]
        rings = [page[page.index('id="rings"') : page.index('id="calls"')] for page in (anton, kate)]
        assert [CONTACT in shown for shown in rings] == [True, False]
        assert ["Call them back" in page for page in (anton, kate)] == [True, False]


async def test_a_clients_page_has_the_call_with_its_player_and_no_foreign_script() -> None:
    async with desk() as at:
        await at.post("calls", call(created_by=KATE, call_result="<b>Sold</b>"), call(link="javascript:alert(1)"))
        page = (await at.http.get(f"/contacts/detail/{at.contact()}?lang=ru")).text
        assert '<audio controls preload="none" src="http://pbx.test/1.mp3"></audio>' in page
        assert ("Kate Miller" in page, "Разговор состоялся" in page, "<b>Sold</b>" in page) == (True, True, False)
        assert "javascript:" not in page
        assert (await at.http.get("/contacts/detail/1")).status_code == 404
        assert (await at.http.get(f"/things/detail/{at.contact()}")).status_code == 404


@pytest.mark.parametrize(("answer", "shown"), [("accept", True), ("decline", False)])
async def test_an_incoming_lead_is_accepted_or_declined_by_a_button(answer: str, shown: bool) -> None:
    async with desk() as at:
        (made,) = (await at.post("leads/unsorted/sip", incoming())).rows
        assert STRANGER in (await at.http.get("/")).text
        back = await at.http.post(f"/_emulator/page/decide?user={KATE}", data={"uid": made["uid"], "answer": answer})
        assert (back.status_code, back.headers["location"]) == (303, f"/?user={KATE}")
        assert ("Call of a stranger" in (await at.http.get("/")).text) is shown
        again = await at.http.post("/_emulator/page/decide", data={"uid": made["uid"], "answer": answer})
        assert again.status_code == 409


@pytest.mark.parametrize(
    ("path", "accept", "word"),
    [("/?lang=en", "ru", "Incoming leads"), ("/", "en-GB,en;q=0.8", "Incoming leads"), ("/", "de", "Неразобранное")],
)
async def test_the_page_speaks_the_language_asked_for(path: str, accept: str, word: str) -> None:
    async with desk() as at:
        assert word in (await at.http.get(path, headers={"Accept-Language": accept})).text


def test_both_languages_have_the_same_words() -> None:
    assert set(WORDS["ru"]) == set(WORDS["en"])
    assert set(STATUSES["ru"]) == set(STATUSES["en"])


async def test_the_pages_load_nothing_from_elsewhere() -> None:
    async with desk() as at:
        parts = [(await at.http.get(path)).text for path in PAGES]
        assert not [part for part in parts if "http://" in part or "https://" in part or "//cdn" in part]


async def test_an_unchanged_page_is_304() -> None:
    async with desk() as at:
        tag = (await at.http.get("/")).headers["etag"]
        assert (await at.http.get("/", headers={"If-None-Match": tag})).status_code == 304
        await at.post("contacts", {"name": "New"})
        assert (await at.http.get("/", headers={"If-None-Match": tag})).status_code == 200


async def test_a_session_alone_opens_nothing_to_a_foreign_page() -> None:
    async with desk() as at:
        headers = {"Cookie": f"session_user={ADMIN}"}
        assert (await at.http.get("/api/v4/account", headers=headers)).status_code == 401
        headers["X-Requested-With"] = "XMLHttpRequest"
        assert (await at.http.get("/api/v4/account", headers=headers)).json()["current_user_id"] == ADMIN


def widget(folder: Path, **files: Any) -> Path:
    manifest = {"widget": {"version": "1", "locale": ["ru"]}, "settings": {}}
    content = {"manifest.json": json.dumps(manifest), "script.js": "", "i18n/ru.json": "{}", **files}
    for name, text in content.items():
        (folder / name).parent.mkdir(exist_ok=True)
        if text is not None:
            (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"script.js": None}, "script.js is missing"),
        ({"manifest.json": None}, "manifest.json is missing"),
        ({"manifest.json": "{"}, "manifest.json is no JSON"),
        ({"i18n/ru.json": None}, "i18n/ru.json is missing"),
    ],
)
def test_an_incomplete_widget_is_refused_with_the_reason(tmp_path: Path, files: dict[str, Any], why: str) -> None:
    with pytest.raises(NoWidget, match=why):
        Widget.load(widget(tmp_path, **files))


async def test_the_host_page_gives_the_widget_to_its_employee_only(tmp_path: Path) -> None:
    async with desk() as at:
        made = {"path": str(widget(tmp_path)), "values": {"users": {str(ANTON): "101"}}}
        assert (await at.http.post("/_emulator/do/widget", json=made)).status_code == 200
        page = await at.http.get(f"/_emulator/widget?user={ANTON}")
        assert f"session_user={ANTON}" in page.headers["set-cookie"]
        boot = json.loads(page.text.partition('id="boot">')[2].partition("</script>")[0])
        assert (boot["user"]["id"], boot["settings"], boot["active"]) == (ANTON, {"users": {str(ANTON): "101"}}, True)
        assert (await at.http.get("/_emulator/widget/files/script.js")).status_code == 200
        assert (await at.http.get("/_emulator/widget/files/secret.txt")).status_code == 404
        assert (await at.http.get("/_emulator/host/../views.py")).status_code == 404
        assert (await at.http.get("/_emulator/widget/token?user=5")).status_code == 404
        assert (await at.http.post("/_emulator/do/widget", json={"path": str(tmp_path / "no")})).status_code == 422


async def test_as_a_process_it_tells_its_keys_and_journals_every_request(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ringbridge.emulators.amocrm", "--port", "0", "--journal", str(journal), "--kommo",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        told = dict([(await process.stdout.readline()).decode().split() for _ in range(4)])
        async with httpx2.AsyncClient(base_url=told["account"], trust_env=False) as http:
            headers = {"Authorization": f"Bearer {told['token']}"}
            answer = await http.post("/api/v4/calls", json=[call(), call(phone=STRANGER)], headers=headers)
            assert len(answer.json()["errors"]) == 1
        (row,) = [json.loads(line) for line in journal.read_text().splitlines()]
    finally:
        process.terminate()
        assert await process.wait() == 0
    assert (row["path"], row["status"], row["executed"], row["integration"]) == (
        "/api/v4/calls", 200, True, told["client_id"],
    )  # fmt: skip
