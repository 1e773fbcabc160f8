"""Each of amoCRM's requests passes its hook, and a hook that cancels one leaves the rest of the call whole."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.contract.amocrm_office import CLIENT, KATE, STRANGER, Office, attach, create, finish, office, register, task
from tests.contract.hooked_office import HookedOffice, hooked

from ringbridge.emulators.amocrm import Kind
from ringbridge.routing.results import CallStatus
from ringbridge.routing.rules import Create


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[tuple[Office, HookedOffice]]:
    async with hooked(tmp_path) as hooks, office(customise=hooks.of_portal) as account:
        hooks.opened(account.crm)
        yield account, hooks


async def test_process_call_params(there: tuple[Office, HookedOffice]):
    account, hooks = there
    hooks.write(
        "h.py",
        f"""
        def process_call_params(params, call):
            assert (params["direction"], params["phone"], params["call_status"]) == ("inbound", "{CLIENT}", 6)
            words = f"waited {{call.wait}} s"
            return {{**params, "call_result": words, "responsible_user_id": {KATE}, "uniq": "other"}}
    """,
    )
    await account.done(register(), finish(status=CallStatus.MISSED, duration=0))
    (note,) = account.calls
    assert note["params"]["call_result"] == "waited 12 s"
    assert note["params"]["uniq"] == "pbx-1764090000.1"
    assert note["responsible_user_id"] == int(KATE)


async def test_process_call_params_of_a_call_whose_place_we_chose(there: tuple[Office, HookedOffice]):
    account, hooks = there
    hooks.write(
        "h.py",
        """
        def process_call_params(params, call):
            if "entity_id" not in params:
                return None
            return {**params, "call_result": params["entity_type"], "entity_id": 1}
    """,
    )
    await account.done(register(number=STRANGER), finish())
    (note,) = account.calls
    assert note["entity_id"] in account.account.entities.rows[Kind.LEADS], "that was made for the call"
    assert note["params"]["call_result"] == "leads"


async def test_a_cancelled_call_is_not_told_and_its_later_steps_are_done(there: tuple[Office, HookedOffice]):
    account, hooks = there
    hooks.write("h.py", "def process_call_params(params): return {}")
    facts = await account.done(register(), finish(), attach())
    assert (account.calls, facts["cancelled"]) == ([], "process_call_params")
    assert "main: process_call_params: cancelled by h.py" in await hooks.story()


async def test_process_contact_creation_params(there: tuple[Office, HookedOffice]):
    account, hooks = there
    hooks.write("h.py", "def process_contact_creation_params(params): return {**params, 'name': 'New client'}")
    await account.done(register(number=STRANGER), finish())
    (contact,) = account.contacts(STRANGER)
    assert contact.name == "New client"


async def test_a_cancelled_contact_is_not_made(there: tuple[Office, HookedOffice]):
    account, hooks = there
    hooks.write("h.py", "def process_contact_creation_params(params): return {}")
    facts = await account.done(register(number=STRANGER), finish())
    assert account.contacts(STRANGER) == []
    assert "a hook of the office cancelled it" in facts["warning"]


LEAD = create(Create.LEAD)


async def test_process_lead_creation_params(there: tuple[Office, HookedOffice]):
    account, hooks = there
    hooks.write(
        "h.py",
        """
        def process_lead_creation_params(params): return {**params, 'name': 'New lead'}
        def process_contact_creation_params(params): return {**params, 'name': 'New client'}
    """,
    )
    await account.done(register(number=STRANGER, creation=LEAD), finish())
    (contact,) = account.contacts(STRANGER)
    leads = [one.name for one in account.account.entities.rows[Kind.LEADS].values() if one.name == "New lead"]
    assert (contact.name, leads) == ("New client", ["New lead"])


async def test_a_cancelled_lead_leaves_the_contact(there: tuple[Office, HookedOffice]):
    account, hooks = there
    hooks.write("h.py", "def process_lead_creation_params(params): return {}")
    before = len(account.account.entities.rows[Kind.LEADS])
    await account.done(register(number=STRANGER, creation=LEAD), finish())
    assert len(account.contacts(STRANGER)) == 1
    assert len(account.account.entities.rows[Kind.LEADS]) == before


async def test_process_unsorted_creation_params(there: tuple[Office, HookedOffice]):
    account, hooks = there
    hooks.write(
        "h.py",
        """
        def process_unsorted_creation_params(params):
            params["_embedded"]["leads"][0]["name"] = "From the hook"
            return {**params, "metadata": {}}
    """,
    )
    facts = await account.done(register(number=STRANGER, creation=create(Create.UNSORTED)), finish())
    assert facts["unsorted"]
    names = [one.name for one in account.account.entities.rows[Kind.LEADS].values()]
    assert "From the hook" in names


async def test_process_contact_update_params(there: tuple[Office, HookedOffice]):
    account, hooks = there
    hooks.write(
        "h.py",
        """
        def process_contact_update_params(fields, entity, call):
            return {"name": f"{entity['name']}, {call.talk} s"}
    """,
    )
    made = account.add(Kind.CONTACTS, STRANGER, name="Anna")
    await account.done(register(number=STRANGER), finish())
    assert account.account.entities.rows[Kind.CONTACTS][made.id].name == "Anna, 30 s"


async def test_process_lead_update_params(there: tuple[Office, HookedOffice]):
    account, hooks = there
    hooks.write("h.py", "def process_lead_update_params(fields, entity): return {'name': f\"lead {entity['id']}\"}")
    made = account.add_lead(account.add(Kind.CONTACTS, STRANGER))
    await account.done(register(number=STRANGER), finish())
    assert account.account.entities.rows[Kind.LEADS][made.id].name == f"lead {made.id}"


async def test_what_the_account_refuses_of_an_update_is_a_warning(there: tuple[Office, HookedOffice]):
    account, hooks = there
    hooks.write("h.py", "def process_contact_update_params(fields): return {'responsible_user_id': 'nobody'}")
    account.add(Kind.CONTACTS, STRANGER)
    facts = await account.done(register(number=STRANGER), finish())
    assert "process_contact_update_params" in facts["warning"]


async def test_process_task_creation_params(there: tuple[Office, HookedOffice]):
    account, hooks = there
    hooks.write("h.py", "def process_task_creation_params(params): return {**params, 'text': 'Ours'}")
    facts = await account.done(register(), finish(status=CallStatus.MISSED, duration=0), task())
    assert [one["text"].splitlines()[0] for one in account.tasks if one["id"] == facts["task"]] == ["Ours"]
    again = await account.done(task(2))
    assert again["task"] == facts["task"], "our mark is still in it"


async def test_a_cancelled_task_is_not_made(there: tuple[Office, HookedOffice]):
    account, hooks = there
    hooks.write("h.py", "def process_task_creation_params(params): return {}")
    before = len(account.tasks)
    facts = await account.done(register(), task())
    assert (len(account.tasks), facts["cancelled"]) == (before, "process_task_creation_params")


async def test_a_hook_reads_and_writes_through_the_accounts_own_door(there: tuple[Office, HookedOffice]):
    account, hooks = there
    made = account.add(Kind.CONTACTS, STRANGER, name="Anna")
    hooks.write(
        "h.py",
        f"""
        async def process_call_params(params, ctx):
            found = await ctx.crm.call("GET /api/v4/contacts", {{"filter[id][]": [{made.id}]}})
            name = found["_embedded"]["contacts"][0]["name"]
            await ctx.crm.call("PATCH /api/v4/contacts/{made.id}", {{"name": name + "!"}})
    """,
    )
    await account.done(register(number=STRANGER), finish())
    assert account.account.entities.rows[Kind.CONTACTS][made.id].name == "Anna!"
    assert len(await hooks.story()) == 0
