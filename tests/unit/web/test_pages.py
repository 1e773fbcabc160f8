import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.web import sample_calls
from tests.unit.web.office_page import NOW, OFFICE, PORTAL, STATUS, client, journal, read, services, told_to_the_crm

from ringbridge.routing.intents import PortalId
from ringbridge.service.mirror.keeper import MirrorState
from ringbridge.service.sales.keeper import SalesState
from ringbridge.store.database import Database
from ringbridge.store.keys import call_key
from ringbridge.telephony.model import Call
from ringbridge.web import language as languages
from ringbridge.web.app import create_app
from ringbridge.web.language import LANGUAGES
from ringbridge.web.rendering import STATIC, is_name
from ringbridge.web.security import HEADERS
from ringbridge.web.services import LinkState, PbxStatus, PortalStatus, Status
from ringbridge.web.words import WORDS

LIVE = (sample_calls.ringing(NOW), sample_calls.talking(NOW), sample_calls.waiting(NOW))
PAST = tuple(sample_calls.past(NOW))
KINDS = ("answered", "transferred", "missed_in_queue", "outbound_unanswered", "withheld", "hostile")


def address(call: Call) -> str:
    return f"/calls/{call_key(OFFICE, call.id)}"


async def get(database: Database, path: str, *, language: str = "en", live: Iterable[Call] = LIVE) -> str:
    async with client(create_app(services(database, live=(*live, *PAST[:5]))), language) as page:
        answer = await page.get(path)
    assert answer.status_code == 200, answer.text
    return answer.text


def texts(html: str) -> str:
    return " | ".join(read(html).found)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", ["/live", "/journal", "/status"])
async def test_every_page_opens_in_every_language(database: Database, path: str, language: str) -> None:
    await journal(database, (*LIVE, *PAST))
    html = await get(database, path, language=language)
    assert f'lang="{languages.tag(language)}"' in html


async def test_russian_page_shows_no_english_words_of_ours(database: Database) -> None:
    """The catalogue is complete; this proves that it is used, plurals and closed sets included."""
    await journal(database, PAST)
    shown = texts(await get(database, "/live", language="ru")) + texts(await get(database, "/journal", language="ru"))
    for word in ("Live", "Journal", "Missed", "Answered", "ringing", "talks", "Withheld", "Search", "connection"):
        assert word not in shown


async def test_live_shows_who_rings_who_talks_and_who_waits(database: Database) -> None:
    shown = texts(await get(database, "/live"))
    assert "+7 912 555-99-88 | ООО «Ромашка»" in shown
    assert "rings | Анна Смирнова | 101 | Анна Смирнова | Борис Орлов | 102 | Борис Орлов | 103" in shown
    assert "talks | Виктор Ли | 104" in shown
    assert "in queue 700" in shown
    assert "| 3:03 |" in shown, "since the talk began, not since the call did"


async def test_live_without_calls_says_so(database: Database) -> None:
    assert "No calls now" in texts(await get(database, "/live", live=()))


@pytest.mark.parametrize("kind", KINDS)
async def test_page_of_every_kind_of_call_opens(database: Database, kind: str) -> None:
    call = getattr(sample_calls, kind)(NOW - timedelta(hours=1))
    await journal(database, [call])
    for language in LANGUAGES:
        html = await get(database, address(call), language=language)
        assert call.id in html


@pytest.mark.parametrize("call", LIVE, ids=["ringing", "talking", "waiting"])
async def test_page_of_a_call_in_progress_draws_itself_again(database: Database, call: Call) -> None:
    await journal(database, [call])
    assert 'hx-trigger="every' in await get(database, address(call))


async def test_page_of_a_settled_call_is_left_alone(database: Database) -> None:
    await journal(database, [PAST[0]])
    assert "hx-trigger" not in await get(database, address(PAST[0]))


async def test_part_of_another_call_leads_to_the_whole_one(database: Database) -> None:
    whole = PAST[1]
    part = replace(PAST[0], merged_into=whole.id)
    await journal(database, [whole, part])
    html = await get(database, address(part))
    assert "part of another call" in html
    assert address(whole) in [attributes.get("href") for tag, attributes in read(html).tags if tag == "a"]


async def test_story_tells_in_order_what_was_heard_decided_sent_and_answered(database: Database) -> None:
    call = sample_calls.answered(NOW - timedelta(hours=1))
    await told_to_the_crm(database, call)
    story = texts(await get(database, address(call))).split("| Story |")[-1]
    told = ["Newchannel PJSIP/mango", "Register the call and show", "telephony.externalcall.register", "external.1"]
    told += [
        "BridgeEnter",
        "Finish the call: answered",
        "telephony.externalcall.finish",
        "503 Busy",
        "The portal is busy",
    ]
    places = [story.index(text) for text in told]
    assert places == sorted(places)
    for kind in ("Asterisk said", "Decided", "Sent", "Came back", "To be tried again"):
        assert kind in story


