"""Asks the hooks: every file that has one, in the order of names, each seeing what the one before it left.

Nothing that a hook does stops a call. Where one is late, fails or gives back what it may not, the value goes on as it
was, and the error is kept for the page and for the call's story.
"""

from __future__ import annotations

import asyncio
import copy
import json
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import structlog

from ringbridge.hooks.answers import checked, is_empty
from ringbridge.hooks.context import Asked, Surroundings
from ringbridge.hooks.folder import HookFile, HookFolder
from ringbridge.hooks.outcome import UNCHANGED, HookBroken, HookError, HookFailed, HookOutcome, HookTimeout, Trouble
from ringbridge.hooks.specs import SPECS, HookSpec, Of
from ringbridge.hooks.threads import Threads
from ringbridge.hooks.values import document

log = structlog.get_logger(__name__)

REMEMBERED = 4096  # answers
SHOWN = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class HookSettings:
    folder: Path
    zone: tzinfo = UTC  # the office's: Itgrix's scripts see times in it
    deadline: timedelta = timedelta(seconds=10)  # of each hook of each file
    urgent_deadline: timedelta = timedelta(seconds=2)  # of hooks that a ringing phone waits for
    only: frozenset[str] = frozenset()  # files that are asked; empty: all
    off: frozenset[str] = frozenset()  # files that are not
    surroundings: Surroundings = field(default_factory=Surroundings)

    def takes(self, name: str) -> bool:
        """Whether a file of this name is asked."""
        return name not in self.off and (not self.only or name in self.only)


