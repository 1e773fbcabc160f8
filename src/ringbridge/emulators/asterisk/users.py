"""Manager users of the emulated Asterisk, as manager.conf would have them."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field

ALL = frozenset(
    {
        "agent",
        "call",
        "cdr",
        "command",
        "config",
        "dialplan",
        "dtmf",
        "log",
        "message",
        "originate",
        "reporting",
        "security",
        "system",
        "user",
        "verbose",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """``read`` and ``write`` are classes of manager.conf."""

    name: str
    secret: str = field(repr=False)
    read: frozenset[str] = ALL
    write: frozenset[str] = ALL

    def takes_secret(self, secret: str) -> bool:
        return secret == self.secret

    def takes_key(self, challenge: str, key: str) -> bool:
        expected = hashlib.md5((challenge + self.secret).encode(), usedforsecurity=False).hexdigest()
        return key.lower() == expected

    def show(self) -> list[str]:
        """What ``manager show user NAME`` prints."""
        return [
            "",
            f"          username: {self.name}",
            "            secret: <Set>",
            "               ACL: no",
            f"         read perm: {_listed(self.read)}",
            f"        write perm: {_listed(self.write)}",
            "   displayconnects: yes",
            "allowmultiplelogin: yes",
            "         Variables: ",
        ]


def _listed(classes: frozenset[str]) -> str:
    return "all" if classes >= ALL else ",".join(sorted(classes)) or "<none>"


class Filters:
    """Event filters of one session, in the old form: a regular expression, ``!`` before it excludes."""

    def __init__(self) -> None:
        self._include: list[re.Pattern[str]] = []
        self._exclude: list[re.Pattern[str]] = []

    def add(self, text: str) -> bool:
        """False when the expression does not compile."""
        exclude, text = text.startswith("!"), text.removeprefix("!")
        try:
            pattern = re.compile(text.replace("[[:space:]]", r"\s"))
        except re.error:
            return False
        (self._exclude if exclude else self._include).append(pattern)
        return True

    def pass_on(self, text: str) -> bool:
        if self._include and not any(pattern.search(text) for pattern in self._include):
            return False
        return not any(pattern.search(text) for pattern in self._exclude)
