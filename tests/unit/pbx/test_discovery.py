"""What a PBX has is found out from what real ones answer."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from ringbridge.ami.message import Message
from ringbridge.emulators.asterisk.server import Server
from ringbridge.emulators.asterisk.users import User
from ringbridge.pbx.discovery import MONITOR, Found, Kind, found_in
from ringbridge.pbx.settings import PbxAddress
from ringbridge.service.survey import manager_lines, survey

TRACES = Path(__file__).parents[2] / "traces"
LEAST = User(
    name="least",
    secret="s",
    read=frozenset({"call", "agent", "cdr", "system"}),
    write=frozenset({"call", "originate", "reporting"}),
)
POOR = User(name="poor", secret="s", read=frozenset({"cdr"}), write=frozenset({"originate"}))


def row(event: str, **headers: str) -> Message:
    return Message([("Event", event), *headers.items()])


def recorded(name: str) -> list[Message]:
    """Everything that a real PBX said in a recording, answers to lists among it."""
    text = gzip.decompress((TRACES / name).read_bytes()).decode()
    blocks = (block.split("\r\n") for block in text.split("\r\n\r\n"))
    return [Message([split(line) for line in block if ":" in line]) for block in blocks]


def split(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name, value.strip()


def test_real_asterisk_tells_its_phones_trunks_and_queues() -> None:
    found = found_in(recorded("ast22/connect_midcall.ami.gz"), {"ASTSPOOLDIR": "/var/spool/asterisk"})
    assert found.extensions == ("101", "102", "103", "104", "105", "106")
    assert found.trunks == ("mango", "mtt")
    assert found.queues == ("700", "701", "702")
    assert found.recordings == MONITOR
    assert found.kind is Kind.ASTERISK


def test_list_of_endpoints_alone_is_enough() -> None:
    phone = row("EndpointList", ObjectName="101", Auths="101", OutboundAuths="")
    numbered_trunk = row("EndpointList", ObjectName="7343", Auths="", OutboundAuths="7343-oauth")
    guest = row("EndpointList", ObjectName="anonymous")
    assert found_in([phone, numbered_trunk, guest], {}) == Found(extensions=("101",), trunks=("7343",))


def test_phone_with_a_name_is_known_by_its_hint_and_by_its_queue() -> None:
    devices = [row("DeviceStateChange", Device=f"PJSIP/{name}") for name in ("reception", "anna", "gsm-gateway")]
    hint = row("ExtensionStatus", Exten="106", Hint="PJSIP/reception&Custom:DND106,CustomPresence:106")
    member = row("QueueMember", Location="Local/9@queue/n", StateInterface="PJSIP/anna")
    found = found_in([*devices, hint, member], {})
    assert found.extensions == ("106", "anna")
    assert found.trunks == ("gsm-gateway",)


def test_peers_of_chan_sip_are_told_by_their_names() -> None:
    peers = [row("PeerEntry", ObjectName=name) for name in ("101", "mtt", "73432723033")]
    assert found_in(peers, {}) == Found(extensions=("101",), trunks=("73432723033", "mtt"))


def test_what_is_no_telephone_is_passed_over() -> None:
    others = ("Queue:700_avail", "park:71@parkedcalls", "MWI:101@default", "Custom:DND101", "Local/101@from-queue")
    assert found_in([row("DeviceStateChange", Device=name) for name in others], {}) == Found()


def test_freepbx_is_known_by_its_globals_and_tells_its_folder() -> None:
    variables = {"AMPMGRUSER": "admin", "ASTSPOOLDIR": "/var/spool/asterisk", "MIXMON_DIR": "/mnt/recordings"}
    found = found_in([row("QueueParams", Queue="default"), row("QueueParams", Queue="700")], variables)
    assert found.kind is Kind.FREEPBX
    assert found.recordings == "/mnt/recordings"
    assert found.queues == ("700",)


async def test_survey_needs_the_least_rights_only() -> None:
    async with Server([LEAST], phones=("101", "102"), trunks=("mango", "74951000100")).listen() as server:
        seen = await survey(address(server, LEAST))
    assert seen.trouble == ""
    assert seen.missing == ()
    assert seen.found.extensions == ("101", "102")
    assert seen.found.trunks == ("74951000100", "mango")
    assert seen.found.version.startswith("22.")


async def test_survey_names_the_rights_that_lack_and_the_lines_that_give_them() -> None:
    async with Server([POOR]).listen() as server:
        seen = await survey(address(server, POOR))
    assert {(right.kind, right.name) for right in seen.missing} >= {("write", "call"), ("write", "reporting")}
    lines = manager_lines("poor", "word", "10.0.0.7", seen.missing)
    assert "permit = 10.0.0.7/255.255.255.255" in lines
    assert "write = call,originate,reporting" in lines


@pytest.mark.parametrize(("secret", "words"), [("wrong", "refused the login")])
async def test_survey_says_why_there_is_no_link(secret: str, words: str) -> None:
    async with Server([LEAST], refusal_delay=0).listen() as server:
        one = PbxAddress(host="127.0.0.1", port=server.port, username="least", secret=secret)
        assert words in (await survey(one)).trouble
    assert "nothing listens" in (await survey(address(server, LEAST))).trouble


def address(server: Server, user: User) -> PbxAddress:
    return PbxAddress(host="127.0.0.1", port=server.port, username=user.name, secret=user.secret)
