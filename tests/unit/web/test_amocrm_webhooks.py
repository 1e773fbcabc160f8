"""What an account posts of its changes: who may post, what of it is understood, to whom it is handed on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from tests.unit.web.amocrm_company import MAIN, Company, open_company

from ringbridge.crm.mirroring import Ref
from ringbridge.emulators.amocrm import Kind, deskwork
from ringbridge.emulators.amocrm.demo import ADMIN_ID, SALES
from ringbridge.service.gate import Gate
from ringbridge.service.mirror.changes import AccountChanges, secrets_of
from ringbridge.web.amocrm.webhooks import LARGEST, WebhookPage

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
STRANGER = "0" * 64


@dataclass
class Ear:
    """What was handed on, in the order it came."""

    changed: list[Ref] = field(default_factory=list)
    gone: list[Ref] = field(default_factory=list)

    def hear(self, changed: Sequence[Ref], gone: Sequence[Ref]) -> None:
        self.changed += changed
        self.gone += gone


@dataclass
class Entrance:
    company: Company
    ear: Ear
    secret: str

    @property
    def address(self) -> str:
        return f"{self.company.server}/amocrm/main/webhooks/{self.secret}"

    async def post(self, body: bytes, *, address: str | None = None) -> int:
        answer = await self.company.http.post(address or self.address, content=body, headers=FORM)
        return answer.status_code


@pytest.fixture
async def entrance(tmp_path: Path) -> AsyncIterator[Entrance]:
    """A server that hears, and an account that posts to it whatever changes."""
    async with open_company(tmp_path) as company:
        ear, secrets = Ear(), secrets_of(company.vault, MAIN)
        changes = AccountChanges(MAIN, company.crm, public_address=None, secrets=secrets, tell=ear.hear)
        company.desks["main"] = replace(company.desk, changes=changes)
        opened = Entrance(company, ear, secrets[0])
        await company.crm.webhooks.keep(opened.address, is_ours=lambda destination: False)
        yield opened


def told(**more: str) -> bytes:
    return urlencode({"account[id]": "12345678", "leads[update][0][id]": "7", **more}).encode()


async def test_what_people_do_in_the_account_is_heard(entrance: Entrance) -> None:
    account = entrance.company.account
    client = deskwork.add_client(account, Kind.CONTACTS, user_id=ADMIN_ID, name="New", phones=("+79990001122",))
    firm = deskwork.add_client(account, Kind.COMPANIES, user_id=ADMIN_ID, name="Firm")
    lead = deskwork.add_client(account, Kind.LEADS, user_id=ADMIN_ID, name="Fridge", status_id=SALES + 2)
    await account.chores.finish_waiting()
    names = {(ref.kind, ref.id) for ref in entrance.ear.changed}
    assert names == {("contact", str(client.id)), ("company", str(firm.id)), ("deal", str(lead.id))}
    entrance.ear.changed.clear()
    deskwork.change(account, Kind.LEADS, lead.id, user_id=ADMIN_ID, status_id=142)
    deskwork.change(account, Kind.CONTACTS, client.id, user_id=ADMIN_ID, responsible_user_id=ADMIN_ID + 2)
    deskwork.remove(account, Kind.COMPANIES, firm.id, user_id=ADMIN_ID)
    await account.chores.finish_waiting()
    assert {ref.kind for ref in entrance.ear.changed} == {"deal", "contact"}
    assert entrance.ear.gone == [Ref(kind="company", id=str(firm.id))]
    page = await entrance.company.crm.mirror_changed(entrance.ear.changed)
    assert [(one.ref.id, one.responsible) for one in page.clients] == [(str(client.id), str(ADMIN_ID + 2))]
    assert page.gone == (Ref(kind="deal", id=str(lead.id)),)
    assert {status for *_, status in account.delivered} == {200}


@pytest.mark.parametrize("path", [f"main/webhooks/{STRANGER}", "main/webhooks/x", "other/webhooks/{secret}"])
async def test_who_does_not_know_the_secret_is_refused_and_learns_nothing(entrance: Entrance, path: str) -> None:
    address = f"{entrance.company.server}/amocrm/{path.format(secret=entrance.secret)}"
    answer = await entrance.company.http.post(address, content=told(), headers=FORM)
    assert (answer.status_code, answer.text) == (403, "Nobody posts to this address.")
    assert entrance.ear == Ear()


async def test_nobody_is_heard_where_no_mirror_is_kept(entrance: Entrance) -> None:
    entrance.company.desks["main"] = entrance.company.desk
    assert await entrance.post(told()) == 403


async def test_another_account_s_webhook_is_refused(entrance: Entrance) -> None:
    assert await entrance.post(told(**{"account[id]": "1"})) == 403
    assert entrance.ear == Ear()


@pytest.mark.parametrize(
    "garbage", [b"", b"\xff\xfe\x00", b'{"leads": []}', b"leads[update][0][id]=7", b"&&&===" * 100]
)
async def test_garbage_is_refused_as_such(entrance: Entrance, garbage: bytes) -> None:
    assert await entrance.post(garbage) == 400
    assert entrance.ear == Ear()


async def test_more_than_an_account_posts_is_refused(entrance: Entrance) -> None:
    assert await entrance.post(told() + b"&x=" + b"1" * LARGEST) == 413


async def test_a_form_of_many_leads_with_all_their_fields_is_taken(entrance: Entrance) -> None:
    rows = {f"leads[update][{at}][id]": str(at + 1) for at in range(250)}
    fields = {f"leads[update][{at}][custom_fields][0][name]": "Источник звонка " * 10 for at in range(250)}
    assert await entrance.post(told(**rows, **fields)) == 200
    assert len(entrance.ear.changed) == 250


async def test_strangers_who_post_too_often_do_not_keep_the_account_out(entrance: Entrance) -> None:
    clock, desks = entrance.company.clock, entrance.company.desks
    page = WebhookPage(desks, Gate(clock, most=2, within=timedelta(minutes=1)), clock)
    app = Starlette(routes=[Route("/{portal}/{secret}", page.answer, methods=["POST"])])
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://calls.test") as http:
        strangers = [(await http.post(f"/main/{STRANGER}")).status_code for _ in range(3)]
        assert strangers == [403, 403, 429]
        assert (await http.post(f"/main/{entrance.secret}", content=told())).status_code == 200


async def test_an_address_of_a_key_before_the_newest_is_known(entrance: Entrance) -> None:
    crm = entrance.company.crm
    changes = AccountChanges(MAIN, crm, public_address=None, secrets=("new", entrance.secret), tell=entrance.ear.hear)
    entrance.company.desks["main"] = replace(entrance.company.desk, changes=changes)
    assert await entrance.post(told()) == 200
