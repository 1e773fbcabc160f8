"""Why a program gets nothing: a code for it, words for people, and the status that goes with it."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from ringbridge.web.api.told import Told


class ErrorCode(StrEnum):
    NOT_UNDERSTOOD = "not_understood"  # the body is not what is described; the words name the field
    TOO_FAR = "too_far"  # ordered for a day too far ahead
    NO_TOKEN = "no_token"  # noqa: S105 - a code
    NOT_PERMITTED = "not_permitted"  # the token may not do this
    ORIGIN = "origin"  # or not from this site
    NOT_FOUND = "not_found"
    METHOD = "method"
    NOT_DIALLED = "not_dialled"  # a guard refused it
    NO_EMPLOYEE = "no_employee"
    NO_GROUP = "no_group"
    NO_PORTAL = "no_portal"
    NO_PBX = "no_pbx"
    NOT_WAITING = "not_waiting"  # the order is being dialled, or has ended
    TOO_LARGE = "too_large"
    TOO_OFTEN = "too_often"
    STORE = "store"  # nothing was accepted: ask again


class Refused(Told):
    """A refusal."""

    error: ErrorCode
    text: str = Field(description="For people.")
    id: str = Field("", description="Of the request that was refused by a guard; left out else.")


class NotUnderstood(Exception):
    """What was asked for cannot be done as it was asked. The text is for people, `code` for programs."""

    def __init__(self, code: ErrorCode, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.code, self.status = code, status
