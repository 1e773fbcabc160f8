"""What a call costs in requests, each of its stages on its way alone: the table of the reference, row by row."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from tests.contract.amocrm_office import (
    ANTON,
    CLIENT,
    KATE,
    STRANGER,
    Addresses,
    Office,
    attach,
    close_tasks,
    complete,
    create,
    finish,
    office,
    register,
    show,
    task,
)

from ringbridge.emulators.amocrm import Kind
from ringbridge.routing.intents import Intent, RecordKind
from ringbridge.routing.results import CallStatus
from ringbridge.routing.rules import Attach, Create

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "amocrm.md"
MISSED: dict[str, Any] = {"owner_first": True, "status": CallStatus.MISSED, "duration": 0}
OUT = {"kind": RecordKind.OUTBOUND}

Stages = list[list[Intent]]

COSTS: dict[str, tuple[Stages, int]] = {
    "inbound, answered, known client": ([[register()], [show(ANTON)], [finish(recorded=True)], [attach()]], 2),
    "outbound, answered, known client": ([[register(**OUT)], [finish(recorded=True)], [attach()]], 1),
    "inbound, answered, unknown number, contact and lead": (
        [[register(number=STRANGER)], [show(ANTON)], [finish()]],
        4,
    ),
    "inbound, answered, unknown number, incoming lead": (
        [[register(number=STRANGER, creation=create(Create.UNSORTED))], [show(ANTON)], [finish()]],
        3,
    ),
    "outbound, unknown number, contact and lead": ([[register(number=STRANGER, **OUT)], [finish()]], 4),
    "unknown number, nothing made": ([[register(number=STRANGER, creation=None)], [show(ANTON)], [finish()]], 2),
    "missed, for the client's owner": ([[register()], [show(ANTON, KATE)], [finish(**MISSED)]], 3),
    "missed, with a task": ([[register()], [show(ANTON)], [finish(**MISSED), task()]], 4),
    "called back: the task is done": ([[register(**OUT)], [finish()], [close_tasks()]], 2),
    "answered, no task to do": ([[register()], [show(ANTON)], [finish(), close_tasks(number=STRANGER)]], 2),
    "the speaker's own of several clients": ([[register()], [show(ANTON)], [finish(attach=Attach.SPEAKERS)]], 4),
    "with a completing text": ([[register()], [show(ANTON)], [finish()], [complete()]], 3),
}


async def prepare(at: Office, row: str) -> None:
    """Tasks are listed once in a process's life; that is not the call's cost."""
    await at.done(close_tasks(9))
    if row.startswith("called back"):
        await at.done(task(8))
    if row.startswith("the speaker's"):
        at.add(Kind.COMPANIES, CLIENT, responsible_user_id=int(ANTON))
        at.contacts(CLIENT)[0].responsible_user_id = int(KATE)


@pytest.mark.parametrize("row", COSTS)
async def test_a_call_costs_as_many_requests_as_the_reference_says(row: str) -> None:
    stages, cost = COSTS[row]
    async with office(shelf=Addresses()) as at:
        await prepare(at, row)
        before = len(at.asked())
        facts: dict[str, Any] = {}
        for stage in stages:
            facts = await at.done(*stage, facts=facts)
        assert len(at.asked(before)) == cost, at.asked(before)
    (written,) = re.findall(rf"^\| {re.escape(row)} \| (\d+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert int(written) == cost
