"""What amoCRM says when it refuses, and what that means for us.

Sources: amoCRM API v4, "Error codes" (``application/problem+json`` with ``validation-errors``); "Calls" (263, nobody
has the number); the official PHP library for bodies that are no JSON (429) and for the older shapes. The status
decides: texts are for people.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ringbridge.crm.amocrm.values import as_list, as_map, text
from ringbridge.crm.client import Answer
from ringbridge.crm.contract import CrmError, Exchange, Rejected, Throttled, Transient, Unauthorized

FIRST_WAIT = timedelta(seconds=1)
LONGEST_WAIT = timedelta(seconds=64)
NOBODY = 263  # inner status of a call's error: no contact or company has the number


class KeyExpired(Unauthorized):
    """The access token is not taken any more: renew it and ask again."""


class Forbidden(Unauthorized):
    """The account is open, and this is not allowed in it; or our address is shut out."""


class NobodyFound(Rejected):
    """Nobody in the account has the call's number, so the call found no place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """What is wrong with one field of one item."""

    path: str  # dotted: ``custom_fields_values.0.field_id``
    code: str
    detail: str

    def __str__(self) -> str:
        return f"{self.path}: {self.detail or self.code}"


class Invalid(Rejected):
    """The content of a request was refused, and nothing of it was done. `complaints` are by the items' request_id."""

    def __init__(
        self, message: str, *, complaints: Mapping[str, Sequence[Complaint]], exchange: Exchange | None = None
    ) -> None:
        super().__init__(message, exchange=exchange)
        self.complaints = complaints

    def about(self, request_id: str) -> Invalid:
        """The part of it that concerns one item."""
        mine = self.complaints.get(request_id, ())
        words = "; ".join(map(str, mine))
        return Invalid(f"amoCRM refused: {words}", complaints={request_id: mine}, exchange=self.exchange)

    def concerns(self, *fields: str) -> bool:
        """Whether every complaint is about one of these fields, and there is one."""
        paths = [one.path for mine in self.complaints.values() for one in mine]
        return bool(paths) and all(any(part in fields for part in path.split(".")) for path in paths)


_ADVICE: Mapping[int, str] = {
    401: "Connect the account again: the integration was switched off, its secret changed, or its token has ended.",
    402: "The account is not paid for.",
    403: (
        "Either the user who connected the account may not do this, or our address is shut out for a while: look at "
        "the user's rights and at the account's list of allowed addresses, then go on."
    ),
}


def error_of(answer: Answer, *, now: datetime, reading: bool = False, refused: int = 0) -> CrmError:
    """The error that an answer is. `reading`: the request changes nothing, so it leaves nothing in doubt; `refused`:
    how many requests before this one were too many, in a row."""
    status = answer.status
    said = f"HTTP {status}: {_words(answer)}"
    words = f"amoCRM refused: {said}" + (f". {advice}" if (advice := _ADVICE.get(status)) else "")
    match status:
        case 401:
            return KeyExpired(words)
        case 404 if is_account_gone(answer):
            return KeyExpired(f"{words} Perhaps the account has moved to another address.")
        case 402:
            return Unauthorized(words)
        case 403:
            return Forbidden(words)
        case 429:
            return Throttled("amoCRM had too many requests", until=now + wait_after(refused))
        case 400 | 422 if complaints := complaints_in(answer.json):
            told = "; ".join(str(one) for mine in complaints.values() for one in mine)
            return Invalid(f"amoCRM refused: {told}", complaints=complaints)
        case _ if 400 <= status < 500 and status not in {408, 425}:
            return Rejected(words)
    # A gateway that lost patience (504), an error, a page where an answer was due: it may have been done.
    return Transient(f"amoCRM did not answer as it should: {said}", maybe_done=not reading)


def is_account_gone(answer: Answer) -> bool:
    """Whether there is no account at the address any more, rather than no such thing in it: renewing the key follows
    an account that moved."""
    return answer.status == 404 and (answer.json is None or "account not found" in _words(answer).lower())


def with_story(error: CrmError, exchange: Exchange | None) -> CrmError:
    """The same error with one step's own story: a request that fails is one error for many steps."""
    match error:
        case Throttled():
            return Throttled(str(error), until=error.until, exchange=exchange)
        case Transient():
            return type(error)(str(error), exchange=exchange, maybe_done=error.maybe_done)
        case Invalid():
            return Invalid(str(error), complaints=error.complaints, exchange=exchange)
    return type(error)(str(error), exchange=exchange)


def wait_after(refused: int) -> timedelta:
    """1 s, 2 s, 4 s … about a minute: whoever goes on knocking is shut out."""
    return min(FIRST_WAIT * (1 << min(refused, 10)), LONGEST_WAIT)


def complaints_in(body: Any) -> dict[str, list[Complaint]]:
    found: dict[str, list[Complaint]] = {}
    for place, row in enumerate(map(as_map, as_list(as_map(body).get("validation-errors")))):
        errors = [
            Complaint(path=text(one.get("path")), code=text(one.get("code")), detail=text(one.get("detail")))
            for one in map(as_map, as_list(row.get("errors")))
        ]
        given = row.get("request_id")
        found.setdefault(str(place) if given is None else str(given), []).extend(errors)
    return found


def refusals_in(body: Any) -> dict[str, CrmError]:
    """What the answer of `calls` says of those that were not added, by request_id."""
    found: dict[str, CrmError] = {}
    for row in map(as_map, as_list(as_map(body).get("errors"))):
        words = f"{text(row.get('status'))} {text(row.get('detail')) or text(row.get('title'))}".strip()
        is_nobody = text(row.get("status")) == str(NOBODY)
        kind = NobodyFound if is_nobody else Rejected
        found[str(row.get("request_id", ""))] = kind(f"amoCRM did not add it: {words}")
    return found


def _words(answer: Answer) -> str:
    """``detail`` and ``hint``; the older shapes' ``error``; else the beginning of the page."""
    body = as_map(answer.json)
    inner = as_map(body.get("response"))
    parts = (body.get("hint"), body.get("detail"), inner.get("error"), inner.get("error_code"), body.get("title"))
    words = ": ".join(dict.fromkeys(filter(None, map(text, parts[:4])))) or text(parts[4])
    return words or answer.brief or "an empty answer"
