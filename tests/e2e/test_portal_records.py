"""The whole way: a real Asterisk, phones that speak, Ringbridge as its own process, and the portal at the end of it.

After each scenario the portal holds exactly the records of what took place: as many, of the right employees and
directions, with the right durations and results, and each answered one with a recording that can be played.
"""

from __future__ import annotations

import asyncio
import re
import shutil

import httpx2
import pytest
from tests.office.company import PATIENCE, Company, until
from tests.office.office import Reach
from tests.office.scenarios import SCENARIOS, Scenario

pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="module")]


@pytest.mark.parametrize("play", SCENARIOS.values(), ids=SCENARIOS)
async def test_the_portal_ends_with_exactly_the_records_of_what_took_place(
    working_company: Company, play: Scenario
) -> None:
    await working_company.office.clear()
    await working_company.holds_exactly(await play(working_company.office))


# The last of this file: nothing compares their records.


async def test_a_supervisor_ends_a_call_from_the_page_and_both_sides_are_free(working_company: Company) -> None:
    office, portal = working_company.office, working_company.portal
    await office.clear()
    before = len(portal.telephony.finished)
    outside, inside = await office.connected(Reach.EMPLOYEE_101, "101", client=SHOP)
    button = re.compile('action="/live/hangup".*?name="call" value="([^"]+)"', re.DOTALL)
    async with httpx2.AsyncClient(base_url=working_company.connector.address, trust_env=False) as page:
        async with asyncio.timeout(PATIENCE):
            while not (seen := button.search((await page.get("/live")).text)):
                pass  # each look is a whole request
        origin = {"Origin": working_company.connector.address, "HX-Request": "true"}
        said = await page.post("/live/hangup", data={"call": seen[1]}, headers=origin)
    assert "The call was hung up" in said.text
    await asyncio.gather(outside.until_ended(), inside.until_ended())
    await until(lambda: len(portal.telephony.finished) > before)  # the next test compares what is new


SHOP, CLIENT = "79125550001", "79125551122"

HOOKS = {
    # Itgrix's black list, as it was published: the root keys from before 3.13.
    "need_registration.php": f"""<?php
$blackList = array('{SHOP}');
if (in_array($params['conversation']['from'], $blackList)) {{
    $result = false;
}}
return array('state' => 'success', 'data' => array('result' => $result));
""",
    "talk.py": """
def customize_activity(fields, activity, call):
    return {"DESCRIPTION": f"{call.employees[0].extension} spoke"}

def process_final_params(params):
    raise RuntimeError("a bad day")
""",
    "20-process_registration_params.sh": """#!/bin/sh
sed 's/^.*"params": \\({[^}]*}\\).*$/{"data": \\1}/; s/"LINE_NUMBER": "[^"]*"/"LINE_NUMBER": "hotline"/'
""",
}


@pytest.mark.skipif(shutil.which("php") is None, reason="there is no php: Debian's package php-cli")
async def test_hooks_in_python_php_and_shell_have_their_say_in_a_real_call(working_company: Company) -> None:
    office, portal, folder = working_company.office, working_company.portal, working_company.connector.hooks
    await office.clear()
    before = set(portal.telephony.finished)
    folder.mkdir()
    for name, text in HOOKS.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755 if name.endswith(".sh") else 0o644)
    for client in (SHOP, CLIENT):
        outside, inside = await office.connected(Reach.EMPLOYEE_101, "101", client=client)
        await asyncio.gather(outside.hear(1.0), inside.hear(1.0))
        await inside.hangup()
        await outside.until_ended()
    await until(lambda: any(row["DESCRIPTION"] == "101 spoke" for row in portal.activities.rows.values()))
    shutil.rmtree(folder)
    (record,) = [record for key, record in portal.telephony.finished.items() if key not in before]
    assert record.call.phone == CLIENT, "the shop's call is nobody's business"
    assert record.call.line is not None
    assert record.call.line.number == "hotline"
    assert record.activity_id is not None
    assert portal.activities.rows[record.activity_id]["DESCRIPTION"] == "101 spoke"
    assert record.code == "200", "a hook that fails changes nothing"
