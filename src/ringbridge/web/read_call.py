"""Which calls a program wants to be sent again, as Itgrix's `read_call` asks: by id, or by a period."""

from __future__ import annotations

import json
from datetime import UTC, datetime, tzinfo
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr, ValidationError
from starlette.requests import Request
from typing_extensions import TypedDict

LONGEST_BODY = 1_000_000

Id = StrictStr | StrictInt


class AskedCalls(BaseModel):
    """In the address, or as a JSON body, which goes before it. Itgrix's other fields are passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: Id | list[Id] | None = Field(None, description="One call, or several: by their Uniqueid.")
    start_date: str | None = Field(None, description="In place of ids: from when, YYYY-MM-DD hh:mm:ss of the office.")
    end_date: str | None = Field(None, description="Until when; by default now.")
    portal: str | None = Field(None, description="To this CRM alone; by default to all.")

    @property
    def ids(self) -> list[str]:
        several = self.id if isinstance(self.id, list) else [self.id] if self.id else []
        return [str(each) for each in several]


class SentAgain(TypedDict):
    """Their steps that were not with the CRM are on their way."""

    state: Literal["success"]
    calls: int
    steps: int


class NotSent(TypedDict):
    """What was asked for cannot be read."""

    state: Literal["error"]
    error: str


async def asked(request: Request) -> AskedCalls:
    """Raises `ValueError`, in words."""
    fields: dict[str, Any] = {name: values_of(request, name) for name in request.query_params}
    if request.method == "POST":
        fields |= await body_of(request)
    try:
        return AskedCalls.model_validate(fields)
    except ValidationError as error:
        wrong = sorted({str(each["loc"][0]) for each in error.errors()})
        raise ValueError(f"not understood: {', '.join(wrong)}") from error


async def body_of(request: Request) -> dict[str, Any]:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_BODY:
            raise ValueError("the body is too long")
    try:
        document = json.loads(body or b"{}")
    except RecursionError as error:
        raise ValueError("the body is no JSON that could be meant") from error
    if not isinstance(document, dict):
        raise ValueError("the body is no JSON object")
    return document


def values_of(request: Request, name: str) -> Any:
    values = request.query_params.getlist(name)
    return values if len(values) > 1 else values[0]


def period(wanted: AskedCalls, zone: tzinfo, now: datetime) -> tuple[datetime, datetime]:
    """`end_date` may be left out: until now. In the office's time. Raises `ValueError`."""
    if not wanted.start_date:
        raise ValueError("name calls by id, or a period by start_date and end_date (YYYY-MM-DD hh:mm:ss)")
    return moment(wanted.start_date, zone), moment(wanted.end_date, zone) if wanted.end_date else now


def moment(text: str, zone: tzinfo) -> datetime:
    read = datetime.fromisoformat(text)
    try:
        return (read if read.tzinfo else read.replace(tzinfo=zone)).astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{text} is no day that calls could be of") from error
