"""telephony.externalLine.*: the external numbers of an application.

Source: Bitrix24 REST docs, `telephony.externalLine.add`, `get`, `update`, `delete`.
"""

from __future__ import annotations

from typing import Any

from ringbridge.emulators.bitrix24.calls import Line
from ringbridge.emulators.bitrix24.request import Request, telephony_refusal
from ringbridge.emulators.bitrix24.telephony import MAX_LINE_NUMBER, next_line_id
from ringbridge.emulators.bitrix24.wire import text


async def add(request: Request) -> Any:
    number = _number(request)
    if _find(request, number) is not None:
        raise telephony_refusal(request.portal, "Line already exists")
    lines = request.portal.telephony.lines
    line = Line(id=next_line_id(lines), number=number, application_id=_owner(request))
    _write(request, line)
    lines.append(line)
    return {"ID": line.id}


async def get(request: Request) -> Any:
    return [
        {"NUMBER": line.number, "NAME": line.name, "CRM_AUTO_CREATE": line.crm_auto_create}
        for line in request.portal.telephony.lines
        if line.application_id == _owner(request)
    ]


async def update(request: Request) -> Any:
    number = _number(request)
    if not {"NAME", "CRM_AUTO_CREATE"} & set(request.params):
        raise telephony_refusal(request.portal, "There are no fields to update")
    line = _known(request, number)
    _write(request, line)
    return {"ID": str(line.id)}


async def delete(request: Request) -> Any:
    request.portal.telephony.lines.remove(_known(request, _number(request)))
    return []


def _owner(request: Request) -> int | None:
    return request.application.id if request.application else None


def _number(request: Request) -> str:
    number = request.text("NUMBER").strip()[:MAX_LINE_NUMBER]
    if not number:
        raise telephony_refusal(request.portal, "NUMBER should not be empty")
    return number


def _find(request: Request, number: str) -> Line | None:
    lines = request.portal.telephony.lines
    return next((line for line in lines if (line.number, line.application_id) == (number, _owner(request))), None)


def _known(request: Request, number: str) -> Line:
    line = _find(request, number)
    if line is None:
        raise telephony_refusal(request.portal, f"Could not find line with number {number}")
    return line


def _write(request: Request, line: Line) -> None:
    if "NAME" in request.params:
        line.name = request.text("NAME")
    if "CRM_AUTO_CREATE" in request.params:
        line.crm_auto_create = "N" if text(request.params["CRM_AUTO_CREATE"]) == "N" else "Y"
