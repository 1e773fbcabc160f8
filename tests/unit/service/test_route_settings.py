"""The settings by which the dialplan asks: what is wrong is said, and what they change is known at once."""

from __future__ import annotations

from typing import Any

import pytest

from ringbridge.service.config import ConfigError, Office, office_of, write_office
from ringbridge.service.distribution.setup import OfficeSetup, words_of


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"token": "short"}, "16 or more"),
        ({"token": "with a blank in the middle"}, "16 or more"),
        ({"agi_peers": ["10.0.0.x"]}, "no address or network"),
        ({"phone": "PJSIP/101"}, "must hold {extension}"),
        ({"phone": "PJSIP/{extension},20"}, "no comma"),
        ({"budget_ms": 1000}, "less than or equal to 900"),
        ({"agi_port": 0}, "greater than or equal to 1"),
    ],
)
def test_a_setting_that_cannot_work_is_refused_in_words(setting: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        office_of({"distribution": setting})
    assert words in str(refusal.value)
    assert "short" not in str(refusal.value), "a secret is not repeated"


def test_the_token_is_shown_as_stars_and_survives_an_export_with_secrets() -> None:
    office = office_of({"distribution": {"token": "0123456789abcdef"}})
    assert "0123456789abcdef" not in write_office(office, secrets=False)
    assert "0123456789abcdef" in write_office(office)


def test_what_is_known_of_the_office_is_made_once_until_the_office_changes() -> None:
    setup = OfficeSetup(Office(), ())
    assert setup() is setup()


def test_the_dialplan_is_told_how_the_pbx_reaches_us() -> None:
    office = office_of({"distribution": {"token": "0123456789abcdef", "agi_host": "0.0.0.0"}})
    words = words_of(office, "http://10.0.0.5:8077/")
    assert (words.address, words.agi, words.token) == (
        "http://10.0.0.5:8077",
        "agi://10.0.0.5:4574",
        "0123456789abcdef",
    )
