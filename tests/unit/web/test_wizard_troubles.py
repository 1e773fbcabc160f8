"""What can go wrong while somebody sets the service up is told where they are, with what to do."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.unit.service.test_office_changes_while_running import MANAGER, PBX
from tests.unit.web.newcomer import Newcomer, goes_to, newcomer_at

from ringbridge.emulators.asterisk.users import ALL
from ringbridge.emulators.bitrix24.faults import Fault, FaultKind
from ringbridge.pbx.link import LinkState
from ringbridge.store import calls
from ringbridge.telephony.model import Call, CallId, Direction


@pytest.fixture
async def newcomer(tmp_path: Path) -> AsyncIterator[Newcomer]:
    async with newcomer_at(tmp_path) as one:
        yield one


async def test_wrong_secret_is_told_at_once_with_the_lines_that_are_needed(newcomer: Newcomer) -> None:
    answer = await newcomer.say("asterisk", port=str(newcomer.server.port), username="ringbridge", secret="wrong")
    assert answer.status_code == 422
    assert "refused the login" in answer.text
    assert "permit = 127.0.0.1/255.255.255.255" in answer.text
    assert "read = system,call,agent,user,cdr" in answer.text
    assert not (await newcomer.office()).pbx, "nothing is kept that does not work"


async def test_right_that_was_missing_counts_when_it_is_tested_again(newcomer: Newcomer) -> None:
    newcomer.server.users[MANAGER.name] = replace(MANAGER, write=ALL - {"originate"})
    assert goes_to(await newcomer.asterisk()) == "crm"
    await newcomer.reopened()
    link = newcomer.runtime.links[PBX]
    await link.until(LinkState.READY)
    assert "add originate to write" in await newcomer.until_seen("Missing", "asterisk")
    newcomer.server.users[MANAGER.name] = MANAGER
    tested = await newcomer.say("asterisk", act="test", port=str(newcomer.server.port), username=MANAGER.name)
    assert "add originate" not in tested.text
    async with asyncio.timeout(60):
        while link.status.state is not LinkState.READY or link.status.missing:
            await link.changed()  # it logs in anew, since a PBX gives rights at a login


async def test_key_that_opens_nothing_is_told_and_not_kept(newcomer: Newcomer) -> None:
    wrong = newcomer.portal.webhook_url.replace("demo0webhook0secret", "another0secret0of0nobody")
    answer = await newcomer.say("crm", kind="bitrix24", webhook=wrong, closed="1")
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert f'value="{wrong}"' in answer.text, "nobody has to fetch it once more to mend a letter"
    refused = await newcomer.say("crm", kind="amocrm", amo_address="https://example.amocrm.ru")
    assert refused.status_code == 422
    assert not (await newcomer.office()).portal


async def test_an_address_of_this_machine_is_not_offered_to_a_portal(newcomer: Newcomer) -> None:
    shown = await newcomer.see("crm")
    assert "cannot reach this page" in shown
    assert "https://calls.example.com/bitrix24/bitrix24/install" in shown
    assert "http://127.0.0.1" not in shown
    ids = re.findall(r' id="([^"]+)"', shown)
    assert len(ids) == len(set(ids)), "each input has the label that names it"


@pytest.mark.parametrize(
    ("name", "new", "again", "words"),
    [
        ("", "a long password", "a long password", "Type a name."),
        ("boss", "short", "short", "too short"),
        ("boss", "a long password", "another password", "typed in two ways"),
    ],
)
async def test_account_that_will_not_do_is_refused_in_words(
    newcomer: Newcomer, name: str, new: str, again: str, words: str
) -> None:
    answer = await newcomer.say("account", name=name, new=new, again=again)
    assert answer.status_code == 422
    assert words in answer.text


async def test_what_another_tab_has_changed_is_seen_before_it_is_overwritten(newcomer: Newcomer) -> None:
    await newcomer.say("crm", kind="bitrix24", webhook=newcomer.portal.webhook_url, closed="1")
    await newcomer.reopened()
    people = version_in(await newcomer.until_seen("Иван Петров", "employees"))
    trunks, rules = version_in(await newcomer.see("trunks")), version_in(await newcomer.see("rules"))
    await newcomer.say("employees", version=people, user__2="102 202", default_user="6")
    await newcomer.reopened()
    await newcomer.say("trunks", version=trunks, name__0="mango", use__0="1", title__0="Main line")
    await newcomer.reopened()
    await newcomer.say("rules", version=rules, preset__task="1")

    refused = [
        await newcomer.say("employees", version=people, user__2="102", default_user="6"),
        await newcomer.say("trunks", version=trunks, name__0="mango", use__0="1"),
        await newcomer.say("rules", version=rules),
    ]
    assert [one.status_code for one in refused] == [422, 422, 422]
    assert all("Somebody has changed this meanwhile" in one.text for one in refused)
    same = await newcomer.say("trunks", version=trunks, name__0="mango", use__0="1", title__0="Main line")
    assert goes_to(same) == "rules", "what changes nothing is no harm"
    seen = version_in(refused[0].text)
    assert goes_to(await newcomer.say("employees", version=seen, user__2="102", default_user="6")) == "trunks"
    office = await newcomer.office()
    assert [one.extensions for one in office.employee] == [("102",)]
    assert ([one.title for one in office.trunk], len(office.rule)) == (["Main line"], 1)


def version_in(html: str) -> str:
    (version,) = re.findall(r'name="version" value="([^"]+)"', html)
    return str(version)


async def test_why_employees_are_not_read_is_said_where_they_are_waited_for(newcomer: Newcomer) -> None:
    newcomer.portal.faults.add(Fault(kind=FaultKind.REFUSE, method="user.get", times=1000, text="No license."))
    await newcomer.say("crm", kind="bitrix24", webhook=newcomer.portal.webhook_url, closed="1")
    await newcomer.reopened()
    assert "within a minute" in await newcomer.until_seen("No license.", "employees")
    newcomer.portal.faults.clear()
    looked = await newcomer.browser.post("/config/master/employees", data={"look": "bitrix24"})
    assert "Иван Петров" in await newcomer.see("employees"), "nobody waits for the minute"
    assert goes_to(looked) == "employees?portal=bitrix24"


async def test_permission_that_was_missing_is_no_more_when_somebody_looks_again(newcomer: Newcomer) -> None:
    (hook,) = newcomer.portal.access.webhooks
    scopes = hook.scopes
    hook.scopes = tuple(one for one in scopes if one != "task")
    await newcomer.say("crm", kind="bitrix24", webhook=newcomer.portal.webhook_url, closed="1")
    await newcomer.reopened()
    assert "add the permission task" in await newcomer.until_seen("Look again", "crm")
    hook.scopes = scopes
    assert goes_to(await newcomer.say("crm", look="bitrix24")) == "crm"
    assert "add the permission task" not in await newcomer.see("crm")


async def test_calls_that_are_no_clients_are_told_from_none_at_all(newcomer: Newcomer) -> None:
    await newcomer.asterisk()
    await newcomer.reopened()
    await newcomer.runtime.links[PBX].until(LinkState.READY)
    begun = await newcomer.browser.get("/config/master/test")
    since = begun.headers["location"].rpartition("test")[2]
    assert re.fullmatch(r"\?since=\d+", since), "it stands in the address, and a page that is loaded again goes on"
    assert "Call now." in await newcomer.see("test", since)
    inner = Call(id=CallId("1.1"), direction=Direction.INTERNAL, start=datetime.now(UTC), external="102")
    async with newcomer.runtime.database.transaction() as tx:
        await calls.record(tx, PBX, [inner])
    shown = await newcomer.see("test", since)
    assert "no client" in shown
    assert "/config/master/trunks" in shown
    done = await newcomer.say("test")
    assert done.headers["location"] == "/"
