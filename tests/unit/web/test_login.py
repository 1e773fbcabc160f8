from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest
from starlette.routing import Mount, Route
from starlette.types import Message, Scope
from tests.unit.web import sample_calls
from tests.unit.web.office_page import NOW, OFFICE, client, journal, read, services
from tests.unit.web.visitors import BOSS, HEAD, PASSWORD, VICTOR, accounts, quick_hash, session

from ringbridge.store import users
from ringbridge.store.database import Database
from ringbridge.store.keys import call_key
from ringbridge.store.users import User
from ringbridge.telephony.model import Call
from ringbridge.web.app import create_app
from ringbridge.web.auth.accounts import COOKIE, LIFETIME, MOST_OF_ADDRESS, MOST_OF_NAME, digest
from ringbridge.web.auth.places import has_own_door

ELSEWHERE = {"base_url": "https://calls.example", "address": "203.0.113.5"}
GOOD = {"name": " BOSS ", "password": PASSWORD, "next": "/journal?number=1"}


async def test_right_password_opens_the_page_that_was_asked_for(database: Database) -> None:
    await accounts(database)
    async with client(create_app(services(database)), **ELSEWHERE) as browser:
        sent = await browser.get("/journal?number=1")
        assert (sent.status_code, sent.headers["location"]) == (303, "/login?next=%2Fjournal%3Fnumber%3D1")
        door = await browser.get(sent.headers["location"])
        assert 'value="/journal?number=1"' in door.text
        assert 'href="/journal"' not in door.text, "who is not in sees no places"
        entered = await browser.post("/login", data=GOOD)
        assert (entered.status_code, entered.headers["location"]) == (303, "/journal?number=1")
        assert (await browser.get("/journal?number=1")).status_code == 200


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_cookie_is_kept_from_scripts_and_other_sites_and_from_open_lines(database: Database, scheme: str) -> None:
    await accounts(database)
    async with client(create_app(services(database)), base_url=f"{scheme}://calls.example") as browser:
        cookie = (await browser.post("/login", data=GOOD)).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert ("secure" in cookie) is (scheme == "https")


async def test_database_knows_no_session_by_which_one_could_enter(database: Database) -> None:
    await accounts(database)
    async with client(create_app(services(database)), **ELSEWHERE) as browser:
        await browser.post("/login", data=GOOD)
        token = browser.cookies[COOKIE]
    async with database.reading() as tx:
        assert await users.session_user(tx, token, NOW) is None
        assert await users.session_user(tx, digest(token), NOW) == BOSS


async def test_hash_made_by_an_older_measure_is_renewed_at_the_login(database: Database) -> None:
    await accounts(database)
    async with client(create_app(services(database))) as browser:
        await browser.post("/login", data=GOOD)
        assert (await browser.post("/login", data=GOOD)).status_code == 303
    async with database.reading() as tx:
        assert await users.password_of(tx, "boss") != quick_hash()


async def test_unknown_name_and_wrong_password_are_refused_alike(database: Database) -> None:
    await accounts(database)
    async with client(create_app(services(database)), **ELSEWHERE) as browser:
        answers = [
            await browser.post("/login", data=GOOD | wrong) for wrong in ({"password": "wrong"}, {"name": "nobody"})
        ]
    shown = [(answer.status_code, [text for text in read(answer.text).found if "wrong" in text]) for answer in answers]
    assert shown == [(401, ["The name or the password is wrong."])] * 2
    assert not any("set-cookie" in answer.headers for answer in answers)


@pytest.mark.parametrize("by", ["address", "name"])
async def test_guessing_is_slowed_down_by_address_and_by_name_and_may_go_on_later(database: Database, by: str) -> None:
    await accounts(database)
    now = [NOW]
    app = create_app(services(database, clock=lambda: now[0]))

    async def attempt(number: int, password: str) -> int:
        address = "203.0.113.5" if by == "address" else f"203.0.113.{number}"
        name = f"name{number}" if by == "address" and password != PASSWORD else "boss"
        async with client(app, base_url="https://calls.example", address=address) as browser:
            return (await browser.post("/login", data={"name": name, "password": password})).status_code

    most = MOST_OF_ADDRESS if by == "address" else MOST_OF_NAME
    assert {await attempt(number, "guess") for number in range(most)} == {401}
    assert await attempt(most, PASSWORD) == 429
    now[0] += timedelta(minutes=10)
    assert await attempt(most, PASSWORD) == 303


