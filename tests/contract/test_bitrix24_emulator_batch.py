"""The emulated portal's batch: order, references, halt and what it refuses."""

from __future__ import annotations

import pytest
from tests.contract.bitrix24_desk import CONTACT, desk

from ringbridge.emulators.bitrix24 import Fault, FaultKind


async def test_commands_run_in_their_order_and_failed_ones_are_absent_from_the_results() -> None:
    async with desk() as at:
        answer = await at.batch({"a": "crm.lead.add?fields[TITLE]=A", "b": "crm.lead.get?id=99", "c": "crm.lead.list"})
        assert answer["result"]["a"] == 1
        assert "b" not in answer["result"]
        assert answer["result_error"] == {"b": {"error": "", "error_description": "Not found"}}
        assert answer["result_total"] == {"c": 1}
        assert answer["result_next"] == []
        assert set(answer["result_time"]) == {"a", "c"}


async def test_list_commands_give_lists_and_maps_with_numbers_once_one_failed() -> None:
    async with desk() as at:
        good = await at.batch(["server.time", "profile"])
        bad = await at.batch(["no.such", "profile"])
        assert isinstance(good["result"], list)
        assert list(bad["result"]) == ["1"]
        assert bad["result_error"][0]["error"] == "ERROR_METHOD_NOT_FOUND"


async def test_halt_stops_after_the_first_failure_and_keeps_what_was_done() -> None:
    async with desk() as at:
        cmd = {"a": "crm.lead.add?fields[TITLE]=A", "b": "no.such", "c": "crm.lead.add?fields[TITLE]=C"}
        answer = await at.batch(cmd, halt=1)
        assert list(answer["result"]) == ["a"]
        assert list(answer["result_error"]) == ["b"]
        assert len(at.portal.clients.rows["LEAD"]) == 1


async def test_halt_is_true_as_php_sees_it() -> None:
    async with desk() as at:
        assert "b" in (await at.batch({"a": "no.such", "b": "profile"}, halt="0"))["result"]
        assert (await at.batch({"a": "no.such", "b": "profile"}, halt="N"))["result"] == []


async def test_the_fifty_first_command_and_those_behind_it_are_refused() -> None:
    async with desk() as at:
        answer = await at.batch({f"k{number}": "crm.lead.add?fields[TITLE]=x" for number in range(52)})
        assert len(answer["result"]) == 50
        refusal = {"error": "ERROR_BATCH_LENGTH_EXCEEDED", "error_description": "Max batch length exceeded"}
        assert answer["result_error"] == {"k50": refusal, "k51": refusal}
        assert len(at.portal.clients.rows["LEAD"]) == 50


@pytest.mark.parametrize("command", ["batch?cmd[x]=profile", "Batch", "upload?token=x", "download?token=x"])
async def test_a_batch_in_a_batch_is_refused_and_so_are_files(command: str) -> None:
    async with desk() as at:
        answer = await at.batch({"a": command})
        assert answer["result_error"]["a"] == {
            "error": "ERROR_BATCH_METHOD_NOT_ALLOWED",
            "error_description": "Method is not allowed for batch usage",
        }


@pytest.mark.parametrize(
    ("value", "title"),
    [
        ("$result[c]", "1"),
        ("lead $result[l][0][TITLE]", "lead first"),
        ("$RESULT[l][0][TITLE]", "first"),
        ("$result[l][0][TITLE]_x", "first"),  # the token runs to the next white space and swallows the rest
        ("$result[l][0][TITLE] x", "first x"),
        ("see $result[l] x", "see $result[l] x"),  # not a scalar: the text stays
        ("$total[l] of them", "1 of them"),
        ("$result[l][0][TITLE][deeper]", "first"),  # a missing element stops at the deepest found
        ("$result", "$result"),
        ("no $ sign", "no $ sign"),
    ],
)
async def test_references_are_replaced_by_what_earlier_commands_gave(value: str, title: str) -> None:
    async with desk() as at:
        await at.call("crm.lead.add", fields={"TITLE": "first"})
        cmd = {"l": "crm.lead.list?select[]=ID&select[]=TITLE", "c": "crm.settings.mode.get",
               "a": f"crm.lead.add?fields[TITLE]={value.replace(' ', '%20')}"}  # fmt: skip
        number = (await at.batch(cmd))["result"]["a"]
        assert (await at.call("crm.lead.get", id=number)).result["TITLE"] == title


