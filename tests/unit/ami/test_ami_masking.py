from __future__ import annotations

import pytest

from ringbridge.ami.masking import masked


@pytest.mark.parametrize(
    "text",
    [
        "Secret: hunter2",
        "Action: Login\r\nSecret: hunter2\r\n",
        "Key: hunter2",
        "Variable: AMPDBPASS\r\nValue: hunter2",
        "AMPMGRPASS: hunter2",
    ],
)
def test_secrets_are_starred_out(text: str) -> None:
    assert "hunter2" not in masked(text)


def test_phone_numbers_show_their_ends_only() -> None:
    assert masked("from 79125551122 to 101") == "from 79*******22 to 101"


def test_uniqueids_stay_readable() -> None:
    assert masked("Uniqueid: 1795471332.17") == "Uniqueid: 1795471332.17"
