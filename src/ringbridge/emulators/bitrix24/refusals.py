"""How the portal says no: code, words and HTTP status.

Source: Bitrix24 REST docs, "Error codes" (system errors) and the error tables of the methods named beside each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


class Refusal(Exception):
    """A request that the portal refuses. Becomes `{"error": code, "error_description": text}` with `status`."""

    def __init__(self, code: str, text: str, *, status: int = 400, extra: Mapping[str, Any] | None = None) -> None:
        super().__init__(f"{status} {code} {text}")
        self.code = code
        self.text = text
        self.status = status
        self.extra = dict(extra or {})

    def body(self) -> dict[str, Any]:
        return {"error": self.code, "error_description": self.text, **self.extra}


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownError:
    """One row of the table of errors that any method may give."""

    code: str
    text: str
    status: int
    extra: Mapping[str, Any] = field(default_factory=dict)

    def refusal(self, text: str | None = None) -> Refusal:
        return Refusal(self.code, text or self.text, status=self.status, extra=self.extra)


def _row(status: int, code: str, text: str) -> KnownError:
    return KnownError(code=code, text=text, status=status)


EXPIRED_TOKEN = _row(401, "expired_token", "The access token provided has expired.")
INVALID_TOKEN = _row(401, "invalid_token", "Unable to get application by token")
NO_AUTH_FOUND = _row(401, "NO_AUTH_FOUND", "Wrong authorization data")
PAYMENT_REQUIRED = _row(401, "PAYMENT_REQUIRED", "Payment required")
APPLICATION_NOT_FOUND = _row(401, "APPLICATION_NOT_FOUND", "Application not found")
INVALID_CREDENTIALS = _row(403, "INVALID_CREDENTIALS", "Invalid request credentials")
ACCESS_DENIED = _row(403, "ACCESS_DENIED", "Access denied!")
PLAN_EXPIRED = _row(403, "ACCESS_DENIED", "REST API is available only on commercial plans")
WRONG_AUTH_TYPE = _row(403, "WRONG_AUTH_TYPE", "Current authorization type is denied for this method")
WRONG_LICENSE = _row(403, "WRONG_LICENSE", "This feature is not enabled for the current license")
METHOD_NOT_FOUND = _row(404, "ERROR_METHOD_NOT_FOUND", "Method not found!")
HTTPS_REQUIRED = _row(400, "INVALID_REQUEST", "Https required")
BATCH_TOO_LONG = _row(400, "ERROR_BATCH_LENGTH_EXCEEDED", "Max batch length exceeded")
BATCH_NOT_ALLOWED = _row(405, "ERROR_BATCH_METHOD_NOT_ALLOWED", "Method is not allowed for batch usage")
QUERY_LIMIT = _row(503, "QUERY_LIMIT_EXCEEDED", "Too many requests")
OVERLOAD = _row(503, "OVERLOAD_LIMIT", "REST API is blocked due to overload")
OPERATION_LIMIT = _row(429, "OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit.")
INTERNAL_ERROR = _row(500, "INTERNAL_SERVER_ERROR", "Internal server error")


def missing_argument(name: str) -> Refusal:
    """`ERROR_ARGUMENT`, which names the argument once more beside the text."""
    return Refusal("ERROR_ARGUMENT", f"Argument '{name}' is null or empty", extra={"argument": name})


def missing_parameter(name: str) -> Refusal:
    """What the newer controllers (tasks, bindings) say."""
    return Refusal("100", f"Could not find value for parameter {{{name}}}")
