"""A link opens one recording until it expires, and nobody else can make one."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringbridge.pbx.recordings import BadLink, ExpiredLink, LinkSigner
from ringbridge.routing.intents import RecordKey

# A busy machine is no reason to fail.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

NOW = datetime(2026, 11, 23, 19, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
KEY = RecordKey("office-1795471332.0-2")
SIGNER = LinkSigner("https://pbx.example/", b"0123456789abcdef")


@UNHURRIED
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60))
def test_a_token_opens_the_record_it_was_made_for(key):
    assert SIGNER.verify(SIGNER.sign(RecordKey(key), NOW + HOUR), NOW) == key


def test_a_link_expires():
    token = SIGNER.sign(KEY, NOW + HOUR)
    assert SIGNER.verify(token, NOW + HOUR - timedelta(seconds=1)) == KEY
    with pytest.raises(ExpiredLink):
        SIGNER.verify(token, NOW + HOUR)


@UNHURRIED
@given(st.data())
def test_a_token_with_any_letter_changed_opens_nothing(data):
    token = SIGNER.sign(KEY, NOW + HOUR)
    at = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(st.sampled_from("ABCabc019._-").filter(lambda c: c != token[at]))
    with pytest.raises(BadLink):
        SIGNER.verify(token[:at] + letter + token[at + 1 :], NOW)


@UNHURRIED
@given(st.text(max_size=80))
def test_any_other_text_opens_nothing(text):
    with pytest.raises(BadLink):
        SIGNER.verify(text, NOW)


def test_another_secret_makes_other_links_and_an_older_secret_still_opens_its_own():
    old, new = b"0123456789abcdef", b"fedcba9876543210"
    token = LinkSigner("https://a", old).sign(KEY, NOW + HOUR)
    with pytest.raises(BadLink):
        LinkSigner("https://a", new).verify(token, NOW)
    assert LinkSigner("https://a", new, old).verify(token, NOW) == KEY
    assert LinkSigner("https://a", new, old).sign(KEY, NOW) == LinkSigner("https://a", new).sign(KEY, NOW)


def test_a_link_is_an_address_that_ends_in_the_files_name():
    link = SIGNER.link(KEY, "in 7912/№1.mp3", NOW + HOUR)
    start, token, name = link.rsplit("/", 2)
    assert start == "https://pbx.example/recordings"
    assert SIGNER.verify(token, NOW) == KEY
    assert name == "in%207912%2F%E2%84%961.mp3"


def test_a_secret_that_can_be_guessed_is_refused():
    with pytest.raises(ValueError, match="16 bytes"):
        LinkSigner("https://a", b"secret")