async def test_call_shows_which_steps_are_done_and_when_the_rest_is_tried(database: Database) -> None:
    call = sample_calls.answered(NOW - timedelta(hours=1))
    await told_to_the_crm(database, call)
    shown = texts(await get(database, address(call)))
    assert "done | Register the call | acme" in shown
    assert "waits | Finish the call | acme | The portal is busy | next try 18:02:00 | 1 try failed" in shown
    assert "waits | Attach the recording" in shown


@pytest.mark.parametrize("path", ["/live", "/journal", "call"])
async def test_hostile_caller_name_is_text_and_nothing_else(database: Database, path: str) -> None:
    call = sample_calls.hostile(NOW - timedelta(minutes=1))
    await journal(database, [call])
    html = await get(database, address(call) if path == "call" else path, live=[call])
    page = read(html)
    assert sample_calls.HOSTILE in " ".join(page.found)
    assert all("src" in attributes for tag, attributes in page.tags if tag == "script")
    assert not [attributes for tag, attributes in page.tags if tag == "img" and attributes["src"] == "x"]


@pytest.mark.parametrize("path", ["/live", "/journal", "/status", "call", "/nothing"])
async def test_pages_hold_nothing_that_the_policy_forbids(database: Database, path: str) -> None:
    call = PAST[0]
    await told_to_the_crm(database, call)
    async with client(create_app(services(database, live=LIVE))) as page:
        answer = await page.get(address(call) if path == "call" else path)
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers.items() >= {(name.lower(), value) for name, value in HEADERS.items()}
    for tag, attributes in read(answer.text).tags:
        assert tag != "style"
        assert "style" not in attributes
        assert tag != "script" or (attributes["src"] or "").startswith("/static/")
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("src", "href"):
            assert not (attributes.get(name) or "").startswith(("http:", "https:", "//", "javascript:"))


async def test_unknown_call_and_unknown_page_are_not_found_in_words(database: Database) -> None:
    async with client(create_app(services(database)), "ru") as page:
        for path in ("/calls/office-1.1", "/calls/%22%3E%3Cscript%3E", "/nothing"):
            answer = await page.get(path)
            assert answer.status_code == 404
            assert "Здесь ничего нет" in answer.text
            assert "<script>" not in answer.text


async def test_status_names_what_is_wrong_and_what_to_do(database: Database) -> None:
    status = Status(
        version="1",
        started=NOW,
        pbxs=(PbxStatus(name="branch", state=LinkState.REFUSED, detail="Wrong password", missing=("read = cdr",)),),
        portals=(PortalStatus(name=PortalId("shop"), parked="Connect the portal again"),),
    )
    async with client(create_app(services(database, status=status))) as page:
        shown = texts((await page.get("/status")).text)
        elsewhere = texts((await page.get("/live")).text)
    for text in ("2 connections need a look", "Login refused", "Wrong password", "read = cdr", "Parked", "Connect the"):
        assert text in shown
    assert "2 connections need a look" in elsewhere, "a mark on every page leads to the status"


@pytest.mark.parametrize(
    ("mirror", "told"),
    [
        (MirrorState(whole=False, reading=True, read=2500, total=99_000), ["2500 / 99000", "It is being filled"]),
        (
            MirrorState(whole=True, reading=False, read=99_000, finished=NOW, drift=3, heard=NOW, waiting=2),
            ["99000", "Compared with the CRM", "last time: 3", "told of a change", "to be read: 2"],
        ),
        (MirrorState(whole=True, reading=True, read=1, total=2, trouble="Add the scope crm."), ["Add the scope crm."]),
    ],
)
async def test_status_tells_how_the_copy_of_the_clients_stands(
    database: Database, mirror: MirrorState, told: list[str]
) -> None:
    status = replace(STATUS, portals=(replace(PORTAL, mirror=mirror),))
    async with client(create_app(services(database, status=status))) as page:
        shown = texts((await page.get("/status")).text)
    for text in told:
        assert text in shown


@pytest.mark.parametrize(
    ("sales", "told"),
    [
        (SalesState(whole=False, reading=True, read=50, total=1200), ["50 / 1200", "Читаются."]),
        (SalesState(whole=True, reading=True, read=1), ["Перечитываются целиком"]),
        (
            SalesState(whole=True, reading=False, read=70, finished=NOW, checked=NOW),
            ["Прочитаны целиком: 24 нояб., 18:00:00", "Изменения прочитаны: 24 нояб., 18:00:00"],
        ),
        (
            SalesState(
                whole=False,
                reading=False,
                trouble="Leads and deals cannot be read. The portal's plan has no REST API.",
                again=NOW + timedelta(hours=1),
            ),
            ["Лиды и сделки нельзя прочитать. В тарифе портала нет REST API.", "Следующая попытка в 19:00:00"],
        ),
    ],
)
async def test_status_tells_how_the_reading_of_deals_stands(
    database: Database, sales: SalesState, told: list[str]
) -> None:
    status = replace(STATUS, portals=(replace(PORTAL, sales=sales),))
    async with client(create_app(services(database, status=status)), "ru") as page:
        shown = texts((await page.get("/status")).text)
    assert "Лиды и сделки" in shown
    for text in told:
        assert text in shown


