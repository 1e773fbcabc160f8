"""The office's own code on the whole way: a real Asterisk, Ringbridge as its own process, the portal at the end."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest
from tests.office.company import Company, until
from tests.office.office import Office, Reach

pytestmark = pytest.mark.asterisk

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
def customize_activity(fields, activity, call, ctx):
    return {"DESCRIPTION": f"{call.employees[0].extension} spoke, {ctx.settings['from']}"}

def process_final_params(params):
    raise RuntimeError("a bad day")
""",
    "20-process_registration_params.sh": """#!/bin/sh
sed 's/^.*"params": \\({[^}]*}\\).*$/{"data": \\1}/; s/"LINE_NUMBER": "[^"]*"/"LINE_NUMBER": "hotline"/'
""",
}
SETTINGS = '\n[hooks.settings]\nfrom = "the settings"\n'


async def spoken(office: Office, client: str) -> None:
    outside, inside = await office.connected(Reach.EMPLOYEE_101, "101", client=client)
    await asyncio.gather(outside.hear(1.0), inside.hear(1.0))
    await inside.hangup()
    await outside.until_ended()


@pytest.mark.skipif(shutil.which("php") is None, reason="there is no php: Debian's package php-cli")
async def test_hooks_in_python_php_and_shell_have_their_say_in_a_real_call(company: Company, tmp_path: Path) -> None:
    folder = tmp_path / "hooks"
    folder.mkdir()
    for name, text in HOOKS.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755 if name.endswith(".sh") else 0o644)
    office_file = (tmp_path / "office.toml").read_text(encoding="utf-8")
    await company.connector.configure(office_file + SETTINGS)
    async with company.connector.running():
        await spoken(company.office, SHOP)
        await spoken(company.office, CLIENT)
        portal = company.portal
        await until(lambda: company.connector.ended or any(r.activity_id for r in portal.telephony.finished.values()))
        (record,) = portal.telephony.finished.values()
        assert record.call.phone == CLIENT, "the shop's call is nobody's business"
        assert record.call.line is not None
        assert record.call.line.number == "hotline"
        row = portal.activities.rows[record.activity_id]
        await until(lambda: company.connector.ended or bool(row["DESCRIPTION"]))
        assert row["DESCRIPTION"] == "101 spoke, the settings"
    log = (tmp_path / "ringbridge.log").read_text(encoding="utf-8")
    assert "talk.py, line 6: RuntimeError: a bad day" in log
