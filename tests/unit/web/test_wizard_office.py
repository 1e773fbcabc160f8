"""What the steps of the set-up make of the office, and where it goes on."""

from __future__ import annotations

import pytest

from ringbridge.routing.intents import UserId
from ringbridge.service.config import Office, document_of, office_of
from ringbridge.service.portals.extensions import TableRefused
from ringbridge.store.directory import DirectoryUser
from ringbridge.web.wizard.crm import with_portal
from ringbridge.web.wizard.employees import matched, with_people
from ringbridge.web.wizard.lines import QUESTIONS, place_of, trunk_rows, typed_rows, with_rules, with_trunks
from ringbridge.web.wizard.steps import Progress, Step, next_step, stages


@pytest.mark.parametrize(
    ("typed", "address", "brand"),
    [
        ("https://example.amocrm.ru", "https://example.amocrm.ru", "amocrm"),
        ("example.amocrm.ru", "https://example.amocrm.ru", "amocrm"),
        ("https://example.kommo.com/leads/list/?page=2", "https://example.kommo.com", "kommo"),
    ],
)
def test_accounts_address_may_be_copied_from_the_browser(typed: str, address: str, brand: str) -> None:
    form = {"kind": "amocrm", "amo_address": typed, "amo_token": "t", "public_address": "calls.acme.example/"}
    office = office_of(with_portal({}, form))
    keys = office.portal[0].amocrm
    assert keys is not None
    assert (keys.address, keys.brand, office.public_address) == (address, brand, "https://calls.acme.example")


OFFICE = {
    "portal": [{"name": "acme", "default_user": "1", "webhook": "https://acme.example/rest/1/abcdefghijklmnop/"}],
    "trunk": [
        {"name": "mango", "dial_prefix": "9", "lead": {"source": "WEB", "tags": ["mango"]}},
        {"name": "old", "lead": {"source": "OLD"}},
    ],
    "rule": [{"name": "mine", "create": "lead"}],
}


def user(number: int, name: str, *extensions: str) -> DirectoryUser:
    return DirectoryUser(id=str(number), name=name, active=True, extensions=extensions)  # type: ignore[arg-type]


def test_conflicts_stand_first_and_phones_of_nobody_are_named() -> None:
    office = office_of(OFFICE)
    users = [user(1, "Anna", "101"), user(2, "Boris", "102"), user(3, "Vera", "102"), user(4, "Gleb")]
    match = matched(office, office.portal[0], users, ("101", "102", "103"))
    assert [(one.name, one.conflict) for one in match.people] == [
        ("Boris", True),
        ("Vera", True),
        ("Anna", False),
        ("Gleb", False),
    ]
    assert match.nobodys == ("103",)


def test_phones_that_are_refused_stand_there_as_they_were_typed() -> None:
    office = office_of(OFFICE)
    users = [user(1, "Anna", "101"), user(2, "Boris", "102")]
    match = matched(office, office.portal[0], users, ("101", "102"), {UserId("2"): ("101", "not a phone!")})
    assert {one.name: (one.phones, one.conflict) for one in match.people} == {
        "Anna": (("101",), True),
        "Boris": (("101", "not a phone!"), True),
    }


def test_only_what_the_crm_does_not_know_is_written_down() -> None:
    office = office_of(OFFICE)
    (portal,) = office.portal
    users = [user(1, "Anna", "101"), user(2, "Boris")]
    changed = with_people(office, portal, users, {"1": ("101",), "2": ("102", "103")}, "2")  # type: ignore[dict-item]
    assert [(one.name, one.extensions) for one in changed.employee] == [("Boris", ("102", "103"))]
    assert changed.portal[0].default_user == "2"
    with pytest.raises(TableRefused):
        with_people(office, portal, users, {"2": ("not a phone!",)}, "")  # type: ignore[dict-item]


def test_what_the_page_does_not_show_of_trunks_stays() -> None:
    form = {
        "name 0": "mango",
        "use 0": "1",
        "title 0": "Main",
        "source 0": "CALL",
        "name 1": "old",
        "name 2": "new",
        "use 2": "1",
    }
    changed = office_of(with_trunks(dict(OFFICE), form))
    assert [(one.name, one.title, one.dial_prefix) for one in changed.trunk] == [
        ("mango", "Main", "9"),
        ("new", "", ""),
    ]
    assert [(one.lead.source, one.lead.tags) for one in changed.trunk] == [("CALL", ("mango",)), ("", ())]
    assert changed.rule == office_of(OFFICE).rule
    shown = {
        f"{name} {n}": value for n, row in enumerate(trunk_rows(changed, ())) for name, value in row.items() if value
    }
    assert office_of(with_trunks(document_of(changed), shown)) == changed


def test_trunks_that_the_form_does_not_know_stay() -> None:
    changed = office_of(with_trunks(dict(OFFICE), {"name 0": "mango"}))
    assert [trunk.name for trunk in changed.trunk] == ["old"]


def test_trunks_that_are_refused_stand_there_as_they_were_typed() -> None:
    form = {"name 0": "mango", "use 0": "1", "source 0": "WEB", "name 1": "mango", "title 1": "Twice"}
    rows = typed_rows(form)
    assert [(row["name"], row["use"], row["source"], row["title"]) for row in rows] == [
        ("mango", True, "WEB", ""),
        ("mango", False, "", "Twice"),
        ("", False, "", ""),
    ]


def test_trunks_that_were_found_are_offered_beside_those_that_count() -> None:
    rows = trunk_rows(office_of(OFFICE), ("mango", "mtt"))
    assert [(row["name"], row["use"]) for row in rows] == [("mango", True), ("old", True), ("mtt", False), ("", False)]
    assert [row["use"] for row in trunk_rows(Office(), ("mango", "mtt"))] == [True, True, False]


def test_questions_are_answered_by_rows_and_other_rows_stay() -> None:
    names = dict.fromkeys(QUESTIONS, "row")
    told = with_rules(dict(OFFICE), {"task", "deal"}, names)
    office = office_of(told)
    assert [place_of(office.rule, name) is not None for name in QUESTIONS] == [True, True, False, False, False]
    assert office_of(with_rules(told, set(), names)) == office_of(OFFICE)


def test_set_up_goes_on_at_the_first_step_that_is_not_done() -> None:
    office = office_of(OFFICE)
    assert next_step(stages(Office(), Progress(), accounts=False)) is Step.ACCOUNT
    assert next_step(stages(office, Progress(), accounts=True)) is Step.ASTERISK
    passed = Progress(passed=("employees", "trunks", "rules"))
    with_pbx = office.model_copy(
        update={"pbx": office_of({"pbx": [{"name": "a", "username": "b", "secret": "c"}]}).pbx}
    )
    assert next_step(stages(with_pbx, passed, accounts=True)) is Step.TEST
