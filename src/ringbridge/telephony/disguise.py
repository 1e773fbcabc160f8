"""Texts of a PBX that may leave the house: secrets gone, telephone numbers and names replaced. Pure.

The same number becomes the same other number, however it is spelled, so that what follows from it stays as it was: a
number keeps its length and what stands before its last seven digits, a name becomes ``Name 1``.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Collection

from ringbridge.ami.masking import without_secrets

NUMBER = re.compile(
    r"(?<!\d)(?<!\d\.)(?!0000)\d{7,}(?!\d|\.\d)"
)  # no Uniqueid (1795471332.17), time or channel (-0000001a)
NAME = re.compile(
    r"^[A-Za-z0-9]*(?:CallerIDName|ConnectedLineName|CallerName): (?!<unknown>)([^\r\n]*[^\W\d_][^\r\n]*)",
    re.MULTILINE | re.IGNORECASE,
)
REPLACED = 7  # digits at the end


class Disguise:
    """`key` is made anew for each use, so that nobody finds the numbers by trying all; `keep` are names of trunks and
    other texts of the configuration that must stay."""

    def __init__(self, key: bytes, keep: Collection[str] = (), *, numbers: bool = True) -> None:
        """Without `numbers` only secrets go."""
        self._key = key
        self._numbers = numbers
        self._keep = frozenset(keep)
        self._names: dict[str, str] = {}

    def of(self, text: str) -> str:
        """Also of later texts with the same numbers and names."""
        text = without_secrets(text)
        return self._replaced(text) if self._numbers else text

    def _replaced(self, text: str) -> str:
        for name in NAME.findall(text):
            if name not in self._keep and len(name) > 1:
                self._names.setdefault(name, f"Name {len(self._names) + 1}")
        for name in sorted(self._names, key=len, reverse=True):
            text = text.replace(name, self._names[name])
        return NUMBER.sub(lambda found: self._number(found[0]), text)

    def _number(self, digits: str) -> str:
        if digits in self._keep:
            return digits
        digest = hmac.new(self._key, digits[-REPLACED:].encode(), hashlib.sha256).digest()
        return digits[:-REPLACED] + f"{int.from_bytes(digest[:8]) % 10**REPLACED:0{REPLACED}}"
