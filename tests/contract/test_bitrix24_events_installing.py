"""Our application at a portal: keys are taken from whoever can prove them, and from nobody else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from tests.contract.bitrix24_entrance import Entrance, entrance, tokens_of

from ringbridge.crm.bitrix24 import Tokens
from ringbridge.crm.contract import Unauthorized
from ringbridge.emulators.bitrix24 import demo, deskwork
from ringbridge.emulators.bitrix24.oauth import Application

FRAME = "/bitrix24/main/install"


def frame(at: Entrance, tokens: Tokens, **changes: str) -> tuple[str, bytes]:
    """The address and form with which the portal opens our page."""
    query = {"DOMAIN": at.portal.domain, "PROTOCOL": "0", "LANG": "ru", "APP_SID": "1"}
    form = {
        "AUTH_ID": tokens.access,
        "AUTH_EXPIRES": "3600",
        "REFRESH_ID": tokens.refresh,
        "SERVER_ENDPOINT": f"{at.portal.address}/rest/",
        "APPLICATION_TOKEN": at.application_token,
        "member_id": at.portal.member_id,
        "status": "L",
        "PLACEMENT": "DEFAULT",
        **changes,
    }
    return f"{FRAME}?{urlencode(query)}", urlencode(form).encode()


async def opened(at: Entrance, tokens: Tokens, **changes: str) -> Any:
    path, body = frame(at, tokens, **changes)
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Origin": "https://company.bitrix24.ru",
        "Sec-Fetch-Site": "cross-site",
    }
    return await at.http.post(f"{at.address}{path}", content=body, headers=headers)


async def key_opens(at: Entrance) -> bool:
    try:
        await at.crm.check()
    except Unauthorized:
        return False
    return True


async def test_a_portal_that_waits_for_its_installation_says_so(tmp_path: Path) -> None:
    async with entrance(tmp_path, installed=False) as at:
        with pytest.raises(Unauthorized, match="waits for our application to be installed"):
            await at.crm.check()
        assert at.portal.traffic.requests == 0


async def test_the_frame_brings_the_keys_and_the_page_ends_the_installation(tmp_path: Path) -> None:
    async with entrance(tmp_path, installed=False) as at:
        offered = tokens_of(at.portal)
        answer = await opened(at, offered)
        assert answer.status_code == 200
        assert "https://api.bitrix24.com/api/v1/" in answer.text
        script = await at.http.get(f"{at.address}/bitrix24/finish.js")
        assert "BX24.installFinish()" in script.text
        policy = answer.headers["content-security-policy"]
        assert f"frame-ancestors {at.portal.address}" in policy
        assert "unsafe-inline" not in policy
        (stored,) = at.saved
        assert isinstance(stored, Tokens)
        assert (stored.endpoint, stored.member) == (f"{at.portal.address}/rest/", at.portal.member_id)
        assert stored.application_token == at.application_token
        assert offered.refresh not in at.portal.access.refresh, "the offered key was renewed: it proved itself"
        assert await key_opens(at)
        assert at.heard == ["connected"]


async def test_an_api_only_application_is_installed_by_its_event(tmp_path: Path) -> None:
    async with entrance(tmp_path, installed=False) as at:
        deskwork.install(at.portal, f"{at.address}/bitrix24/main/events", user_id=demo.ADMIN_ID)
        await at.portal.chores.finish_waiting()
        assert at.portal.bus.delivered[-1][2] == 200
        assert await key_opens(at)
        assert at.crm.installation.knows_token


async def test_events_are_bound_as_soon_as_the_keys_have_come(tmp_path: Path) -> None:
    async with entrance(tmp_path, installed=False) as at, at.running():
        await opened(at, tokens_of(at.portal))
        await at.until_bound()


@pytest.mark.parametrize(
    "lie",
    [{"REFRESH_ID": "0" * 70}, {"REFRESH_ID": ""}, {"AUTH_ID": ""}],
    ids=["made up", "none", "no access token"],
)
async def test_keys_that_do_not_prove_themselves_are_not_taken(tmp_path: Path, lie: dict[str, str]) -> None:
    async with entrance(tmp_path, installed=False) as at:
        answer = await opened(at, tokens_of(at.portal), **lie)
        assert answer.status_code == 400
        assert "installFinish" not in answer.text
        assert at.saved == []
        assert not at.crm.installation.done


async def test_who_offers_made_up_keys_again_and_again_is_not_asked_about(tmp_path: Path) -> None:
    async with entrance(tmp_path, installed=False) as at:
        answers = [await opened(at, tokens_of(at.portal), REFRESH_ID="0" * 70) for _ in range(12)]
        assert all(answer.status_code == 400 for answer in answers)
        assert ["too often" in answer.text for answer in answers] == [False] * 10 + [True] * 2


async def test_keys_of_another_application_are_not_taken(tmp_path: Path) -> None:
    async with entrance(tmp_path, installed=False) as at:
        other = Application(id=2, client_id="local.other", client_secret="other")
        at.portal.access.applications.append(other)
        access, refresh = at.portal.access.issue(other, demo.ADMIN_ID, at.portal.clock())
        assert (await opened(at, replace(tokens_of(at.portal), access=access, refresh=refresh))).status_code == 400
        assert at.saved == []


async def test_keys_of_another_portal_than_the_configured_one_are_not_taken(tmp_path: Path) -> None:
    async with entrance(tmp_path, installed=False, endpoint="https://company.bitrix24.ru/rest/") as at:
        answer = await opened(at, tokens_of(at.portal))
        assert answer.status_code == 400
        assert "company.bitrix24.ru" in answer.text
        assert at.saved == []


async def test_a_connected_portal_stays_the_same_portal(tmp_path: Path) -> None:
    async with entrance(tmp_path) as at:
        at.portal.member_id = "another one at this address"
        assert (await opened(at, tokens_of(at.portal))).status_code == 400
        assert at.saved == []


async def test_an_employee_who_opens_the_application_does_not_take_the_administrators_place(tmp_path: Path) -> None:
    async with entrance(tmp_path) as at:
        answer = await opened(at, tokens_of(at.portal, user_id=2))
        assert answer.status_code == 400
        assert "administrator" in answer.text
        assert at.saved == []
        assert (await opened(at, tokens_of(at.portal))).status_code == 200
        assert len(at.saved) == 1


async def test_an_administrators_browser_goes_to_the_portal_and_comes_back_with_a_code(tmp_path: Path) -> None:
    async with entrance(tmp_path, installed=False) as at:
        at.crm._key._tokens = replace(at.crm._key.credentials, endpoint=f"{at.portal.address}/rest/")
        at.portal.access.applications[0].redirect_uri = f"{at.address}/bitrix24/main/authorized"
        there = await at.http.get(f"{at.address}/bitrix24/main/authorize")
        assert there.status_code == 302
        assert parse_qs(urlsplit(there.headers["location"]).query)["client_id"] == [demo.CLIENT_ID]
        back = await at.http.get(there.headers["location"])
        done = await at.http.get(back.headers["location"])
        assert done.status_code == 200
        assert await key_opens(at)
        again = await at.http.get(back.headers["location"])
        assert again.status_code == 400, "a way back is gone once"


async def test_a_way_back_that_was_not_begun_here_leads_nowhere(tmp_path: Path) -> None:
    async with entrance(tmp_path, installed=False) as at:
        code = at.portal.access.issue_code(at.portal.access.applications[0], demo.ADMIN_ID, at.portal.clock())
        answer = await at.http.get(f"{at.address}/bitrix24/main/authorized?code={code}&state=guessed")
        assert answer.status_code == 400
        assert at.saved == []


async def test_where_the_portal_is_not_known_its_authorization_page_cannot_be_opened(tmp_path: Path) -> None:
    async with entrance(tmp_path, installed=False) as at:
        answer = await at.http.get(f"{at.address}/bitrix24/main/authorize")
        assert answer.status_code == 409
        assert "endpoint" in answer.text


async def test_an_application_that_was_removed_is_forgotten_and_can_be_installed_again(tmp_path: Path) -> None:
    async with entrance(tmp_path) as at, at.running():
        await at.until_bound()
        deskwork.uninstall(at.portal)
        await at.portal.chores.finish_waiting()
        assert at.heard == ["removed"]
        assert not at.crm.installation.done
        at.portal.access.applications[0].installed = True
        assert (await opened(at, tokens_of(at.portal))).status_code == 200
        await at.until_bound()
        assert at.heard[:2] == ["removed", "connected"]


async def test_a_farewell_that_is_not_true_is_not_believed(tmp_path: Path) -> None:
    async with entrance(tmp_path) as at:
        forged = at.form("ONAPPUNINSTALL", {"CLEAN": "1"}, application_token="0" * 32)
        replayed = at.form("ONAPPUNINSTALL", {"CLEAN": "1"})
        assert [await at.post(forged), await at.post(replayed)] == [403, 200]
        old = at.form("ONAPPUNINSTALL", {"CLEAN": "1"}, ts=datetime.now(UTC).timestamp() - 3600)
        assert await at.post(old) == 200
        assert at.crm.installation.done
        assert at.heard == []


async def test_keys_that_cannot_be_stored_are_not_used(tmp_path: Path) -> None:
    async with entrance(tmp_path, installed=False) as at:

        async def full(tokens: object) -> None:
            raise OSError("no space left on device")

        at.crm._key._save = full
        with pytest.raises(OSError, match="no space"):
            await at.events.install({"DOMAIN": at.portal.domain, "PROTOCOL": "0"}, _fields(tokens_of(at.portal)))
        assert not at.crm.installation.done


def _fields(tokens: Tokens) -> dict[str, str]:
    return {"AUTH_ID": tokens.access, "REFRESH_ID": tokens.refresh, "member_id": tokens.member}
