"""Hides what must not stand in a log: passwords, and most digits of a phone number."""

from __future__ import annotations

import re

_NAMES = r"(?:secret|pass|key|challenge|token)"
_SECRET_LINE = re.compile(rf"^([^:\r\n]*{_NAMES}[^:\r\n]*:[ \t]*)[^\r\n]+", re.IGNORECASE | re.MULTILINE)
_SECRET_VALUE = re.compile(
    rf"(^Variable:[^\r\n]*{_NAMES}[^\r\n]*\r?\nValue:[ \t]*)[^\r\n]+", re.IGNORECASE | re.MULTILINE
)
_NUMBER = re.compile(r"(?<![\d.])\d{7,}(?![\d.])")


def masked(text: str) -> str:
    """The text with values of secret headers starred out and numbers of seven digits or more shown by their ends.

    Uniqueids (``1795471332.17``) stay readable: they name a channel, not a person.
    """
    return _NUMBER.sub(lambda match: _masked_number(match[0]), without_secrets(text))


def without_secrets(text: str) -> str:
    return _SECRET_VALUE.sub(r"\1***", _SECRET_LINE.sub(r"\1***", text))


def _masked_number(digits: str) -> str:
    return digits[:2] + "*" * (len(digits) - 4) + digits[-2:]
