"""One request to the interface: what a handler is given and what it gives back, in HAL.

Source: amoCRM API v4, "General information": lists are pages of `_embedded` rows with links, an empty one is 204
without a body; created rows echo the `request_id` of their items.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from ringbridge.emulators.amocrm.account import Account, Row
from ringbridge.emulators.amocrm.entities import Entity, Kind
from ringbridge.emulators.amocrm.oauth import Caller
from ringbridge.emulators.amocrm.problems import Problem, Violation, invalid, not_found, wrong_type
from ringbridge.emulators.amocrm.settings import UnknownFields
from ringbridge.emulators.amocrm.staff import User
from ringbridge.emulators.amocrm.validation import Rule
from ringbridge.emulators.common.forms import flatten

USUAL_PAGE, LARGEST_PAGE = 50, 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`body` None: no content."""

    status: int = 200
    body: Any = None


NOTHING = Answer(status=204)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    account: Account
    caller: Caller
    method: str
    path: str  # /api/v4/contacts
    parts: dict[str, Any]  # of the path
    query: dict[str, Any] = field(default_factory=dict)
    body: Any = None

    @property
    def user(self) -> User:
        """Whom the caller speaks for."""
        return self.account.staff.users[self.caller.user_id]

    @property
    def strict(self) -> bool:
        return self.account.settings.unknown_fields is UnknownFields.REFUSED

    @property
    def kind(self) -> Kind:
        try:
            return Kind(self.parts["kind"])
        except ValueError:
            raise not_found() from None

    @property
    def with_(self) -> frozenset[str]:
        return frozenset(str(self.query.get("with", "")).split(","))

    @property
    def filter(self) -> dict[str, Any]:
        given = self.query.get("filter") if self.account.settings.filters_enabled else None
        return given if isinstance(given, dict) else {}

    def admin_only(self) -> None:
        if not self.user.admin:
            raise Problem(403, "Forbidden")

    def permit(self, action: str, entity: str, responsible: int = 0) -> None:
        """Raises 403 where the user's rights do not reach."""
        if not self.user.may(action, entity, responsible):
            raise Problem(403, "Forbidden")

    def entity(self, kind: Kind | None = None) -> Entity:
        """The one whose id is in the path."""
        found = self.account.entities.get(kind or self.kind, self.parts["id"])
        if found is None:
            raise absent(self.account)
        return found

    def items(self, rule: Rule, *, most: int | None = None) -> list[Row]:
        """The body as a batch: checked, each with its `request_id`. Raises 400 with all that is wrong."""
        if not isinstance(self.body, list) or not self.body:
            raise invalid([("0", [wrong_type("", "array")])])
        most = most or self.account.settings.batch_limit
        if len(self.body) > most:
            detail = f"This collection should contain {most} elements or less."
            raise invalid([("0", [Violation(code="TooMany", path="", detail=detail)])])
        given = [(_request_id(one, at), one) for at, one in enumerate(self.body)]
        found = [(request_id, rule(one)) for request_id, one in given]
        if any(violations for _, violations in found):
            raise invalid(found)
        return [one | {"request_id": request_id} for request_id, one in given]

    def item(self, rule: Rule) -> Row:
        """The body as one checked object."""
        found = rule(self.body)
        if found:
            raise invalid([("0", found)])
        checked: Row = self.body
        return checked

    def href(self, path: str) -> Row:
        return {"self": {"href": f"{self.account.address}{path}"}}

    def page(self, name: str, rows: Sequence[Row], *, total: bool = False) -> Answer:
        """One page of rows, or 204 when there is none."""
        number, limit = self._number("page", 1, None), self._number("limit", USUAL_PAGE, LARGEST_PAGE)
        shown = rows[(number - 1) * limit : number * limit]
        if not shown:
            return NOTHING
        links = {"self": self._page_link(number, limit)}
        if number * limit < len(rows):
            links["next"] = self._page_link(number + 1, limit)
        if number > 1:
            links["first"], links["prev"] = self._page_link(1, limit), self._page_link(number - 1, limit)
        body: Row = {"_page": number, "_links": links, "_embedded": {name: list(shown)}}
        if total:
            body = {"_total_items": len(rows), "_page_count": -(-len(rows) // limit), **body}
        return Answer(body=body)

    def made(self, name: str, rows: Iterable[Row], *, status: int = 200, **more: Any) -> Answer:
        """What a batch made or changed."""
        return Answer(status=status, body={**more, "_links": self.href(self.path), "_embedded": {name: list(rows)}})

    def _number(self, name: str, usual: int, most: int | None) -> int:
        given = str(self.query.get(name, usual))
        if not given.isdecimal() or int(given) < 1 or (most is not None and int(given) > most):
            raise invalid([("0", [Violation(code="NotInRange", path=name, detail="This value is out of range.")])])
        return int(given)

    def _page_link(self, page: int, limit: int) -> Row:
        query = [(key, value) for key, value in flatten(self.query) if key not in {"page", "limit"}]
        return {"href": f"{self.account.address}{self.path}?{urlencode([*query, ('page', page), ('limit', limit)])}"}


Handler = Callable[[Request], Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One path (Starlette's notation) and who answers each HTTP method on it."""

    path: str
    handlers: dict[str, Handler]


def absent(account: Account) -> Problem:
    """What a missing id gives: 404, or 204 without a body."""
    return NoSuch() if account.settings.missing_status == NOTHING.status else not_found()


class NoSuch(Problem):
    """204 where others would say 404."""

    def __init__(self) -> None:
        super().__init__(NOTHING.status, "")


def _request_id(item: Any, at: int) -> str:
    given = item.get("request_id") if isinstance(item, dict) else None
    return str(at) if given is None else str(given)
