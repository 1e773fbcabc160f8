"""What a program may write into a request, and the `DialRequest` that it means."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar

from pydantic import AwareDatetime, ConfigDict, Field, ValidationError, model_validator
from pydantic.config import JsonDict

from ringbridge.routing.dialing import DialKind, DialRequest
from ringbridge.routing.intents import PortalId, UserId
from ringbridge.routing.office import Portal
from ringbridge.service.config.parts import Part
from ringbridge.telephony.numbers import is_internal
from ringbridge.web.api.desk import ApiDesk
from ringbridge.web.api.refusals import ErrorCode, NotUnderstood

LONGEST_AHEAD = timedelta(days=30)

T = TypeVar("T", bound="Wish")


class Wish(Part):
    number: str = Field(min_length=1, max_length=64, description="The client's telephone number, however written.")
    line: str = Field("", max_length=64, description="By which line the client is called.")
    source: str = Field(
        "", max_length=100, description="Your name for this request: sent again, it is not dialled again."
    )
    portal: str = Field("", max_length=32, description="The CRM that is told; by default the first.")


NAMED: JsonDict = {"minLength": 1}
UNNAMED: JsonDict = {"maxLength": 0}


class WantedCall(Wish):
    """An employee or a group is connected with a number, now: one of the two is named."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"required": ["employee"], "properties": {"employee": NAMED, "group": UNNAMED}},
                {"required": ["group"], "properties": {"group": NAMED, "employee": UNNAMED}},
            ]
        }
    )

    employee: str = Field("", max_length=64, description="A phone of theirs, or their user id in the CRM.")
    group: str = Field("", max_length=32, description="In place of an employee: callback_to, or one of groups.")

    @model_validator(mode="after")
    def _one_of_them(self) -> WantedCall:
        if bool(self.employee) == bool(self.group):
            raise ValueError("name either an employee or a group")
        return self


class WantedCallback(Wish):
    """A client orders a call, now or for later."""

    to: str = Field("", max_length=32, description="Extension or group that rings first; by default callback_to.")
    at: AwareDatetime | None = Field(None, description="When, as ISO 8601 with an offset; by default at once.")
    note: str = Field("", max_length=2000, description="For people: what the form said.")


def wish_in(model: type[T], said: Any) -> T:
    """Raises `NotUnderstood`, which names each field that is wrong."""
    try:
        return model.model_validate(said)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, each['loc'])) or 'body'}: {each['msg']}" for each in error.errors())
        raise NotUnderstood(ErrorCode.NOT_UNDERSTOOD, f"{faults}.") from error


def call_request(wish: WantedCall, desk: ApiDesk, token: str, now: datetime) -> DialRequest:
    """Raises `NotUnderstood`."""
    portal = portal_of(wish, desk)()
    user, to = who_is_meant(wish, desk, portal)
    return DialRequest(
        portal=portal.id,
        source=source_by(token, wish.source or uuid.uuid4().hex),
        number=wish.number.strip(),
        at=now,
        user=user,
        to=to,
        line=wish.line,
    )


def who_is_meant(wish: WantedCall, desk: ApiDesk, portal: Portal) -> tuple[UserId | None, str]:
    """The employee and the phone that rings; of a group nobody and the group."""
    if wish.group:
        if wish.group not in desk.groups:
            raise NotUnderstood(ErrorCode.NO_GROUP, "No such group may ring first: see groups under [dialing].", 409)
        return None, wish.group
    if user := portal.staff.user_of(wish.employee):
        return user, wish.employee
    if (user := UserId(wish.employee)) in portal.staff.users.values():
        return user, ""
    raise NotUnderstood(ErrorCode.NO_EMPLOYEE, "No employee has this phone or user id.", 409)


def callback_request(wish: WantedCallback, desk: ApiDesk, token: str, now: datetime) -> DialRequest:
    """Raises `NotUnderstood`."""
    portal = portal_of(wish, desk)()
    is_extension = is_internal(wish.to) and portal.staff.user_of(wish.to) is not None
    if wish.to and wish.to not in desk.groups and not is_extension:
        raise NotUnderstood(ErrorCode.NO_GROUP, "Neither an employee's extension nor a group that may ring first.", 409)
    if wish.at and wish.at > now + LONGEST_AHEAD:
        raise NotUnderstood(ErrorCode.TOO_FAR, f"A call is ordered for {LONGEST_AHEAD.days} days ahead at most.", 409)
    return DialRequest(
        portal=portal.id,
        source=source_by(token, wish.source or uuid.uuid4().hex),
        number=wish.number.strip(),
        at=now,
        kind=DialKind.CALLBACK,
        to=wish.to,
        line=wish.line,
        note=wish.note.strip(),
    )


def portal_of(wish: Wish, desk: ApiDesk) -> Callable[[], Portal]:
    found = desk.portals.get(PortalId(wish.portal)) if wish.portal else next(iter(desk.portals.values()), None)
    if found is None:
        raise NotUnderstood(ErrorCode.NO_PORTAL, "No portal has this name here.", 409)
    return found


def source_by(token: str, name: str) -> str:
    """The names of different programs' requests never meet: no token's name has a slash."""
    return f"api/{token}/{name}"
