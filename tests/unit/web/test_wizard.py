"""From an empty installation to a first call that is in the CRM, by the pages of the set-up alone."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest
from tests.unit.service.test_office_changes_while_running import MANAGER, PBX, Service, inbound_call, play
from tests.unit.web.newcomer import PHONES, Newcomer, goes_to, lit, newcomer_at

from ringbridge.emulators.amocrm import Account, deskwork
from ringbridge.emulators.amocrm import serve as serve_account
from ringbridge.emulators.amocrm.demo import ADMIN_ID
from ringbridge.emulators.bitrix24.portal import Portal
from ringbridge.emulators.bitrix24.server import serve
from ringbridge.pbx.link import LinkState
from ringbridge.routing.intents import PortalId
from ringbridge.store import portals


@pytest.fixture
async def newcomer(tmp_path: Path) -> AsyncIterator[Newcomer]:
    async with newcomer_at(tmp_path) as one:
        yield one


async def test_first_call_is_in_the_crm_by_the_pages_alone(newcomer: Newcomer) -> None:
    assert goes_to(await newcomer.browser.get("/config/master")) == "account"
    entered = await newcomer.say("account", name="boss", new="a long password", again="a long password")
    assert goes_to(entered) == "asterisk"
    assert "session" in newcomer.browser.cookies

    assert goes_to(await newcomer.asterisk()) == "crm"
    await newcomer.reopened()
    await newcomer.runtime.links[PBX].until(LinkState.READY)
    found = await newcomer.see("asterisk")
    assert all(phone in found for phone in PHONES)

    closed = {"webhook": newcomer.portal.webhook_url, "closed": "1"}
    told = await newcomer.say("crm", kind="bitrix24", **closed)
    assert "is not dialled by a webhook" in told.text, "it opens, and what it does not give is said"
    await newcomer.reopened()
    await newcomer.runtime.links[PBX].until(LinkState.READY)
    people = await newcomer.see("employees")
    assert re.search(r'value="102"', people), "the CRM's own phones stand there"

    assert goes_to(await newcomer.say("employees", default_user="6")) == "trunks"
    await newcomer.reopened()
    assert goes_to(await newcomer.say("trunks", name__0="mango", use__0="1", title__0="Main line")) == "rules"
    await newcomer.reopened()
    await newcomer.runtime.links[PBX].until(LinkState.READY)
    assert goes_to(await newcomer.say("rules", preset__task="1")) == "test"

    since = f"?since={int(datetime.now(UTC).timestamp())}"
    dark = await newcomer.see("test", since)
    assert lit(dark) == ["Asterisk is connected"]
    play(newcomer.server, inbound_call())
    async with asyncio.timeout(60):
        while len(lit(shown := await newcomer.see("test", since))) < 6:
            pass  # each look is a whole request
    assert "The call is in the CRM" in lit(shown)
    assert len(newcomer.portal.telephony.finished) == 1
    await newcomer.say("test")
    office = await newcomer.office()
    assert [trunk.title for trunk in office.trunk] == ["Main line"]
    assert [row.task for row in office.rule] == [True]


async def test_first_call_is_in_an_account_by_a_long_lived_token(newcomer: Newcomer) -> None:
    account = Account.demo()
    token = account.long_lived_token(account.access.integrations[0], ADMIN_ID)
    async with serve_account(account):
        await newcomer.asterisk()
        await newcomer.reopened()
        key = {"amo_address": account.address, "amo_token": token, "closed": "1"}
        assert goes_to(await newcomer.say("crm", kind="amocrm", **key)) == "employees"
        await newcomer.reopened()
        await newcomer.until_seen("Антон Громов", "employees")
        phones = {f"user__{ADMIN_ID + 1}": " ".join(PHONES)}
        assert goes_to(await newcomer.say("employees", default_user=str(ADMIN_ID), **phones)) == "trunks"
        assert goes_to(await newcomer.say("trunks", name__0="mango", use__0="1")) == "rules"
        await newcomer.reopened()
        await newcomer.runtime.links[PBX].until(LinkState.READY)
        since = (await newcomer.browser.get("/config/master/test")).headers["location"].rpartition("test")[2]
        play(newcomer.server, inbound_call())
        await newcomer.until_seen("Everything works.", "test", since)
    (call,) = [note for note in account.notes.values() if note["note_type"] == "call_in"]
    assert call["created_by"] == ADMIN_ID + 1


async def test_application_that_is_not_installed_yet_is_said_to_wait_until_the_portal_let_us_in(
    newcomer: Newcomer,
) -> None:
    keys = {"client_id": "local.1", "client_secret": "s", "public_address": "https://calls.acme.example"}
    answer = await newcomer.say("crm", kind="bitrix24", way="bitrix24", **keys)
    await newcomer.reopened()
    assert answer.status_code == 200, "there is something left to do on this page"
    shown = await newcomer.see("crm")
    assert "not let in yet" in shown
    assert "https://calls.acme.example/bitrix24/bitrix24/install" in shown
    async with newcomer.runtime.database.transaction() as tx:
        await portals.learn(tx, PortalId("bitrix24"), {"choices": {}})
    assert "not let in yet" not in await newcomer.see("crm")


async def test_secrets_are_never_shown_again(newcomer: Newcomer) -> None:
    await newcomer.asterisk()
    await newcomer.reopened()
    await newcomer.say("crm", kind="bitrix24", webhook=newcomer.portal.webhook_url, closed="1")
    await newcomer.reopened()
    assert f'value="{MANAGER.secret}"' not in await newcomer.see("asterisk")
    assert "demo0webhook0secret" not in await newcomer.see("crm")
    again = await newcomer.say("asterisk", port=str(newcomer.server.port), username=MANAGER.name, secret="")
    assert goes_to(again) == "crm", "an empty input keeps it"


async def test_set_up_is_taken_up_where_it_was_left(newcomer: Newcomer) -> None:
    assert goes_to(await newcomer.browser.get("/")) == "master", (
        "whoever opens the page for the first time is led there"
    )
    await newcomer.asterisk()
    await newcomer.reopened()
    assert goes_to(await newcomer.browser.get("/")) == "live"
    assert goes_to(await newcomer.browser.get("/config/master")) == "account"
    await newcomer.say("account", name="boss", new="a long password", again="a long password")
    assert goes_to(await newcomer.browser.get("/config/master")) == "crm"
    assert (await newcomer.browser.get("/config/master/nothing")).status_code == 404


async def test_second_portal_stands_beside_the_first_and_another_key_takes_the_place_of_the_named_ones(
    newcomer: Newcomer,
) -> None:
    first = {"kind": "bitrix24", "portal": "bitrix24", "new": "1", "closed": "1"}
    await newcomer.say("crm", webhook=newcomer.portal.webhook_url, **first)
    await newcomer.reopened()
    async with serve(Portal.demo()) as elsewhere:
        there = newcomer.portal.webhook_url.replace(newcomer.portal.address, elsewhere)
        stale = await newcomer.say("crm", webhook=there, **first)
        assert stale.status_code == 409, "a tab of before does not take the first one's place"
        assert f'value="{there}"' in stale.text, "what was typed is there still"
        assert 'name="portal" value="bitrix24-2"' in stale.text, "and saved once more it is a second one"
        await newcomer.say("crm", webhook=there, **{**first, "portal": "bitrix24-2"})
        await newcomer.reopened()
        assert [one.name for one in (await newcomer.office()).portal] == ["bitrix24", "bitrix24-2"]

        chosen = await newcomer.see("crm", "?portal=bitrix24-2")
        assert "Another key for bitrix24-2" in chosen
        assert "amo_token" not in chosen, "of its own kind only"
        keys = {"client_id": "local.1", "client_secret": "s", "public_address": "https://calls.acme.example"}
        await newcomer.say("crm", kind="bitrix24", portal="bitrix24-2", **keys)
        await newcomer.reopened()
    before, second = (await newcomer.office()).portal
    assert before.webhook is not None
    assert before.webhook.get_secret_value() == newcomer.portal.webhook_url
    assert second.webhook is None
    assert second.oauth is not None
    resumed = await newcomer.browser.get("/config/master")
    assert goes_to(resumed) == "account", "nobody has an account yet"
    await newcomer.say("account", name="boss", new="a long password", again="a long password")
    assert goes_to(await newcomer.browser.get("/config/master")) == "asterisk"
    await newcomer.asterisk()
    await newcomer.reopened()
    assert goes_to(await newcomer.browser.get("/config/master")) == "crm", "the second one waits to be let in"

    await newcomer.until_seen("Иван Петров", "employees")
    waits = await newcomer.see("employees", "?portal=bitrix24-2")
    assert "bitrix24-2 has not let us in yet" in waits
    saved = await newcomer.say("employees", portal="bitrix24", default_user="6")
    assert saved.headers["location"].endswith("/config/master/employees?portal=bitrix24-2"), "each has its turn"
    assert [one.default_user for one in (await newcomer.office()).portal] == ["6", "1"]


async def test_account_without_inner_phones_and_a_default_user_asks_for_both(newcomer: Newcomer) -> None:
    account = Account.demo()
    integration = account.access.integrations[0]
    async with serve_account(account):
        keys = {"amo_client_id": integration.client_id, "amo_client_secret": integration.client_secret}
        here = {"public_address": str(newcomer.browser.base_url), "closed": "1"}
        shown = await newcomer.say("crm", kind="amocrm", amo_address=account.address, **keys, **here)
        await newcomer.reopened()
        assert "/amocrm/amocrm/authorize" in shown.text
        integration.redirect_uri = f"{newcomer.browser.base_url}/amocrm/amocrm/oauth"
        deskwork.install(account, user_id=ADMIN_ID)
        people = await newcomer.until_seen("Choose somebody", "employees")
    assert "type each one" in people
    saved = await newcomer.say("employees", default_user=str(ADMIN_ID), **{f"user__{ADMIN_ID}": "101"})
    assert goes_to(saved) == "trunks"
    assert (await newcomer.office()).portal[0].default_user == str(ADMIN_ID)


async def test_lines_for_the_manager_user_are_the_same_after_a_restart(tmp_path: Path) -> None:
    found = []
    for _ in range(2):
        service = Service(tmp_path)
        async with service.running() as address, httpx2.AsyncClient(base_url=address, trust_env=False) as browser:
            page = await browser.get("/config/master/asterisk")
            found.append(re.findall(r"secret = (\w+)", page.text))
    assert found[0] == found[1] != []
