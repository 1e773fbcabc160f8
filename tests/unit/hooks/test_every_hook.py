"""Every hook of the table has its sample in the documentation, and each sample does what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.unit.hooks.conftest import Desk, answered_call, missed_call

from ringbridge.hooks import samples
from ringbridge.hooks.specs import SPECS

TEXT = Path(samples.__file__).read_text(encoding="utf-8")

GIVEN: dict[str, tuple[Any, Any]] = {  # what goes in, what comes out
    "need_registration": (True, True),
    "process_client_phone": ("879125551122", "79125551122"),
    "process_user_phone": ("1101", "101"),
    "customize_autodistribution": ("101", "101"),
    "process_originate_params": ({"context": "c"}, {"context": "from-moscow"}),
    "process_registration_params": ({"LINE_NUMBER": "7495"}, {"LINE_NUMBER": "mango"}),
    "customize_show_call_card": ({"USER_ID": "5"}, {"USER_ID": ["5", "1"]}),
    "process_final_params": ({"USER_ID": "5"}, {"USER_ID": "5"}),
    "customize_attach_record_url": ({"FILENAME": "private-1.mp3"}, None),
    "customize_activity": ({}, {"SUBJECT": "Call (74951112233)"}),
    "customize_entity": ({}, {"ASSIGNED_BY_ID": "5"}),
    "process_call_params": ({}, {"call_result": "74951112233: waited 12 s"}),
    "process_contact_creation_params": ({"name": "+7912"}, {"name": "+7912"}),
    "process_lead_creation_params": ({}, {"name": "Call from 74951112233"}),
    "process_unsorted_creation_params": ({}, {"source_name": "74951112233"}),
    "process_contact_update_params": ({}, {}),
    "process_lead_update_params": ({}, {"responsible_user_id": 5}),
    "process_record_file_path": ("/monitor/a.wav", "/mp3/a.mp3"),
    "process_task_creation_params": ({"TITLE": "Call back"}, {"TITLE": "Call back"}),
    "post_registration": ({}, {}),
}
ABOUT: dict[str, Any] = {
    "activity": {"SUBJECT": "Call"},
    "entity": {"name": "Anna"},
    "kind": "lead",
    "client": {},
    "request": {"line": "moscow"},
}


@pytest.mark.parametrize("hook", SPECS)
async def test_the_sample_of_each_hook_is_a_good_hook(desk: Desk, hook: str):
    (desk.folder / "samples.py").write_text(TEXT, encoding="utf-8")
    value, expected = GIVEN[hook]
    outcome = await desk.ask(hook, value, call=answered_call(), **ABOUT)
    assert outcome.errors == ()
    assert (None if outcome.cancelled else outcome.value) == expected
    (file,) = await desk.hooks.files()
    assert file.hooks is not None
    assert file.hooks.names == SPECS.keys()


async def test_a_sample_of_a_task_cancels_it_for_who_hung_up_at_once(desk: Desk):
    (desk.folder / "samples.py").write_text(TEXT.replace("call.wait < 5", "call.wait < 50"), encoding="utf-8")
    assert (await desk.ask("process_task_creation_params", {"TITLE": "x"}, call=missed_call())).cancelled
