"""Bad days on demand: what the account shall do wrong, and to which of the next requests."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ringbridge.emulators.amocrm.problems import Problem, unauthorized
from ringbridge.emulators.common.faults import FaultQueue


class FaultKind(StrEnum):
    # The account's own answers: nothing is executed.
    TOO_MANY = "too_many"  # 429, plain text
    BLOCKED = "blocked"  # 403 of the web server in front, HTML
    FORBIDDEN = "forbidden"  # 403, no rights
    UNAUTHORIZED = "unauthorized"  # 401, this one request
    REVOKED = "revoked"  # 401, and every token of the caller's integration is void from now on
    ACCOUNT_NOT_FOUND = "account_not_found"  # 401 of a host where no account lives any more
    NOT_PAID = "not_paid"  # 402
    UNPROCESSABLE = "unprocessable"  # 422
    INTERNAL_ERROR = "internal_error"  # 500, problem+json
    REFUSE = "refuse"  # any status and detail
    # What stands in front of it.
    HTML_500 = "html_500"
    UNAVAILABLE = "unavailable"  # 503, HTML
    HTML_200 = "html_200"
    GATEWAY_TIMEOUT = "gateway_timeout"  # executed, then 504 as HTML
    GATEWAY_REFUSED = "gateway_refused"  # not executed, 504 as HTML
    # The line.
    HANG = "hang"  # not executed, no answer until the client goes away
    CUT = "cut"  # not executed, the connection closed
    LOSE_ANSWER = "lose_answer"  # executed, the connection closed before a byte of the answer


@dataclass(slots=True, kw_only=True)
class Fault:
    kind: FaultKind
    method: str | None = None  # only requests with this HTTP method
    path: str | None = None  # only requests whose path begins so
    times: int = 1
    skip: int = 0  # let so many matching requests pass first
    status: int = 400  # REFUSE
    text: str = ""

    def matches(self, method: str, path: str) -> bool:
        return (self.method is None or self.method.upper() == method) and path.startswith(self.path or "")

    def problem(self) -> Problem | None:
        """What the account answers; None for the faults that are not an answer of its own."""
        match self.kind:
            case FaultKind.FORBIDDEN:
                return Problem(403, "Forbidden")
            case FaultKind.UNAUTHORIZED | FaultKind.REVOKED:
                return unauthorized()
            case FaultKind.ACCOUNT_NOT_FOUND:
                return unauthorized("Account not found")
            case FaultKind.NOT_PAID:
                return Problem(402, "Payment required")
            case FaultKind.UNPROCESSABLE:
                return Problem(422, "Unprocessable Entity")
            case FaultKind.INTERNAL_ERROR:
                return Problem(500, "Internal Server Error")
            case FaultKind.REFUSE:
                return Problem(self.status, self.text or "Refused")
        return None


class Faults(FaultQueue[Fault]):
    def for_request(self, method: str, path: str) -> Fault | None:
        return self.take(lambda fault: fault.matches(method, path))
