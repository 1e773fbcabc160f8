"""Events of a portal, posted and fetched: those of our portal are acted upon once, all others not at all."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.contract.bitrix24_entrance import click, entrance

from ringbridge.crm.bitrix24.offline import OfflineQueue
from ringbridge.crm.contract import Transient
from ringbridge.emulators.bitrix24 import Fault, FaultKind, deskwork
from ringbridge.emulators.bitrix24.oauth import Application
from ringbridge.routing.dialing import DialKind
from ringbridge.service.portals import events
from ringbridge.service.portals.events import Sense, pause_before_fetch
from ringbridge.store.dials import DialState
from ringbridge.web import bitrix24

NUMBER = "+7 912 555-11-22"
CLICK, ORDER = "ONEXTERNALCALLSTART", "ONEXTERNALCALLBACKSTART"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue is fetched at once, so that nobody waits for the next time."""
    monkeypatch.setattr(events, "QUICK", 0.02)


async def test_a_click_that_is_posted_is_dialled_with_all_it_says(tmp_path: Path) -> None:
    async with entrance(tmp_path) as at, at.running():
        await at.until_bound()
        call_id = deskwork.click(at.portal, user_id=2, number=f"{NUMBER};12")
        (dial,) = await at.until_dialled()
        request = dial.request
        assert (request.crm_call_id, request.user, request.number) == (call_id, "2", "+79125551122")
        assert (request.kind, request.entity, request.note) == (DialKind.CLICK, ("contact", "1"), "extension 12")
        assert (dial.state, dial.extension) == (DialState.SENT, "102")
        await at.portal.chores.finish_waiting()
        assert at.portal.bus.delivered == [(CLICK, f"{at.address}/bitrix24/main/events", 200)]


@pytest.mark.usefixtures("impatient")
async def test_a_click_that_waits_in_the_queue_is_fetched_and_dialled_once(tmp_path: Path) -> None:
    async with entrance(tmp_path, sense=Sense.FETCHED) as at, at.running():
        await at.until_bound()
        call_id = deskwork.click(at.portal, user_id=1, number=NUMBER)
        (dial,) = await at.until_dialled()
        assert dial.request.crm_call_id == call_id
        await at.until_forgotten()


async def test_an_order_rings_the_group(tmp_path: Path) -> None:
    async with entrance(tmp_path) as at, at.running():
        await at.until_bound()
        deskwork.order_callback(at.portal, number=NUMBER, text="Call me back", line="Volga")
        (dial,) = await at.until_dialled()
        assert (dial.request.kind, dial.request.user, dial.extension) == (DialKind.CALLBACK, None, "600")
        assert (dial.request.line, dial.request.note) == ("Volga", "Call me back")


async def test_the_same_event_posted_again_is_taken_and_not_dialled_again(tmp_path: Path) -> None:
    async with entrance(tmp_path) as at:
        body = at.form(CLICK, click())
        assert [await at.post(body) for _ in range(3)] == [200, 200, 200]
        assert len(await at.dials()) == 1


@pytest.mark.usefixtures("impatient")
async def test_a_click_that_comes_by_both_ways_is_dialled_once(tmp_path: Path) -> None:
    async with entrance(tmp_path, sense=Sense.FETCHED) as at, at.running():
        await at.until_bound()
        call_id = deskwork.click(at.portal, user_id=1, number=NUMBER)
        assert await at.post(at.form(CLICK, click(CALL_ID=call_id))) == 200
        deskwork.click(at.portal, user_id=2, number=NUMBER)
        assert [dial.request.user for dial in await at.until_dialled(2)] == ["1", "2"]


@pytest.mark.parametrize(
    "lie",
    [
        {"application_token": "0" * 32},
        {"application_token": ""},
        {"member_id": "another portal"},
        {"member_id": ""},
        {"application_token": "ключ"},
    ],
    ids=["wrong token", "no token", "foreign portal", "no portal", "letters"],
)
async def test_a_forged_event_is_refused_and_nothing_is_dialled(tmp_path: Path, lie: dict[str, str]) -> None:
    async with entrance(tmp_path) as at:
        assert await at.post(at.form(CLICK, click(), **lie)) == 403
        assert await at.dials() == []


async def test_an_old_event_is_ended_with_the_reason_and_not_dialled(tmp_path: Path) -> None:
    async with entrance(tmp_path) as at:
        assert await at.post(at.form(CLICK, click(), ts=datetime.now(UTC).timestamp() - 90)) == 200
        (dial,) = await at.dials()
        assert dial.state is DialState.REFUSED
        assert "seconds ago" in dial.reason


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"event=ONEXTERNALCALLSTART",
        b"event=ONEXTERNALCALLSTART&ts=yesterday",
        b"\xff\xfe\x00",
        b"[]=&[a]=1&data[][][]=2&ts=1764090000",
        b"&".join(b"a[%d]=1" % n for n in range(600)),
        b'{"event": "ONEXTERNALCALLSTART"}',
    ],
)
async def test_what_is_no_event_is_said_so(tmp_path: Path, body: bytes) -> None:
    async with entrance(tmp_path) as at:
        assert await at.post(body) == 400
        assert await at.dials() == []


