"""Who looks at the page: language, employee, and the line they call by.

The employee stands in the address (``?as=2``) and every link keeps it, so two tabs can be two people; the language and
the line are remembered in cookies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.requests import Request

from ringbridge.emulators.bitrix24.page.words import LANGUAGES
from ringbridge.emulators.bitrix24.people import User
from ringbridge.emulators.bitrix24.portal import Portal

LANGUAGE_COOKIE = "portal_language"
LINE_COOKIE = "portal_line"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    language: str
    employee: User | None  # None only where nobody works
    line: str  # the number of an external line; "" for the default one
    named: bool  # the address says who it is

    @classmethod
    def of(cls, http: Request, portal: Portal) -> Visitor:
        chosen = http.query_params.get("as", "")
        return cls(
            language=language_of(http),
            employee=employee_of(portal, chosen),
            line=http.cookies.get(LINE_COOKIE, ""),
            named=bool(chosen),
        )

    def link(self, path: str, **query: str) -> str:
        """An address on this portal that stays the same person's."""
        if self.named and self.employee is not None:
            query = {"as": str(self.employee.id), **query}
        return f"{path}?{urlencode(query)}" if query else path


def employee_of(portal: Portal, written: str) -> User | None:
    """The employee with this id, else the first who works here."""
    user = portal.staff.active(int(written)) if written.isdecimal() else None
    return user or next((one for one in portal.staff.users.values() if portal.staff.active(one.id)), None)


def language_of(http: Request) -> str:
    """``lang`` of the address, else as chosen before, else the first known of Accept-Language, else English."""
    for chosen in (http.query_params.get("lang"), http.cookies.get(LANGUAGE_COOKIE)):
        if chosen in LANGUAGES:
            return chosen
    return _accepted(http.headers)


def _accepted(headers: Mapping[str, str]) -> str:
    for part in headers.get("accept-language", "").split(","):
        wanted = part.partition(";")[0].strip().lower()[:2]
        if wanted in LANGUAGES:
            return wanted
    return LANGUAGES[0]
