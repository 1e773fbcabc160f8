"""The emulated portal reads requests and writes answers the way PHP does."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.contract.bitrix24_desk import ANNA, desk

from ringbridge.emulators.bitrix24 import ScopeRefusal, demo
from ringbridge.emulators.bitrix24.oauth import Webhook
from ringbridge.emulators.bitrix24.wire import truthy, whole
from ringbridge.emulators.common.forms import as_array, flatten, nest, parse_query

JSON_TREES = st.recursive(
    st.text("abc01 =&", min_size=1),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3),
        st.dictionaries(st.text("abcXYZ_", min_size=1), inner, min_size=1, max_size=3),
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text("abcXYZ", min_size=1), JSON_TREES, max_size=4))
def test_what_was_flattened_to_form_fields_nests_back_to_the_same(tree: dict[str, Any]) -> None:
    assert nest(flatten(tree)) == tree


@pytest.mark.parametrize(
    ("query", "params"),
    [
        ("a[b][]=1&a[b][]=2", {"a": {"b": ["1", "2"]}}),
        ("a[0]=x&a[1]=y", {"a": ["x", "y"]}),
        ("a[1]=x&a[2]=y", {"a": {"1": "x", "2": "y"}}),
        ("a[]=x&a[k]=y", {"a": {"0": "x", "k": "y"}}),
        ("fields[PHONE][0][VALUE]=%2B7912&fields[PHONE][0][VALUE_TYPE]=WORK",
         {"fields": {"PHONE": [{"VALUE": "+7912", "VALUE_TYPE": "WORK"}]}}),
        ("FILTER%5B%3EID%5D=5", {"FILTER": {">ID": "5"}}),
        ("a=1&a=2", {"a": "2"}),
        ("a=", {"a": ""}),
    ],
)  # fmt: skip
def test_brackets_nest_as_php_reads_them(query: str, params: dict[str, Any]) -> None:
    assert parse_query(query) == params


@pytest.mark.parametrize("value", ["", "0", 0, None, False, [], {}])
def test_php_calls_it_false(value: Any) -> None:
    assert not truthy(value)


@pytest.mark.parametrize("value", ["N", "false", "00", "no", 1, True, [0], {"a": 0}])
def test_php_calls_it_true(value: Any) -> None:
    assert truthy(value)


@pytest.mark.parametrize(("written", "number"), [("12abc", 12), (" 7", 7), ("abc", 0), ("", 0), (None, 0), (3.9, 3)])
def test_numbers_are_read_up_to_the_first_letter(written: Any, number: int) -> None:
    assert whole(written) == number


def test_a_map_with_keys_from_zero_is_a_list() -> None:
    assert as_array({"0": "a", "1": {"0": "b"}}) == ["a", ["b"]]


@pytest.mark.parametrize(
    "path",
    ["server.time", "server.time.json", "server.time/", "SERVER.Time.json/", "server.TIME"],
)
async def test_a_method_is_found_whatever_its_case_ending_or_slash(path: str) -> None:
    async with desk() as at:
        assert (await at.by_webhook(path)).result == "2026-03-10T11:00:00+03:00"
        assert (await at.call(path)).result == "2026-03-10T11:00:00+03:00"
        assert (await at.http.get(f"{at.hook}{path}")).json()["result"] == "2026-03-10T11:00:00+03:00"


async def test_parameters_come_by_query_form_json_or_multipart_alike() -> None:
    async with desk() as at:
        address = f"{at.hook}user.get"
        query = await at.http.get(address, params={"FILTER[UF_PHONE_INNER]": "102"})
        form = await at.http.post(address, data={"FILTER[UF_PHONE_INNER]": "102"})
        json = await at.http.post(address, json={"FILTER": {"UF_PHONE_INNER": "102"}})
        parts = await at.http.post(address, files={"FILTER[UF_PHONE_INNER]": (None, b"102")})
        answers = [one.json()["result"] for one in (query, form, json, parts)]
        assert [[row["ID"] for row in rows] for rows in answers] == [["2"]] * 4


async def test_json_lies_over_the_query_and_broken_json_counts_as_nothing() -> None:
    async with desk() as at:
        address = f"{at.hook}method.get?name=batch"
        over = await at.http.post(address, json={"name": "no.such"})
        broken = await at.http.post(address, content=b'{"name": ', headers={"Content-Type": "application/json"})
        assert over.json()["result"]["isExisting"] is False
        assert broken.json()["result"]["isExisting"] is True


async def test_the_envelope_has_result_and_time_with_the_operating_counters() -> None:
    async with desk(operating_cost={"server.time": 1.5}) as at:
        await at.call("server.time")
        body = (await at.call("server.time")).body
        assert set(body) == {"result", "time"}
        assert set(body["time"]) == {
            "start", "finish", "duration", "processing", "date_start", "date_finish", "operating_reset_at", "operating",
        }  # fmt: skip
        assert body["time"]["operating"] == 3.0
        assert body["time"]["date_start"] == "2026-03-10T11:00:00+03:00"


async def test_an_empty_map_is_written_as_a_list_and_an_unconverted_date_as_an_object() -> None:
    async with desk() as at:
        call_id = await at.registered()
        row = await at.finished(call_id)
        activity = (await at.call("crm.activity.get", id=row["CRM_ACTIVITY_ID"])).result
        assert row["CALL_START_DATE"] == {}
        assert activity["SETTINGS"] == []
    async with desk(empty_map_as_list=False) as at:
        assert (await at.batch({}))["result_error"] == {}


async def test_lists_have_total_and_next_only_when_there_is_more() -> None:
    async with desk() as at:
        for number in range(53):
            await at.call("crm.lead.add", fields={"TITLE": f"Lead {number}"})
        first = (await at.call("crm.lead.list")).body
        last = (await at.call("crm.lead.list", start=50)).body
        uncounted = (await at.call("crm.lead.list", start=-1)).body
        assert (len(first["result"]), first["total"], first["next"]) == (50, 53, 50)
        assert (len(last["result"]), last["total"], "next" in last) == (3, 53, False)
        assert (len(uncounted["result"]), "total" in uncounted, "next" in uncounted) == (50, False, False)


@pytest.mark.parametrize(
    ("path", "refusal"),
    [
        ("/rest/1/wrong/server.time", (401, "NO_AUTH_FOUND", "Wrong authorization data")),
        (f"/rest/2/{demo.WEBHOOK_SECRET}/server.time", (401, "NO_AUTH_FOUND", "Wrong authorization data")),
        ("/rest/server.time", (401, "NO_AUTH_FOUND", "Wrong authorization data")),
        ("/rest/server.time?auth=nonsense", (401, "invalid_token", "Unable to get application by token")),
        (f"/rest/1/{demo.WEBHOOK_SECRET}/no.such", (404, "ERROR_METHOD_NOT_FOUND", "Method not found!")),
        ("/rest/", (404, "ERROR_METHOD_NOT_FOUND", "Method not found!")),
    ],
)
async def test_a_wrong_door_is_refused_in_the_portals_words(path: str, refusal: tuple[int, str, str]) -> None:
    async with desk() as at:
        response = await at.http.post(path)
        body = response.json()
        assert (response.status_code, body["error"], body["error_description"]) == refusal


async def test_an_expired_webhook_is_refused_like_a_wrong_one() -> None:
    async with desk() as at:
        at.portal.access.webhooks[0].expires = at.clock()
        assert (await at.by_webhook("server.time")).refusal == (401, "NO_AUTH_FOUND", "Wrong authorization data")


async def test_a_method_outside_the_scopes_is_refused() -> None:
    text = "The request requires higher privileges than provided by the webhook token"
    async with desk() as at:
        at.portal.access.webhooks[0].scopes = ("crm",)
        assert (await at.by_webhook("telephony.externalCall.show")).refusal == (403, "insufficient_scope", text)
        at.portal.settings.insufficient_scope_status = 401
        assert (await at.by_webhook("telephony.externalCall.show")).status == 401
        at.portal.settings.scope_refusal = ScopeRefusal.METHOD_NOT_FOUND
        assert (await at.by_webhook("telephony.externalCall.show")).refusal[1] == "ERROR_METHOD_NOT_FOUND"


async def test_plain_http_is_refused_where_https_is_asked_for() -> None:
    async with desk(https_required=True) as at:
        assert (await at.by_webhook("server.time")).refusal == (400, "INVALID_REQUEST", "Https required")


async def test_a_moved_portal_answers_302_with_the_same_path_on_the_new_host() -> None:
    async with desk() as at:
        at.portal.moved_to = "https://new.example"
        response = await at.http.post(f"{at.hook}server.time?x=1", json={})
        assert response.status_code == 302
        assert response.headers["location"] == f"https://new.example{at.hook}server.time?x=1"
        assert not at.portal.traffic.executed
        there = await at.http.post(f"https://new.example{at.hook}profile", json={})
        assert there.status_code == 200


async def test_user_fields_depend_on_the_scope() -> None:
    async with desk() as at:
        brief = Webhook(user_id=ANNA, secret="brief", scopes=("user_brief",))
        at.portal.access.webhooks.append(brief)
        row = (await at.http.post("/rest/2/brief/user.current")).json()["result"]
        assert row["UF_PHONE_INNER"] == "102"
        assert "EMAIL" not in row
