"""The account, as the office's hooks ask it: inside the quota, with its key, masked like everything else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from ringbridge.crm.amocrm.rest import Rest
from ringbridge.crm.contract import Rejected
from ringbridge.routing.intents import Priority

METHODS = frozenset({"GET", "POST", "PATCH"})


class HookClient:
    kind = "amocrm"

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    async def call(self, method: str, params: Any = None) -> Any:
        """``GET /api/v4/leads`` with a query, ``PATCH /api/v4/leads/1`` with a body; gives the answer's body, None
        where it has none. Raises `CrmError`."""
        verb, _, path = method.partition(" ")
        if verb not in METHODS or not path.startswith("/api/"):
            raise Rejected(f"{method!r} is no request: write GET, POST or PATCH and a path that begins with /api/")
        if verb == "GET" and params:
            path = f"{path}?{urlencode(list(_pairs(params)))}"
        body = None if verb == "GET" else params
        return (await self._rest.call(verb, path, body, priority=Priority.FINISH)).body


def _pairs(params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """A list is written as its name several times: ``filter[id][]``."""
    for name, value in params.items():
        for each in value if isinstance(value, list | tuple) else [value]:
            yield name, str(each)
