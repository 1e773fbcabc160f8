"""Buttons that send calls again: one call's, and a search's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from tests.unit.web import sample_calls
from tests.unit.web.office_page import NOW, OFFICE, client, journal, read, services
from tests.unit.web.visitors import HEAD, VICTOR, accounts, session

from ringbridge.routing.intents import PortalId
from ringbridge.service.hooks.advice import NoAdvisers
from ringbridge.service.journal.reprocess import Reprocess, Resent
from ringbridge.service.journal.resending import Progress, Resending
from ringbridge.store import calls
from ringbridge.store.calls import Filters, StoryKind, StoryLine
from ringbridge.store.database import Database
from ringbridge.store.keys import CallKey, call_key
from ringbridge.web.app import create_app
from ringbridge.web.services import Services

CALL = sample_calls.answered(NOW - timedelta(hours=1))
KEY = call_key(OFFICE, CALL.id)
FINISHED = Progress(total=7, done=Resent(calls=7, steps=3), ended=NOW)


class NoCrms:
    def portals(self) -> list:
        return []


def sending(database: Database) -> Resending:
    return Resending(database, Reprocess(database, NoCrms(), NoAdvisers(), lambda: None))  # type: ignore[arg-type]


def office(database: Database, asked: list[CallKey], resending: Resending | None = None) -> Services:
    async def send_again(keys: Sequence[CallKey], only: PortalId | None) -> int:
        asked.extend(keys)
        return 1

    return replace(services(database), send_again=send_again, resending=resending)


async def test_a_supervisor_sends_one_call_again_and_an_employee_does_not(database: Database) -> None:
    await accounts(database)
    await journal(database, [CALL, sample_calls.talking(NOW)])
    asked: list[CallKey] = []
    async with client(create_app(office(database, asked))) as page:
        for user, status in ((HEAD, 303), (VICTOR, 404)):
            headers = {"Origin": str(page.base_url)} | await session(database, user)
            assert (await page.post("/calls", data={"call": KEY}, headers=headers)).status_code == status
        unknown = await page.post("/calls", data={"call": "x"}, headers=headers | await session(database, HEAD))
        shown = (await page.get(f"/calls/{KEY}", headers=await session(database, HEAD))).text
    assert asked == [KEY]
    assert unknown.status_code == 404
    assert "Send again" in shown


async def test_a_search_is_sent_again_and_tells_how_far_it_is(database: Database) -> None:
    await journal(database, [CALL])
    resending = sending(database)
    async with client(create_app(office(database, [], resending))) as page:
        origin = {"Origin": str(page.base_url)}
        assert "Send these calls again" not in (await page.get("/journal")).text, "never all calls by one click"
        assert "Send these calls again" in (await page.get("/journal?trunk=mango")).text
        answer = await page.post("/journal/sending?trunk=mango", headers=origin)
        assert (answer.status_code, answer.headers["location"]) == (303, "/journal?trunk=mango")
        going = await page.get("/journal/sending")
        assert "0 of …" in " ".join(read(going.text).found)
        assert 'hx-get="/journal/sending"' in going.text
        resending.progress = FINISHED
        done = await page.get("/journal/sending")
    assert "7 calls looked at, 3 steps to be sent" in " ".join(read(done.text).found)
    assert "hx-get" not in done.text


async def test_a_search_that_asks_for_nothing_or_cannot_be_read_is_not_sent(database: Database) -> None:
    resending = sending(database)
    async with client(create_app(office(database, [], resending))) as page:
        for query in ("", "?from=yesterday"):
            answer = await page.post(f"/journal/sending{query}", headers={"Origin": str(page.base_url)})
            assert answer.status_code == 404
    assert resending.progress is None
    assert resending.ask(Filters(), by="boss")


async def test_an_employee_neither_sends_a_search_nor_sees_its_progress(database: Database) -> None:
    await accounts(database)
    resending = sending(database)
    resending.progress = FINISHED
    async with client(create_app(office(database, [], resending))) as page:
        headers = {"Origin": str(page.base_url)} | await session(database, VICTOR)
        assert (await page.get("/journal/sending", headers=headers)).status_code == 404
        assert (await page.post("/journal/sending?trunk=x", headers=headers)).status_code == 404
        assert "looked at" not in (await page.get("/journal", headers=headers)).text


async def test_what_was_decided_is_told_by_the_steps_names(database: Database) -> None:
    line = StoryLine(at=NOW, kind=StoryKind.DECIDED, text="acme: RegisterCall (user 7), FinishCall (user 7)")
    async with database.transaction() as tx:
        await calls.record(tx, OFFICE, [CALL], {CALL.id: [line]})
    async with client(create_app(services(database)), "ru") as page:
        told = " | ".join(read((await page.get(f"/calls/{KEY}")).text).found)
    assert "acme: Регистрация звонка (пользователь 7), Завершение звонка (пользователь 7)" in told
