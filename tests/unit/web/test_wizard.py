"""From an empty installation to a first call that is in the CRM, by the pages of the set-up alone."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest
from tests.unit.service.test_office_changes_while_running import MANAGER, PBX, Service, inbound_call, play

from ringbridge.emulators.asterisk.server import Server
from ringbridge.emulators.bitrix24.portal import Portal
from ringbridge.emulators.bitrix24.server import serve
from ringbridge.pbx.link import LinkState
from ringbridge.routing.intents import PortalId, UserId
from ringbridge.service.config import Office, document_of, office_of
from ringbridge.service.portals.extensions import TableRefused
from ringbridge.service.runtime import Runtime
from ringbridge.service.settings import load_office
from ringbridge.store import portals
from ringbridge.store.directory import DirectoryUser
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


def lit(html: str) -> list[str]:
    return re.findall(r'<li class="light on">.*?<span>([^<]+)<', html, re.DOTALL)


async def test_wrong_secret_is_told_at_once_with_the_lines_that_are_needed(newcomer: Newcomer) -> None:
    answer = await newcomer.say("asterisk", port=str(newcomer.server.port), username="ringbridge", secret="wrong")
    assert answer.status_code == 422
    assert "refused the login" in answer.text
    assert "permit = 127.0.0.1/255.255.255.255" in answer.text
    assert "read = system,call,agent,user,cdr" in answer.text
    assert not (await newcomer.office()).pbx, "nothing is kept that does not work"


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
    await newcomer.asterisk()
    await newcomer.reopened()
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


# What the steps make of the office: pure

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
    users = [user(1, "Anna", "101"), user(2, "Boris", "102"), user(3, "Vera", "102"), user(4, "Gleb")]
    match = matched(office_of(OFFICE), users, ("101", "102", "103"))
    assert [(one.name, one.conflict) for one in match.people] == [
        ("Boris", True),
        ("Vera", True),
        ("Anna", False),
        ("Gleb", False),
    ]
    assert match.nobodys == ("103",)


def test_phones_that_are_refused_stand_there_as_they_were_typed() -> None:
    users = [user(1, "Anna", "101"), user(2, "Boris", "102")]
    match = matched(office_of(OFFICE), users, ("101", "102"), {UserId("2"): ("101", "not a phone!")})
    assert {one.name: (one.phones, one.conflict) for one in match.people} == {
        "Anna": (("101",), True),
        "Boris": (("101", "not a phone!"), True),
    }


def test_only_what_the_crm_does_not_know_is_written_down() -> None:
    users = [user(1, "Anna", "101"), user(2, "Boris")]
    changed = with_people(office_of(OFFICE), users, {"1": ("101",), "2": ("102", "103")}, "2")  # type: ignore[dict-item]
    assert [(one.name, one.extensions) for one in changed.employee] == [("Boris", ("102", "103"))]
    assert changed.portal[0].default_user == "2"
    with pytest.raises(TableRefused):
        with_people(office_of(OFFICE), users, {"2": ("not a phone!",)}, "")  # type: ignore[dict-item]


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