async def test_a_number_in_the_place_of_a_name_is_not_shown_twice(database: Database) -> None:
    await journal(database, [sample_calls.answered(NOW - timedelta(hours=1), name="+79125551122")])
    assert "79125551122" not in await get(database, "/journal")
    assert is_name("Анна 2")
    assert not is_name("+7 (912) 555-11-22")


async def test_service_in_order_is_said_to_be(database: Database) -> None:
    assert STATUS.problems == 0
    assert "Everything is connected" in texts(await get(database, "/status"))


async def test_healthz_is_ok_while_the_service_runs_and_not_while_it_stops(database: Database) -> None:
    given = services(database)
    async with client(create_app(given)) as page:
        answer = await page.get("/healthz")
        assert (answer.status_code, answer.text) == (200, "ok")
        given.live.close()
        assert (await page.get("/healthz")).status_code == 503


async def test_language_and_theme_are_kept_in_the_browser_and_lead_back(database: Database) -> None:
    async with client(create_app(services(database)), "en") as page:
        answer = await page.post("/preferences", data={"language": "ru", "next": "/journal?trunk=mango"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/journal?trunk=mango")
        await page.post("/preferences", data={"theme": "dark", "next": "/live"})
        html = (await page.get("/live")).text
    assert 'lang="ru"' in html
    assert 'data-bs-theme="dark"' in html


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "", "\\\\evil"]
)
async def test_preferences_lead_to_no_foreign_page(database: Database, elsewhere: str) -> None:
    async with client(create_app(services(database))) as page:
        answer = await page.post("/preferences", data={"theme": "klingon", "next": elsewhere})
    assert answer.headers["location"] == "/"
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost:8077"}, 303),
        ({"Origin": "http://localhost:8077"}, 303),
        ({}, 303),
    ],
)
async def test_foreign_pages_change_nothing_here(database: Database, headers: dict[str, str], status: int) -> None:
    async with client(create_app(services(database))) as page:
        answer = await page.post("/preferences", data={"theme": "dark"}, headers=headers)
    assert answer.status_code == status


async def test_static_files_are_kept_for_ever_under_the_address_the_pages_use(database: Database) -> None:
    async with client(create_app(services(database))) as page:
        files = [attributes["src"] for tag, attributes in read((await page.get("/live")).text).tags if tag == "script"]
        assert len(files) == 3
        for file in files:
            answer = await page.get(file or "")
            assert answer.status_code == 200
            assert "immutable" in answer.headers["cache-control"]
        assert (await page.get("/static/../app.py")).status_code == 404


async def test_whole_page_weighs_less_than_150_kilobytes(database: Database) -> None:
    """As it goes over the wire on the first visit, charts not counted: there are none yet."""
    await journal(database, many(50))
    async with client(create_app(services(database, live=LIVE))) as page:
        async with page.stream("GET", "/journal", headers={"Accept-Encoding": "gzip"}) as answer:
            html = (await answer.aread()).decode()
            weight = answer.num_bytes_downloaded
        files = {attributes.get("src") or attributes.get("href") for tag, attributes in read(html).tags if tag != "a"}
        files |= {f"{attributes['href']}".partition("#")[0] for tag, attributes in read(html).tags if tag == "use"}
        for file in {name.partition("#")[0] for name in files if name and name.startswith("/static/")}:
            async with page.stream("GET", file, headers={"Accept-Encoding": "gzip"}) as answer:
                await answer.aread()
                weight += answer.num_bytes_downloaded
    assert 90_000 < weight < 150_000


def many(count: int) -> list[Call]:
    return [sample_calls.answered(NOW - timedelta(minutes=minute)) for minute in range(count)]


def test_every_icon_of_the_pages_is_in_the_sprite() -> None:
    names = set(re.findall(r'<symbol id="([\w-]+)"', (STATIC / "vendor" / "icons.svg").read_text()))
    used = {word.icon for words in WORDS.values() for word in words.values() if word.icon}
    for template in (STATIC.parent / "templates").glob("*.html"):
        for expression in re.findall(r"icon\(([^)]*)\)", template.read_text()):
            used |= set(re.findall(r'"([a-z][a-z0-9-]+)"', expression)) - {"auto", "light", "dark"}
    used |= {"phone-call", "list-details", "activity"}  # the places, named in a list
    assert used - names == set()
