"""Tokens of programs are made and revoked on the page, and open what they may."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import httpx2
import pytest
from tests.unit.service.dialing_twins import MAIN, Desk, Switchboard
from tests.unit.web.office_page import NOW, client, services
from tests.unit.web.visitors import BOSS, HEAD, accounts, session

from ringbridge.routing.dialing import DialPlan
from ringbridge.routing.distribution import NORMAL, Route, RouteQuestion
from ringbridge.service.api_tokens import TokenBook
from ringbridge.service.config.api import ApiToken
from ringbridge.store import schema, settings
from ringbridge.store.database import Database
from ringbridge.web.api import ApiDesk
from ringbridge.web.app import create_app
from ringbridge.web.route import RouteDesk

SITE = "https://www.example.com"
CONFIGURED = ApiToken.model_validate({"name": "old", "secret": "o" * 24, "may": ["dial"]})
ORDER = {"number": "+79125551122"}


@dataclass(slots=True)
class Clock:
    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


@dataclass(slots=True)
class Page:
    browser: httpx2.AsyncClient  # the administrator's
    stranger: httpx2.AsyncClient  # a program elsewhere
    database: Database
    clock: Clock

    async def make(self, name: str = "erp", may: tuple[str, ...] = ("callback",), origins: str = "") -> str:
        """What is shown of the new token."""
        answer = await self.sent(name, may, origins)
        assert answer.status_code == 200, answer.text
        return re.findall(r'<pre class="made-token">([^<]+)</pre>', answer.text)[0]

    async def sent(self, name: str, may: tuple[str, ...], origins: str = "") -> httpx2.Response:
        form: dict[str, Any] = {"act": "make", "name": name, "may": list(may), "origins": origins}
        return await self.browser.post("/config/tokens", data=form)

    async def order(self, secret: str, **headers: str) -> httpx2.Response:
        shown = {"Authorization": f"Bearer {secret}"}
        return await self.stranger.post("/api/v1/callbacks", json=ORDER, headers=shown | headers)


async def routed(question: RouteQuestion) -> Route:
    return NORMAL


@pytest.fixture
async def page(database: Database) -> AsyncIterator[Page]:
    await accounts(database)
    clock, desk = Clock(), Desk(database, Switchboard(), DialPlan(callback_to="600"))
    book = TokenBook(database, (CONFIGURED,), clock)
    api = ApiDesk(database=database, dialing=desk.dialing, portals={MAIN: lambda: desk.crm.routing}, book=book)
    given = services(database, clock=clock)
    app = create_app(replace(given, api=api, route=RouteDesk(ask=routed, book=book)))
    async with client(app) as browser, client(app, base_url="https://c.example", address="203.0.113.5") as stranger:
        browser.headers.update(await session(database, BOSS))
        stranger.headers["Accept"] = "*/*"
        yield Page(browser, stranger, database, clock)


async def test_token_opens_what_is_ticked_and_nothing_else(page: Page) -> None:
    order, watch, route = [await page.make(may, (may,)) for may in ("callback", "watch", "route")]
    assert (await page.order(order)).status_code == 202
    assert (await page.order(watch)).json()["error"] == "not_permitted"
    for secret, codes in ((order, (401, 403)), (watch, (200, 403)), (route, (401, 200))):
        shown = {"Authorization": f"Bearer {secret}"}
        metrics, routed = (
            await page.stranger.get("/metrics", headers=shown),
            await page.stranger.get(f"/route?token={secret}"),
        )
        assert (metrics.status_code, routed.status_code) == codes


async def test_token_is_shown_once_and_kept_as_its_digest(page: Page) -> None:
    secret = await page.make()
    assert secret not in (await page.browser.get("/config/tokens")).text
    async with page.database.reading() as tx:
        kept = [str(row) for table in schema.metadata.sorted_tables for row in await tx.execute(table.select())]
    assert [row for row in kept if secret in row] == []


async def test_revoked_token_opens_nothing_and_the_history_says_who_did_what(page: Page) -> None:
    secret = await page.make()
    answer = await page.browser.post("/config/tokens", data={"act": "revoke", "name": "erp"})
    assert answer.status_code == 303
    assert (await page.order(secret)).status_code == 401
    async with page.database.reading() as tx:
        revoked, made = await settings.changes(tx, "api token erp")
    assert (made.by, made.before, made.after) == (BOSS.name, None, {"may": ["callback"], "origins": []})
    assert (revoked.by, revoked.after) == (BOSS.name, None)


async def test_last_use_is_told_of_every_token_also_of_the_configurations(page: Page) -> None:
    secret = await page.make()
    assert (await page.browser.get("/config/tokens")).text.count("Never used.") == 2
    page.clock.now += timedelta(hours=1)
    await page.order(secret)
    assert (await page.order("o" * 24)).json()["error"] == "not_permitted"
    await page.stranger.get("/api/v1/calls/any", headers={"Authorization": f"Bearer {'o' * 24}"})
    page.clock.now += timedelta(seconds=30)
    await page.order(secret)
    shown = (await page.browser.get("/config/tokens")).text
    assert shown.count(f'Last used: <time datetime="{(NOW + timedelta(hours=1)).isoformat()}"') == 2
    assert "Never used." not in shown


async def test_forms_token_is_for_its_sites_pages_and_lets_browsers_ask(page: Page) -> None:
    secret = await page.make("site", ("callback",), SITE)
    asking = {"Origin": SITE, "Access-Control-Request-Method": "POST"}
    assert (await page.stranger.options("/api/v1/callbacks", headers=asking)).status_code == 204
    answer = await page.order(secret, Origin=SITE)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (202, SITE)
    assert (await page.order(secret, Origin="https://evil.example")).json()["error"] == "origin"


@pytest.mark.parametrize(
    ("name", "may", "origins", "words"),
    [
        ("ERP!", ("dial",), "", "is no name"),
        ("erp", (), "", "Tick what it may do."),
        ("old", ("dial",), "", "there already"),
        ("taken", ("dial",), "", "there already"),
        ("site", ("dial",), SITE, "with origins it may do callback and nothing else"),
        ("site", ("callback",), f"{SITE}/form", "is no origin"),
        ("erp", ("everything",), "", "Input should be"),
    ],
)
async def test_token_that_would_be_unsafe_is_refused_in_words_and_nothing_typed_is_lost(
    page: Page, name: str, may: tuple[str, ...], origins: str, words: str
) -> None:
    await page.make("taken")
    answer = await page.sent(name, may, origins)
    assert answer.status_code == 422
    assert words in answer.text
    assert f'name="name" value="{name}"' in answer.text
    assert f'name="origins" value="{origins}"' in answer.text
    assert 'class="made-token"' not in answer.text


async def test_page_is_for_administrators(page: Page) -> None:
    page.browser.headers.update(await session(page.database, HEAD))
    assert (await page.browser.get("/config/tokens")).status_code == 403
