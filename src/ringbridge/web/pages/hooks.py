"""The office's own code: which files there are, how they do, whether they are asked, and trials on past calls."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ringbridge.hooks.values import document
from ringbridge.routing.intents import Intent
from ringbridge.routing.rules import Decision, conditions
from ringbridge.service.config import ConfigError
from ringbridge.service.hooks.desk import HookDesk
from ringbridge.service.rules.chain_trial import ChainTrial
from ringbridge.service.rules.trial import details, plain
from ringbridge.store.errors import StoreError
from ringbridge.web.auth.visitor import by_whom
from ringbridge.web.pages.delivery import NOT_STORED
from ringbridge.web.reasons import telling
from ringbridge.web.rendering import Pages
from ringbridge.web.rule_words import ANSWERS, FIELDS, YES_NO, Field
from ringbridge.web.words import N_

LONGEST = 128
KNOWN = {"known": True, "unknown": False}
CANNOT = N_("This call cannot be tried")


class HooksPage:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._desk = pages.services.hooks

    @property
    def routes(self) -> list[Route]:
        return [
            Route("/hooks", self.page, methods=["GET"]),
            Route("/hooks", self.trial, methods=["POST"]),
            Route("/hooks/file", self.switch, methods=["POST"]),
            Route("/hooks/call", self.call, methods=["GET"]),
        ]

    async def page(self, request: Request) -> Response:
        return await self._shown(request)

    async def trial(self, request: Request) -> Response:
        """POST: `hook`, and `call` by its key or its page's address."""
        async with request.form(max_files=0, max_fields=4) as form:
            hook, call = (str(form.get(name, ""))[:LONGEST].strip() for name in ("hook", "call"))
        key = call.rstrip("/").rpartition("/")[2]
        if self._desk is None or hook not in self._desk.names:
            return await self._shown(request, call=key)
        try:
            told = await self._desk.trial(hook, key)
        except ConfigError as error:
            told = str(error)
        lines = "\n".join(_translated(line, telling(request)) for line in told.splitlines())
        return await self._shown(request, hook=hook, call=key, told=lines)

    async def switch(self, request: Request) -> Response:
        """POST: `file`, and `on`: whether it is asked from now on."""
        async with request.form(max_files=0, max_fields=4) as form:
            name, on = str(form.get("file", "")), form.get("on") == "yes"
        try:
            await self._there.switch(name, on=on, by=by_whom(request))
        except ConfigError as error:
            raise HTTPException(404) from error
        except StoreError:
            return await self._pages.notice(request, 503, *NOT_STORED)
        return RedirectResponse("/hooks", status_code=303)

    async def call(self, request: Request) -> Response:
        """What rules and hooks make of `call`, where its `client` is known or unknown to the CRM."""
        key = request.query_params.get("call", "")[:LONGEST].rstrip("/").rpartition("/")[2]
        client = request.query_params.get("client", "")
        try:
            tried = await self._there.chain(key, KNOWN.get(client))
        except ConfigError as error:
            return await self._pages.notice(request, 404, CANNOT, str(error))
        return await self._pages.page(
            request, "trial.html", key=key, client=client, trials=[_told(one) for one in tried], fields=FIELDS
        )

    async def _shown(self, request: Request, *, hook: str = "", call: str = "", told: str = "") -> Response:
        files = await self._desk.files() if self._desk else ()
        return await self._pages.page(
            request, "hooks.html", desk=self._desk, files=files, hook=hook, call=call, told=told
        )

    @property
    def _there(self) -> HookDesk:
        if self._desk is None:
            raise HTTPException(404)
        return self._desk


def _translated(line: str, tell: Callable[[str], str]) -> str:
    """With its indentation."""
    words = line.lstrip()
    return line.removesuffix(words) + tell(words)


def _told(trial: ChainTrial) -> dict[str, Any]:
    """A trial as the template shows it."""
    rules = trial.rules
    rows = [
        (rule.name, [name for name, holds in conditions(rule, rules.facts).items() if not holds])
        for rule in rules.portal.rules
    ]
    return {
        "portal": rules.portal.id,
        "registers": trial.registers and rules.decision.register,
        "kept_by_hook": not trial.registers,
        "told": trial.told,
        "rows": rows,
        "answers": list(_answers(rules.decision)),
        "intents": [(_step(intent), details(intent)) for intent in rules.intents] if trial.registers else [],
        "hooks": [
            {
                "name": one.spec.name,
                "files": one.files,
                "before": _json(one.value),
                "after": _json(one.outcome.value),
                "outcome": one.outcome,
            }
            for one in trial.hooks
        ],
        "untried": trial.untried,
    }


def _answers(decision: Decision) -> Iterator[tuple[Field, list[str], str]]:
    """Each question with its answer, by which row. Values that may be chosen stand as the configuration calls them."""
    for field in ANSWERS:
        question, _, part = field.name.partition(".")
        value = getattr(decision, question)
        if part:
            value = getattr(value, part, None)
        elif field.choices is YES_NO:
            value = "yes" if value else "no"
        values = list(map(plain, value)) if isinstance(value, tuple) else [plain(value)]
        if not part or (value and (question != "spread" or decision.spread.extensions)):
            yield field, values or [plain(None)], decision.because[question]


def _step(intent: Intent) -> str:
    return type(intent).__name__


def _json(value: Any) -> str:
    """Maps over several lines."""
    indent = 1 if isinstance(value, Mapping) else None
    return json.dumps(document(value), ensure_ascii=False, indent=indent, default=str)
