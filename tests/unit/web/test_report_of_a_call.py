from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tests.unit.web import sample_calls
from tests.unit.web.office_page import NOW, OFFICE, client, journal, services
from tests.unit.web.visitors import BOSS, HEAD, VICTOR, accounts, session

from ringbridge.store.calls import JournalEntry
from ringbridge.store.database import Database
from ringbridge.store.keys import call_key
from ringbridge.web.app import create_app

CALL = sample_calls.answered(NOW - timedelta(hours=1))
KEY = call_key(OFFICE, CALL.id)


class Traces:
    def has(self, entry: JournalEntry) -> bool:
        return entry.key == KEY

    def report(self, entry: JournalEntry, *, disguised: bool) -> bytes | None:
        return (b"disguised" if disguised else b"real") if entry.key == KEY else None


async def test_supervisors_get_it_disguised_administrators_as_it_is_employees_not_at_all(database: Database) -> None:
    await accounts(database)
    await journal(database, [CALL])
    async with client(create_app(replace(services(database), traces=Traces()))) as page:
        found = {}
        for user in (BOSS, HEAD, VICTOR):
            headers = await session(database, user)
            for more in ("", "&numbers=1"):
                answer = await page.get(f"/calls/trace?call={KEY}{more}", headers=headers)
                found[user.name, more] = answer.content if answer.status_code == 200 else answer.status_code
        shown = (await page.get(f"/calls/{KEY}", headers=await session(database, HEAD))).text
    assert found == {
        ("boss", ""): b"disguised",
        ("boss", "&numbers=1"): b"real",
        ("head", ""): b"disguised",
        ("head", "&numbers=1"): 404,
        ("victor", ""): 404,
        ("victor", "&numbers=1"): 404,
    }
    assert f"/calls/trace?call={KEY}" in shown


async def test_where_nothing_is_left_the_page_says_so(database: Database) -> None:
    await journal(database, [CALL])
    async with client(create_app(services(database))) as page:
        answer = await page.get(f"/calls/trace?call={KEY}")
        shown = (await page.get(f"/calls/{KEY}")).text
    assert answer.status_code == 404
    assert "trace_hours" in answer.text
    assert "/calls/trace" not in shown