@pytest.mark.parametrize("after", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
async def test_login_leads_to_no_other_site(database: Database, after: str) -> None:
    await accounts(database)
    async with client(create_app(services(database)), **ELSEWHERE) as browser:
        assert 'name="next" value="/">' in (await browser.get("/login", params={"next": after})).text
        assert (await browser.post("/login", data=GOOD | {"next": after})).headers["location"] == "/"


async def test_session_ends_at_logout_and_after_its_time(database: Database) -> None:
    await accounts(database)
    now = [NOW]
    async with client(create_app(services(database, clock=lambda: now[0])), **ELSEWHERE) as browser:
        await browser.post("/login", data=GOOD)
        kept = {"Cookie": f"{COOKIE}={browser.cookies[COOKIE]}"}
        await browser.post("/logout")
        assert COOKIE not in browser.cookies
        assert (await browser.get("/live", headers=kept)).status_code == 303
        await browser.post("/login", data=GOOD)
        assert (await browser.get("/live")).status_code == 200
        now[0] += LIFETIME
        assert (await browser.get("/live")).status_code == 303


async def test_another_login_in_the_same_browser_ends_the_first(database: Database) -> None:
    await accounts(database)
    async with client(create_app(services(database)), **ELSEWHERE) as browser:
        await browser.post("/login", data=GOOD)
        first = browser.cookies[COOKIE]
        await browser.post("/login", data=GOOD)
        assert browser.cookies[COOKIE] != first
    async with database.reading() as tx:
        assert await users.session_user(tx, digest(first), NOW) is None


async def test_new_password_ends_every_session_and_is_the_only_one(database: Database) -> None:
    await accounts(database)
    new = {"old": PASSWORD, "new": "battery staple", "again": "battery staple"}
    async with client(create_app(services(database)), **ELSEWHERE) as browser:
        await browser.post("/login", data=GOOD)
        for mistake in ({"old": "wrong"}, {"again": "other word"}, {"new": "short", "again": "short"}):
            refused = await browser.post("/account", data=new | mistake)
            assert (refused.status_code, 'role="alert"' in refused.text) == (422, True)
        assert (await browser.post("/account", data=new)).headers["location"] == "/login"
        assert (await browser.get("/live")).status_code == 303
        assert (await browser.post("/login", data=GOOD)).status_code == 401
        assert (await browser.post("/login", data=GOOD | {"password": "battery staple"})).status_code == 303


async def test_every_address_of_the_page_needs_a_login_but_those_that_have_a_door_of_their_own(
    database: Database,
) -> None:
    await accounts(database)
    app = create_app(services(database))
    paths = [route.path for route in app.routes if isinstance(route, Route | Mount)]
    closed = [path for path in paths if not has_own_door(path.replace("{", "").replace("}", "") or "/")]
    assert {"/", "/live", "/live/stream", "/journal", "/calls/{key:path}", "/status", "/config"} <= set(closed)
    async with client(app, **ELSEWHERE) as browser:
        for path in (*closed, "/nothing/at/all"):
            assert (await browser.get(path)).status_code == 303, path
            assert (await browser.post(path)).status_code == 401, path
        assert (await browser.get("/live/stream", headers={"Accept": "text/event-stream"})).status_code == 401
        part = await browser.get("/status", headers={"HX-Request": "true", "Accept": "*/*"})
        assert (part.status_code, part.headers["hx-redirect"]) == (401, "/login")
        assert (await browser.get("/healthz")).text == "ok"


async def test_socket_without_a_login_is_refused(database: Database) -> None:
    await accounts(database)
    told: list[Message] = []

    async def send(message: Message) -> None:
        told.append(message)

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    scope: Scope = {"type": "websocket", "path": "/live/socket", "headers": [], "client": ("203.0.113.5", 1)}
    await create_app(services(database))(scope, receive, send)
    assert [message["type"] for message in told] == ["websocket.close"]


# Before anybody has an account

FROM_HERE: dict[str, str] = {}


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1"])
@pytest.mark.parametrize("host", ["http://localhost:8077", "http://127.0.0.1:8077", "http://[::1]:8077"])
async def test_before_the_first_account_the_page_is_open_at_the_machine_and_says_so(
    database: Database, address: str, host: str
) -> None:
    async with client(create_app(services(database)), address=address, base_url=host) as browser:
        answer = await browser.get("/live")
    assert answer.status_code == 200
    assert "Nobody has an account yet" in answer.text


@pytest.mark.parametrize(
    ("address", "host", "headers"),
    [
        ("192.168.1.7", "http://localhost:8077", {}),
        ("127.0.0.1", "http://calls.example", {}),
        ("127.0.0.1", "http://localhost:8077", {"X-Forwarded-For": "127.0.0.1"}),
        ("127.0.0.1", "http://localhost:8077", {"Forwarded": "for=127.0.0.1"}),
        ("127.0.0.1", "http://localhost:8077", {"X-Real-IP": "127.0.0.1"}),
    ],
)
async def test_before_the_first_account_nobody_else_gets_in_however_they_come(
    database: Database, address: str, host: str, headers: Mapping[str, str]
) -> None:
    await journal(database, [sample_calls.answered(NOW)])
    async with client(create_app(services(database)), address=address, base_url=host) as browser:
        answer = await browser.get("/journal", headers=dict(headers))
    assert answer.status_code == 403
    assert "ringbridge user add" in answer.text
    assert "912" not in answer.text


async def test_with_the_first_account_the_machine_itself_has_to_log_in_too(database: Database) -> None:
    app = create_app(services(database))
    async with client(app) as browser:
        assert (await browser.get("/live")).status_code == 200
        await accounts(database, BOSS)
        assert (await browser.get("/live")).status_code == 303


# Roles


async def seen(database: Database, user: User, path: str, live: tuple[Call, ...] = ()) -> tuple[int, str]:
    async with client(create_app(services(database, live=live)), **ELSEWHERE) as browser:
        answer = await browser.get(path, headers=await session(database, user))
    return answer.status_code, " | ".join(read(answer.text).found)


async def test_employee_sees_the_calls_of_their_own_phones_and_no_other(database: Database) -> None:
    await accounts(database)
    own, others = sample_calls.talking(NOW), (sample_calls.ringing(NOW), sample_calls.answered(NOW))
    await journal(database, (own, *others))
    for path in ("/live", "/journal"):
        shown = [await seen(database, user, path, (own, *others)) for user in (VICTOR, HEAD)]
        assert [own.external[-2:] in text for _, text in shown if own.external] == [True, True]
        assert ["Ромашка" in text for _, text in shown] == [False, True]
    assert (await seen(database, VICTOR, f"/calls/{call_key(OFFICE, own.id)}"))[0] == 200
    for call in others:
        assert (await seen(database, VICTOR, f"/calls/{call_key(OFFICE, call.id)}"))[0] == 404
        assert (await seen(database, HEAD, f"/calls/{call_key(OFFICE, call.id)}"))[0] == 200


async def test_no_search_shows_an_employee_the_call_of_a_colleague(database: Database) -> None:
    await accounts(database)
    await journal(database, [sample_calls.answered(NOW)])
    for search in ("employee=101", "employee=102", "number=9125551122", "trunk=mango", "before=9999999999999999~z"):
        assert "No call" in (await seen(database, VICTOR, f"/journal?{search}"))[1]


@pytest.mark.parametrize(
    ("path", "employee", "supervisor", "admin"),
    [
        ("/live", 200, 200, 200),
        ("/account", 200, 200, 200),
        ("/status", 403, 200, 200),
        ("/config", 403, 403, 200),
        ("/something/new", 403, 403, 404),
    ],
)
async def test_each_role_opens_its_own_pages(
    database: Database, path: str, employee: int, supervisor: int, admin: int
) -> None:
    await accounts(database)
    assert [(await seen(database, user, path))[0] for user in (VICTOR, HEAD, BOSS)] == [employee, supervisor, admin]


async def test_set_up_page_names_the_accounts(database: Database) -> None:
    await accounts(database)
    assert "victor | employee | 104" in (await seen(database, BOSS, "/config"))[1]


async def test_account_that_is_taken_away_is_out_at_once(database: Database) -> None:
    await accounts(database)
    async with client(create_app(services(database)), **ELSEWHERE) as browser:
        cookies = await session(database, HEAD)
        assert (await browser.get("/live", headers=cookies)).status_code == 200
        async with database.transaction() as tx:
            await users.remove(tx, "head", by="test", now=NOW)
        assert (await browser.get("/live", headers=cookies)).status_code == 303
