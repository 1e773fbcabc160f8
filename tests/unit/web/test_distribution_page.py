"""The page about distribution: what was answered and why, an imagined call, and the dialplan for the PBX."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from tests.unit.web.office_page import client, read, services
from tests.unit.web.visitors import HEAD, VICTOR, accounts, session

from ringbridge.ami.message import Message
from ringbridge.pbx.devices import DeviceBoard, Phones
from ringbridge.routing.clients import MirrorClient, Ref
from ringbridge.routing.distribution import RouteQuestion
from ringbridge.routing.intents import PortalId, UserId
from ringbridge.service.config import Office, office_of
from ringbridge.service.distribution.desk import DistributionDesk
from ringbridge.service.distribution.lately import Lately
from ringbridge.service.distribution.router import Router
from ringbridge.service.distribution.setup import open_router
from ringbridge.service.mirror.mirrors import Mirrors
from ringbridge.store.database import Database
from ringbridge.store.mirror import Mirror
from ringbridge.web.app import create_app

TOKEN = "0123456789abcdef"
CONFIG: dict[str, Any] = {
    "portal": [{"name": "acme", "webhook": "https://acme.bitrix24.ru/rest/1/abcdefgh/", "default_user": "1"}],
    "trunk": [
        {"name": "mango", "title": "Реклама", "new_clients": {"extensions": ["700"]}},
        {"name": "turns", "new_clients": {"extensions": ["101", "102"], "order": "round_robin"}},
    ],
    "employee": [
        {"name": "Анна Смирнова", "extensions": ["101"], "users": {"acme": "1"}, "deputy": "102"},
        {"name": "Борис Орлов", "extensions": ["102"]},
    ],
    "distribution": {"enabled": True, "group": "600", "token": TOKEN},
}
PETER = MirrorClient(
    ref=Ref(kind="contact", id="7"), name="Пётр Кузнецов", responsible=UserId("1"), phones=("8 912 555-11-22",)
)


SILENT = Message([("Event", "DeviceStateChange"), ("Device", "PJSIP/101"), ("State", "UNAVAILABLE")])


@dataclass
class There:
    page: httpx2.AsyncClient
    router: Router
    board: DeviceBoard

    async def shown(self, language: str = "en", **asked: str) -> str:
        answer = await self.page.get("/distribution", params=asked, headers={"Accept-Language": language})
        assert answer.status_code == 200, answer.text
        return " ".join(read(answer.text).found)


def desk_of(office: Office, database: Database, board: DeviceBoard) -> DistributionDesk:
    router = open_router(
        office,
        (),
        mirror=Mirrors((), database),
        phones=Phones([board]),
        lately=Lately(),
        database=database,
    )
    return DistributionDesk(office=lambda: office, database=database, router=router, address="http://127.0.0.1:8077")


@pytest.fixture
async def there(database: Database) -> AsyncIterator[There]:
    await Mirror(database, PortalId("acme"), "RU").keep([PETER], generation=1)
    board = DeviceBoard()
    desk = desk_of(office_of(CONFIG), database, board)
    async with client(create_app(replace(services(database), distribution=desk))) as page:
        yield There(page=page, router=desk.router, board=board)


async def test_a_number_is_tried_on_the_stored_mirror_and_nothing_is_asked_of_anybody(there: There) -> None:
    said = await there.shown(number="+7 912 555-11-22")
    assert "Пётр Кузнецов (contact) calls: Анна Смирнова 101 (responsible), then Борис Орлов 102 (stands in)" in said
    assert "The phone shows Пётр Кузнецов" in said
    assert not there.router.log.answered


async def test_the_trial_sees_the_phones_as_they_are(there: There) -> None:
    there.board.feed(SILENT)
    said = await there.shown(number="89125551122")
    assert "Борис Орлов 102 (stands in)" in said
    assert "101 was passed over: Анна Смирнова: not registered" in said


async def test_a_new_client_is_tried_on_a_line(there: There) -> None:
    assert "Nobody knows the number: 700 (takes new clients)." in await there.shown(number="89990000000", trunk="mango")


async def test_the_trial_sees_whose_turn_it_is_and_takes_it_from_nobody(database: Database) -> None:
    asked = RouteQuestion(number="79990000000", trunk="turns", uniqueid="1.1")
    desk = desk_of(office_of(CONFIG), database, DeviceBoard())
    assert (await desk.router.ask(asked)).hops[0].extension == "101"
    for _ in range(2):
        trial = await desk.trial(asked, datetime.now(UTC))
        assert trial.route.hops[0].extension == "102"
    assert (await desk.router.ask(asked)).hops[0].extension == "102"


async def test_what_the_dialplan_was_answered_is_shown_with_why(there: There) -> None:
    assert "The dialplan has asked nothing" in await there.shown()
    await there.router.ask(RouteQuestion(number="79990000000", trunk="mango", uniqueid="1.1", choice="2"))
    said = await there.shown()
    assert "+7 999 000-00-00 Choice in a menu: 2" in said
    assert "Nobody knows the number: 700 (takes new clients)." in said


async def test_why_is_told_in_the_visitors_language(there: There) -> None:
    there.board.feed(SILENT)
    said = await there.shown("ru", number="89125551122")
    assert "Звонит Пётр Кузнецов (контакт): Борис Орлов 102 (замещает), затем 600 (группа)." in said
    assert "Анна Смирнова: не зарегистрирован" in said
    assert "Номер скрыт: обычный маршрут." in await there.shown("ru", number="anonymous")


@pytest.mark.parametrize("kind", ["asterisk", "freepbx"])
async def test_the_dialplan_is_shown_and_downloaded_whole(there: There, kind: str) -> None:
    file = await there.page.get(f"/dialplan/{kind}/curl")
    assert f'filename="ringbridge-{kind}.conf"' in file.headers["content-disposition"]
    assert f"token={TOKEN}" in file.text
    shown = (await there.page.get("/distribution")).text
    assert file.text.splitlines()[0].replace("'", "&#39;") in shown
    assert "agi://127.0.0.1:4574" in (await there.page.get(f"/dialplan/{kind}/agi")).text


async def test_what_is_no_dialplan_is_not_there(there: There) -> None:
    assert (await there.page.get("/dialplan/cisco/curl")).status_code == 404


async def test_a_supervisor_sees_the_answers_and_not_the_token(there: There, database: Database) -> None:
    await accounts(database)
    cookie = await session(database, HEAD)
    page = await there.page.get("/distribution", headers=cookie)
    assert "Last answers" in page.text
    assert TOKEN not in page.text
    assert (await there.page.get("/dialplan/asterisk/curl", headers=cookie)).status_code == 403
    assert (await there.page.get("/distribution", headers=await session(database, VICTOR))).status_code == 403


async def test_where_distribution_is_off_the_page_says_so_and_tries_all_the_same(database: Database) -> None:
    desk = desk_of(office_of(CONFIG | {"distribution": {"enabled": False}}), database, DeviceBoard())
    async with client(create_app(replace(services(database), distribution=desk))) as page:
        said = (await page.get("/distribution", params={"number": "89990000000", "trunk": "mango"})).text
    assert "Switched off: every call takes its normal route" in said
    assert "700" in said
