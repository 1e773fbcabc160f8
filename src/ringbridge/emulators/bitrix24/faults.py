"""Bad days on demand: what the portal shall do wrong, and to which of the next requests."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from ringbridge.emulators.bitrix24 import refusals
from ringbridge.emulators.bitrix24.refusals import Refusal
from ringbridge.emulators.common.faults import FaultQueue


class FaultKind(StrEnum):
    # Answers of the portal itself. Those in REFUSALS also strike a single command of a batch.
    QUERY_LIMIT = "query_limit"  # 503 QUERY_LIMIT_EXCEEDED, nothing executed
    OVERLOAD = "overload"  # 503 OVERLOAD_LIMIT
    OPERATION_LIMIT = "operation_limit"  # 429 OPERATION_TIME_LIMIT
    EXPIRED_TOKEN = "expired_token"  # 401  # noqa: S105 the error's name
    NO_AUTH = "no_auth"  # 401 NO_AUTH_FOUND
    PAYMENT_REQUIRED = "payment_required"  # 401
    APPLICATION_NOT_FOUND = "application_not_found"  # 401
    INVALID_CREDENTIALS = "invalid_credentials"  # 403
    PLAN_EXPIRED = "plan_expired"  # 403 ACCESS_DENIED, REST only on commercial plans
    INTERNAL_ERROR = "internal_error"  # 500, JSON
    PORTAL_DELETED = "portal_deleted"
    REFUSE = "refuse"  # any code, text and status
    # What stands in front of it.
    UNAVAILABLE = "unavailable"  # 503, HTML
    HTML_500 = "html_500"
    HTML_200 = "html_200"
    MOVED = "moved"  # 302 to `location`
    GATEWAY_TIMEOUT = "gateway_timeout"  # executed, then 504 as HTML
    # The line.
    HANG = "hang"  # not executed, no answer until the client goes away
    CUT = "cut"  # not executed, the connection closed
    LOSE_ANSWER = "lose_answer"  # executed, the connection closed before a byte of the answer


ANSWERS = {
    FaultKind.QUERY_LIMIT: refusals.QUERY_LIMIT,
    FaultKind.OVERLOAD: refusals.OVERLOAD,
    FaultKind.OPERATION_LIMIT: refusals.OPERATION_LIMIT,
    FaultKind.EXPIRED_TOKEN: refusals.EXPIRED_TOKEN,
    FaultKind.NO_AUTH: refusals.NO_AUTH_FOUND,
    FaultKind.PAYMENT_REQUIRED: refusals.PAYMENT_REQUIRED,
    FaultKind.APPLICATION_NOT_FOUND: refusals.APPLICATION_NOT_FOUND,
    FaultKind.INVALID_CREDENTIALS: refusals.INVALID_CREDENTIALS,
    FaultKind.PLAN_EXPIRED: refusals.PLAN_EXPIRED,
    FaultKind.INTERNAL_ERROR: refusals.INTERNAL_ERROR,
}

PER_COMMAND = frozenset({FaultKind.OPERATION_LIMIT, FaultKind.INTERNAL_ERROR, FaultKind.REFUSE})


@dataclass(slots=True, kw_only=True)
class Fault:
    kind: FaultKind
    method: str | None = None  # only requests that call this method, alone or in a batch
    times: int = 1
    skip: int = 0  # let so many matching requests pass first
    location: str | None = None  # MOVED: scheme and host, the path stays
    code: str = ""  # REFUSE
    text: str = ""
    status: int = 400

    def matches(self, methods: Collection[str]) -> bool:
        return self.method is None or self.method.lower() in methods

    def refusal(self, *, portal_deleted_status: int = 500) -> Refusal | None:
        """What the portal answers; None for the faults that are not an answer of the portal."""
        if self.kind is FaultKind.REFUSE:
            return Refusal(self.code, self.text, status=self.status)
        if self.kind is FaultKind.PORTAL_DELETED:
            return Refusal("PORTAL_DELETED", "Portal was deleted", status=portal_deleted_status)
        known = ANSWERS.get(self.kind)
        return known.refusal() if known else None


class Faults(FaultQueue[Fault]):
    def for_request(self, methods: Collection[str]) -> Fault | None:
        """The fault that strikes a whole request calling these methods."""
        single = len(methods) == 1
        return self.take(
            lambda fault: (
                fault.matches(methods) and (single or fault.method in {None, "batch"} or fault.kind not in PER_COMMAND)
            )
        )

    def for_command(self, method: str) -> Refusal | None:
        """The refusal that strikes one command of a batch and leaves the others alone."""
        fault = self.take(
            lambda fault: fault.matches({method}) and fault.method is not None and fault.kind in PER_COMMAND
        )
        return fault.refusal() if fault else None
