"""Keys, moves and bad days: the connection to the portal survives what portals do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from tests.contract.bitrix24_office import (
    CLIENT,
    MAKE,
    STRANGER,
    adapter,
    attach,
    credentials,
    finish,
    office,
    portal,
    register,
)

from ringbridge.crm.bitrix24 import Settings, Tokens, Webhook
from ringbridge.crm.contract import Capability, Choices, CrmError, Receipt, Rejected, Throttled, Transient, Unauthorized
from ringbridge.crm.reach import Reach
from ringbridge.emulators.bitrix24 import CrmMode, Fault, FaultKind, Permission, serve
from ringbridge.emulators.bitrix24.oauth import ALL_SCOPES
from ringbridge.emulators.bitrix24.people import User
from ringbridge.emulators.bitrix24.settings import ScopeRefusal, Wording
from ringbridge.routing.intents import PortalId

# Renewal


async def test_one_renewal_serves_all_who_find_the_key_expired() -> None:
    async with office(oauth=True) as at:
        at.portal.access.expire_all()
        calls = [register(n, number=f"+7999000{n:04}") for n in range(20)]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(at.do(call)) for call in calls]
        assert all(isinstance(answer, Receipt) for task in tasks for answer in task.result())
        assert at.portal.access.refreshes == 1
        assert len(at.running) == 20


async def test_renewed_tokens_are_stored_before_they_are_used() -> None:
    async with office(oauth=True) as at:
        at.portal.access.expire_all()
        old = at.crm._key.credentials
        used_at_store: list[Any] = []

        async def save(tokens: Any) -> None:
            used_at_store.append((tokens, at.crm._key.credentials))

        at.crm._key._save = save
        await at.do(register())
        ((stored, in_use),) = used_at_store
        assert in_use == old
        assert at.crm._key.credentials == stored != old


async def test_tokens_that_could_not_be_stored_are_not_lost() -> None:
    async with office(oauth=True) as at:
        at.portal.access.expire_all()
        kept = at.crm._key._save

        async def full(tokens: Any) -> None:
            raise OSError("no space left on device")

        at.crm._key._save = full
        (failed,) = await at.do(register())
        at.crm._key._save = kept
        (done,) = await at.do(register())
        assert isinstance(failed, Transient)
        assert not failed.maybe_done
        assert isinstance(done, Receipt)
        assert at.portal.access.refreshes == 1
        assert len(at.saved) == 1


async def test_a_renewal_goes_on_when_everyone_who_waited_has_left() -> None:
    async with office(oauth=True) as at:
        at.portal.access.expire_all()
        begun = asyncio.Event()
        kept = at.crm._key._save

        async def save(tokens: Any) -> None:
            begun.set()
            await kept(tokens)

        at.crm._key._save = save
        task = asyncio.create_task(at.do(register()))
        await begun.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await at.crm._key.aclose()
        assert at.saved == [at.crm._key.credentials]


async def test_a_refresh_token_that_opens_nothing_parks_the_portal_in_words() -> None:
    async with office(oauth=True) as at:
        at.portal.access.expire_all()
        at.portal.access.refresh.clear()
        (answer,) = await at.do(register())
        assert isinstance(answer, Unauthorized)
        assert "connect it anew" in str(answer)


async def test_a_portal_that_calls_the_renewed_key_expired_is_not_asked_for_ever() -> None:
    async with office(oauth=True) as at:
        at.portal.faults.add(Fault(kind=FaultKind.EXPIRED_TOKEN, times=5))
        (answer,) = await at.do(register())
        assert isinstance(answer, Unauthorized)
        assert at.portal.traffic.requests == 2


async def test_tokens_of_another_portal_are_refused() -> None:
    async with office(oauth=True) as at:
        at.crm._key._tokens = replace(at.crm._key._tokens, member="somebody else")
        at.portal.access.expire_all()
        (answer,) = await at.do(register())
        assert isinstance(answer, Unauthorized)
        assert not at.saved


async def test_an_expired_webhook_is_explained() -> None:
    async with office() as at:
        at.portal.faults.add(Fault(kind=FaultKind.EXPIRED_TOKEN))
        (answer,) = await at.do(register())
        assert isinstance(answer, Unauthorized)
        assert "new one" in str(answer)


@pytest.mark.parametrize("oauth", [False, True])
async def test_a_removed_key_parks_the_portal(oauth: bool) -> None:
    async with office(oauth=oauth) as at:
        at.portal.access.webhooks.clear()
        at.portal.access.applications.clear()
        with pytest.raises(Unauthorized):
            await at.crm.check()


# Moves


@pytest.mark.parametrize("oauth", [False, True])
async def test_a_moved_portal_is_followed_and_its_new_address_stored(oauth: bool) -> None:
    old, new = portal(), portal()
    async with office(old, oauth=oauth) as at, serve(new):
        new.access = old.access
        new.staff = old.staff
        old.moved_to = new.address
        (answer,) = await at.do(register())
        assert isinstance(answer, Receipt)
        assert len(new.telephony.active) == 1
        (stored,) = at.saved
        address = stored.address if isinstance(stored, Webhook) else stored.endpoint
        assert address.startswith(f"{new.address}/rest/")
        asked = old.traffic.requests
        await at.do(finish(), facts=answer.facts)
        assert old.traffic.requests == asked
        assert len(new.telephony.finished) == 1


async def test_portals_that_send_us_in_a_circle_are_left_alone() -> None:
    old, new = portal(), portal()
    async with office(old) as at, serve(new):
        old.moved_to, new.moved_to = new.address, old.address
        (answer,) = await at.do(register())
        assert isinstance(answer, Transient)
        assert not answer.maybe_done
        assert not at.saved


@asynccontextmanager
async def answering(raw: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that gives the same bytes to everyone; and what it was sent."""
    heard: list[bytes] = []

    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(raw)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve_one, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", heard


