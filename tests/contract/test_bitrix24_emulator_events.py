"""What an application hears from the emulated portal online, and where it shows itself."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import pytest
from tests.contract.bitrix24_desk import ADMIN, ANNA, CONTACT, STRANGER, Desk, desk, listener

from ringbridge.emulators.bitrix24 import deskwork
from ringbridge.emulators.bitrix24.bus import Handler
from ringbridge.emulators.bitrix24.fields import Kind
from ringbridge.emulators.common.forms import parse_query

HANDLER = "http://127.0.0.1:1/hook"


async def heard(at: Desk, event: str, act: Any) -> dict[str, Any]:
    """The one event of this name that `act` causes, decoded from the form that was posted."""
    async with listener() as application:
        await at.call("event.bind", event=event, handler=f"{application.address}/hook")
        await act()
        await at.portal.chores.finish_waiting()
        ((path, body),) = application.heard
        assert path == "/hook"
        return parse_query(body.decode())


async def test_a_clicked_number_is_posted_as_a_form_with_the_applications_token() -> None:
    async with desk() as at:
        at.portal.telephony.lines.clear()
        await at.call("telephony.externalLine.add", NUMBER="78005553535")

        async def click() -> None:
            deskwork.click(at.portal, user_id=ANNA, number=f"{CONTACT};12", line="78005553535")

        event = await heard(at, "OnExternalCallStart", click)
        data = event["data"]
        assert event["event"] == "ONEXTERNALCALLSTART"
        assert event["event_handler_id"] == "1"
        assert data.pop("CALL_ID") in at.portal.telephony.active
        assert data == {
            "PHONE_NUMBER": CONTACT,
            "PHONE_NUMBER_INTERNATIONAL": "+79125551122",
            "EXTENSION": "12",
            "USER_ID": "2",
            "CALL_LIST_ID": "0",
            "LINE_NUMBER": "78005553535",
            "IS_MOBILE": "0",
            "CRM_ENTITY_TYPE": "CONTACT",
            "CRM_ENTITY_ID": "1",
        }
        auth = event["auth"]
        assert auth["application_token"] == at.portal.access.applications[0].application_token
        assert auth["member_id"] == at.portal.member_id
        assert "refresh_token" not in auth
        at.token = auth["access_token"]
        assert (await at.call("user.current")).result["ID"] == str(ANNA)


async def test_a_callback_has_no_call_and_no_employee() -> None:
    async with desk() as at:

        async def order() -> None:
            deskwork.order_callback(at.portal, number=STRANGER, text="Call me", line="7")

        event = await heard(at, "ONEXTERNALCALLBACKSTART", order)
        assert event["data"] == {
            "PHONE_NUMBER": STRANGER,
            "TEXT": "Call me",
            "VOICE": "ruinternalfemale",
            "CRM_ENTITY_TYPE": "",
            "CRM_ENTITY_ID": "",
            "LINE_NUMBER": "7",
        }
        assert "access_token" not in event["auth"]


async def test_an_application_hears_the_end_of_its_own_calls() -> None:
    async with desk() as at:

        async def call() -> None:
            await at.finished(await at.registered(LINE_NUMBER="3"), DURATION=5)

        data = (await heard(at, "ONVOXIMPLANTCALLEND", call))["data"]
        assert (data["CALL_DURATION"], data["PORTAL_NUMBER"], data["CRM_ACTIVITY_ID"]) == ("5", "3", "1")


async def test_a_changed_client_is_told_by_its_id_only() -> None:
    async with desk() as at:

        async def change() -> None:
            await at.call("crm.contact.update", id=1, fields={"NAME": "New"})

        assert (await heard(at, "ONCRMCONTACTUPDATE", change))["data"] == {"FIELDS": {"ID": "1"}}


async def test_a_handler_that_does_not_answer_is_tried_once_and_the_portal_goes_on() -> None:
    async with desk() as at:
        await at.call("event.bind", event="ONCRMLEADADD", handler=HANDLER)
        await at.call("crm.lead.add", fields={})
        await at.portal.chores.finish_waiting()
        assert at.portal.bus.delivered == [("ONCRMLEADADD", HANDLER, 0)]
        await at.portal.chores.finish_waiting()
        assert len(at.portal.bus.delivered) == 1


async def test_an_application_not_yet_installed_hears_nothing() -> None:
    async with desk() as at:
        await at.call("event.bind", event="ONCRMLEADADD", handler=HANDLER)
        at.portal.access.applications[0].installed = False
        await at.by_webhook("crm.lead.add", fields={})
        assert not at.portal.chores.waiting


# Binding.


async def test_an_event_is_bound_once_listed_and_unbound() -> None:
    async with desk() as at:
        assert (await at.call("event.bind", event="OnCrmLeadAdd", handler=HANDLER)).result is True
        assert (await at.call("event.bind", event="ONCRMLEADADD", handler=HANDLER)).refusal[:2] == (
            400,
            "ERROR_EVENT_BINDING_EXISTS",
        )
        assert (await at.call("event.get")).result == [
            {"event": "ONCRMLEADADD", "handler": HANDLER, "auth_type": "0", "offline": 0}
        ]
        assert (await at.call("event.unbind", event="ONCRMLEADADD", handler=HANDLER)).result == {"count": 1}
        assert (await at.call("event.unbind", event="ONCRMLEADADD", handler=HANDLER)).result == {"count": 0}


@pytest.mark.parametrize(
    ("params", "refusal"),
    [
        ({"event": "ONNOSUCH", "handler": HANDLER}, (400, "ERROR_EVENT_NOT_FOUND", "Event not found")),
        ({"handler": HANDLER}, (400, "ERROR_ARGUMENT", "Argument 'EVENT' is null or empty")),
        ({"event": "ONCRMLEADADD"}, (400, "ERROR_ARGUMENT", "Argument 'HANDLER' is null or empty")),
    ],
)
async def test_binding_is_refused_in_its_own_words(params: dict[str, str], refusal: tuple[int, str, str]) -> None:
    async with desk() as at:
        assert (await at.call("event.bind", **params)).refusal == refusal


@pytest.mark.parametrize("method", ["event.bind", "event.get", "event.offline.get", "placement.bind"])
async def test_events_and_placements_are_for_applications_only(method: str) -> None:
    async with desk() as at:
        assert (await at.by_webhook(method, event="ONCRMLEADADD", handler=HANDLER)).refusal[:2] == (
            403,
            "WRONG_AUTH_TYPE",
        )


async def test_without_its_scope_an_application_knows_of_no_such_event() -> None:
    async with desk() as at:
        at.portal.access.applications[0].scopes = ("telephony",)
        answer = await at.call("event.bind", event="OnCrmContactAdd", handler="https://app.example")
        assert answer.refusal[:2] == (400, "ERROR_EVENT_NOT_FOUND")
        assert (await at.call("event.bind", event="OnExternalCallStart", handler="https://app.example")).result is True


async def test_a_call_that_made_a_lead_tells_when_the_lead_changes_hands() -> None:
    async with desk() as at:
        at.portal.bus.bind("ONCRMLEADADD", application_id=1, offline=True)
        at.portal.bus.bind("ONCRMLEADUPDATE", application_id=1, offline=True)
        call_id = await at.registered(PHONE_NUMBER=STRANGER, CRM_CREATE=1)
        await at.finished(call_id, USER_ID=ANNA)
        assert [one.event for one in at.portal.bus.offline] == ["ONCRMLEADADD", "ONCRMLEADUPDATE"]
        assert at.portal.clients.rows[Kind.LEAD][1]["ASSIGNED_BY_ID"] == str(ANNA)


async def test_only_an_administrator_binds_offline_or_for_others() -> None:
    async with desk() as at:
        at.token, _ = at.portal.access.issue(at.portal.access.applications[0], ANNA, at.clock())
        offline = await at.call("event.bind", event="ONCRMLEADADD", event_type="offline")
        foreign = await at.call("event.bind", event="ONCRMLEADADD", handler=HANDLER, auth_type=ADMIN)
        own = await at.call("event.bind", event="ONCRMLEADADD", handler=HANDLER, auth_type=ANNA)
        assert offline.refusal == foreign.refusal == (403, "ACCESS_DENIED", "Access denied!")
        assert own.result is True


# Installing.


async def test_installing_posts_the_tokens_and_uninstalling_kills_them() -> None:
    async with desk() as at, listener() as application:
        deskwork.install(at.portal, f"{application.address}/install", user_id=ADMIN)
        await at.portal.chores.finish_waiting()
        ((path, body),) = application.heard
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        assert path == "/install"
        assert form["event"] == "ONAPPINSTALL"
        assert form["auth[refresh_token]"] in at.portal.access.refresh
        await at.call("telephony.externalLine.add", NUMBER="1")
        await at.call("event.bind", event="ONAPPUNINSTALL", handler=f"{application.address}/gone")
        deskwork.uninstall(at.portal, clean=True)
        await at.portal.chores.finish_waiting()
        farewell = parse_query(application.heard[1][1].decode())
        assert set(farewell["auth"]) == {
            "domain", "server_endpoint", "client_endpoint", "member_id", "application_token",
        }  # fmt: skip
        assert (await at.call("profile")).refusal[1] == "invalid_token"
        assert not at.portal.telephony.lines
        assert not at.portal.bus.handlers


async def test_an_outgoing_webhook_hears_of_calls_with_its_own_token_only() -> None:
    async with desk() as at, listener() as outside:
        at.portal.bus.bind(
            "ONVOXIMPLANTCALLSTART", application_id=None, url=outside.address, application_token="outgoing"
        )
        await at.registered()
        await at.portal.chores.finish_waiting()
        auth = parse_query(outside.heard[0][1].decode())["auth"]
        assert auth["application_token"] == "outgoing"
        assert "access_token" not in auth


async def test_a_click_reaches_outgoing_webhooks_only_where_the_portal_does_so() -> None:
    async with desk() as at:
        at.portal.bus.handlers.append(Handler(id=9, event="ONEXTERNALCALLSTART", application_id=None, url=HANDLER))
        deskwork.click(at.portal, user_id=ANNA, number=STRANGER)
        assert len(at.portal.chores.waiting) == 0
        at.portal.settings.start_event_by_outgoing_webhook = True
        deskwork.click(at.portal, user_id=ANNA, number=STRANGER)
        assert len(at.portal.chores.waiting) == 1


# Placements.


async def test_a_placement_is_bound_listed_and_unbound() -> None:
    async with desk() as at:
        bind = {"PLACEMENT": "CALL_CARD", "HANDLER": "https://app.example/card", "TITLE": "Card"}
        assert (await at.call("placement.bind", **bind)).result is True
        assert "already binded" in (await at.call("placement.bind", **bind)).refusal[2]
        (row,) = (await at.call("placement.get")).result
        assert (row["placement"], row["title"]) == ("CALL_CARD", "Card")
        assert (await at.call("placement.unbind", PLACEMENT="CALL_CARD")).result == {"count": 1}
        assert (await at.call("placement.get")).result == []


@pytest.mark.parametrize(
    ("params", "status", "code"),
    [
        ({"PLACEMENT": ""}, 400, "ERROR_ARGUMENT"),
        ({"HANDLER": ""}, 400, "ERROR_ARGUMENT"),
        ({"PLACEMENT": "NO_SUCH"}, 200, "ERROR_PLACEMENT_NOT_FOUND"),
        ({"USER_ID": 2}, 200, "ERROR_PLACEMENT_USER_MODE"),
        ({"PLACEMENT": "PAGE_BACKGROUND_WORKER"}, 200, "EMPTY_ERROR_HANDLER_URL"),
    ],
)
async def test_a_placement_is_refused_some_of_it_with_a_good_status(
    params: dict[str, Any], status: int, code: str
) -> None:
    async with desk() as at:
        good = {"PLACEMENT": "CALL_CARD", "HANDLER": "https://app.example/card"}
        assert (await at.call("placement.bind", **{**good, **params})).refusal[:2] == (status, code)


async def test_there_is_one_background_worker() -> None:
    async with desk() as at:
        worker = {"PLACEMENT": "PAGE_BACKGROUND_WORKER", "OPTIONS": {"errorHandlerUrl": "https://app.example/e"}}
        assert (await at.call("placement.bind", HANDLER="https://app.example/1", **worker)).result is True
        second = await at.call("placement.bind", HANDLER="https://app.example/2", **worker)
        assert second.refusal[:2] == (200, "ERROR_PLACEMENT_MAX_COUNT")
