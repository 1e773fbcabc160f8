"""The dialplan that we hand out. That it works is proved on a real Asterisk (tests/e2e/test_distribution.py)."""

from __future__ import annotations

import itertools
import re

import pytest

from ringbridge.routing.dialplan import CONTEXT, MARK, By, DialplanWords, Kind, dialplan
from ringbridge.routing.distribution import HopKind

WORDS = DialplanWords(address="http://127.0.0.1:8077", agi="agi://127.0.0.1:4574", token="t0ken")
EVERY = list(itertools.product(Kind, By))


@pytest.mark.parametrize(("kind", "by"), EVERY)
def test_it_is_one_context_that_says_its_version_and_returns(kind: Kind, by: By) -> None:
    lines = dialplan(kind, by, WORDS).splitlines()
    assert [line for line in lines if line.startswith("[")] == [f"[{CONTEXT}]"]
    assert any(f"Set({MARK})" in line for line in lines)
    assert any(line.endswith(",Return()") for line in lines)


@pytest.mark.parametrize(("kind", "by"), EVERY)
def test_every_line_is_closed_and_within_what_asterisk_reads(kind: Kind, by: By) -> None:
    for line in dialplan(kind, by, WORDS).splitlines():
        if line and not line.startswith((";", "[")):
            assert re.match(r"exten => [^,]+,1,|( same => n,)", line)
            assert line.count("(") == line.count(")")
            assert line.count("{") == line.count("}")
            assert ";" not in line
            assert len(line) < 1024, "pbx_config reads lines of 4,096, an application's data 1,024 in old versions"


@pytest.mark.parametrize(("kind", "by"), EVERY)
def test_every_jump_leads_to_an_extension_of_the_context(kind: Kind, by: By) -> None:
    text = dialplan(kind, by, WORDS)
    there = set(re.findall(r"^exten => ([^,]+),1,", text, re.MULTILINE))
    jumps = set(re.findall(r"[?(]([a-z]+),1\)", text))
    assert jumps <= there
    assert set(HopKind) <= there, "the kinds of hops are jumped to by name"


def test_a_curl_waits_a_second_at_most_and_leaves_the_channel_as_it_was() -> None:
    text = dialplan(Kind.ASTERISK, By.CURL, WORDS)
    asked = text.index("${CURL(")
    for limit in ("CURLOPT(conntimeout)=1", "CURLOPT(httptimeout)=1", "CURLOPT(hashcompat)=yes"):
        assert text.index(limit) < asked
    assert text.index("CURLOPT(hashcompat)=no") > asked
    assert "http://127.0.0.1:8077/route?number=${URIENCODE(${CALLERID(num)})}" in text
    assert "&token=t0ken)" in text
    assert "token" not in dialplan(Kind.ASTERISK, By.CURL, DialplanWords(address="http://a", agi="agi://a"))


def test_a_plain_asterisk_dials_as_the_office_says() -> None:
    words = DialplanWords(
        address="http://a", agi="agi://a", phone="SIP/{extension}", options="t", groups="my-groups", token=""
    )
    text = dialplan(Kind.ASTERISK, By.AGI, words)
    assert "Set(RINGBRIDGE_DIAL=SIP/${RINGBRIDGE_EXTENSION})" in text
    assert "Dial(${RINGBRIDGE_DIAL},${RINGBRIDGE_SECONDS},t)" in text
    assert "?my-groups,${RINGBRIDGE_EXTENSION},1)" in text
    assert "AGI(agi://a/route,${RINGBRIDGE_DID},${RINGBRIDGE_CHOICE})" in text


def test_freepbx_is_asked_for_the_device_and_its_voicemail_never_answers() -> None:
    text = dialplan(Kind.FREEPBX, By.CURL, WORDS)
    assert "${DB(DEVICE/${DB(AMPUSER/${RINGBRIDGE_EXTENSION}/device)}/dial)}" in text
    assert "sub-record-check" in text
    assert "Macro(" not in text
    assert "ext-local,${" not in text
