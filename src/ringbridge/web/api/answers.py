"""Answers to programs: JSON, a refusal is ``{"error": code, "text": words}``."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

from ringbridge.web.api.refusals import ErrorCode, Refused
from ringbridge.web.api.told import Told


def told(answer: Told, status: int = 200) -> Response:
    return JSONResponse(answer.plain(), status_code=status)


def refused(code: ErrorCode, text: str, status: int, **more: str) -> Response:
    return told(Refused(error=code, text=text, **more), status)


def too_often() -> Response:
    answer = refused(ErrorCode.TOO_OFTEN, "Too many requests: try again in a minute.", 429)
    answer.headers["Retry-After"] = "60"
    return answer
