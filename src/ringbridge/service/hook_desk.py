"""What the page shows of hooks, and lets a person try."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ringbridge.hooks.display import problems
from ringbridge.hooks.runner import Hooks, HookSettings
from ringbridge.hooks.specs import SPECS
from ringbridge.service.hook_trial import told, try_hook
from ringbridge.service.views import OfficeView


@dataclass(frozen=True, slots=True, kw_only=True)
class FileState:
    name: str
    hooks: tuple[str, ...]  # of the version that is asked
    on: bool  # False: switched off in the settings, or until it is saved again
    broken: bool  # the present version is not the one that is asked
    problems: tuple[str, ...]  # the newest last


class HookDesk:
    def __init__(self, hooks: Hooks, settings: HookSettings, view: OfficeView) -> None:
        self._hooks = hooks
        self._settings = settings
        self._view = view

    @property
    def folder(self) -> str:
        return str(self._settings.folder)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(SPECS)

    async def files(self) -> Sequence[FileState]:
        """In the order in which they are asked."""
        return [
            FileState(
                name=file.path.name,
                hooks=tuple(sorted(file.hooks.names)) if file.hooks else (),
                on=self._settings.takes(file.path.name) and not file.off,
                broken=bool(file.broken),
                problems=tuple(problems(file)),
            )
            for file in await self._hooks.files()
        ]

    async def trial(self, hook: str, key: str) -> str:
        """What a hook makes of a call of the journal, in words; nothing is sent. The files are loaded for it anew, so
        that it leaves no mark. Raises `ConfigError` where it cannot be tried."""
        hooks = Hooks(self._settings)
        try:
            return "\n".join(told(await try_hook(self._view, hooks, hook, key)))
        finally:
            hooks.close()
