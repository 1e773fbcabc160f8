from __future__ import annotations

import base64
from dataclasses import replace
from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.unit.web import sample_calls
from tests.unit.web.office_page import NOW, OFFICE, STATUS, client, journal, services
from tests.unit.web.visitors import BOSS, HEAD, PASSWORD, VICTOR, accounts, session

from ringbridge.service.api_tokens import TokenBook
from ringbridge.service.config.api import ApiToken
from ringbridge.store.database import Database
from ringbridge.store.keys import CallKey, call_key
from ringbridge.store.users import User
from ringbridge.web.api.desk import ApiDesk
from ringbridge.web.app import create_app
from ringbridge.web.services import LinkState, PbxStatus, Status
from ringbridge.web.tally import Tally

PROGRAM = {"Accept": "*/*"}
ELSEWHERE = {"base_url": "https://calls.example", "address": "203.0.113.5"}
PLACES = ("/metrics", "/status", "/pbx/read_call?id=1.1")


def basic(user: User, password: str = PASSWORD) -> dict[str, str]:
    return PROGRAM | {"Authorization": "Basic " + base64.b64encode(f"{user.name}:{password}".encode()).decode()}


async def test_prometheus_reads_calls_links_deliveries_and_quota(database: Database) -> None:
    tally = Tally()
    answered, missed = sample_calls.answered(NOW), sample_calls.missed_in_queue(NOW - timedelta(hours=1))
    for call in (sample_calls.talking(NOW), answered, answered, missed):
        tally.tell(OFFICE, call)
    given = replace(services(database, live=[sample_calls.ringing(NOW)]), tally=tally)
    async with client(create_app(given)) as program:
        answer = await program.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    samples = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    assert samples["ringbridge_calls_total", "answered", "inbound", "office"] == 1, "one call told twice is one"
    assert samples["ringbridge_calls_total", "inbound", "missed", "office"] == 1
    assert samples["ringbridge_calls_in_progress", "office"] == 1
    assert samples["ringbridge_pbx_up", "office"] == 1
    assert samples["ringbridge_pbx_state", "office", "up"] == 1
    assert samples["ringbridge_pbx_state", "office", "refused"] == 0
    assert samples["ringbridge_deliveries_waiting", "acme", "card"] == 2
    assert samples["ringbridge_deliveries_failed", "acme"] == 0
    assert samples["ringbridge_portal_quota_used", "acme"] == 0.42


@pytest.mark.parametrize("path", PLACES)
async def test_programs_get_in_from_the_machine_or_by_an_account_that_sees_everything(
    database: Database, path: str
) -> None:
    await accounts(database)
    tokens = tuple(
        ApiToken.model_validate({"name": may, "secret": f"the-token-that-may-{may}", "may": [may]})
        for may in ("watch", "callback")
    )
    api = ApiDesk(database=database, dialing=None, portals={}, book=TokenBook(database, tokens, lambda: NOW))
    app = create_app(replace(services(database), api=api))
    async with client(app) as here:
        assert (await here.get(path, headers=PROGRAM)).status_code == 200
        passed_on = await here.get(path, headers=PROGRAM | {"X-Forwarded-For": "203.0.113.5"})
        assert passed_on.status_code == 401
    async with client(app, **ELSEWHERE) as there:
        refused = await there.get(path, headers=PROGRAM)
        assert (refused.status_code, refused.headers["www-authenticate"][:5]) == (401, "Basic")
        for headers, status in (
            (basic(BOSS), 200),
            (basic(HEAD), 200),
            (basic(VICTOR), 401),
            (basic(BOSS, "wrong"), 401),
            (PROGRAM | {"Authorization": "Bearer the-token-that-may-watch"}, 200),
            (PROGRAM | {"Authorization": "Bearer the-token-that-may-callback"}, 401),
            (PROGRAM | {"Authorization": "Bearer other"}, 401),
            (PROGRAM | {"Authorization": "Basic %%%"}, 401),
        ):
            assert (await there.get(path, headers=headers)).status_code == status, headers
        logged_in = await there.get(path, headers=PROGRAM | await session(database, HEAD))
        assert logged_in.status_code == 200