class Hooks:
    """Make it inside the event loop that uses it, and `close` it. Other `settings` may be given while it runs; the
    folder stays."""

    def __init__(self, settings: HookSettings) -> None:
        self.settings = settings
        self._urgent_threads, self._threads = Threads(), Threads()
        self._folder = HookFolder(settings.folder, zone=settings.zone, threads=self._threads)
        self._answers: OrderedDict[tuple[str, ...], HookOutcome] = OrderedDict()

    def close(self) -> None:
        self._urgent_threads.close()
        self._threads.close()

    async def files(self) -> list[HookFile]:
        """As they are now, those that are switched off in the settings too."""
        await self._folder.look()
        return self._folder.files

    async def wants(self, hook: str, of: str = Of.ANY) -> bool:
        """Whether any file has this hook, where the CRM has it at all: what it would be given need not be read
        otherwise."""
        return bool(await self._with(SPECS[hook], of))

    async def apply(
        self, hook: str, value: Any, given: Mapping[str, Any], asked: Asked, *, once: str = ""
    ) -> HookOutcome:
        """`given`: the hook's other arguments. `once`: names a step that may be repeated; the same value then gets the
        same answer, and the hooks are not asked again while this service runs and their files stay the same."""
        spec = SPECS[hook]
        files = await self._with(spec, asked.crm.kind)
        if not files:
            return HookOutcome(value=value)
        key = _key(hook, asked.portal, once, value, files) if once else None
        if key and (known := self._answers.get(key)):
            return replace(known, value=copy.deepcopy(known.value), notes=(), errors=(), spent=0.0)
        outcome = await self._ask(spec, files, value, given, asked)
        if key and not outcome.errors:
            self._answers[key] = outcome
            if len(self._answers) > REMEMBERED:
                self._answers.popitem(last=False)
        return outcome

    async def _with(self, spec: HookSpec, of: str) -> list[HookFile]:
        if spec.of is not Of.ANY and of not in {Of.ANY, spec.of}:
            return []
        await self._folder.look()
        return [file for file in self._folder.files if file.has(spec.name) and self.settings.takes(file.path.name)]

    async def _ask(
        self, spec: HookSpec, files: list[HookFile], value: Any, given: Mapping[str, Any], asked: Asked
    ) -> HookOutcome:
        began = time.monotonic()
        notes: list[str] = []
        errors: list[str] = []
        cancelled_by = ""
        for file in files:
            started = time.monotonic()
            try:
                async with file.turn(spec, self._deadline(spec)):
                    if not file.has(spec.name):
                        continue  # it was switched off while this one waited
                    answer = await self._answer(spec, file, value, given, asked)
            except HookError as error:
                errors.append(f"{spec.name} of {file.path.name}: {error}")
                self._keep(spec, file, error, asked)
                continue
            finally:
                file.took(time.monotonic() - started)
            file.went_well()
            if answer is UNCHANGED:
                continue
            if spec.cancels and is_empty(answer):
                cancelled_by = file.path.name
                notes.append(f"{spec.name}: cancelled by {file.path.name}")
                break
            if answer != value:
                notes.append(f"{spec.name} of {file.path.name}: {difference(value, answer)}")
            value = answer
        told = self.settings.surroundings.without_secrets
        return HookOutcome(
            value=value,
            cancelled_by=cancelled_by,
            notes=tuple(map(told, notes)),
            errors=tuple(map(told, errors)),
            spent=time.monotonic() - began,
        )

    async def _answer(self, spec: HookSpec, file: HookFile, value: Any, given: Mapping[str, Any], asked: Asked) -> Any:
        """Checked. Raises `HookError`."""
        try:
            return await self._asked(spec, file, value, given, asked)
        except HookError:
            raise
        except asyncio.CancelledError:
            self._keep(spec, file, HookTimeout("was still at work when nobody waited for it any more"), asked)
            raise
        except Exception as error:
            # A mistake of ours about one hook must not take the call with it.
            log.exception("hook_not_asked", hook=spec.name, file=file.path.name)
            raise HookFailed(
                f"could not be asked ({type(error).__name__}: {error}); the log has the details"
            ) from error

    async def _asked(self, spec: HookSpec, file: HookFile, value: Any, given: Mapping[str, Any], asked: Asked) -> Any:
        if file.hooks is None:
            raise HookBroken(file.broken)
        threads = self._urgent_threads if spec.urgent else self._threads
        context = self.settings.surroundings.context(spec.name, file.path.name, asked)
        arguments = {spec.value: _own(value), **{name: _own(each) for name, each in given.items()}}
        answer = await file.hooks.ask(spec, arguments, context, threads, self._deadline(spec))
        if not spec.is_heard:
            return UNCHANGED
        if answer is UNCHANGED or (spec.cancels and is_empty(answer)):
            return answer
        return checked(spec, answer, value)

    def _deadline(self, spec: HookSpec) -> float:
        return (self.settings.urgent_deadline if spec.urgent else self.settings.deadline).total_seconds()

    def _keep(self, spec: HookSpec, file: HookFile, error: HookError, asked: Asked) -> None:
        text = self.settings.surroundings.without_secrets(str(error))
        file.went_wrong(Trouble(at=datetime.now(UTC), hook=spec.name, call=asked.call, text=text), error)
        log.warning("hook_failed", hook=spec.name, file=file.path.name, call=asked.call, reason=text)


def _own(value: Any) -> Any:
    """A file's own copy of what it could change."""
    return copy.deepcopy(value) if isinstance(value, dict | list) else value


def difference(before: Any, after: Any) -> str:
    """What a hook changed, for the call's story."""
    if not (isinstance(before, Mapping) and isinstance(after, Mapping)):
        return f"{_brief(before)} -> {_brief(after)}"
    changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return ", ".join(
        f"{name} {_brief(before[name]) + ' -> ' if name in before else ''}{_brief(after.get(name))}" for name in changed
    )


def _brief(value: Any) -> str:
    shown = value if isinstance(value, str) else json.dumps(document(value), ensure_ascii=False, default=str)
    return shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}…"


def _key(hook: str, portal: str, once: str, value: Any, files: list[HookFile]) -> tuple[str, ...]:
    versions = ",".join(f"{file.path.name}:{file.stamp}" for file in files)
    return hook, portal, once, json.dumps(document(value), sort_keys=True, default=str), versions
