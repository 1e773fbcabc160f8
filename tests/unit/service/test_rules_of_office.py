"""The office's rules compared with its trunks and employees, and with what was read of its portals."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest
from tests.unit.service.test_office_configuration import SMALL

from ringbridge.crm.contract import Choices
from ringbridge.routing.intents import PortalId, UserId
from ringbridge.service.config import office_of
from ringbridge.service.rules.review import PortalFacts, read_facts, review, told
from ringbridge.store import directory, portals
from ringbridge.store.database import Database
from ringbridge.store.directory import DirectoryUser

ANNA = DirectoryUser(id=UserId("7"), name="Анна", active=True, extensions=("102",))
OTHERS = tuple(DirectoryUser(id=UserId(user), name="", active=True, extensions=()) for user in ("1", "5"))
GONE = DirectoryUser(id=UserId("9"), name="Олег", active=False, extensions=("103",))
CHOICES = Choices(pipelines={"0": "General", "4": "Sales"}, stages={"NEW": "New"}, sources={"CALL": "A call"})
FACTS = {PortalId("main"): PortalFacts(users=(ANNA, GONE, *OTHERS), choices=CHOICES)}


def said(*rows: dict[str, object], facts=FACTS, **parts: object) -> list[str]:
    office = office_of({**SMALL, "rule": [{"name": "row", **row} for row in rows], **parts})
    return list(told(review(office, facts)))


def test_a_row_that_names_what_is_there_is_not_spoken_of():
    row = {"trunks": ["mango", "74951112233"], "extensions": ["101", "102"], "pipeline": "4", "source": "CALL"}
    assert said(row) == []


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"trunks": ["mangoo"], "source": "CALL"}, "Row 1, row: No trunk is named mangoo: see [[trunk]]."),
        ({"pipeline": "5"}, "Row 1, row: No pipeline has the id 5. There are: 0 (General), 4 (Sales)."),
        ({"stage": "OLD"}, "Row 1, row: No stage has the id OLD. There are: NEW (New)."),
        ({"source": "RADIO"}, "Row 1, row: No source has the id RADIO. There are: CALL (A call)."),
        (
            {"missed_to": ["spread"], "spread": {"extensions": ["104"]}},
            "Row 1, row: Nobody at main has the phone 104: what is dealt to it is the default employee's.",
        ),
    ],
)
def test_what_a_row_names_in_vain_is_told(row: dict[str, object], words: str):
    assert said(row) == [words]


def test_a_user_who_has_left_is_told_wherever_the_office_names_them():
    employees = [{"name": "Олег", "extensions": ["103"], "users": {"main": "9"}}]
    portal = [{**SMALL["portal"][0], "default_user": "9"}]  # type: ignore[index]
    assert said({"extensions": ["103"], "source": "CALL"}, employee=employees, portal=portal) == [
        "Row 1, row: Олег, whose phone is 103, has left main.",
        "The default employee of main, user 9, has left it: see default_user.",
        "Олег is user 9 of main, who has left it: see [[employee]].",
    ]


def test_ids_of_users_of_another_portal_are_told():
    employees = [{"name": "Олег", "extensions": ["103"], "users": {"main": "99"}}]
    portal = [{**SMALL["portal"][0], "default_user": "98"}]  # type: ignore[index]
    assert said(employee=employees, portal=portal) == [
        "The default employee of main, user 98, is not there: see default_user.",
        "Олег is said to be user 99 of main, who is not there: see [[employee]].",
    ]
    assert said(employee=employees, portal=portal, facts={PortalId("main"): PortalFacts()}) == []


def test_what_was_not_read_of_a_portal_is_no_reason_to_complain():
    row = {"pipeline": "5", "extensions": ["109"]}
    assert said(row, facts={}) == []
    assert said(row, facts={PortalId("main"): PortalFacts()}) == []


def test_a_pipeline_of_one_of_two_portals_is_there():
    both = {**FACTS, PortalId("second"): PortalFacts(choices=Choices(pipelines={"8": "Kazan"}))}
    assert said({"pipeline": "8"}, facts=both) == []
    assert "4 (Sales), 8 (Kazan)" in said({"pipeline": "5"}, facts=both)[0]


async def test_what_is_compared_is_what_was_last_read_of_a_portal(tmp_path: Path):
    office = office_of(SMALL)
    async with await Database.open(f"sqlite:///{tmp_path / 'ringbridge.db'}") as database:
        assert await read_facts(office, database) == {PortalId("main"): PortalFacts(users=[])}
        async with database.transaction() as tx:
            await directory.replace(tx, PortalId("main"), [ANNA])
            await portals.learn(tx, PortalId("main"), {"choices": asdict(CHOICES)})
        assert await read_facts(office, database) == {PortalId("main"): PortalFacts(users=[ANNA], choices=CHOICES)}