@pytest.mark.parametrize("gone", ["CALL_ID", "USER_ID"])
async def test_a_click_without_its_call_or_employee_is_no_event(tmp_path: Path, gone: str) -> None:
    async with entrance(tmp_path) as at:
        data: dict[str, Any] = {name: value for name, value in click().items() if name != gone}
        assert await at.post(at.form(CLICK, data)) == 400


async def test_an_event_that_nobody_asked_for_is_taken_and_left_alone(tmp_path: Path) -> None:
    async with entrance(tmp_path) as at:
        assert await at.post(at.form("ONVOXIMPLANTCALLEND", {"CALL_ID": "x"})) == 200
        assert await at.dials() == []


async def test_more_than_any_portal_posts_is_not_read(tmp_path: Path) -> None:
    async with entrance(tmp_path) as at:
        assert await at.post(b"event=X&data[TEXT]=" + b"a" * 70_000) == 413


async def test_who_posts_too_often_is_sent_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bitrix24, "MOST", 10)
    async with entrance(tmp_path) as at:
        assert [await at.post(b"") for _ in range(11)] == [400] * 10 + [429]


async def test_a_portal_may_tell_of_as_many_things_as_it_likes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody imports clients: the click that comes after them is not sent away."""
    monkeypatch.setattr(bitrix24, "MOST", 3)
    async with entrance(tmp_path, mirrored=True) as at:
        change = at.form("ONCRMCONTACTADD", {"FIELDS][ID": "7"})
        assert [await at.post(change) for _ in range(5)] == [200] * 5
        assert await at.post(at.form(CLICK, click())) == 200
        assert len(await at.dials()) == 1
        assert [await at.post(b"") for _ in range(4)] == [400, 400, 400, 429]


async def test_a_portal_that_is_not_configured_is_not_known(tmp_path: Path) -> None:
    async with entrance(tmp_path) as at:
        assert await at.post(at.form(CLICK, click()), "/bitrix24/other/events") == 404


async def test_a_portals_page_may_post_although_it_is_another_site(tmp_path: Path) -> None:
    async with entrance(tmp_path) as at:
        foreign = {"Origin": "https://company.bitrix24.ru", "Sec-Fetch-Site": "cross-site"}
        assert await at.post(at.form(CLICK, click()), **foreign) == 200


# The secret of the events


@pytest.mark.usefixtures("impatient")
async def test_the_secret_of_the_events_is_learned_from_the_queue(tmp_path: Path) -> None:
    async with entrance(tmp_path, sense=Sense.FETCHED, knows_token=False) as at, at.running():
        await at.until_bound()
        deskwork.click(at.portal, user_id=1, number=NUMBER)
        await at.until_dialled()
        assert at.crm.installation.knows_token
        assert await at.post(at.form(CLICK, click(USER_ID="2"))) == 200


async def test_without_the_secret_the_portal_is_asked_whose_token_the_event_carries(tmp_path: Path) -> None:
    async with entrance(tmp_path, knows_token=False) as at:
        access, _ = at.portal.access.issue(at.portal.access.applications[0], 2, at.portal.clock())
        assert await at.post(at.form(CLICK, click())) == 403
        assert await at.post(at.form(CLICK, click(), access_token="0" * 70)) == 403
        assert await at.post(at.form(CLICK, click(), access_token=access)) == 200
        assert await at.post(at.form(CLICK, click(USER_ID="2"), access_token="")) == 200
        assert len(await at.dials()) == 2


async def test_a_token_of_another_application_proves_nothing(tmp_path: Path) -> None:
    async with entrance(tmp_path, knows_token=False) as at:
        other = Application(id=2, client_id="local.other", client_secret="other")
        at.portal.access.applications.append(other)
        access, _ = at.portal.access.issue(other, 2, at.portal.clock())
        assert await at.post(at.form(CLICK, click(), access_token=access)) == 403


# Handlers and the queue


async def test_handlers_are_bound_once_and_what_was_bound_otherwise_is_unbound(tmp_path: Path) -> None:
    async with entrance(tmp_path) as at:
        old = "https://old.example/bitrix24/main/events"
        for event in (CLICK, ORDER):
            at.portal.bus.bind(event, application_id=1, url=old)
        at.portal.bus.bind(CLICK, application_id=1, offline=True)
        at.portal.bus.bind("ONCRMCONTACTUPDATE", application_id=1, url=old)  # of when there was a mirror
        at.portal.bus.bind("ONTASKADD", application_id=1, url=old)
        here = f"{at.address}/bitrix24/main/events"
        for _ in range(2):
            await at.crm.desk.bind(here)
            bound = sorted((one.event, one.url) for one in at.portal.bus.handlers)
            assert bound == sorted([("ONTASKADD", old), (CLICK, here), (ORDER, here), ("ONAPPUNINSTALL", here)])


async def test_what_is_switched_off_is_unbound(tmp_path: Path) -> None:
    async with entrance(tmp_path, sense=Sense.OFF) as at:
        await at.crm.desk.bind(None)
        assert len(at.portal.bus.handlers) == 2
        await at.crm.desk.unbind()
        assert at.portal.bus.handlers == []


async def test_a_key_of_no_administrator_says_what_is_missing(tmp_path: Path) -> None:
    async with entrance(tmp_path, sense=Sense.FETCHED) as at:
        for token in list(at.portal.access.access):
            known = at.portal.access.access[token]
            at.portal.access.access[token] = type(known)(
                application=known.application, user_id=2, expires=known.expires
            )
        assert not await at.events._bind()
        assert at.events.trouble is not None
        assert "ACCESS_DENIED" in at.events.trouble


@pytest.mark.usefixtures("impatient")
async def test_fetching_goes_on_after_a_bad_moment_of_the_portal(tmp_path: Path) -> None:
    async with entrance(tmp_path, sense=Sense.FETCHED) as at, at.running():
        await at.until_bound()
        at.portal.faults.add(Fault(kind=FaultKind.UNAVAILABLE, times=1))
        deskwork.click(at.portal, user_id=1, number=NUMBER)
        assert len(await at.until_dialled()) == 1
        assert at.events.trouble is None


async def test_the_question_rides_on_a_batch_that_goes_anyway(tmp_path: Path) -> None:
    async with entrance(tmp_path, sense=Sense.FETCHED) as at:
        await at.crm.desk.bind(None)
        await at.crm.desk.queue.fetch()  # after a start, what was left then is looked for
        call_id = deskwork.click(at.portal, user_id=1, number=NUMBER)
        at.crm.desk.queue.every = 0.001
        await at.crm.check()
        lot = await at.crm.desk.queue.next()
        (event,) = lot.events
        assert event.call_id == call_id  # type: ignore[union-attr]
        assert at.portal.traffic.methods["event.offline.get"] == 2
        await at.crm.desk.queue.confirm(lot)
        assert at.portal.bus.offline == []


# Answers that are lost


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("method", ["event.offline.get", "event.offline.clear", "event.offline.list"])
async def test_a_click_whose_answer_is_lost_is_dialled_once_all_the_same(tmp_path: Path, method: str) -> None:
    async with entrance(tmp_path, sense=Sense.FETCHED) as at:
        await at.crm.desk.bind(None)
        call_id = deskwork.click(at.portal, user_id=1, number=NUMBER)
        at.portal.faults.add(Fault(kind=FaultKind.LOSE_ANSWER, method=method))
        async with at.running():
            (dial,) = await at.until_dialled()
            await at.until_forgotten()
        assert dial.request.crm_call_id == call_id
        assert len(await at.dials()) == 1


async def test_a_question_that_rode_on_a_batch_whose_answer_was_lost_is_asked_again(tmp_path: Path) -> None:
    async with entrance(tmp_path, sense=Sense.FETCHED) as at:
        await at.crm.desk.bind(None)
        await at.crm.desk.queue.fetch()  # after a start, what was left then is looked for
        deskwork.click(at.portal, user_id=1, number=NUMBER)
        at.portal.faults.add(Fault(kind=FaultKind.LOSE_ANSWER, method="batch"))
        at.crm.desk.queue.every = 0.001
        with pytest.raises(Transient):
            await at.crm.check()
        at.crm.desk.queue.every = None
        (event,) = (await at.crm.desk.queue.fetch()).events
        assert event.number == "+79125551122"  # type: ignore[union-attr]


@pytest.mark.usefixtures("impatient")
async def test_what_was_fetched_before_a_kill_and_not_acted_upon_is_fetched_after_the_start(tmp_path: Path) -> None:
    async with entrance(tmp_path, sense=Sense.FETCHED) as at:
        await at.crm.desk.bind(None)
        for _ in range(60):  # more than a page of what is reserved
            deskwork.click(at.portal, user_id=1, number=NUMBER)
        assert len((await OfflineQueue(at.crm.desk._rest).fetch()).events) == 60
        async with at.running():
            await at.until_forgotten()
        assert len(await at.dials()) == 60


@pytest.mark.usefixtures("impatient")
async def test_a_plan_that_cannot_reserve_events_has_them_dialled_too(tmp_path: Path) -> None:
    async with entrance(tmp_path, sense=Sense.FETCHED) as at:
        at.portal.settings.offline_confirmation = False
        async with at.running():
            await at.until_bound()
            deskwork.click(at.portal, user_id=1, number=NUMBER)
            await at.until_dialled()
            assert at.events.trouble is None
        assert at.portal.bus.offline == []
        assert at.portal.traffic.methods["event.offline.clear"] == 0


def test_somebody_who_works_waits_seconds_and_a_portal_in_trouble_is_spared() -> None:
    assert pause_before_fetch(in_haste=True, failures=0) == 2.5
    assert pause_before_fetch(in_haste=False, failures=0) == 15.0
    assert [pause_before_fetch(in_haste=True, failures=n) for n in (1, 3, 30)] == [5.0, 20.0, 60.0]
