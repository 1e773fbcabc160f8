"""What the dialplan is told can hurt no dialplan, whatever a client is called."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringbridge.routing.distribution import NORMAL, Hop, HopKind, Reason, Route, RouteClient
from ringbridge.routing.intents import PortalId, UserId
from ringbridge.routing.route_answer import clean, document_of, fields_of, variables_of

EVIL = 'ООО "Ромашка", ${SHELL(rm -rf /)} & Co | {x};\nHANGUP\r\\'
CLIENT = RouteClient(
    portal=PortalId("acme"), kind="contact", id="12", name="Пётр (ООО «Ромашка»)", responsible=UserId("7")
)
ROUTE = Route(
    hops=(
        Hop(extension="101", seconds=15, reason=Reason.RESPONSIBLE, user=UserId("7")),
        Hop(extension="600", seconds=60, reason=Reason.GROUP, kind=HopKind.GROUP),
    ),
    client=CLIENT,
    caller_name="Пётр, Ромашка",
    why="Пётр (contact) calls: Anna 101 (responsible), then 600 (group).",
    skipped={"102": "busy"},
)


def test_a_route_is_told_hop_by_hop() -> None:
    assert fields_of(ROUTE) == {
        "count": "2",
        "hops": "101:15,600:60",
        "hop1": "101",
        "sec1": "15",
        "kind1": "phone",
        "why1": "responsible",
        "hop2": "600",
        "sec2": "60",
        "kind2": "group",
        "why2": "group",
        "name": "Пётр Ромашка",
        "client": "Пётр (ООО «Ромашка»)",
        "entity": "contact:12",
        "responsible": "7",
        "reason": "responsible",
        "text": "Пётр (contact) calls: Anna 101 (responsible) then 600 (group).",
    }
    assert variables_of(ROUTE)["RINGBRIDGE_HOP2"] == "600"


def test_the_normal_route_is_no_hop_and_every_field_is_there() -> None:
    told = fields_of(NORMAL)
    assert told["count"] == "0"
    assert set(told) == {"count", "hops", "name", "client", "entity", "responsible", "reason", "text"}
    assert document_of(NORMAL)["client"] is None


def test_programs_are_told_the_texts_as_they_are() -> None:
    told = document_of(ROUTE)
    assert told["name"] == "Пётр, Ромашка"
    assert [hop["extension"] for hop in told["hops"]] == ["101", "600"]
    assert told["skipped"] == {"102": "busy"}


@pytest.mark.parametrize("extension", ["", "10 1", "101&102", "${X}", "101,20", "١٠١", "1" * 41, "101\n"])
def test_an_extension_that_is_none_is_left_out_not_mended(extension: str) -> None:
    route = Route(hops=(Hop(extension=extension, seconds=15, reason=Reason.VIP), *ROUTE.hops))
    assert fields_of(route)["hops"] == "101:15,600:60"


def test_no_more_hops_are_told_than_asterisk_takes_in() -> None:
    many = tuple(Hop(extension=str(number), seconds=15, reason=Reason.VIP) for number in range(100, 200))
    told = fields_of(Route(hops=many, client=CLIENT))
    assert told["count"] == "20"
    assert len(told) <= 100


@given(text=st.text() | st.just(EVIL), kind=st.text(max_size=9), number=st.text(max_size=9))
def test_no_text_of_a_crm_can_hurt_a_dialplan(text: str, kind: str, number: str) -> None:
    client = RouteClient(portal=PortalId("acme"), kind=kind, id=number, name=text, responsible=UserId(number))
    for value in fields_of(Route(client=client, caller_name=text, why=text)).values():
        assert not re.search(r'["`\\${}&,;|\x00-\x1f\x7f]', value)


def test_cleaning_leaves_names_readable() -> None:
    assert clean(EVIL, 80) == "ООО Ромашка SHELL(rm -rf /) Co x HANGUP"
    assert clean("а" * 100, 80) == "а" * 80
