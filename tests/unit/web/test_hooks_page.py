"""The page of hooks: what there is, what went wrong, and a trial with nothing sent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import httpx2
import pytest
from tests.unit.web import sample_calls
from tests.unit.web.office_page import NOW, OFFICE, client, journal, read, services

from ringbridge.hooks.context import Asked
from ringbridge.hooks.runner import Hooks, HookSettings
from ringbridge.routing.intents import PortalId, UserId
from ringbridge.routing.office import Portal, Staff
from ringbridge.routing.records import intents_of
from ringbridge.service.config import office_of
from ringbridge.service.editing import OfficeEditor, reconfigured
from ringbridge.service.hooks.desk import HookDesk
from ringbridge.service.hooks.trial import NoCrm, OneCall
from ringbridge.service.settings import save_office
from ringbridge.service.views import OfficeView
from ringbridge.store import deliveries, settings
from ringbridge.store.database import Database
from ringbridge.store.keys import call_key
from ringbridge.store.vault import Vault
from ringbridge.telephony.events import CallEnded
from ringbridge.web.app import create_app

CALL = next(iter(sample_calls.past(NOW)))
KEY = call_key(OFFICE, CALL.id)
DESK = Portal(id=PortalId("acme"), staff=Staff(default=UserId("1")))
CONFIG = {
    "portal": [
        {"name": "acme", "webhook": "https://acme.bitrix24.ru/rest/1/a-secret-of-ours/", "default_user": "1"},
    ],
    "rule": [
        {"name": "ours", "numbers": ["8999XXXXXXX"], "register": False},
        {"name": "clients that are new", "client": "unknown", "source": "CALL"},
    ],
}


@pytest.fixture
async def there(tmp_path: Path, database: Database) -> AsyncIterator[tuple[httpx2.AsyncClient, Hooks]]:
    await journal(database, [CALL])
    hooks, office, vault = Hooks(HookSettings(folder=tmp_path)), office_of(CONFIG), Vault.open(tmp_path / "key")
    await save_office(database, vault, office, by="the test")
    editor = OfficeEditor(database, vault, partial(reconfigured, (), hooks))
    desk = HookDesk(hooks, OfficeView(office, database), editor)
    app = create_app(replace(services(database), hooks=desk))
    async with client(app) as page:
        yield page, hooks
    hooks.close()


async def shown(page: httpx2.AsyncClient, **form: str) -> str:
    if form:
        answer = await page.post("/hooks", data=form, headers={"Origin": "http://localhost:8077"})
    else:
        answer = await page.get("/hooks")
    assert answer.status_code == 200, answer.text
    return " | ".join(read(answer.text).found)


async def test_an_office_without_hooks_is_told_where_they_belong(there, tmp_path: Path):
    page, _ = there
    text = await shown(page)
    assert "No file is in this folder." in text
    assert str(tmp_path) in text


async def test_what_went_wrong_with_a_file_is_shown_with_its_line(there, tmp_path: Path):
    page, hooks = there
    (tmp_path / "a.py").write_text("def process_client_phone(phone):\n    raise ValueError('no such number')")
    (tmp_path / "b.py").write_text("def broken(:")

    asked = Asked(portal="acme", crm=NoCrm("bitrix24"), journal=OneCall(None), call=KEY)  # type: ignore[arg-type]
    await hooks.apply("process_client_phone", "1", {}, asked)
    text = await shown(page)
    assert "process_client_phone: a.py, line 2: ValueError: no such number | To the call" in text
    assert "b.py, line 1" in text
    assert "Cannot be loaded" in text
    page.headers["Accept-Language"] = "ru"
    text = await shown(page)
    assert "process_client_phone: a.py, строка 2: ValueError: no such number | К звонку" in text
    assert "b.py, строка 1: invalid syntax" in text


async def test_a_hook_is_tried_on_a_call_by_its_pages_address(there, tmp_path: Path):
    page, hooks = there
    (tmp_path / "a.py").write_text("def need_registration(result): return 1 / 0")
    text = await shown(page, hook="need_registration", call=f"http://localhost:8077/calls/{KEY}")
    assert "failed, unchanged: need_registration of a.py: a.py, line 1: ZeroDivisionError" in text
    assert "Nothing was sent." in text
    page.headers["Accept-Language"] = "ru"
    text = await shown(page, hook="need_registration", call=KEY)
    assert "сбой, всё осталось как было: need_registration в a.py: a.py, строка 1: ZeroDivisionError" in text
    assert "Ничего не отправлено." in text
    (file,) = await hooks.files()
    assert not file.troubles, "a trial leaves no mark"


@pytest.mark.parametrize(("hook", "call"), [("need_registration", "office-none"), ("os.system", KEY)])
async def test_a_trial_that_cannot_be_made_is_refused_in_words_or_left(there, hook: str, call: str):
    page, _ = there
    text = await shown(page, hook=hook, call=call)
    assert "Nothing was sent." not in text


async def test_a_form_of_another_site_tries_nothing(there):
    page, _ = there
    answer = await page.post("/hooks", data={"hook": "need_registration"}, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403


ASKS = "def process_client_phone(phone): return '+79991112233'"


async def switches(page: httpx2.AsyncClient, file: str, on: str) -> int:
    answer = await page.post("/hooks/file", data={"file": file, "on": on}, headers={"Origin": "http://localhost:8077"})
    return answer.status_code


async def test_a_file_is_switched_off_and_on_while_the_service_runs_and_it_is_kept(
    there, tmp_path: Path, database: Database
):
    page, hooks = there
    (tmp_path / "a.py").write_text(ASKS)
    assert await switches(page, "a.py", "no") == 303
    assert not await hooks.wants("process_client_phone")
    assert "Not asked" in await shown(page)
    assert await switches(page, "a.py", "yes") == 303
    assert await hooks.wants("process_client_phone")
    async with database.reading() as tx:
        changes = await settings.changes(tx)
    assert [(one.by, (one.after or {}).get("hooks")) for one in changes[:2]] == [
        ("this machine", None),
        ("this machine", {"off": ["a.py"]}),
    ]


async def test_only_files_that_are_there_are_switched(there):
    page, _ = there
    assert await switches(page, "../../etc/passwd", "no") == 404


async def test_how_often_a_file_was_asked_and_how_long_it_took_is_shown(there, tmp_path: Path):
    page, hooks = there
    (tmp_path / "a.py").write_text(ASKS)
    asked = Asked(portal="acme", crm=NoCrm("bitrix24"), journal=OneCall(None), call=KEY)  # type: ignore[arg-type]
    for phone in ("1", "2"):
        await hooks.apply("process_client_phone", phone, {}, asked)
    assert "asked 2 times, " in await shown(page)


# Rules and hooks together


async def tried(page: httpx2.AsyncClient, **about: str) -> str:
    answer = await page.get("/hooks/call", params={"call": KEY, **about})
    assert answer.status_code == 200, answer.text
    return " ".join(read(answer.text).found)


async def test_a_call_goes_through_rules_as_they_are_and_nothing_is_written(there, database: Database):
    page, _ = there
    text = await tried(page)
    assert "The CRM is told of it" in text
    assert "ours: does not match: Clients' numbers" in text
    assert "Finish the call" in text
    async with database.reading() as tx:
        assert await deliveries.waiting(tx, PortalId("acme")) == {}


async def test_what_a_hook_says_of_the_number_is_what_the_rules_look_at(there, tmp_path: Path):
    page, hooks = there
    (tmp_path / "a.py").write_text(ASKS)
    text = await tried(page)
    assert "The CRM is not told of it" in text
    assert "process_client_phone of a.py" in text
    (file,) = await hooks.files()
    assert file.asked == 0, "a trial leaves no mark"


async def test_a_hook_that_keeps_a_call_away_is_named(there, tmp_path: Path):
    page, _ = there
    (tmp_path / "a.py").write_text("def need_registration(result): return False")
    assert "A hook keeps it away from the CRM" in await tried(page)


async def test_a_call_of_which_the_crm_was_told_is_tried_as_if_it_came_today(there, database: Database, tmp_path: Path):
    page, _ = there
    told, _ = intents_of(CallEnded(call=CALL, at=NOW), DESK, OFFICE)
    async with database.transaction() as tx:
        await deliveries.enqueue(tx, DESK.id, told, KEY, NOW)
    (tmp_path / "a.py").write_text("def need_registration(result): return False")
    assert "A hook keeps it away from the CRM" in await tried(page)


async def test_whether_the_client_is_known_may_be_said(there):
    page, _ = there
    assert "clients that are new: matches" in await tried(page, client="unknown")
    assert "clients that are new: does not match: Client" in await tried(page, client="known")


async def test_hooks_of_requests_are_tried_with_what_was_sent_or_it_is_said_why_not(there, tmp_path: Path):
    page, _ = there
    (tmp_path / "a.py").write_text("def process_final_params(params): return params")
    assert "nothing of the kind was sent of this call: process_final_params" in await tried(page)


async def test_a_call_that_is_not_in_the_journal_is_told_so(there):
    page, _ = there
    answer = await page.get("/hooks/call", params={"call": "office-none"})
    assert answer.status_code == 404
    assert "The journal has no call office-none" in answer.text
