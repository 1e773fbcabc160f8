"""A click is dialled once, the table of extensions has one truth, the account comes and leaves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from tests.unit.web.amocrm_company import ADMIN, ANTON, KATE, Company, inbound, open_company

from ringbridge.crm.amocrm import Tokens
from ringbridge.emulators.amocrm.oauth import disable_signature
from ringbridge.service.settings import load_office

CLICK = {"number": "8 (912) 555-11-22", "click": "0123456789abcdef", "entity": {"type": "contacts", "id": "42"}}


@pytest.fixture
async def company(tmp_path: Path) -> AsyncIterator[Company]:
    async with open_company(tmp_path) as opened:
        yield opened


# Clicks


async def test_click_rings_the_clicker_s_phone_and_a_repeated_one_rings_nothing(company: Company) -> None:
    answer = await company.ask("POST", "dial", json=CLICK)
    assert (answer.status_code, answer.json()) == (202, {"dialled": True, "extension": "101"})
    again = await company.ask("POST", "dial", json=CLICK)
    assert (again.status_code, again.json()["again"]) == (200, True)
    await company.pbx.dialled.wait()
    (action,) = company.pbx.asked
    headers = dict(action.headers)
    assert (headers["Channel"], headers["Exten"]) == ("PJSIP/101", "79125551122")


async def test_same_click_of_another_user_is_another_click(company: Company) -> None:
    for user, phone in ((ANTON, "101"), (KATE, "102")):
        assert (await company.ask("POST", "dial", user=user, json=CLICK)).json()["extension"] == phone


async def test_click_without_a_phone_or_against_the_rules_is_refused_with_the_reason(company: Company) -> None:
    answer = await company.ask("POST", "dial", user=ADMIN, json=CLICK)
    assert (answer.status_code, answer.json()["error"]) == (409, "not_dialled")
    assert "no phone is known of this employee" in answer.json()["text"]
    nothing = await company.ask("POST", "dial", json={**CLICK, "number": "abc", "click": "fedcba9876543210"})
    assert nothing.json()["text"] == "There is no number to dial."
    assert company.pbx.asked == []


BODIES: list[Any] = [
    b"", b"{", b"[" * 100_000, b"\xff\xfe", [], None, {}, {"number": "", "click": "0123456789"}, {"number": 5},
    {"number": "+79125551122", "click": ""}, {"number": "1" * 65, "click": "0123456789"},
    {"number": "+79125551122", "click": "x" * 65}, {"number": "1" * 70_000, "click": "0123456789"},
]  # fmt: skip


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
async def test_nonsense_dials_nothing_and_is_told_so(company: Company, body: Any) -> None:
    content = {"content": body} if isinstance(body, bytes) else {"json": body}
    answer = await company.ask("POST", "dial", **content)
    assert (answer.status_code, answer.json()["error"]) == (400, "not_understood")
    assert company.pbx.asked == []


# The table of extensions


async def table(company: Company) -> dict[str, Any]:
    answer = await company.ask("GET", "extensions", user=ADMIN)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


async def put(company: Company, version: str, **phones: list[str]) -> Any:
    rows = [{"user": user.removeprefix("u"), "extensions": all_phones} for user, all_phones in phones.items()]
    return await company.ask("PUT", "extensions", user=ADMIN, json={"version": version, "rows": rows})


async def test_table_names_everybody_and_suggests_phones_by_the_name(company: Company) -> None:
    rows = {row["name"]: row for row in (await table(company))["rows"]}
    assert rows["Антон Громов"]["extensions"] == ["101"]
    assert rows["Сергей Зимин"]["suggested"] == ["103"]
    assert rows["Ольга Белова"] == {
        "user": rows["Ольга Белова"]["user"], "name": "Ольга Белова", "active": True, "extensions": [], "suggested": [],
    }  # fmt: skip


async def test_phones_change_hands_in_one_save_and_cards_follow(company: Company) -> None:
    answer = await put(company, (await table(company))["version"], **{f"u{ANTON}": ["102"], f"u{KATE}": ["101"]})
    assert answer.status_code == 200
    company.tell(inbound(company.clock(), "101"))
    assert [len(company.board.view(user)["cards"]) for user in (ANTON, KATE)] == [0, 1]
    assert answer.json() == await table(company)


async def test_who_was_named_for_no_phone_is_named_and_the_office_stays_one_that_can_be_read(company: Company) -> None:
    answer = await put(company, (await table(company))["version"], **{f"u{ADMIN}": ["130"], f"u{KATE}": []})
    assert answer.status_code == 200
    office = await load_office(company.database, company.vault)
    assert office
    assert {one.name: one.extensions for one in office.employee}["Ирина Павлова"] == ("130",)
    assert {one.name: one.extensions for one in office.employee}["Kate Miller"] == ()


async def test_table_that_somebody_else_has_changed_meanwhile_is_not_overwritten(company: Company) -> None:
    version = (await table(company))["version"]
    assert (await put(company, version, **{f"u{ANTON}": ["140"]})).status_code == 200
    answer = await put(company, version, **{f"u{ANTON}": ["150"]})
    assert (answer.status_code, answer.json()["error"]) == (409, "changed")


@pytest.mark.parametrize(
    ("phones", "code"),
    [
        ({f"u{ANTON}": ["110"]}, "twice"),  # a colleague's who is no user of the account
        ({f"u{ANTON}": ["102"]}, "twice"),
        ({f"u{ANTON}": ["7"], f"u{KATE}": ["7"]}, "twice"),
        ({"u77": ["7"]}, "unknown_user"),
        ({f"u{ANTON}": ["1 or 2"]}, "not_an_extension"),
        ({f"u{ANTON}": ["PJSIP/101&PJSIP/102"]}, "not_an_extension"),
        ({f"u{ANTON}": [str(n) for n in range(200, 211)]}, "too_many"),
    ],
)
async def test_table_that_cannot_be_is_refused_whole(company: Company, phones: dict[str, list[str]], code: str) -> None:
    before = await table(company)
    answer = await put(company, before["version"], **phones)
    assert (answer.status_code, answer.json()["error"]) == (409, code)
    assert await table(company) == before


async def test_table_is_administrators_only(company: Company) -> None:
    for method, body in (("GET", None), ("PUT", {"version": "", "rows": []})):
        answer = await company.ask(method, "extensions", user=ANTON, json=body)
        assert (answer.status_code, answer.json()["error"]) == (403, "not_admin")


@pytest.mark.parametrize("rows", [None, "x", [5], [{"user": "1"}], [{"user": "1", "extensions": [5]}]])
async def test_table_that_is_none_changes_nothing(company: Company, rows: Any) -> None:
    before = await table(company)
    answer = await company.ask("PUT", "extensions", user=ADMIN, json={"version": before["version"], "rows": rows})
    assert (answer.status_code, answer.json()["error"]) == (400, "not_understood")
    assert await table(company) == before


# Connecting


def code(company: Company) -> str:
    return company.account.access.issue_code(company.integration, int(ADMIN), company.clock())


def host(company: Company) -> str:
    return urlsplit(company.account.address).netloc


def connected(company: Company) -> bool:
    return isinstance(held := company.crm.credentials, Tokens) and bool(held.refresh)


@pytest.fixture
async def stranger(tmp_path: Path) -> AsyncIterator[Company]:
    async with open_company(tmp_path, connected=False) as opened:
        yield opened


async def test_way_to_the_account_s_page_and_back_connects_it(stranger: Company) -> None:
    there = await stranger.http.get(f"{stranger.address}/authorize")
    asked = dict(parse_qsl(urlsplit(there.headers["location"]).query))
    assert there.status_code == 302
    assert asked["client_id"] == stranger.integration.client_id
    back = {"code": code(stranger), "referer": host(stranger), "state": asked["state"]}
    answer = await stranger.http.get(f"{stranger.address}/oauth", params=back)
    assert answer.status_code == 200
    assert "Ringbridge is connected" in answer.text
    assert connected(stranger)
    await stranger.keys.came.wait()
    assert (await stranger.http.get(f"{stranger.address}/oauth", params=back)).status_code == 400


async def test_widget_s_installation_is_answered_first_and_the_code_taken_after(stranger: Company) -> None:
    back = {"code": code(stranger), "referer": host(stranger), "from_widget": "1"}
    stranger.keys.open.clear()
    answer = await stranger.http.get(f"{stranger.address}/oauth", params=back)
    assert (answer.status_code, answer.content) == (200, b"")
    assert not connected(stranger)
    stranger.keys.open.set()
    await stranger.keys.came.wait()
    assert (await stranger.http.get(f"{stranger.address}/hello")).json()["connected"]


@pytest.mark.parametrize("referer", ["other.amocrm.ru", "evil.example", "127.0.0.1.evil.example", "", "a@b:c/d?e"])
async def test_code_of_another_account_that_nobody_here_began_is_not_taken(stranger: Company, referer: str) -> None:
    for more in ({}, {"from_widget": "1"}, {"state": "guess"}):
        back = {"code": code(stranger), "referer": referer, **more}
        assert (await stranger.http.get(f"{stranger.address}/oauth", params=back)).status_code == 400
    assert stranger.keys.saved == []
    assert [one for one in stranger.account.traffic.asked if "access_token" in one.path] == []


async def test_spent_code_and_a_refusal_are_told(stranger: Company) -> None:
    spent = code(stranger)
    back = {"code": spent, "referer": host(stranger)}
    assert (await stranger.http.get(f"{stranger.address}/oauth", params=back)).status_code == 200
    answer = await stranger.http.get(f"{stranger.address}/oauth", params=back)
    assert answer.status_code == 400
    assert "The account is not connected" in answer.text
    denied = await stranger.http.get(f"{stranger.address}/oauth", params={"error": "access_denied"})
    assert denied.status_code == 400
    russian = {"Accept-Language": "ru"}
    told = await stranger.http.get(f"{stranger.address}/oauth", params=back, headers=russian)
    assert '<html lang="ru">' in told.text
    assert "Аккаунт не подключён" in told.text
    assert "amoCRM отказал" in told.text


async def test_integration_that_is_switched_off_is_disconnected_by_a_signed_hook_only(company: Company) -> None:
    signed = {
        "account_id": str(company.account.id),
        "client_uuid": company.integration.client_id,
        "signature": disable_signature(company.integration, company.account.id),
    }
    for change in ({"signature": "0" * 64}, {"account_id": "7"}, {"client_uuid": "x"}, {"signature": ""}):
        answer = await company.http.get(f"{company.address}/disabled", params=signed | change)
        assert answer.status_code == 403
        assert connected(company)
    assert not company.keys.gone.is_set()
    assert (await company.http.get(f"{company.address}/disabled", params=signed)).status_code == 200
    await company.keys.gone.wait()
    assert not connected(company)
    assert (await company.ask("POST", "dial", json=CLICK)).json()["error"] == "not_connected"
