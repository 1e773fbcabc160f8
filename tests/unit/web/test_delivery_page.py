from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.web import sample_calls
from tests.unit.web.office_page import (
    ACME,
    NOW,
    OFFICE,
    PORTAL,
    STATUS,
    client,
    read,
    services,
    told_to_the_crm,
    tried,
)
from tests.unit.web.visitors import HEAD, VICTOR, accounts, session

from ringbridge.delivery.local import LocalEngine
from ringbridge.service.dispatch import Dispatch
from ringbridge.store import deliveries, portals
from ringbridge.store.database import Database
from ringbridge.store.keys import call_key
from ringbridge.store.outcome import GiveUp
from ringbridge.web.app import create_app
from ringbridge.web.services import Services, Status

CALL = sample_calls.answered(NOW - timedelta(hours=1))
KEY = call_key(OFFICE, CALL.id)


def office(database: Database, status: Status = STATUS) -> Services:
    dispatch = Dispatch(database, LocalEngine(database, [ACME]), clock=lambda: NOW)
    return replace(services(database, status=status), dispatch=dispatch)


async def refused(database: Database) -> None:
    """A busy portal is asked for the second time, and refuses for good."""
    await told_to_the_crm(database, CALL)
    await tried(database, NOW + timedelta(minutes=2), GiveUp(reason="not sent: the call was over already"))


async def shown(given: Services, language: str = "en") -> str:
    async with client(create_app(given), language) as page:
        answer = await page.get("/delivery")
    assert answer.status_code == 200
    return " | ".join(read(answer.text).found)


async def act(given: Services, **form: str) -> int:
    async with client(create_app(given)) as page:
        answer = await page.post("/delivery", data={"portal": "acme", **form}, headers={"Origin": str(page.base_url)})
    return answer.status_code


async def test_queue_quota_and_why_steps_wait_are_told(database: Database) -> None:
    await told_to_the_crm(database, CALL)
    told = await shown(office(database))
    assert "Waiting to be sent | 7 | call cards: 2 | recordings: 5" in told
    assert "42%" in told
    assert "Why steps wait | The portal is busy | 1 step, next try 18:02:00" in told


async def test_why_a_portal_is_parked_and_until_when_is_told(database: Database) -> None:
    parked = replace(PORTAL, parked="parked by hand", parked_until=NOW + timedelta(minutes=5))
    told = await shown(office(database, replace(STATUS, portals=(parked,))))
    assert "Parked: nothing is sent" in told
    assert "It is tried again at 18:05:00." in told


async def test_what_was_refused_is_told_in_the_visitors_language_with_its_call(database: Database) -> None:
    await refused(database)
    told = await shown(office(database), "ru")
    assert "+7 912 555-11-22" in told
    assert "не отправлено: звонок уже закончился" in told
    assert "Отправить снова" in told


async def test_refused_steps_are_sent_again_with_a_button(database: Database) -> None:
    await refused(database)
    given = office(database)
    assert await act(given, act="again", call=KEY) == 303
    assert "Refused by the portal" not in await shown(given)
    async with database.reading() as tx:
        assert await deliveries.given_up(tx, ACME) == 0


async def test_refused_steps_are_forgotten_with_a_button(database: Database) -> None:
    await refused(database)
    given = office(database)
    assert await act(given, act="forget", call=KEY) == 303
    assert "Refused by the portal" not in await shown(given)


async def test_a_parked_portal_is_tried_now_with_a_button(database: Database) -> None:
    async with database.transaction() as tx:
        await portals.park(tx, ACME, reason="the key was revoked", until=None, now=NOW)
    assert await act(office(database), act="now") == 303
    async with database.reading() as tx:
        assert await portals.parked(tx, ACME) is None


@pytest.mark.parametrize("form", [{"act": "explode"}, {"act": "now", "portal": "nobody"}, {}])
async def test_an_act_that_no_button_has_does_nothing(database: Database, form: dict[str, str]) -> None:
    assert await act(office(database), **form) == 404


async def test_supervisors_act_and_employees_do_not_even_see_it(database: Database) -> None:
    await accounts(database)
    app = create_app(office(database))
    async with client(app) as page:
        origin = {"Origin": str(page.base_url)}
        for user, status in ((HEAD, 303), (VICTOR, 403)):
            headers = origin | await session(database, user)
            answer = await page.post("/delivery", data={"portal": "acme", "act": "now"}, headers=headers)
            assert answer.status_code == status
            seen = await page.get("/delivery", headers=headers)
            assert seen.status_code == (200 if status == 303 else 403)
