"""What the page shows of hooks, and lets a person try."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from ringbridge.hooks.display import problems
from ringbridge.hooks.outcome import Trouble
from ringbridge.hooks.runner import Hooks
from ringbridge.hooks.specs import SPECS
from ringbridge.service.config import ConfigError, Office
from ringbridge.service.editing import OfficeEditor
from ringbridge.service.hooks.trial import told, try_hook
from ringbridge.service.rules.chain_trial import ChainTrial, try_chain
from ringbridge.service.views import OfficeView


@dataclass(frozen=True, slots=True, kw_only=True)
class FileState:
    name: str
    hooks: tuple[str, ...]  # of the version that is asked
    on: bool  # False: switched off in the settings, or until it is saved again
    broken: bool  # the present version is not the one that is asked
    problems: tuple[str, ...]  # what is wrong with it now
    troubles: tuple[Trouble, ...] = ()  # what went wrong lately, the newest last
    may_be_switched: bool = True  # False: it is not asked until it is saved again
    asked: int = 0  # times, since the service runs
    mean: timedelta = timedelta()  # that it took
    longest: timedelta = timedelta()


class HookDesk:
    def __init__(self, hooks: Hooks, view: OfficeView, editor: OfficeEditor) -> None:
        self._hooks = hooks
        self._view = view
        self._editor = editor

    @property
    def folder(self) -> str:
        return str(self._hooks.settings.folder)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(SPECS)

    async def files(self) -> Sequence[FileState]:
        """In the order in which they are asked."""
        return [
            FileState(
                name=file.path.name,
                hooks=tuple(sorted(file.hooks.names)) if file.hooks else (),
                on=self._hooks.settings.takes(file.path.name) and not file.off,
                broken=bool(file.broken),
                problems=tuple(problems(file)),
                troubles=tuple(file.troubles),
                may_be_switched=not file.off,
                asked=file.asked,
                mean=timedelta(seconds=file.spent / file.asked if file.asked else 0),
                longest=timedelta(seconds=file.longest),
            )
            for file in await self._hooks.files()
        ]

    async def switch(self, name: str, *, on: bool, by: str) -> None:
        """Whether a file is asked, from now on. Raises `ConfigError`, `StoreError`."""
        if name not in {file.path.name for file in await self._hooks.files()}:
            raise ConfigError(f"There is no file {name} in {self.folder}")
        await self._editor.change(lambda office: switched(office, name, on=on), by=by)

    async def chain(self, key: str, known: bool | None) -> list[ChainTrial]:
        """What rules and hooks make of a call of the journal together; nothing is sent. Raises `ConfigError`."""
        hooks = Hooks(self._hooks.settings)
        try:
            return await try_chain(self._view_of(await self._editor.read()), hooks, key, known)
        finally:
            hooks.close()

    def _view_of(self, office: Office) -> OfficeView:
        return OfficeView(office, self._view.database)

    async def trial(self, hook: str, key: str) -> str:
        """What a hook makes of a call of the journal, in words; nothing is sent. The files are loaded for it anew, so
        that it leaves no mark. Raises `ConfigError` where it cannot be tried."""
        hooks = Hooks(self._hooks.settings)
        try:
            return "\n".join(told(await try_hook(self._view, hooks, hook, key)))
        finally:
            hooks.close()


def switched(office: Office, name: str, *, on: bool) -> Office:
    """An office that lists which files are asked lists this one too from now on."""
    hooks = office.hooks
    off = tuple(one for one in hooks.off if one != name) if on else tuple(dict.fromkeys((*hooks.off, name)))
    only = tuple(dict.fromkeys((*hooks.only, name))) if on and hooks.only else hooks.only
    return office.model_copy(update={"hooks": hooks.model_copy(update={"off": off, "only": only})})
