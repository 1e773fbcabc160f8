"""The page of hooks: what there is, what went wrong, and a trial with nothing sent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
from tests.unit.web import sample_calls
from tests.unit.web.office_page import NOW, OFFICE, client, journal, read, services

from ringbridge.hooks.context import Asked
from ringbridge.hooks.runner import Hooks, HookSettings
from ringbridge.service.config import office_of
from ringbridge.service.hook_desk import HookDesk
from ringbridge.service.views import OfficeView
from ringbridge.store.database import Database
from ringbridge.store.keys import call_key
from ringbridge.web.app import create_app

CALL = next(iter(sample_calls.past(NOW)))
KEY = call_key(OFFICE, CALL.id)
CONFIG = {
    "portal": [
        {"name": "acme", "webhook": "https://acme.bitrix24.ru/rest/1/a-secret-of-ours/", "default_user": "1"},
    ]
}


@pytest.fixture
async def there(tmp_path: Path, database: Database) -> AsyncIterator[tuple[httpx2.AsyncClient, Hooks]]:
    await journal(database, [CALL])
    settings = HookSettings(folder=tmp_path)
    hooks = Hooks(settings)
    desk = HookDesk(hooks, settings, OfficeView(office_of(CONFIG), database))
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

    class Nobody:
        kind = "bitrix24"

    asked = Asked(portal="acme", crm=Nobody(), journal=Nobody(), call=KEY)  # type: ignore[arg-type]
    await hooks.apply("process_client_phone", "1", {}, asked)
    text = await shown(page)
    assert f"process_client_phone of {KEY}: a.py, line 2: ValueError: no such number" in text
    assert "b.py, line 1" in text
    assert "Cannot be loaded" in text


async def test_a_hook_is_tried_on_a_call_by_its_pages_address(there, tmp_path: Path):
    page, hooks = there
    (tmp_path / "a.py").write_text("def need_registration(result): return 1 / 0")
    text = await shown(page, hook="need_registration", call=f"http://localhost:8077/calls/{KEY}")
    assert "failed, unchanged: need_registration of a.py: a.py, line 1: ZeroDivisionError" in text
    assert "Nothing was sent." in text
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
