"""What must not be read by whoever reads a log or a call's story: keys, and in logs the clients' numbers too."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote

MASK = "•••"

# Names under which web services pass keys, in addresses, forms and JSON alike.
_NAMES = (
    r"(?:[a-z_]*(?:token|secret|password|passwd|api_?key|signature)|sig|auth(?:orization)?|auth_id|refresh_id|code)"
)
# A letter before the name would make it the tail of another word ("STATUS_CODE", "barcode"): those are no keys.
_IN_ADDRESS = re.compile(rf"(?i)(?<![A-Za-z_])({_NAMES}(?:%5D|\])?=)(?!{MASK})[^&\s\"'<>]+")
_IN_JSON = re.compile(rf"(?i)(\"{_NAMES}\"\s*:\s*\")(?!{MASK})(?:[^\"\\]|\\.)+(\")")
_BEARER = re.compile(r"(?i)\b(bearer\s+)[A-Za-z0-9._~+/=-]+")
_PHONE = re.compile(r"(?<![\w.:-])(\+|%2B)?\d[\d\s()-]{5,}\d(?![\w.:])")


def masked(text: str, secrets: Iterable[str] = ()) -> str:
    """`text` without the `secrets`, nor anything that stands where keys usually stand."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, MASK).replace(quote(secret, safe=""), MASK)
    text = _IN_ADDRESS.sub(rf"\1{MASK}", text)
    text = _IN_JSON.sub(rf"\1{MASK}\2", text)
    return _BEARER.sub(rf"\1{MASK}", text)


def without_digits(text: str) -> str:
    """`text` with the middle of every phone number masked: enough to recognise a call, too little to dial it."""
    return _PHONE.sub(lambda found: _masked_number(found.group()), text)


def _masked_number(number: str) -> str:
    digits = [at for at, sign in enumerate(number) if sign.isdigit()]
    hidden = set(digits[2:-2])
    return "".join("*" if at in hidden else sign for at, sign in enumerate(number))