async def test_a_reference_in_the_place_of_a_value_keeps_its_type() -> None:
    async with desk() as at:
        find = "crm.duplicate.findbycomm?type=PHONE&values[]=79125551122"
        one = await at.batch({"find": find, "get": "crm.contact.get?id=$result[find][CONTACT][0]"})
        assert one["result"]["get"]["LAST_NAME"] == "Волков"
        many = await at.batch({"find": find, "list": "crm.contact.list?filter[@ID]=$result[find][CONTACT]"})
        assert [row["ID"] for row in many["result"]["list"]] == ["1"]


async def test_a_substituted_value_needs_no_escaping() -> None:
    async with desk() as at:
        await at.call("crm.lead.add", fields={"TITLE": "a&b=c #1 %41"})
        cmd = {"l": "crm.lead.get?id=1", "a": "crm.lead.add?fields[TITLE]=$result[l][TITLE]"}
        number = (await at.batch(cmd))["result"]["a"]
        assert (await at.call("crm.lead.get", id=number)).result["TITLE"] == "a&b=c #1 %41"


async def test_register_show_and_finish_go_in_one_batch() -> None:
    async with desk() as at:
        number = CONTACT.replace("+", "%2B").replace(" ", "%20")
        answer = await at.batch(
            {
                "r": f"telephony.externalcall.register?USER_ID=1&TYPE=2&SHOW=0&PHONE_NUMBER={number}",
                "s": "telephony.externalcall.show?CALL_ID=$result[r][CALL_ID]&USER_ID[]=2&USER_ID[]=3",
                "f": "telephony.externalcall.finish?CALL_ID=$result[r][CALL_ID]&USER_ID=2&DURATION=5",
            }
        )
        assert answer["result_error"] == []
        assert answer["result"]["s"] is True
        assert answer["result"]["f"]["CALL_START_DATE"] == {}
        assert answer["result"]["f"]["CALL_ID"] in at.portal.telephony.finished


async def test_in_a_form_commands_are_encoded_twice() -> None:
    async with desk() as at:
        answer = await at.form("batch", "cmd[a]=crm.lead.add%3Ffields%5BTITLE%5D%3Dx%2526y")
        assert (await at.call("crm.lead.get", id=answer.result["result"]["a"])).result["TITLE"] == "x&y"


async def test_without_commands_everything_is_empty() -> None:
    async with desk() as at:
        empty = {"result": [], "result_error": [], "result_total": [], "result_next": [], "result_time": []}
        assert (await at.call("batch")).result == empty


async def test_one_batch_is_one_request_for_the_quota() -> None:
    async with desk(rate_limit=True, threshold=2) as at:
        for _ in range(2):
            await at.batch({f"k{number}": "profile" for number in range(50)})
        assert (await at.call("batch", cmd={"a": "profile"})).refusal[1] == "QUERY_LIMIT_EXCEEDED"


async def test_an_overspent_method_fails_alone_in_a_batch() -> None:
    async with desk(operating_cost={"crm.lead.list": 480.0}) as at:
        await at.call("crm.lead.list")
        answer = await at.batch({"a": "crm.lead.list", "b": "profile"})
        assert answer["result_error"]["a"]["error"] == "OPERATION_TIME_LIMIT"
        assert "b" in answer["result"]


async def test_a_refusal_ordered_for_one_method_strikes_only_that_command() -> None:
    async with desk() as at:
        at.portal.faults.add(Fault(kind=FaultKind.REFUSE, method="profile", code="ERROR_CORE", text="Not today"))
        answer = await at.batch({"a": "server.time", "b": "profile"})
        assert list(answer["result"]) == ["a"]
        assert answer["result_error"]["b"] == {"error": "ERROR_CORE", "error_description": "Not today"}
        assert (await at.call("profile")).status == 200
