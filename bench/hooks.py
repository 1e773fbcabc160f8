"""What hooks cost a call, by what they are written in; and what a long table of rules costs."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.figure import Figure, percentile
from ringbridge.hooks.context import Asked
from ringbridge.hooks.facts import phone_call
from ringbridge.hooks.runner import Hooks, HookSettings
from ringbridge.hooks.values import PhoneCall
from ringbridge.routing.intents import PortalId, UserId
from ringbridge.routing.office import Portal, Staff
from ringbridge.routing.rules import Answers, CallFacts, Rule, decide
from ringbridge.service.logs import configure_logs
from ringbridge.telephony.model import Call, CallId, Direction, Disposition, Extension, Talk

FILES = 10
ASKED, RUN = 500, 50
RULES = 500
HOOK = "process_final_params"
PARAMS = {"CALL_ID": "externalCall.1", "USER_ID": "1", "STATUS_CODE": "200", "DURATION": 30}

METHOD = f"""\
`{HOOK}` is asked about one answered call, from the decision to ask to the checked answer, in this process and on this
machine: {ASKED} times for Python, {RUN} times for what is started as a process each time. The Python functions change
one field, the programs say nothing; so the figure is the price of asking and not of their work. Python hooks run in a
thread each time, so that one that hangs can be left alone: that is most of their price.

The table of rules has {RULES} rows with two conditions each, of which the last one matches: every row is looked at."""

SCRIPTS = {
    "sh": ("#!/bin/sh\n", 0o755),
    "php": ("<?php return ['state' => 'success'];\n", 0o644),
    "a Python of its own": ("#!/usr/bin/env python3\n", 0o755),
}
NAMES = {"sh": f"{HOOK}.sh", "php": f"{HOOK}.php", "a Python of its own": f"{HOOK}.run"}
PYTHON = f"def {HOOK}(params, call, ctx):\n    return {{**params, 'USER_ID': '5'}}\n"


class Nobody:
    kind = "bitrix24"

    async def call(self, method: str, params: Mapping[str, Any] | None = None) -> Any:
        raise AssertionError("no hook of this figure asks")

    async def calls(self, number: str, limit: int = 20) -> Sequence[PhoneCall]:
        return ()


def answered() -> Call:
    start = datetime(2026, 3, 10, 8, 0, tzinfo=UTC)
    talk = Talk(extension=Extension("101"), start=start, end=start + timedelta(seconds=30))
    return Call(
        id=CallId("1.1"),
        direction=Direction.INBOUND,
        start=start,
        end=talk.end,
        external="+79125551122",
        trunk="mango",
        talks=(talk,),
        disposition=Disposition.ANSWERED,
    )


async def asked_often(folder: Path, times: int) -> list[float]:
    portal = Portal(id=PortalId("main"), staff=Staff(default=UserId("1")))
    given = {"call": phone_call(answered(), pbx="office", portal=portal)}
    hooks = Hooks(HookSettings(folder=folder))
    asked = Asked(portal="main", crm=Nobody(), journal=Nobody())
    took: list[float] = []
    for n in range(times + times // 10):
        began = time.perf_counter()
        outcome = await hooks.apply(HOOK, PARAMS, given, asked)
        if n >= times // 10:
            took.append(time.perf_counter() - began)
        if outcome.errors:
            raise RuntimeError(outcome.errors[0])
    hooks.close()
    return took


def row(name: str, took: Sequence[float]) -> tuple[str, ...]:
    return name, *(f"{percentile(took, share) * 1000:.2f} ms" for share in (0.5, 0.95, 0.99))


def of_python(files: int) -> list[float]:
    with tempfile.TemporaryDirectory() as folder:
        for n in range(files):
            (Path(folder) / f"{n:02}.py").write_text(PYTHON, encoding="utf-8")
        return asyncio.run(asked_often(Path(folder), ASKED))


def of_program(kind: str) -> list[float]:
    text, mode = SCRIPTS[kind]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / NAMES[kind]
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
        return asyncio.run(asked_often(Path(folder), RUN))


def of_rules() -> list[float]:
    rules = [
        Rule(
            name=f"row {n}",
            answers=Answers(register=True),
            trunks=frozenset({f"trunk {n}"}),
            results=frozenset({Disposition.MISSED}),
        )
        for n in range(RULES - 1)
    ]
    rules.append(Rule(name="last", trunks=frozenset({"mango"}), answers=Answers(register=False)))
    facts = CallFacts(call=answered(), number="+79125551122", known=True, working=True)
    took: list[float] = []
    for _ in range(ASKED):
        began = time.perf_counter()
        decision = decide(tuple(rules), facts)
        took.append(time.perf_counter() - began)
        if decision.because["register"] != "last":
            raise RuntimeError("the last row did not match")
    return took


def measure() -> Figure:
    configure_logs("ERROR")
    rows = [
        row("no hook", of_python(0)),
        row("one in Python", of_python(1)),
        row(f"{FILES} in Python", of_python(FILES)),
    ]
    rows += [row(f"a program: {kind}", of_program(kind)) for kind in SCRIPTS if kind != "php" or shutil.which("php")]
    rows.append(row(f"{RULES} rules", of_rules()))
    return Figure(
        title="What hooks and rules cost a call",
        method=METHOD,
        columns=("", "half of all", "95 of 100", "99 of 100"),
        rows=rows,
    )