def page(status: str, body: str = "", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body.encode())}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


@asynccontextmanager
async def speaking_to(raw: bytes) -> AsyncIterator[tuple[Any, list[bytes]]]:
    async with answering(raw) as (address, heard), office() as at:
        crm = adapter(at.portal, at.shelf, at.saved, key=Webhook.parse(f"{address}/rest/1/topsecret/"))
        at.crm, kept = crm, at.crm
        try:
            yield at, heard
        finally:
            at.crm = kept
            await crm.aclose()


async def test_a_redirect_to_a_login_page_does_not_get_the_key() -> None:
    async with AsyncExitStack() as stack:
        elsewhere, stolen = await stack.enter_async_context(answering(page("200 OK", "{}")))
        login = page("302 Found", Location=f"{elsewhere}/login?back=rest")
        at, _ = await stack.enter_async_context(speaking_to(login))
        (answer,) = await at.do(register())
        assert isinstance(answer, Transient)
        assert not stolen


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (page("200 OK", "<html>maintenance</html>"), Transient),
        (page("200 OK", '{"result": '), Transient),
        (page("200 OK", "[]"), Transient),
        (page("200 OK", "null"), Transient),
        (page("200 OK", '{"error": "QUERY_LIMIT_EXCEEDED", "error_description": "Too many requests"}'), Throttled),
        (page("200 OK", '{"error": "", "error_description": ""}'), Transient),
        (page("503 Service Unavailable", '{"error": "QUERY_LIMIT_EXCEEDED"}'), Throttled),
        (page("503 Service Unavailable", "<html>nginx</html>"), Transient),
        (page("429 Too Many Requests", "slow down"), Throttled),
        (page("403 Forbidden", "<html>firewall</html>"), Transient),
        (page("404 Not Found", "<html>no such site</html>"), Unauthorized),
        (page("400 Bad Request", '{"error": "ERROR_CORE", "error_description": "whatever"}'), Transient),
        (page("400 Bad Request", '{"error": "INVALID_REQUEST", "error_description": "Https required"}'), Unauthorized),
        (page("410 Gone", '{"error": "PORTAL_DELETED"}'), Unauthorized),
        (page("302 Found", Location="http://[bad"), Transient),
        (page("200 OK", "[" * 100_000), Transient),
        (page("200 OK", '{"result": {"result": [], "result_error": []}}'), Transient),
        (page("200 OK", '{"result": {"result": {"s0": null}, "result_error": []}}'), Transient),
        (page("200 OK", '{"result": {"result": {"s0": {"CALL_ID": 17}}}}'), Receipt),
        (b"this is no HTTP\r\n\r\n", Transient),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{", Transient),
        (b"", Transient),
    ],
)
async def test_whatever_comes_back_gives_up_no_call(raw: bytes, expected: type) -> None:
    async with speaking_to(raw) as (at, _):
        (answer,) = await at.do(register())
        assert type(answer) is expected
        assert "topsecret" not in str(answer)


