"""Keys to an account: codes, tokens that are renewed once, accounts that move, tokens that live long."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.contract.amocrm_office import (
    CLIENT,
    account,
    application_of,
    finish,
    long_lived,
    office,
    only,
    register,
    tokens,
)
from tests.contract.bitrix24_office import Shelf

from ringbridge.crm.amocrm import AmoCrm, Credentials, LongLived, Settings, Tokens
from ringbridge.crm.amocrm.connection import Brand, authorization_address, is_disable_hook
from ringbridge.crm.contract import Capability, CrmError, Transient, Unauthorized
from ringbridge.emulators.amocrm import Account, Fault, FaultKind, Kind
from ringbridge.emulators.amocrm.demo import ADMIN_ID
from ringbridge.emulators.amocrm.oauth import disable_signature
from ringbridge.emulators.amocrm.pipelines import WON
from ringbridge.emulators.amocrm.staff import User
from ringbridge.routing.intents import PortalId, UserId


def code(account: Account) -> str:
    return account.access.issue_code(account.access.integrations[0], ADMIN_ID, account.clock())


async def test_a_code_connects_the_account_and_its_tokens_are_stored() -> None:
    async with office(key=lambda at: Tokens(address=at.address)) as at:
        with pytest.raises(Unauthorized, match="not connected yet"):
            await at.crm.check()
        assert at.crm.connection is not None
        await at.crm.connection.accept(code(at.account), at.account.host)
        (stored,) = at.saved
        assert isinstance(stored, Tokens)
        assert (stored.account, stored.address, stored.api_domain) == (
            at.account.id,
            at.account.address,
            at.account.api_domain,
        )
        assert (await at.crm.check()).name == "Example"


async def test_a_code_opens_once_and_a_refused_one_leaves_the_connection_as_it_was() -> None:
    async with office() as at:
        assert at.crm.connection is not None
        used = code(at.account)
        await at.crm.connection.accept(used, at.account.host)
        with pytest.raises(CrmError, match="revoked"):
            await at.crm.connection.accept(used, at.account.host)
        assert len(at.saved) == 1
        await at.crm.check()


async def test_a_code_is_not_taken_to_a_foreign_server() -> None:
    async with office() as at:
        assert at.crm.connection is not None
        with pytest.raises(Unauthorized, match="no address of amoCRM"):
            await at.crm.connection.accept(code(at.account), "evil.example")
        assert at.asked() == []


async def test_an_expired_token_is_renewed_once_for_all_and_stored_before_its_use() -> None:
    async with office() as at:
        at.account.access.expire_all()
        await asyncio.gather(*(at.crm.find(f"+7912555{n:04}") for n in range(20)))
        assert at.account.access.refreshes == 1
        (stored,) = at.saved
        assert stored == at.crm.credentials


async def test_a_token_is_renewed_before_it_ends() -> None:
    async with office(key=lambda at: replace(tokens(at), expires=datetime.now(UTC) + timedelta(minutes=1))) as at:
        await at.crm.find(CLIENT)
        assert at.account.access.refreshes == 1
        assert at.account.traffic.statuses[401] == 0


async def test_a_renewed_token_that_cannot_be_stored_is_not_lost() -> None:
    stored: list[Credentials] = []

    async def save(credentials: Credentials) -> None:
        if not stored:
            stored.append(credentials)
            raise OSError("the disk is full")
        stored.append(credentials)

    async with office(save=save) as at:
        at.account.access.expire_all()
        with pytest.raises(Transient, match="disk is full"):
            await at.crm.find(CLIENT)
        assert await at.crm.find(CLIENT) is not None
        assert at.account.access.refreshes == 1
        assert stored[0] == stored[1] == at.crm.credentials


@pytest.mark.parametrize("kind", [FaultKind.CUT, FaultKind.INTERNAL_ERROR])
async def test_a_renewal_that_failed_before_it_was_carried_out_is_tried_again(kind: FaultKind) -> None:
    async with office() as at:
        at.account.access.expire_all()
        at.account.faults.add(Fault(kind=kind, path="/oauth2/access_token"))
        (registered,) = await at.do(register())
        (failed,) = await at.do(finish(), facts=registered.facts)
        assert isinstance(failed, Transient)
        assert not failed.maybe_done
        only(await at.do(finish(), facts=registered.facts))
        assert len(at.calls) == 1


async def test_a_renewal_whose_answer_was_lost_asks_a_person() -> None:
    async with office() as at:
        at.account.access.expire_all()
        at.account.faults.add(Fault(kind=FaultKind.LOSE_ANSWER, path="/oauth2/access_token"))
        with pytest.raises(Transient) as lost:
            await at.crm.find(CLIENT)
        assert not lost.value.maybe_done
        with pytest.raises(Unauthorized, match="Connect the account again"):
            await at.crm.find(CLIENT)
        assert at.saved == []


async def test_a_revoked_token_asks_a_person() -> None:
    async with office() as at:
        at.account.faults.add(Fault(kind=FaultKind.REVOKED))
        _, answer = await at.do(register(), finish())
        assert isinstance(answer, Unauthorized)
        assert "Connect the account again" in str(answer)


@pytest.mark.parametrize("status", [401, 404])
async def test_an_account_that_moved_is_followed(status: int) -> None:
    async with office(account(moved_status=status)) as at:
        old = at.account.address
        at.account.move(old.replace("127.0.0.1", "localhost"))
        if status == 404:
            at.account.access.expire_all()
        await at.done(register(), finish())
        assert isinstance(stored := at.saved[-1], Tokens)
        assert stored.address == old.replace("127.0.0.1", "localhost")
        assert len(at.calls) == 1


async def test_another_accounts_tokens_are_not_taken() -> None:
    async with office(key=lambda at: replace(tokens(at), account=77)) as at:
        at.account.access.expire_all()
        with pytest.raises(Unauthorized, match="another account"):
            await at.crm.find(CLIENT)
        assert at.saved == []


async def test_a_long_lived_token_opens_the_account_until_it_ends() -> None:
    async with office(key=long_lived) as at:
        assert isinstance(at.crm.credentials, LongLived)
        assert at.crm.connection is None
        assert await at.crm.find(CLIENT) is not None
        at.account.access.expire_all()
        with pytest.raises(Unauthorized, match="Make a new token"):
            await at.crm.find("+74951234567")


async def test_a_genuine_disable_hook_forgets_the_tokens_of_its_account_alone() -> None:
    async with office() as at:
        integration, application = at.account.access.integrations[0], application_of(at.account)
        assert at.crm.connection is not None
        params = {
            "account_id": str(at.account.id),
            "client_uuid": integration.client_id,
            "signature": disable_signature(integration, at.account.id),
        }
        assert is_disable_hook(params, application)
        for name in params:
            assert not is_disable_hook({**params, name: "5"}, application)
            assert not is_disable_hook({key: value for key, value in params.items() if key != name}, application)
        assert not await at.crm.connection.disconnected({**params, "account_id": "5"})
        assert await at.crm.connection.disconnected(params)
        with pytest.raises(Unauthorized, match="not connected yet"):
            await at.crm.find(CLIENT)


def test_both_brands_send_a_person_to_their_own_page() -> None:
    at = account()
    for brand, host in ((Brand.AMOCRM, "www.amocrm.ru"), (Brand.KOMMO, "www.kommo.com")):
        address = urlsplit(authorization_address(application_of(at), state="s 1", brand=brand))
        assert address.netloc == host
        assert parse_qs(address.query)["client_id"] == [application_of(at).client_id]
        assert parse_qs(address.query)["state"] == ["s 1"]


async def test_what_the_connection_lacks_is_said_in_words() -> None:
    async with office() as at:
        info = await at.crm.check()
        assert info.can >= {Capability.CALLS, Capability.CLIENTS, Capability.USERS, Capability.TASKS, Capability.LEADS}
        assert info.missing == ()
        assert set(info.choices.pipelines or {}) == {str(one.id) for one in at.account.pipelines.rows}
        assert str(WON) in (info.choices.stages or {})
    async with office(account(users_for_admins_only=True, filters_enabled=False)) as at:
        at.account.staff.users[ADMIN_ID].admin = False
        info = await at.crm.check()
        assert Capability.USERS not in info.can
        assert any("administrator's account" in words for words in info.missing)
        assert any("ignores filters" in words for words in info.missing)


async def test_all_employees_are_read_page_by_page_those_who_left_too() -> None:
    async with office() as at:
        for n in range(300):
            user = User(id=n + 1, name=f"Employee {n}", email=f"e{n}@example.com", phone=f"+7999{n:07}")
            user.active = n != 7
            at.account.staff.users[user.id] = user
        users = {user.id: user for user in await at.crm.users()}
        assert len(users) == 305
        assert not users[UserId("8")].active
        assert users[UserId("9")].email == "e8@example.com"
        assert users[UserId("9")].phones == ("+79990000008",)
        assert users[UserId(str(ADMIN_ID))].departments == ("Отдел продаж",)


async def test_a_body_less_204_is_an_empty_list() -> None:
    async with office(account(missing_status=204)) as at:
        for kind in Kind:
            at.account.entities.rows[kind].clear()
        assert await at.crm.find(CLIENT) is None


async def test_no_key_stands_in_a_calls_story() -> None:
    async with office() as at:
        _, receipt = await at.do(register(), finish())
        held = at.crm.credentials
        assert isinstance(held, Tokens)
        assert receipt.exchange.sent.startswith("POST /api/v4/calls")
        for secret in (held.access, held.refresh, application_of(at.account).client_secret):
            assert secret not in receipt.exchange.sent + receipt.exchange.answered


async def test_tokens_need_their_integration() -> None:
    async def save(_: Credentials) -> None:
        pass

    with pytest.raises(ValueError, match="client_secret"):
        AmoCrm(Settings(portal=PortalId("x")), tokens(account()), recordings=Shelf(), save=save)
