"""The steps of the set-up, and how far it is. What is done stands in the office itself; the little that does not (what
was found, what was left for later) is a document of its own, so every step can be left and taken up again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from ringbridge.service.config import Office
from ringbridge.store import settings
from ringbridge.store.database import Database
from ringbridge.web.words import N_

SECTION = "setup"


class Step(StrEnum):
    ACCOUNT = "account"
    ASTERISK = "asterisk"
    CRM = "crm"
    EMPLOYEES = "employees"
    TRUNKS = "trunks"
    RULES = "rules"
    TEST = "test"


TITLES: dict[Step, str] = {
    Step.ACCOUNT: N_("Your account"),
    Step.ASTERISK: N_("Asterisk"),
    Step.CRM: N_("The CRM"),
    Step.EMPLOYEES: N_("Employees"),
    Step.TRUNKS: N_("Trunks"),
    Step.RULES: N_("Rules"),
    Step.TEST: N_("A test call"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """`passed`: steps that a person went through; `extensions`, `trunks`, `queues`: what the PBX was found to have."""

    passed: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    trunks: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()

    def after(self, step: Step) -> Progress:
        return replace(self, passed=(*(one for one in self.passed if one != step), step))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    step: Step
    title: str
    done: bool


def stages(office: Office, progress: Progress, *, accounts: bool, waiting: Collection[str] = ()) -> tuple[Stage, ...]:
    """`waiting`: portals that have not let us in yet."""
    there = {
        Step.ACCOUNT: accounts,
        Step.ASTERISK: bool(office.pbx),
        Step.CRM: bool(office.portal) and not waiting,
    }
    if office.trunk:
        there[Step.TRUNKS] = True
    return tuple(Stage(step=step, title=TITLES[step], done=there.get(step, step in progress.passed)) for step in Step)


def next_step(all_stages: Iterable[Stage]) -> Step:
    """Where the set-up goes on; the last one when all is done."""
    return next((stage.step for stage in all_stages if not stage.done), Step.TEST)


def following(step: Step) -> Step:
    order = list(Step)
    return order[min(order.index(step) + 1, len(order) - 1)]


async def read_progress(database: Database) -> Progress:
    async with database.reading() as tx:
        document = await settings.document_of(tx, SECTION)
    return Progress(**{name: tuple(value) for name, value in document.items()})


async def save_progress(database: Database, progress: Progress, *, now: datetime, by: str) -> None:
    document: dict[str, Any] = {name: list(value) for name, value in asdict(progress).items() if value}
    async with database.transaction() as tx:
        await settings.put(tx, SECTION, document, by=by, now=now)
