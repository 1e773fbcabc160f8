"""What Bitrix24 says when it refuses, and what that means for us: one table.

Sources: Bitrix24 REST docs, "Error codes" and the error tables of the telephony methods; the official PHP and Python
SDKs for codes the documentation lacks. Telephony errors come with the code ``ERROR_CORE`` (documentation), with an
empty one (on-premise edition), and inside a batch without an HTTP status: so codes decide first, then texts, then
the status.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from html import unescape
from typing import Any

from ringbridge.crm.contract import CrmError, Rejected, Throttled, Transient, Unauthorized


class KeyExpired(Unauthorized):
    """The access token is old: renew it and ask again."""


class CallNotFound(Rejected):
    """No running call has this CALL_ID: it never had, or the call is finished already."""


class NotFinished(Transient):
    """A recording came before the call's end did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A refusal as it came. `status` is None inside a batch."""

    code: str = ""
    text: str = ""
    status: int | None = None

    def __str__(self) -> str:
        words = ": ".join(part for part in (self.code, self.text) if part)
        return words or f"HTTP {self.status}"


class Meaning(StrEnum):
    SLOWER = "slower"  # too many requests; nothing was done
    CLOSED = "closed"  # the portal takes nothing for a while
    METHOD_CLOSED = "method closed"  # this method alone
    AGAIN = "again"  # not done, may work later
    UNSURE = "unsure"  # may work later, may have been done
    RENEW = "renew"
    KEY = "key"  # a person must mend the connection
    NEVER = "never"
    CALL_GONE = "call gone"
    CALL_RUNNING = "call running"


_WAITS = {
    Meaning.SLOWER: timedelta(seconds=2),
    Meaning.CLOSED: timedelta(minutes=15),
    Meaning.METHOD_CLOSED: timedelta(minutes=1),
}

Row = tuple[Meaning, str]
"""What it means, and what a person can do about it."""

_REINSTALL = "Open the application on the portal again, or connect it anew."
_RIGHTS = "Give the user who connected the portal the right to do this, or connect with an administrator's account."

BY_CODE: Mapping[str, Row] = {
    "query_limit_exceeded": (Meaning.SLOWER, ""),
    "overload_limit": (Meaning.CLOSED, "Bitrix24 blocked this portal's REST API for overload: ask its support."),
    "operation_time_limit": (Meaning.METHOD_CLOSED, ""),
    "expired_token": (Meaning.RENEW, _REINSTALL),
    "invalid_token": (Meaning.KEY, _REINSTALL),
    "invalid_grant": (Meaning.KEY, _REINSTALL),
    "bad_verification_code": (Meaning.KEY, _REINSTALL),
    "invalid_client": (Meaning.KEY, "Check the application's client_id and client_secret, and that it is installed."),
    "wrong_client": (Meaning.KEY, "Check the application's client_id and client_secret, and that it is installed."),
    "invalid_scope": (Meaning.KEY, "Add the missing permission to the application or webhook."),
    "no_auth_found": (Meaning.KEY, "The webhook or the application was removed or changed: connect the portal anew."),
    "error_oauth": (Meaning.KEY, _REINSTALL),
    "authorization_error": (Meaning.KEY, _REINSTALL),
    "application_not_found": (Meaning.KEY, "The application was removed from the portal: install it again."),
    "payment_required": (Meaning.KEY, "The application's or the portal's paid period has ended."),
    "method_confirm_waiting": (Meaning.KEY, "An administrator of the portal must confirm this access."),
    "method_confirm_denied": (Meaning.KEY, "An administrator of the portal denied this access."),
    "invalid_credentials": (Meaning.KEY, _RIGHTS),
    "insufficient_scope": (Meaning.KEY, "Add the permissions telephony, crm and user to the application or webhook."),
    "access_denied": (Meaning.KEY, f"{_RIGHTS} The REST API also needs a paid plan."),
    "wrong_auth_type": (
        Meaning.KEY,
        "This portal lets only a local application register calls, not an incoming webhook: connect as an application.",
    ),
    "user_access_error": (Meaning.KEY, "Give the user who connected the portal access to the application."),
    "allowed_only_intranet_user": (Meaning.KEY, "Connect with an employee's account, not an outside user's."),
    "wrong_license": (Meaning.NEVER, "The portal's plan does not have this."),
    "error_method_not_found": (Meaning.KEY, "The method is missing: is its permission (telephony, crm) granted?"),
    "invalid_request": (Meaning.KEY, "Use the portal's https address."),
    "portal_deleted": (Meaning.KEY, "The portal was deleted."),
    "error_manifest_is_not_available": (Meaning.NEVER, ""),
    "error_batch_length_exceeded": (Meaning.NEVER, ""),
    "error_batch_method_not_allowed": (Meaning.NEVER, ""),
    "error_argument": (Meaning.NEVER, ""),
    "invalid_argument": (Meaning.NEVER, ""),
    "100": (Meaning.NEVER, ""),
    "server_not_available": (Meaning.AGAIN, "The portal could not fetch the recording from our address."),
    "internal_server_error": (Meaning.UNSURE, ""),
    "error_unexpected_answer": (Meaning.UNSURE, ""),
}

