from datetime import UTC, datetime

import pytest

from ringbridge.crm.contract import Line
from ringbridge.routing.rules import Decision, decide
from ringbridge.service.config import ConfigError, office_of
from ringbridge.service.config.sources import source_names
from ringbridge.service.portals.office import lines_of, routing_of
from ringbridge.telephony.model import Call, CallId, Direction


def test_a_number_has_its_own_source_however_it_is_written_and_else_its_trunks() -> None:
    trunks = [
        {"name": "mango", "source": "Site"},
        {"name": "mtt"},
    ]
    numbers = [{"number": "+7 (495) 000-11-22", "source": "Radio"}, {"number": "200", "source": "Fair"}]
    name = source_names(office_of({"trunk": trunks, "number": numbers}))
    asked = [
        ("mango", "84950001122"),
        ("mango", "200"),
        ("mango", "74959999999"),
        ("mango", ""),
        ("mtt", "74950001122"),
    ]
    assert [name(*one) for one in asked] == ["Radio", "Fair", "Site", "Site", "Radio"]
    assert name("gone", "74959999999") == ""


LEADS = {
    "trunk": [
        {"name": "mango", "line": "mango-line", "lead": {"source": "CALL", "pipeline": "1", "tags": ["mango"]}},
        {"name": "mtt"},
    ],
    "number": [
        {"number": "+7 (495) 000-11-22", "title": "Radio", "lead": {"source": "RADIO"}, "trunk": "mtt"},
        {"number": "74950003344", "line": "fair"},
        {"number": "74950005566"},
    ],
    "rule": [{"name": "by night", "hours": "outside", "source": "NIGHT"}, {"name": "tagged", "tags": ["all"]}],
    "portal": [{"name": "acme", "webhook": "https://acme.example/rest/1/abcdefghijklmnop/", "default_user": "1"}],
}


def decided(trunk: str, did: str, *, hour: int = 9) -> Decision:
    office = office_of(LEADS)
    routing, _ = routing_of(office.portal[0], office, ())
    call = Call(
        id=CallId("1.1"),
        direction=Direction.INBOUND,
        start=datetime(2026, 11, 24, hour, tzinfo=UTC),
        trunk=trunk,
        did=did,
    )
    return decide(routing.rules, routing.facts_of(call))


def test_rules_go_before_numbers_and_numbers_before_trunks_each_for_what_it_says() -> None:
    radio = decided("mango", "84950001122")
    assert (radio.source, radio.pipeline, radio.tags) == ("RADIO", "1", ("all",))
    assert radio.because["source"] == "Radio (+7 (495) 000-11-22)"
    assert radio.because["pipeline"] == "mango"
    assert decided("mango", "84950001122", hour=22).source == "NIGHT"
    assert decided("mango", "74959999999").source == "CALL"
    assert decided("mtt", "74959999999").source == ""


def test_a_number_with_a_name_has_a_line_of_its_own_and_others_their_trunks() -> None:
    office = office_of(LEADS)
    routing, _ = routing_of(office.portal[0], office, ())
    asked = [("mango", "84950001122"), ("mango", "+74950003344"), ("mango", "74950005566"), ("mtt", "74950005566")]
    radio = "+7 (495) 000-11-22"
    assert [routing.line_of(*one) for one in asked] == [radio, "fair", "mango-line", "74950005566"]
    assert list(lines_of(office)) == [
        Line(number="mango-line", name="", auto_create=True),
        Line(number=radio, name="Radio", auto_create=True),
        Line(number="fair", name="", auto_create=True),
    ]


def test_a_call_by_the_line_of_a_number_leaves_by_its_trunk() -> None:
    document = {**LEADS, "trunk": [{"name": "mtt", "dial_prefix": "9"}]}
    office = office_of(document)
    numbers = [(one.own_line or one.number, one.trunk) for one in office.number]
    plan = office.dialing.plan(office.trunk, office.region, numbers)
    assert plan.lines["+7 (495) 000-11-22"].prefix == "9"


def test_a_rule_matches_a_number_of_ours_however_it_is_written() -> None:
    document = {**LEADS, "rule": [{"name": "radio", "trunks": ["8 (495) 000-11-22"], "source": "FROM THE RULE"}]}
    office = office_of(document)
    routing, _ = routing_of(office.portal[0], office, ())
    call = Call(id=CallId("1.1"), direction=Direction.INBOUND, start=datetime.now(UTC), did="+74950001122")
    assert decide(routing.rules, routing.facts_of(call)).source == "FROM THE RULE"


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ([{"number": "84950001122"}, {"number": "+74950001122"}], "stands twice"),
        ([{"number": "74950001122", "trunk": "gone"}], "no trunk is named gone"),
        ([{"number": "radio"}], "is no number"),
    ],
)
def test_a_number_that_cannot_be_is_refused(numbers: list[dict[str, str]], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        office_of({"trunk": [{"name": "mango"}], "number": numbers})