async def test_a_portal_that_does_not_answer_in_time_leaves_the_step_in_doubt() -> None:
    async with office() as at:
        at.crm._door._answer_within = 0.05
        at.portal.faults.add(Fault(kind=FaultKind.HANG))
        (answer,) = await at.do(register())
        assert isinstance(answer, Transient)
        assert answer.maybe_done


async def test_a_portal_closed_for_overload_is_left_alone_and_nobody_is_kept_waiting() -> None:
    async with office() as at:
        at.portal.faults.add(Fault(kind=FaultKind.OVERLOAD))
        (first,) = await at.do(register())
        (second,) = await at.do(register())
        with pytest.raises(Throttled, match="OVERLOAD"):
            await at.crm.check()
        assert isinstance(first, Throttled)
        assert isinstance(second, Throttled)
        assert second.until == first.until
        assert at.portal.traffic.requests == 1


@pytest.mark.parametrize("oauth", [False, True])
async def test_no_log_of_any_library_holds_a_key(
    oauth: bool, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level("DEBUG"):
        async with office(oauth=oauth) as at:
            secrets = set(at.crm._key.secrets())
            at.portal.access.expire_all()
            await at.do(register(), finish())
            at.portal.faults.add(Fault(kind=FaultKind.CUT))
            await at.do(register())
            secrets |= set(at.crm._key.secrets())
    said = caplog.text + "".join(capsys.readouterr())
    assert not [secret for secret in secrets if secret in said]


# The points where the sources disagree


@pytest.mark.parametrize(
    "unusual",
    [
        {"telephony_error_code": "", "wording": Wording.BOX},
        {"empty_map_as_list": False},
        {"finish_start_date_as_object": False},
        {"add_to_chat_default": False},
        {"ignore_call_list": True},
        {"reuse_refresh_token": True},
        {"simple_mode_order": ("DEAL", "CONTACT"), "mode": CrmMode.SIMPLE},
    ],
)
@pytest.mark.parametrize("oauth", [False, True])
async def test_a_call_goes_its_way_on_either_kind_of_portal(unusual: dict[str, Any], oauth: bool) -> None:
    async with office(portal(**unusual), oauth=oauth) as at:
        facts = await at.registered(register(number=STRANGER, creation=MAKE))
        assert facts["created"]
        for _ in range(2):
            (done,) = await at.do(finish(), facts=facts)
            assert isinstance(done, Receipt)
        (record,) = at.finished
        assert record.chat_message
        (lost,) = await at.do(finish(2), facts={"call_id": "externalCall.unknown.1"})
        (early,) = await at.do(attach(2), facts={"call_id": "externalCall.unknown.1"})
        assert isinstance(lost, Rejected)
        assert isinstance(early, Transient)


@pytest.mark.parametrize("status", [500, 403, 410])
async def test_a_deleted_portal_is_parked_whatever_the_status(status: int) -> None:
    async with office(portal(portal_deleted_status=status)) as at:
        at.portal.faults.add(Fault(kind=FaultKind.PORTAL_DELETED))
        (answer,) = await at.do(register())
        assert isinstance(answer, Unauthorized)


@pytest.mark.parametrize("status", [401, 403])
async def test_a_missing_permission_is_named_whatever_the_status(status: int) -> None:
    at_portal = portal(insufficient_scope_status=status)
    at_portal.access.webhooks[0].scopes = ("crm",)
    async with office(at_portal) as at:
        (answer,) = await at.do(register())
        assert isinstance(answer, Unauthorized)
        assert "telephony" in str(answer)


# Addresses


def _plain_http(settings: Any) -> Any:
    return replace(settings, allow_http=False)


def _public_only(settings: Any) -> Any:
    return replace(settings, allow_private=False)


@pytest.mark.parametrize(("limit", "word"), [(_plain_http, "allow_http"), (_public_only, "allow_private")])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_plain_http_and_private_addresses_are_asked_only_when_allowed(
    limit: Callable[[Any], Any], word: str, host: str
) -> None:
    async with office() as at:
        address = at.portal.webhook_url.replace("127.0.0.1", host)
        reach = limit(Reach(allow_http=True, allow_private=True))
        crm = type(at.crm)(
            Settings(portal=PortalId("main"), reach=reach),
            Webhook.parse(address),
            recordings=at.shelf,
            save=lambda _: asyncio.sleep(0),
        )
        try:
            with pytest.raises(Unauthorized, match=word):
                await crm.check()
        finally:
            await crm.aclose()
        assert at.portal.traffic.requests == 0


# What the connection gives


async def test_an_application_with_every_permission_lacks_nothing() -> None:
    async with office(oauth=True) as at:
        info = await at.crm.check()
        assert info.can == {str(one) for one in Capability}
        assert info.missing == ()


async def test_what_rules_may_name_is_read_with_the_check_where_the_crm_may_be_seen() -> None:
    async with office() as at:
        choices = (await at.crm.check()).choices
        assert choices.pipelines == {"0": "General", "1": "Sales"}
        assert {"NEW", "C1:NEW", "IN_PROCESS"} <= set(choices.stages or {})
        assert "CALL" in (choices.sources or {})
        assert "CALL" not in (choices.stages or {})
    blind = portal()
    blind.access.applications[0].scopes = tuple(one for one in ALL_SCOPES if one != "crm")
    async with office(blind, oauth=True) as at:
        assert (await at.crm.check()).choices == Choices()


async def test_a_webhook_says_what_it_cannot_do() -> None:
    async with office(portal(webhook_telephony=Permission.DENY)) as at:
        info = await at.crm.check()
        assert Capability.CALLS not in info.can
        assert any("local application" in words for words in info.missing)


async def test_a_portal_without_leads_is_noticed() -> None:
    async with office(portal(mode=CrmMode.SIMPLE)) as at:
        assert Capability.LEADS not in (await at.crm.check()).can


@pytest.mark.parametrize("refusal", list(ScopeRefusal))
@pytest.mark.parametrize(
    ("scope", "capability"),
    [
        ("telephony", Capability.CALLS),
        ("crm", Capability.CLIENTS),
        ("task", Capability.TASKS),
        ("user", Capability.USERS),
    ],
)
async def test_each_missing_permission_is_named(refusal: ScopeRefusal, scope: str, capability: Capability) -> None:
    at_portal = portal(scope_refusal=refusal)
    at_portal.access.applications[0].scopes = tuple(one for one in ALL_SCOPES if not one.startswith(scope))
    async with office(at_portal, oauth=True) as at:
        info = await at.crm.check()
        assert capability not in info.can
        assert any(scope in words for words in info.missing)


async def test_a_user_who_may_not_see_statistics_is_named() -> None:
    async with office() as at:
        at.portal.staff.users[1].sees_statistics = False
        info = await at.crm.check()
        assert Capability.LOOKUP not in info.can
        assert any("statistics" in words for words in info.missing)


# Employees and clients


async def test_employees_come_with_every_number_over_all_pages() -> None:
    async with office() as at:
        for n in range(200, 330):
            at.portal.staff.users[n] = User(id=n, name=f"User {n}", inner_phone=str(n), active=n % 2 == 0)
        at.portal.staff.users[400] = User(id=400, name="Nobody")
        at.portal.staff.users[401] = User(id=401, name="Mobile", personal_mobile="+7 912 000-00-01", work_phone="55")
        at.portal.staff.users[401].email = "mobile@example.com"
        users = {user.id: user for user in await at.crm.users()}
        assert len(users) == len(at.portal.staff.users)
        assert users["200"].extensions == ("200",)
        assert users["200"].active
        assert not users["201"].active
        assert users["401"].phones == ("+7 912 000-00-01", "55")
        assert users["401"].extensions == ()
        assert users["401"].email == "mobile@example.com"


async def test_a_client_is_found_with_the_responsible() -> None:
    async with office() as at:
        client = await at.crm.find(CLIENT)
        assert client
        assert (client.kind, client.responsible) == ("contact", "2")
        assert await at.crm.find(STRANGER) is None


@pytest.mark.parametrize("refusal", list(ScopeRefusal))
async def test_a_client_is_found_without_the_telephony_permission(refusal: ScopeRefusal) -> None:
    at_portal = portal(scope_refusal=refusal)
    at_portal.access.webhooks[0].scopes = ("crm",)
    async with office(at_portal) as at:
        client = await at.crm.find(CLIENT)
        assert client
        assert (client.kind, client.responsible) == ("contact", "2")
        assert await at.crm.find(STRANGER) is None


async def test_a_search_with_a_dead_key_says_so() -> None:
    async with office() as at:
        at.portal.access.webhooks.clear()
        with pytest.raises(CrmError):
            await at.crm.find(CLIENT)


def test_tokens_show_no_secret_when_printed() -> None:
    shown = str(credentials(portal(), oauth=True)) + str(Webhook.parse("https://b24.example/rest/1/topsecret/"))
    assert "topsecret" not in shown
    assert isinstance(credentials(portal(), oauth=True), Tokens)
