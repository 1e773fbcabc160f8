"""One call of one method: what it is given and what it gives back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ringbridge.emulators.bitrix24.oauth import Application, Caller
from ringbridge.emulators.bitrix24.people import User
from ringbridge.emulators.bitrix24.portal import Portal
from ringbridge.emulators.bitrix24.refusals import Refusal
from ringbridge.emulators.bitrix24.wire import PAGE, Params, text, whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    portal: Portal
    caller: Caller
    params: Params

    @property
    def application(self) -> Application | None:
        return self.caller.application

    @property
    def user(self) -> User | None:
        """Whom the caller speaks for."""
        return self.portal.user(self.caller.user_id)

    @property
    def is_admin(self) -> bool:
        return self.user is not None and self.user.admin

    def upper(self) -> Params:
        """The parameters with their top-level names in upper case: some methods fold them, most do not."""
        return {name.upper(): value for name, value in self.params.items()}

    def text(self, name: str) -> str:
        return text(self.params.get(name))

    def whole(self, name: str) -> int:
        return whole(self.params.get(name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A list method's answer: `result`, `total` and, when there is more, `next`."""

    rows: Any
    total: int | None
    next: int | None = None

    @classmethod
    def cut(cls, rows: Sequence[Any], start: int) -> Page:
        """The 50 rows from `start`; with -1 the first 50, not counted (REST docs, "Working with big data")."""
        if start < 0:
            return cls(rows=list(rows[:PAGE]), total=None)
        following = start + PAGE
        more = following if following < len(rows) else None
        return cls(rows=list(rows[start:following]), total=len(rows), next=more)


Run = Callable[[Request], Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One REST method. `scopes`: any of them opens it, none means free."""

    name: str
    run: Run
    scopes: tuple[str, ...] = ()
    application_only: bool = False
    telephony: bool = False  # application only as documented, by webhook where the portal allows it
    in_batch: bool = True
    counted: bool = True  # its running time counts for the operating limit


def telephony_refusal(portal: Portal, words: str) -> Refusal:
    """A telephony method's own error: one code for all, told apart by the words."""
    return Refusal(portal.settings.telephony_error_code, words)