ACME = STATUS.portals[0]
UP = PbxStatus(name="office", state=LinkState.UP)


@pytest.mark.parametrize(
    ("status", "state", "words"),
    [
        (STATUS, "", "Ok"),
        (replace(STATUS, pbxs=(replace(UP, missing=("call",)),)), "", "Warning"),
        (replace(STATUS, pbxs=(replace(UP, state=LinkState.CONNECTING),)), "restarting", "Error"),
        (replace(STATUS, pbxs=(replace(UP, state=LinkState.REFUSED),)), "stopped", "Error"),
        (replace(STATUS, portals=(replace(ACME, parked="no licence"),)), "stopped", "Error"),
        (
            replace(
                STATUS, portals=(replace(STATUS.portals[0], parked="busy", parked_until=NOW + timedelta(hours=1)),)
            ),
            "restarting",
            "Error",
        ),
        (Status(version="1", started=NOW), "", "Error"),
    ],
)
async def test_status_speaks_itgrixs_words(database: Database, status: Status, state: str, words: str) -> None:
    async with client(create_app(services(database, status=status))) as program:
        told = (await program.get("/status", headers=PROGRAM)).json()
        assert (told["app_state"], told["app_status"]) == (state, words)
        assert (await program.get("/status?path=app_status", headers=PROGRAM)).json() == words
        assert (await program.get("/status?path=app.calls_queue.calls", headers=PROGRAM)).json() == 0
        assert (await program.get("/status?path=app.nothing", headers=PROGRAM)).status_code == 404


async def test_status_stays_a_page_to_a_browser(database: Database) -> None:
    async with client(create_app(services(database))) as browser:
        assert "<html" in (await browser.get("/status")).text
        part = await browser.get("/status", headers={"HX-Request": "true", "Accept": "*/*"})
        assert "<html" in part.text


async def test_calls_named_or_of_a_period_are_sent_again(database: Database) -> None:
    call = sample_calls.answered(NOW - timedelta(hours=1))
    await journal(database, [call])
    asked: list[list[CallKey]] = []

    async def send_again(keys: list[CallKey], only: str | None) -> int:
        asked.append(keys)
        return 3

    app = create_app(replace(services(database), send_again=send_again))
    local = call.start.astimezone(services(database).zone).replace(tzinfo=None, microsecond=0)
    early, late = (str(local + timedelta(minutes=minutes)) for minutes in (-5, 5))
    async with client(app) as program:
        answers = [
            await program.get("/pbx/read_call", params={"id": call.id}),
            await program.get("/pbx/read_call", params=[("id", call.id), ("id", "0.0")]),
            await program.post("/pbx/read_call", json={"id": [call.id, "0.0"]}),
            await program.get("/pbx/read_call", params={"start_date": early, "end_date": late}),
            await program.post("/pbx/read_call", json={"start_date": early}),
            await program.get("/pbx/read_call", params={"start_date": late, "end_date": late}),
        ]
    assert [answer.json() for answer in answers[:5]] == [{"state": "success", "calls": 1, "steps": 3}] * 5
    assert asked == [[call_key(OFFICE, call.id)]] * 5 + [[]]


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{",
        b'{"start_date": "soon"}',
        b'{"start_date": "0001-01-01 00:00:00+14:00"}',
        b'{"id": true}',
        b"{}",
        b"[" * 100_000,
        b"x" * 1_000_001,
    ],
)
async def test_request_to_send_again_that_cannot_be_read_is_refused_in_words(database: Database, body: bytes) -> None:
    async with client(create_app(services(database))) as program:
        answer = await program.post("/pbx/read_call", content=body)
    assert (answer.status_code, answer.json()["state"]) == (400, "error")


async def test_page_of_another_site_sends_nothing_again(database: Database) -> None:
    async with client(create_app(services(database))) as browser:
        answer = await browser.get("/pbx/read_call?id=1.1", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
