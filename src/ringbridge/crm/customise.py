"""Where the office's own code may change or cancel a request before it leaves.

An adapter is given a `Customise` when it is made. Its hooks are asked with the CRM's own parameters; what names the
step (its idempotency key, the CRM's id of the call) the adapter puts back, so that a repeated step is found whatever a
hook did to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from ringbridge.routing.intents import Intent

CANCELLED = "Not sent: a hook of the office cancelled it."


class Customise(Protocol):
    """Never raises for a hook's sake: where one fails, the parameters are as they were."""

    async def wants(self, hook: str) -> bool:
        """Whether anybody would look at these parameters: what has to be read first for a hook that nobody has, is
        not."""
        ...

    async def __call__(
        self, hook: str, params: Mapping[str, Any], intent: Intent, /, **about: Any
    ) -> Mapping[str, Any] | None:
        """The parameters to send; None: the request is cancelled. `about`: what else the hook is told, by its
        arguments' names."""
        ...


class AsTheyAre:
    """Without any hooks."""

    async def wants(self, hook: str) -> bool:
        return False

    async def __call__(
        self, hook: str, params: Mapping[str, Any], intent: Intent, /, **about: Any
    ) -> Mapping[str, Any] | None:
        return params
