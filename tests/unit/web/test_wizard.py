"""From an empty installation to a first call that is in the CRM, by the pages of the set-up alone."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest
from tests.unit.service.test_office_changes_while_running import MANAGER, PBX, Service, inbound_call, play

from ringbridge.emulators.amocrm import Account, deskwork
from ringbridge.emulators.amocrm import serve as serve_account
from ringbridge.emulators.amocrm.demo import ADMIN_ID
from ringbridge.emulators.asterisk.server import Server
from ringbridge.emulators.asterisk.users import ALL
from ringbridge.emulators.bitrix24.faults import Fault, FaultKind
from ringbridge.emulators.bitrix24.portal import Portal
from ringbridge.emulators.bitrix24.server import serve
from ringbridge.pbx.link import LinkState
from ringbridge.routing.intents import PortalId, UserId
from ringbridge.service.config import Office, document_of, office_of
from ringbridge.service.portals.extensions import TableRefused
from ringbridge.service.runtime import Runtime
from ringbridge.service.settings import load_office
from ringbridge.store import calls, portals
from ringbridge.store.directory import DirectoryUser
from ringbridge.telephony.model import Call, CallId, Direction
from ringbridge.web.wizard.crm import with_portal
from ringbridge.web.wizard.employees import matched, with_people
from ringbridge.web.wizard.lines import QUESTIONS, place_of, trunk_rows, typed_rows, with_rules, with_trunks
from ringbridge.web.wizard.steps import Progress, Step, next_step, stages

PHONES = ("101", "102", "103", "104", "105", "106")


@dataclass(slots=True)
class Newcomer:
    """Somebody with a browser and no manual."""

    browser: httpx2.AsyncClient
    service: Service
    server: Server
    portal: Portal
    runtime: Runtime = field(init=False)

    async def see(self, step: str, query: str = "") -> str:
        answer = await self.browser.get(f"/config/master/{step}{query}")
        assert answer.status_code == 200, answer.text
        return answer.text

    async def until_seen(self, words: str, step: str, query: str = "") -> str:
        async with asyncio.timeout(20):
            while words not in (shown := await self.see(step, query)):
                pass  # each look is a whole request
        return shown

    async def say(self, step: str, act: str = "save", **given: str) -> httpx2.Response:
        named = {name.replace("__", " "): value for name, value in given.items()}
        return await self.browser.post(f"/config/master/{step}", data=named | {"act": act})

    async def asterisk(self) -> httpx2.Response:
        return await self.say("asterisk", port=str(self.server.port), username=MANAGER.name, secret=MANAGER.secret)

    async def reopened(self) -> None:
        self.runtime = await self.service.opened.get()

    async def office(self) -> Office:
        return await load_office(self.runtime.database, self.runtime.vault) or Office()


@pytest.fixture
async def newcomer(tmp_path: Path) -> AsyncIterator[Newcomer]:
    service, portal = Service(tmp_path), Portal.demo()
    server = Server([MANAGER], phones=PHONES, trunks=("mango",), refusal_delay=0)
    async with server.listen(), serve(portal), service.running() as address:
        headers = {"Accept": "text/html", "Accept-Language": "en"}
        async with httpx2.AsyncClient(base_url=address, trust_env=False, headers=headers, timeout=30) as browser:
            one = Newcomer(browser, service, server, portal)
            await one.reopened()
            yield one


def goes_to(answer: httpx2.Response) -> str:
    return answer.headers["location"].rpartition("/")[2]


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


def lit(html: str) -> list[str]:
    return re.findall(r'<li class="light on">.*?<span>([^<]+)<', html, re.DOTALL)


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
    async with asyncio.timeout(20):
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


async def test_an_address_of_this_machine_is_not_offered_to_a_portal(newcomer: Newcomer) -> None:
    shown = await newcomer.see("crm")
    assert "cannot reach this page" in shown
    assert "https://calls.example.com/bitrix24/bitrix24/install" in shown
    assert "http://127.0.0.1" not in shown
    ids = re.findall(r' id="([^"]+)"', shown)
    assert len(ids) == len(set(ids)), "each input has the label that names it"


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


async def test_lines_for_the_manager_user_are_the_same_after_a_restart(tmp_path: Path) -> None:
    found = []
    for _ in range(2):
        service = Service(tmp_path)
        async with service.running() as address, httpx2.AsyncClient(base_url=address, trust_env=False) as browser:
            page = await browser.get("/config/master/asterisk")
            found.append(re.findall(r"secret = (\w+)", page.text))
    assert found[0] == found[1] != []


# What the steps make of the office: pure


@pytest.mark.parametrize(
    ("typed", "address", "brand"),
    [
        ("https://example.amocrm.ru", "https://example.amocrm.ru", "amocrm"),
        ("example.amocrm.ru", "https://example.amocrm.ru", "amocrm"),
        ("https://example.kommo.com/leads/list/?page=2", "https://example.kommo.com", "kommo"),
    ],
)
def test_accounts_address_may_be_copied_from_the_browser(typed: str, address: str, brand: str) -> None:
    form = {"kind": "amocrm", "amo_address": typed, "amo_token": "t", "public_address": "calls.acme.example/"}
    office = office_of(with_portal({}, form))
    keys = office.portal[0].amocrm
    assert keys is not None
    assert (keys.address, keys.brand, office.public_address) == (address, brand, "https://calls.acme.example")


OFFICE = {
    "portal": [{"name": "acme", "default_user": "1", "webhook": "https://acme.example/rest/1/abcdefghijklmnop/"}],
    "trunk": [
        {"name": "mango", "dial_prefix": "9", "lead": {"source": "WEB", "tags": ["mango"]}},
        {"name": "old", "lead": {"source": "OLD"}},
    ],
    "rule": [{"name": "mine", "create": "lead"}],
}


def user(number: int, name: str, *extensions: str) -> DirectoryUser:
    return DirectoryUser(id=str(number), name=name, active=True, extensions=extensions)  # type: ignore[arg-type]


def test_conflicts_stand_first_and_phones_of_nobody_are_named() -> None:
    office = office_of(OFFICE)
    users = [user(1, "Anna", "101"), user(2, "Boris", "102"), user(3, "Vera", "102"), user(4, "Gleb")]
    match = matched(office, office.portal[0], users, ("101", "102", "103"))
    assert [(one.name, one.conflict) for one in match.people] == [
        ("Boris", True),
        ("Vera", True),
        ("Anna", False),
        ("Gleb", False),
    ]
    assert match.nobodys == ("103",)


def test_phones_that_are_refused_stand_there_as_they_were_typed() -> None:
    office = office_of(OFFICE)
    users = [user(1, "Anna", "101"), user(2, "Boris", "102")]
    match = matched(office, office.portal[0], users, ("101", "102"), {UserId("2"): ("101", "not a phone!")})
    assert {one.name: (one.phones, one.conflict) for one in match.people} == {
        "Anna": (("101",), True),
        "Boris": (("101", "not a phone!"), True),
    }


def test_only_what_the_crm_does_not_know_is_written_down() -> None:
    office = office_of(OFFICE)
    (portal,) = office.portal
    users = [user(1, "Anna", "101"), user(2, "Boris")]
    changed = with_people(office, portal, users, {"1": ("101",), "2": ("102", "103")}, "2")  # type: ignore[dict-item]
    assert [(one.name, one.extensions) for one in changed.employee] == [("Boris", ("102", "103"))]
    assert changed.portal[0].default_user == "2"
    with pytest.raises(TableRefused):
        with_people(office, portal, users, {"2": ("not a phone!",)}, "")  # type: ignore[dict-item]


def test_what_the_page_does_not_show_of_trunks_stays() -> None:
    form = {
        "name 0": "mango",
        "use 0": "1",
        "title 0": "Main",
        "source 0": "CALL",
        "name 1": "old",
        "name 2": "new",
        "use 2": "1",
    }
    changed = office_of(with_trunks(dict(OFFICE), form))
    assert [(one.name, one.title, one.dial_prefix) for one in changed.trunk] == [
        ("mango", "Main", "9"),
        ("new", "", ""),
    ]
    assert [(one.lead.source, one.lead.tags) for one in changed.trunk] == [("CALL", ("mango",)), ("", ())]
    assert changed.rule == office_of(OFFICE).rule
    shown = {
        f"{name} {n}": value for n, row in enumerate(trunk_rows(changed, ())) for name, value in row.items() if value
    }
    assert office_of(with_trunks(document_of(changed), shown)) == changed


def test_trunks_that_the_form_does_not_know_stay() -> None:
    changed = office_of(with_trunks(dict(OFFICE), {"name 0": "mango"}))
    assert [trunk.name for trunk in changed.trunk] == ["old"]


def test_trunks_that_are_refused_stand_there_as_they_were_typed() -> None:
    form = {"name 0": "mango", "use 0": "1", "source 0": "WEB", "name 1": "mango", "title 1": "Twice"}
    rows = typed_rows(form)
    assert [(row["name"], row["use"], row["source"], row["title"]) for row in rows] == [
        ("mango", True, "WEB", ""),
        ("mango", False, "", "Twice"),
        ("", False, "", ""),
    ]


def test_trunks_that_were_found_are_offered_beside_those_that_count() -> None:
    rows = trunk_rows(office_of(OFFICE), ("mango", "mtt"))
    assert [(row["name"], row["use"]) for row in rows] == [("mango", True), ("old", True), ("mtt", False), ("", False)]
    assert [row["use"] for row in trunk_rows(Office(), ("mango", "mtt"))] == [True, True, False]


def test_questions_are_answered_by_rows_and_other_rows_stay() -> None:
    names = dict.fromkeys(QUESTIONS, "row")
    told = with_rules(dict(OFFICE), {"task", "deal"}, names)
    office = office_of(told)
    assert [place_of(office.rule, name) is not None for name in QUESTIONS] == [True, True, False, False, False]
    assert office_of(with_rules(told, set(), names)) == office_of(OFFICE)


def test_set_up_goes_on_at_the_first_step_that_is_not_done() -> None:
    office = office_of(OFFICE)
    assert next_step(stages(Office(), Progress(), accounts=False)) is Step.ACCOUNT
    assert next_step(stages(office, Progress(), accounts=True)) is Step.ASTERISK
    passed = Progress(passed=("employees", "trunks", "rules"))
    with_pbx = office.model_copy(
        update={"pbx": office_of({"pbx": [{"name": "a", "username": "b", "secret": "c"}]}).pbx}
    )
    assert next_step(stages(with_pbx, passed, accounts=True)) is Step.TEST
