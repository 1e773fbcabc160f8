"""Where a person finds a client or a deal of a CRM: the address opens its page there."""

from __future__ import annotations

import httpx2
import pytest
from tests.contract import amocrm_office, bitrix24_office

from ringbridge.crm.amocrm.auth import Tokens as AmoTokens
from ringbridge.crm.bitrix24 import Tokens
from ringbridge.crm.pages import PageSource, Ref, page_at
from ringbridge.emulators.amocrm import Kind as AmoKind
from ringbridge.emulators.bitrix24.fields import Kind


async def opened(crm: object, kind: str, number: int) -> int:
    assert isinstance(crm, PageSource)
    async with httpx2.AsyncClient(trust_env=False) as browser:
        return (await browser.get(crm.page_of(Ref(kind=kind, id=str(number))))).status_code


@pytest.mark.parametrize("oauth", [False, True])
async def test_a_portal_shows_each_kind_at_its_address(oauth: bool) -> None:
    async with bitrix24_office.office(oauth=oauth) as at:
        for kind in Kind:
            number = at.portal.clients.add(
                kind, {"TITLE": "Oka", "NAME": "Oka"}, user_id=1, at=at.portal.local(at.portal.clock())
            )
            assert await opened(at.crm, kind.lower(), number) == 200


@pytest.mark.parametrize(
    ("kind", "there"),
    [
        ("contact", AmoKind.CONTACTS),
        ("company", AmoKind.COMPANIES),
        ("deal", AmoKind.LEADS),
        ("lead", AmoKind.LEADS),
    ],
)
async def test_an_account_shows_each_kind_at_its_address(kind: str, there: AmoKind) -> None:
    async with amocrm_office.office() as at:
        pipeline = at.account.pipelines.main
        one = at.add(there, pipeline_id=pipeline.id, status_id=pipeline.first.id)
        assert await opened(at.crm, kind, one.id) == 200


async def test_a_crm_that_is_not_connected_yet_has_no_address() -> None:
    key = Tokens(access="", refresh="", endpoint="", server="", member="")
    async with (
        bitrix24_office.office(key=key) as portal,
        amocrm_office.office(key=lambda _: AmoTokens(address="")) as account,
    ):
        assert {crm.page_of(Ref(kind="deal", id="1")) for crm in (portal.crm, account.crm)} == {""}


@pytest.mark.parametrize("known", ["javascript://portal/", "portal.example", "https://", ""])
def test_only_a_web_address_is_one(known: str) -> None:
    assert page_at(known, {"deal": "/deal/%s"}, Ref(kind="deal", id="1")) == ""


def test_an_id_stays_within_its_place() -> None:
    paths = {"deal": "/deal/%s/"}
    assert page_at("https://one.example/rest/", paths, Ref(kind="deal", id="1/../x?y")) == (
        "https://one.example/deal/1%2F..%2Fx%3Fy/"
    )
    assert page_at("https://one.example/rest/", paths, Ref(kind="quote", id="1")) == ""
