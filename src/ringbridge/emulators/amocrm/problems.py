"""How the account says no.

Source: amoCRM API v4, "Error codes" (`application/problem+json`, `validation-errors`); the OAuth errors' words are
those that users of the official PHP library report.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

NOT_AUTHORIZED = "Неверный логин или пароль"
OAUTH_TYPE = "https://developers.amocrm.ru/v3/errors/OAuthProblemJson"


class Problem(Exception):
    """A refused request: becomes `application/problem+json`."""

    def __init__(self, status: int, detail: str, *, title: str = "", more: Mapping[str, Any] | None = None) -> None:
        super().__init__(f"{status} {detail}")
        self.status = status
        self.detail = detail
        self.title = title or HTTPStatus(status).phrase
        self.more = dict(more or {})

    def body(self) -> dict[str, Any]:
        kind = f"https://httpstatus.es/{self.status}"
        return {"title": self.title, "type": kind, "status": self.status, "detail": self.detail, **self.more}


class LegacyProblem(Problem):
    """The same of the second version of the interface, which answers in its own shape."""

    def body(self) -> dict[str, Any]:
        return {"status": "fail", "title": "Error", "detail": self.detail, **self.more}


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """What is wrong with one field. `path` is dotted: ``custom_fields_values.0.field_id``."""

    code: str
    path: str
    detail: str

    def under(self, prefix: str) -> Violation:
        path = ".".join(part for part in (prefix, self.path) if part)
        return Violation(code=self.code, path=path, detail=self.detail)

    def body(self) -> dict[str, str]:
        return {"code": self.code, "path": self.path, "detail": self.detail}


def missing(path: str) -> Violation:
    return Violation(code="FieldMissing", path=path, detail="This field is missing.")


def not_expected(path: str) -> Violation:
    return Violation(code="FieldNotExpected", path=path, detail="This field was not expected.")


def not_a_choice(path: str) -> Violation:
    return Violation(code="NotSupportedChoice", path=path, detail="The value you selected is not a valid choice.")


def wrong_type(path: str, wanted: str) -> Violation:
    return Violation(code="InvalidType", path=path, detail=f"This value should be of type {wanted}.")


def invalid(violations: Iterable[tuple[str, Sequence[Violation]]]) -> Problem:
    """The whole batch is refused: what is wrong, by the items' `request_id`."""
    errors = [
        {"request_id": request_id, "errors": [one.body() for one in found]} for request_id, found in violations if found
    ]
    return Problem(400, "Request validation failed", more={"validation-errors": errors})


def unauthorized(detail: str = NOT_AUTHORIZED, **more: Any) -> Problem:
    return Problem(401, detail, more=more)


def oauth_problem(hint: str, *, status: int = 400) -> Problem:
    return Problem(
        status,
        "В запросе отсутствует ряд параметров или параметры невалидны",
        title="Некорректный запрос",
        more={"hint": hint, "type": OAUTH_TYPE},
    )


def not_found() -> Problem:
    return Problem(404, "Not found")
