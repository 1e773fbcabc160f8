"""Each of Bitrix24's requests passes its hook, and a hook that cancels one leaves the rest of the call whole."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.contract.bitrix24_office import MAKE, STRANGER, Office, Sound, attach, finish, office, register, show, task
from tests.contract.hooked_office import HookedOffice, hooked

from ringbridge.crm.bitrix24 import RecordingMode
from ringbridge.crm.contract import Receipt, Step
from ringbridge.emulators.bitrix24.faults import Fault, FaultKind
from ringbridge.routing.intents import PortalId, RecordKey
from ringbridge.routing.results import CallStatus


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[tuple[Office, HookedOffice]]:
    async with hooked(tmp_path) as hooks, office(customise=hooks.of_portal) as portal:
        hooks.opened(portal.crm)
        yield portal, hooks


async def test_process_registration_params(there: tuple[Office, HookedOffice]):
    portal, hooks = there
    hooks.write(
        "h.py",
        """
        def process_registration_params(params, call):
            return {**params, "LINE_NUMBER": call.trunk, "EXTERNAL_CALL_ID": "another"}
    """,
    )
    await portal.registered()
    (running,) = portal.running
    assert running.line.number == "mango"
    assert running.external_call_id == "pbx-1764090000.1"
    assert await hooks.story() == ["main: process_registration_params of h.py: LINE_NUMBER +74951112233 -> mango"]


async def test_a_cancelled_registration_keeps_the_call_out_of_the_portal_to_its_end(
    there: tuple[Office, HookedOffice],
):
    portal, hooks = there
    hooks.write("h.py", "def process_registration_params(params): return {}")
    answers = await portal.do(register(show=False), show("1"), finish(), attach())
    assert all(isinstance(answer, Receipt) for answer in answers), answers
    assert portal.executed("telephony.externalCall.register") == 0
    later = await portal.do(finish(2), facts=dict(answers[0].facts))
    assert isinstance(later[0], Receipt)
    assert portal.executed("telephony.externalCall.finish") == 0
    assert "main: process_registration_params: cancelled by h.py" in await hooks.story()


async def test_customize_show_call_card(there: tuple[Office, HookedOffice]):
    portal, hooks = there
    hooks.write("h.py", "def customize_show_call_card(params): return {**params, 'USER_ID': ['1', '3']}")
    facts = await portal.registered(register(show=False))
    await portal.do(show("1"), facts=facts)
    assert sorted(portal.portal.telephony.cards.viewers(facts["call_id"])) == [1, 3]


async def test_a_cancelled_card_is_not_shown_neither_by_the_registration(there: tuple[Office, HookedOffice]):
    portal, hooks = there
    hooks.write("h.py", "def customize_show_call_card(params): return {}")
    answers = await portal.do(register(show=True), show("3"))
    assert all(isinstance(answer, Receipt) for answer in answers), answers
    assert not portal.portal.telephony.cards.log


async def test_process_final_params(there: tuple[Office, HookedOffice]):
    portal, hooks = there
    hooks.write(
        "h.py",
        """
        def process_final_params(params):
            assert params["CALL_ID"] == "", params  # of a registration in the same request
            return {**params, "USER_ID": "3", "CALL_ID": "another"}
    """,
    )
    await portal.do(register(), finish(status=CallStatus.MISSED, duration=0))
    (finished,) = portal.finished
    assert finished.user_id == 3


async def test_a_final_user_who_is_dismissed_does_not_keep_the_call_from_its_end(
    there: tuple[Office, HookedOffice],
):
    portal, hooks = there
    portal.portal.staff.users[3].active = False
    hooks.write("h.py", "def process_final_params(params): return {**params, 'USER_ID': '3'}")
    answers = await portal.do(register(), finish())
    assert isinstance(answers[1], Receipt), answers
    (finished,) = portal.finished
    assert finished.user_id == 1


async def test_customize_attach_record_url(tmp_path: Path):
    async with hooked(tmp_path) as hooks, office(customise=hooks.of_portal, recordings=RecordingMode.LINK) as portal:
        hooks.opened(portal.crm)
        hooks.write("h.py", "def customize_attach_record_url(params): return {}")
        portal.shelf.found = Sound(address="http://127.0.0.1:9/a.mp3")
        facts = await portal.registered()
        await portal.do(finish(), facts=facts)
        (answer,) = await portal.do(attach(), facts=facts)
        assert answer.facts["recording"] == "cancelled"
        assert portal.executed("telephony.externalCall.attachRecord") == 0


async def test_customize_activity(there: tuple[Office, HookedOffice]):
    portal, hooks = there
    hooks.write(
        "h.py",
        """
        def customize_activity(fields, activity, call):
            return {"DESCRIPTION": f"{activity['SUBJECT']}: waited {call.wait} s, spoke {call.talk} s"}
    """,
    )
    answers = await portal.do(register(), finish())
    activity = await hooks.of_portal.asked("").crm.call("crm.activity.get", {"id": answers[1].facts["activity"]})
    assert activity["DESCRIPTION"].endswith(": waited 12 s, spoke 30 s")


async def test_customize_entity(there: tuple[Office, HookedOffice]):
    portal, hooks = there
    hooks.write(
        "h.py",
        """
        def customize_entity(fields, entity, kind):
            return {"COMMENTS": f"{kind} {entity['ID']} called"}
    """,
    )
    answers = await portal.do(register(), finish())
    client = answers[1].facts["client"]
    row = await hooks.of_portal.asked("").crm.call(f"crm.{client['kind']}.get", {"id": client["id"]})
    assert row["COMMENTS"] == f"{client['kind']} {client['id']} called"


async def test_what_the_portal_refuses_of_an_addition_is_a_warning(there: tuple[Office, HookedOffice]):
    portal, hooks = there
    hooks.write("h.py", "def customize_activity(fields): return {'SUBJECT': 'Ours'}")
    portal.portal.faults.add(Fault(kind=FaultKind.REFUSE, method="crm.activity.update", text="Access denied."))
    answers = await portal.do(register(), finish())
    assert isinstance(answers[1], Receipt), answers
    assert "Access denied." in answers[1].facts["warning"]


async def test_process_task_creation_params(there: tuple[Office, HookedOffice]):
    portal, hooks = there
    hooks.write("h.py", "def process_task_creation_params(params): return {'TITLE': 'Ours', 'RESPONSIBLE_ID': '3'}")
    facts = await portal.registered(register(number=STRANGER, creation=MAKE))
    await portal.do(finish(status=CallStatus.MISSED, duration=0), facts=facts)
    first, again = await portal.do(task(), replace(task(), record=RecordKey("pbx-1764090000.1-2")), facts=facts)
    assert isinstance(first, Receipt), first
    assert portal.executed("tasks.task.add") == 1
    assert "open task already" in again.facts["note"]


async def test_a_cancelled_task_is_not_made(there: tuple[Office, HookedOffice]):
    portal, hooks = there
    hooks.write("h.py", "def process_task_creation_params(params): return {}")
    facts = await portal.registered(register(number=STRANGER, creation=MAKE))
    (answer,) = await portal.do(task(), facts=facts)
    assert answer.facts["cancelled"] == "process_task_creation_params"
    assert portal.executed("tasks.task.add") == 0


async def test_post_registration(there: tuple[Office, HookedOffice]):
    portal, hooks = there
    hooks.write(
        "h.py",
        """
        async def post_registration(facts, call, ctx):
            await ctx.crm.call("crm.contact.update", {"id": facts["client"]["id"], "fields": {"COMMENTS": call.id}})
    """,
    )
    steps = [Step(intent=register())]
    answers = await portal.crm.carry_out(steps)
    await hooks.hooks.carried_out(PortalId("main"), steps, answers)
    row = await hooks.of_portal.asked("").crm.call("crm.contact.get", {"id": answers[0].facts["client"]["id"]})
    assert row["COMMENTS"] == "pbx-1764090000.1"


async def test_a_hook_that_fails_changes_nothing_and_stands_in_the_calls_story(there: tuple[Office, HookedOffice]):
    portal, hooks = there
    hooks.write("h.py", "def process_final_params(params): raise ValueError('no such day')")
    answers = await portal.do(register(), finish())
    assert isinstance(answers[1], Receipt)
    assert await hooks.story() == [
        "main: hook failed, unchanged: process_final_params of h.py: h.py, line 1: ValueError: no such day"
    ]


async def test_a_call_that_is_not_in_the_journal_is_told_without_hooks(there: tuple[Office, HookedOffice]):
    portal, hooks = there
    hooks.write("h.py", "def process_registration_params(params): return {}")
    await portal.registered(register(2))
    assert len(portal.running) == 1