_USER_GONE = "user is not found or is not active"
_RESPONSIBLE_GONE = 'user specified in the "responsible" field not found'

# The texts of codes that say nothing (ERROR_CORE, empty), by their beginnings, in lower case.
BY_TEXT: tuple[tuple[str, Row], ...] = (
    ("call is not found (call should be registered", (Meaning.CALL_GONE, "")),
    ("call is not found in the statistic table", (Meaning.CALL_RUNNING, "")),
    (
        _USER_GONE,
        (Meaning.NEVER, "The employee is dismissed or unknown there: map the extension to an active employee."),
    ),
    (
        "user_id or user_phone_inner should be set",
        (Meaning.NEVER, "Nobody of the portal was named: map the extension to an employee, or set a default one."),
    ),
    ("unsupported phone number format", (Meaning.NEVER, "The client's number holds no digits.")),
    ("sql query error", (Meaning.UNSURE, "")),
    ("unexpected database error", (Meaning.UNSURE, "")),
    ("server returns http error", (Meaning.AGAIN, "The portal could not fetch the recording from our address.")),
    ("server_not_available", (Meaning.AGAIN, "The portal could not fetch the recording from our address.")),
    (
        "wrong file extension",
        (Meaning.NEVER, "Bitrix24 takes .wav and .mp3 only: let recordings be converted to mp3."),
    ),
    ("rest api is available only on commercial plans", (Meaning.KEY, "The portal's plan has no REST API.")),
    ("too many requests", (Meaning.SLOWER, "")),
    ("access denied", (Meaning.KEY, _RIGHTS)),
)

# Where neither code nor text is known. HTML pages of whatever stands before the portal end here too.
BY_STATUS: Mapping[int, Row] = {
    401: (Meaning.KEY, "The portal does not accept our key: connect it anew."),
    403: (Meaning.AGAIN, "Something in front of the portal does not let us in: a firewall, or a block of our address?"),
    404: (Meaning.KEY, "There is no Bitrix24 at this address: check it."),
    408: (Meaning.UNSURE, ""),
    413: (Meaning.NEVER, "The portal's web server does not take so much at once."),
    429: (Meaning.SLOWER, ""),
    503: (Meaning.AGAIN, ""),  # a web server that cannot take the request has not passed it on (RFC 9110, 15.6.4)
}


def said_in(body: Any, status: int | None = None) -> Said | None:
    """The refusal in a JSON body or in a batch's `result_error`; None when there is none."""
    if not isinstance(body, dict) or "error" not in body:
        return None
    code = body["error"]
    text = body.get("error_description") or ""
    return Said(code="" if code is None else str(code), text=_plain(str(text)), status=status)


def error_of(said: Said, *, now: datetime, free_at: datetime | None = None) -> CrmError:
    """The error that a refusal is. `free_at`: when the portal said that a closed method opens again."""
    meaning, advice = _row_of(said)
    words = f"Bitrix24 refused: {said}" + (f". {advice}" if advice else "")
    match meaning:
        case Meaning.SLOWER | Meaning.CLOSED | Meaning.METHOD_CLOSED:
            until = now + _WAITS[meaning]
            if meaning is Meaning.METHOD_CLOSED and free_at and free_at > now:
                until = free_at
            return Throttled(words, until=until)
        case Meaning.AGAIN:
            return Transient(words)
        case Meaning.UNSURE:
            return Transient(words, maybe_done=True)
        case Meaning.RENEW:
            return KeyExpired(words)
        case Meaning.KEY:
            return Unauthorized(words)
        case Meaning.CALL_GONE:
            return CallNotFound(words)
        case Meaning.CALL_RUNNING:
            return NotFinished(words)
        case Meaning.NEVER:
            return Rejected(words)


def is_method_closed(said: Said) -> bool:
    return _row_of(said)[0] is Meaning.METHOD_CLOSED


def is_user_gone(said: Said) -> bool:
    """Whether the user who was named works there no more."""
    return said.text.lower().startswith((_USER_GONE, _RESPONSIBLE_GONE))


def is_rights(said: Said) -> bool:
    """Whether it is only this one method that our key does not open."""
    return _row_of(said)[0] is Meaning.KEY


def no_json(status: int, brief: str) -> Said:
    """A page where an answer was due: maintenance, a proxy, a firewall."""
    return Said(text=f"HTTP {status} and a page instead of an answer: {_plain(brief)}", status=status)


def _row_of(said: Said) -> Row:
    if row := BY_CODE.get(said.code.lower()):
        return row
    text = said.text.lower()
    for beginning, row in BY_TEXT:
        if text.startswith(beginning):
            return row
    status = said.status
    if status is None:
        return Meaning.NEVER, ""
    if row := BY_STATUS.get(status):
        return row
    # A page with status 200 is a maintenance page; a 5xx of a gateway may hide a request that was carried out.
    return (Meaning.UNSURE, "") if status >= 500 or status < 400 else (Meaning.NEVER, "")


def _plain(text: str) -> str:
    """Texts of the portal carry HTML: ``Task title is not specified<br>``."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", text)).split())
