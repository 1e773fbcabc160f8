"""How the portal compares phone numbers.

Source: the on-premise edition: numbers are normalised to digits and compared exactly; there is no
last-ten-digits rule, so 9161234567 and +7 916 123-45-67 are two clients.
"""

from __future__ import annotations

import re

import phonenumbers

_LETTERS = re.compile(r"[^0-9#*,;]")
_EXTENSION = re.compile(r"[;#,].*", re.DOTALL)
_FULL_LENGTH = 10


def strip_letters(number: str) -> str:
    """The number of a call as it is kept: digits and the signs of an extension."""
    return _LETTERS.sub("", number)


def normalise(number: str) -> str:
    """The key by which clients are found."""
    plus_eight = number.strip().startswith("+8")
    digits = re.sub(r"\D", "", _EXTENSION.sub("", number))
    if plus_eight or len(digits) < _FULL_LENGTH or digits[:2] in {"80", "81", "82"}:
        return digits
    for prefix, instead in (("011", ""), ("00", ""), ("8", "7"), ("0", "")):
        if digits.startswith(prefix):
            return instead + digits.removeprefix(prefix)
    return digits


def display(number: str) -> str:
    """For people: +7 912 555-11-22 where it parses, else as it is."""
    try:
        parsed = phonenumbers.parse(f"+{normalise(number)}")
    except phonenumbers.NumberParseException:
        return number
    if not phonenumbers.is_possible_number(parsed):
        return number
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
