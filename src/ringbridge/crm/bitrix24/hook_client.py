"""The portal, as the office's hooks ask it: inside the quota, with its key, masked like everything else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ringbridge.crm.bitrix24.rest import Rest
from ringbridge.routing.intents import Priority


class HookClient:
    kind = "bitrix24"

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    async def call(self, method: str, params: Mapping[str, Any] | None = None) -> Any:
        """One method; gives its ``result``. Raises `CrmError`."""
        return (await self._rest.call(method, params, priority=Priority.FINISH)).result
