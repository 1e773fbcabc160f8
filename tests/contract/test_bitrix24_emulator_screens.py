"""The emulated portal's pages, without a browser: what they tell, and what their forms do."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl

import httpx2
import pytest
from tests.contract.bitrix24_desk import ADMIN, ANNA, CONTACT, OLEG, STRANGER, Desk, Listener, desk, listener

from ringbridge.emulators.bitrix24.page.badday import FEW, MISHAPS
from ringbridge.emulators.bitrix24.page.words import STATUSES, WORDS

PAGES = ("/", "/crm/", "/crm/contact/details/1/", "/tasks/", "/telephony/", "/bad-day/", "/crm/lead/details/1/")


@pytest.fixture
async def at() -> AsyncIterator[Desk]:
    async with desk() as opened:
        yield opened


@pytest.fixture
async def application() -> AsyncIterator[Listener]:
    async with listener() as heard:
        yield heard


async def told(at: Desk, application: Listener) -> list[dict[str, str]]:
    """The events that the application has been sent, as their form fields."""
    await at.portal.chores.finish_waiting()
    return [dict(parse_qsl(body.decode(), keep_blank_values=True)) for _, body in application.heard]


async def text_of(at: Desk, path: str, **query: str) -> str:
    """The words of a page, without its tags."""
    answer = await at.http.get(path, params={"lang": "en", **query})
    assert answer.status_code == 200, answer
    body = answer.text.partition('tabindex="-1">')[2].partition("</main>")[0]
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", body)).split())


async def submit(at: Desk, action: str, **form: Any) -> httpx2.Response:
    return await at.http.post(f"/act/{action}", data={"back": "/crm/?as=2", **form})


async def busy_day(at: Desk) -> None:
    """A missed and an answered call of a known client, a lead, a task, a to-do, a comment and a deal."""
    lines = {"NUMBER": "+74951112233", "NAME": "Advertising", "CRM_AUTO_CREATE": "N"}
    await at.call("telephony.externalLine.add", **lines)
    line = lines["NUMBER"]
    await at.finished(await at.registered(USER_ID=ANNA, LINE_NUMBER=line), USER_ID=ANNA, DURATION=0)
    answered = await at.registered(USER_ID=OLEG, LINE_NUMBER=line)
    await at.finished(answered, USER_ID=OLEG, DURATION=83)
    sound = {"CALL_ID": answered, "FILENAME": "a.wav", "FILE_CONTENT": "UklGRg=="}
    await at.call("telephony.externalCall.attachRecord", **sound)
    activity = max(at.portal.activities.rows)
    await at.call("crm.activity.update", id=activity, fields={"DESCRIPTION": "Waited 12 s.\nRang: 101, 103"})
    await at.finished(await at.registered(PHONE_NUMBER=STRANGER, CRM_CREATE=1), DURATION=0)
    await at.call("crm.deal.add", fields={"TITLE": "Windows", "CONTACT_ID": 1, "OPPORTUNITY": 1200})
    task = {"TITLE": "Call back", "RESPONSIBLE_ID": ANNA, "DEADLINE": "2026-03-11T12:00:00+03:00"}
    await at.call("tasks.task.add", fields={**task, "UF_CRM_TASK": ["C_1"]})
    done = (await at.call("tasks.task.add", fields={**task, "TITLE": "Send the price"})).result
    await at.call("tasks.task.complete", taskId=done["task"]["id"])
    todo = {"ownerTypeId": 3, "ownerId": 1, "title": "Check the order", "deadline": "2026-03-12T10:00:00+03:00"}
    await at.call("crm.activity.todo.add", **todo)
    comment = {"ENTITY_TYPE": "contact", "ENTITY_ID": 1, "COMMENT": "After lunch, please"}
    await at.call("crm.timeline.comment.add", fields=comment)


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize("path", PAGES)
async def test_every_page_of_a_busy_day_is_whole_and_under_a_strict_policy(at: Desk, path: str, language: str) -> None:
    await busy_day(at)
    answer = await at.http.get(path, params={"lang": language, "as": "2"})
    assert answer.status_code == 200
    assert f'<html lang="{language}">' in answer.text
    assert "default-src 'none'; script-src 'self'; style-src 'self';" in answer.headers["content-security-policy"]
    assert not re.search(r"<script(?![^>]*src=\"/)|<style| style=| on[a-z]+=", answer.text)
    assert not re.search(r"(src|href)=\"(https?:)?//", answer.text)


async def test_a_client_s_page_tells_who_it_is_whose_and_all_that_happened_newest_first(at: Desk) -> None:
    await busy_day(at)
    page = await text_of(at, "/crm/contact/details/1/")
    assert page.startswith("Contact Андрей Волков Phones +7 912 555-11-22 Responsible Anna Smirnova")
    assert "Deals Windows New · 1200.00 RUB" in page
    assert "Missed call" in page
    assert "Anna Smirnova · Line Advertising · missed (304) · to be done" in page
    assert "Incoming call 1:23" in page
    assert "Waited 12 s. Rang: 101, 103" in page
    assert "Task 11:00:00 Call back Anna Smirnova · Deadline 2026-03-11 12:00 · open" in page
    assert "To do 11:00:00 Check the order Иван Петров · Deadline 2026-03-12 10:00 · to be done" in page
    assert "After lunch, please Иван Петров" in page
    whole = (await at.http.get("/crm/contact/details/1/")).text
    assert len(re.findall(r'<audio [^>]*src="/_emulator/files/1"', whole)) == 1
    assert 'name="dial" value="+7 912 555-11-22"' in whole


async def test_timeline_has_the_latest_moment_at_its_head(at: Desk) -> None:
    for duration in (30, 0):
        await at.finished(await at.registered(), DURATION=duration)
        at.clock.forward(minutes=5)
    page = await text_of(at, "/crm/contact/details/1/")
    assert page.index("Missed call") < page.index("Incoming call 0:30")


@pytest.mark.parametrize("path", ["/crm/contact/details/99/", "/crm/robot/details/1/", "/crm/company/details/1/"])
async def test_page_of_a_client_who_is_not_there_is_not_found(at: Desk, path: str) -> None:
    answer = await at.http.get(path, params={"lang": "en"})
    assert (answer.status_code, "no such page" in answer.text) == (404, True)


async def test_tasks_are_open_until_they_are_closed_and_lead_to_their_client(at: Desk) -> None:
    await busy_day(at)
    page = await text_of(at, "/tasks/")
    assert re.search(r"Open \(1\).*Call back Андрей Волков.*2026-03-11 12:00 Closed \(1\).*Send the price", page)
    assert 'href="/crm/contact/details/1/"' in (await at.http.get("/tasks/")).text


async def test_lines_show_their_name_and_whether_they_create(at: Desk) -> None:
    await busy_day(at)
    assert "+74951112233 Advertising no Ringbridge" in await text_of(at, "/telephony/")


async def test_card_tells_line_direction_and_who_else_has_it(at: Desk) -> None:
    call = await at.registered(USER_ID=ANNA, LINE_NUMBER="+74951112233")
    await at.call("telephony.externalCall.show", CALL_ID=call, USER_ID=[ADMIN, OLEG])
    page = await text_of(at, "/")
    assert "incoming · Line +74951112233" in page
    assert "also on the screens of Иван Петров, Олег Сидоров" in page
    await at.call("telephony.externalCall.hide", CALL_ID=call, USER_ID=[ADMIN, OLEG])
    assert "also on the screens of" not in await text_of(at, "/")


async def test_card_of_an_unknown_number_says_so_and_opens_no_client(at: Desk) -> None:
    await at.registered(PHONE_NUMBER=STRANGER)
    page = await text_of(at, "/")
    assert "unknown number" in page
    assert "Open client" not in page


async def test_missed_counter_of_an_employee_goes_down_when_the_client_was_called_back(at: Desk) -> None:
    for _ in range(2):
        await at.finished(await at.registered(USER_ID=ANNA), USER_ID=ANNA, DURATION=0)
    await at.finished(await at.registered(USER_ID=OLEG, PHONE_NUMBER=STRANGER), USER_ID=OLEG, DURATION=0)
    assert "to call back 2 +7 912 555-11-22 ×2 Андрей Волков" in await text_of(at, "/")
    await at.finished(await at.registered(USER_ID=ADMIN, TYPE=1), DURATION=30)
    page = await text_of(at, "/")
    assert "×2" not in page
    assert "to call back 1 +7 999 000-11-22" in page


async def test_click_on_a_number_tells_the_application_and_opens_the_card(at: Desk, application: Listener) -> None:
    await at.call("telephony.externalLine.add", NUMBER="100", NAME="Main")
    at.portal.bus.bind("ONEXTERNALCALLSTART", application_id=1, url=f"{application.address}/event")
    form = {"as": str(ANNA), "dial": CONTACT, "number": "", "line": "100"}
    answer = await submit(at, "click", **form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/crm/?as=2&said=clicked")
    (event,) = await told(at, application)
    assert (event["data[USER_ID]"], event["data[LINE_NUMBER]"]) == (str(ANNA), "100")
    assert event["data[PHONE_NUMBER_INTERNATIONAL]"] == "+79125551122"
    assert at.portal.telephony.cards.viewers(event["data[CALL_ID]"]) == [ANNA]
    assert "outgoing · Line Main" in await text_of(at, "/")
    assert '<option value="100" selected>' in (await at.http.get("/")).text


async def test_click_that_nobody_hears_opens_no_card_and_says_why(at: Desk) -> None:
    answer = await submit(at, "click", dial=CONTACT)
    assert answer.headers["location"].endswith("said=unheard")
    assert not at.portal.telephony.active
    assert "No application listens" in (await at.http.get("/?lang=en&said=unheard")).text


async def test_order_on_the_website_is_told_with_its_message(at: Desk, application: Listener) -> None:
    assert (await submit(at, "callback", number=STRANGER)).headers["location"].endswith("order_unheard")
    at.portal.bus.bind("ONEXTERNALCALLBACKSTART", application_id=1, url=f"{application.address}/event")
    answer = await submit(at, "callback", number=STRANGER, text="about windows")
    assert answer.headers["location"].endswith("said=ordered")
    (event,) = await told(at, application)
    assert (event["event"], event["data[TEXT]"]) == ("ONEXTERNALCALLBACKSTART", "about windows")
    assert event["data[PHONE_NUMBER]"] == STRANGER


async def test_application_is_installed_and_removed_by_the_page(at: Desk, application: Listener) -> None:
    address = f"{application.address}/install"
    assert (await submit(at, "install", address="nowhere", application="1")).headers["location"].endswith("bad_address")
    await submit(at, "install", address=address, application="1")
    at.portal.bus.bind("ONAPPUNINSTALL", application_id=1, url=address)
    await at.portal.chores.finish_waiting()
    page = (await at.http.get("/telephony/?lang=en")).text
    assert f'value="{address}"' in page
    assert "ONAPPUNINSTALL" in page
    await submit(at, "uninstall", application="1", clean="on")
    installed, removed = await told(at, application)
    assert installed["event"] == "ONAPPINSTALL"
    assert installed["auth[access_token]"]
    assert (removed["event"], removed["data[CLEAN]"]) == ("ONAPPUNINSTALL", "1")
    assert "not installed" in await text_of(at, "/telephony/")


@pytest.mark.parametrize("action", ["install", "uninstall"])
async def test_only_an_administrator_installs_and_removes(at: Desk, action: str, application: Listener) -> None:
    form = {"address": f"{application.address}/install", "application": "1", "as": str(ANNA)}
    assert (await submit(at, action, **form)).headers["location"].endswith("said=no_admin")
    assert not await told(at, application)
    assert at.portal.access.applications[0].installed


@pytest.mark.parametrize("back", ["//evil.example/", "https://evil.example/x", "\\\\evil.example", "///evil.example"])
async def test_form_never_leads_to_another_site(at: Desk, back: str) -> None:
    location = (await submit(at, "mend", back=back)).headers["location"]
    assert location.startswith("/")
    assert not location.startswith(("//", "/\\"))


@pytest.mark.parametrize(
    ("action", "form"),
    [("break", {"kind": "moved"}), ("break", {}), ("close-card", {"user": "x", "call": "1"}), ("fly", {})],
)
async def test_form_that_makes_no_sense_changes_nothing(at: Desk, action: str, form: dict[str, str]) -> None:
    assert (await submit(at, action, **form)).headers["location"].endswith("said=nonsense")
    assert not at.portal.faults.waiting


async def test_card_is_closed_by_hand_on_one_screen_only(at: Desk) -> None:
    call = await at.registered(USER_ID=ANNA)
    await at.call("telephony.externalCall.show", CALL_ID=call, USER_ID=[OLEG])
    await submit(at, "close-card", user=str(ANNA), call=call)
    assert at.portal.telephony.cards.viewers(call) == [OLEG]


@pytest.mark.parametrize("kind", [kind for kind in MISHAPS if kind not in {"hang", "lose_answer"}])
async def test_mishap_lasts_until_it_is_mended_or_for_a_few_requests(at: Desk, kind: str) -> None:
    async def statuses(count: int) -> set[bool]:
        return {(await at.http.post(f"{at.hook}profile")).status_code == 200 for _ in range(count)}

    await submit(at, "break", kind=kind, how="lasting")
    assert await statuses(FEW + 1) == {False}
    assert "broken" in await text_of(at, "/bad-day/")
    await submit(at, "mend", kind=kind)
    assert await statuses(1) == {True}
    await submit(at, "break", kind=kind, how="few")
    assert f"requests more: {FEW}" in await text_of(at, "/bad-day/")
    assert await statuses(FEW) == {False}
    assert await statuses(1) == {True}


async def test_mend_everything_takes_back_every_mishap(at: Desk) -> None:
    for kind in MISHAPS:
        await submit(at, "break", kind=kind, how="lasting")
    await submit(at, "mend")
    assert not at.portal.faults.waiting


async def test_every_mishap_and_status_has_words_in_both_languages() -> None:
    assert {f"{kind}{end}" for kind in MISHAPS for end in ("", "_why")} <= set(WORDS["ru"])
    assert set(WORDS["ru"]) == set(WORDS["en"])
    assert set(STATUSES["ru"]) == set(STATUSES["en"])


async def test_expired_tokens_are_ordered_by_the_page(at: Desk) -> None:
    await submit(at, "expire-tokens")
    assert (await at.call("profile")).refusal[1] == "expired_token"


async def test_links_stay_with_the_employee_of_the_address(at: Desk) -> None:
    assert f'href="/tasks/?as={OLEG}"' in (await at.http.get(f"/?as={OLEG}")).text
    page = (await at.http.get(f"/crm/?as={OLEG}")).text
    assert f'name="as" value="{OLEG}"' in page
    assert f'name="back" value="/crm/?as={OLEG}"' in page
    assert 'href="/tasks/"' in (await at.http.get("/")).text


@pytest.mark.parametrize("written", ["99", "x", "-1", ""])
async def test_somebody_unknown_looks_as_the_first_employee(at: Desk, written: str) -> None:
    assert 'value="1" selected' in (await at.http.get("/", params={"as": written})).text


async def test_what_clients_write_is_shown_and_never_run(at: Desk) -> None:
    await at.call("crm.lead.add", fields={"TITLE": "<script>alert(1)</script>", "COMMENTS": "<img src=x onerror=y>"})
    for path in ("/crm/", "/crm/lead/details/1/"):
        page = (await at.http.get(path)).text
        assert "<script>" not in page
        assert "<img" not in page
        assert "&lt;script&gt;alert(1)" in page


async def test_html_of_an_activity_is_read_as_text(at: Desk) -> None:
    await at.finished(await at.registered())
    fields = {"DESCRIPTION": "<b>Waited</b> 5&nbsp;s", "DESCRIPTION_TYPE": "3"}
    await at.call("crm.activity.update", id=1, fields=fields)
    assert "Waited 5 s" in await text_of(at, "/crm/contact/details/1/")


async def test_page_that_has_not_changed_is_not_sent_again(at: Desk) -> None:
    first = await at.http.get("/")
    again = {"If-None-Match": first.headers["etag"]}
    assert (await at.http.get("/", headers=again)).status_code == 304
    await at.registered()
    assert (await at.http.get("/", headers=again)).status_code == 200


async def test_portal_where_nobody_works_has_pages_too(at: Desk) -> None:
    for user in at.portal.staff.users.values():
        user.active = False
    for path in PAGES[:-1]:
        assert (await at.http.get(path)).status_code == 200, path
    assert (await submit(at, "click", dial=CONTACT)).headers["location"].endswith("said=nonsense")
