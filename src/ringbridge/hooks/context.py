"""`ctx`: what a hook may use besides its values."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

import structlog

from ringbridge.hooks.values import PhoneCall

T = TypeVar("T")


class CrmClient(Protocol):
    """The portal that the hook is asked for. Requests go through the portal's one door: they keep its quota and use
    its key. Raises an exception whose text says what the CRM did not like."""

    @property
    def kind(self) -> str:
        """``bitrix24`` or ``amocrm``."""
        ...

    async def call(self, method: str, params: Mapping[str, Any] | None = None) -> Any:
        """Bitrix24: a method's name and its parameters; gives ``result``. amoCRM: ``"GET /api/v4/leads"`` and the
        query, or ``"PATCH /api/v4/leads/1"`` and the body; gives the body of the answer."""
        ...


class Journal(Protocol):
    """The calls that Ringbridge knows of."""

    async def calls(self, number: str, limit: int = 20) -> Sequence[PhoneCall]:
        """Calls with this number, the newest first."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    hook: str  # the hook's name
    portal: str  # the portal's name in the configuration
    settings: Mapping[str, Any]  # [hooks.settings] of the configuration
    secrets: Mapping[str, str] = field(repr=False)  # [hooks.secrets]
    log: Any  # a structlog logger: ctx.log.info("lead_taken", lead=5)
    crm: CrmClient  # for async hooks: await ctx.crm.call(…)
    journal: Journal  # for async hooks: await ctx.journal.calls(number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What contexts are made of, the same for all files."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)

    def without_secrets(self, text: str) -> str:
        """What hooks say when they fail, and what they change, is told in the call's story and in the log: as text that
        can be kept, whatever halves of letters it holds."""
        for secret in filter(None, self.secrets.values()):
            text = text.replace(secret, "•••")
        return text.encode("utf-8", "replace").decode().replace("\0", "?")

    def context(self, hook: str, file: str, asked: Asked) -> Context:
        """For a hook that runs in another thread than the event loop, from which this is called."""
        loop = asyncio.get_running_loop()
        return Context(
            hook=hook,
            portal=asked.portal,
            settings=MappingProxyType(copy.deepcopy(dict(self.settings))),
            secrets=MappingProxyType(dict(self.secrets)),
            log=structlog.get_logger("ringbridge.hooks", hook=hook, file=file, portal=asked.portal),
            crm=_FarCrm(asked.crm, loop),
            journal=_FarJournal(asked.journal, loop),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Of which portal, and of which call, a hook is asked."""

    portal: str
    crm: CrmClient
    journal: Journal
    call: str = ""  # the call's key in the journal


class _FarCrm:
    def __init__(self, crm: CrmClient, loop: asyncio.AbstractEventLoop) -> None:
        self._crm = crm
        self._loop = loop

    @property
    def kind(self) -> str:
        return self._crm.kind

    async def call(self, method: str, params: Mapping[str, Any] | None = None) -> Any:
        return await _over_there(self._crm.call(method, params), self._loop)


class _FarJournal:
    def __init__(self, journal: Journal, loop: asyncio.AbstractEventLoop) -> None:
        self._journal = journal
        self._loop = loop

    async def calls(self, number: str, limit: int = 20) -> Sequence[PhoneCall]:
        return await _over_there(self._journal.calls(number, limit), self._loop)


async def _over_there(work: Coroutine[Any, Any, T], loop: asyncio.AbstractEventLoop) -> T:
    """In the loop that the connections belong to; given up there when it is given up here."""
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, loop))
