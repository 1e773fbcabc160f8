"""Hooks in Python: a file is read, its functions named like hooks are taken, and called with what they want.

The file is loaded under pluggy, which checks each function's arguments against the hook's specification. No decorator
is needed: a function's name says which hook it is.
"""

from __future__ import annotations

import asyncio
import difflib
import inspect
import sys
import traceback
from collections.abc import Coroutine, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy

from ringbridge.hooks import specs
from ringbridge.hooks.context import Context
from ringbridge.hooks.outcome import UNCHANGED, HookBroken, HookError, HookFailed, HookTimeout
from ringbridge.hooks.specs import PROJECT, SPECS, HookSpec
from ringbridge.hooks.threads import Strays, Threads

LOAD_WITHIN = 10.0  # seconds
GRACE = 0.25  # seconds a coroutine has to end after its deadline, before its thread is given up


class _ByName(pluggy.PluginManager):
    """Takes functions by their name alone."""

    def parse_hookimpl_opts(self, plugin: object, name: str) -> Any:
        is_hook = name in SPECS and inspect.isfunction(getattr(plugin, name))
        return {} if is_hook else None


class PythonHooks:
    """What one version of a file gives."""

    def __init__(self, path: Path, functions: Mapping[str, pluggy.HookImpl], strange: tuple[str, ...]) -> None:
        self.path = path
        self._functions = functions
        self.strange = strange  # names that are nearly a hook's
        self.strays = Strays()

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self._functions)

    @classmethod
    async def load(cls, path: Path, source: bytes, threads: Threads) -> PythonHooks:
        """Raises `HookBroken`. The file's own code runs in a thread: it may do anything."""
        try:
            return await threads.run(lambda _: cls._loaded(path, source), LOAD_WITHIN)
        except HookBroken:
            raise
        except HookError as error:
            raise HookBroken(f"{path.name} cannot be loaded: {error}") from error

    @classmethod
    def _loaded(cls, path: Path, source: bytes) -> PythonHooks:
        module = ModuleType(f"ringbridge_hooks_{path.stem}")
        module.__file__ = str(path)
        sys.modules[module.__name__] = module  # dataclasses look their module up
        try:
            exec(compile(source, str(path), "exec"), module.__dict__)  # noqa: S102 - what a hook is
        except SyntaxError as error:
            raise HookBroken(f"{path.name}, line {error.lineno}: {error.msg}") from error
        except BaseException as error:
            raise HookBroken(told(path, error)) from error
        manager = _ByName(PROJECT)
        manager.add_hookspecs(specs)
        try:
            manager.register(module, path.stem)
        except pluggy.PluginValidationError as error:
            raise HookBroken(_wrong_arguments(path, module) or f"{path.name}: {error}") from error
        callers = manager.get_hookcallers(module) or []
        return cls(path, {one.name: one.get_hookimpls()[0] for one in callers}, _strange(module))

    async def ask(
        self, spec: HookSpec, given: Mapping[str, Any], context: Context, threads: Threads, within: float
    ) -> Any:
        """What the function gives back, None being `UNCHANGED`. Raises `HookError`."""
        function = self._functions[spec.name]
        arguments = {**given, "ctx": context}
        wanted = [arguments[name] for name in function.argnames]
        is_coroutine = inspect.iscoroutinefunction(function.function)

        def work(runner: asyncio.Runner) -> Any:
            try:
                given_back = function.function(*wanted)
                return runner.run(_within(given_back, within)) if inspect.iscoroutine(given_back) else given_back
            except HookError:
                raise
            except BaseException as error:
                raise HookFailed(told(self.path, error)) from error

        result = await threads.run(work, within, grace=GRACE if is_coroutine else 0.0, strays=self.strays)
        return UNCHANGED if result is None else result


async def _within(work: Coroutine[Any, Any, Any], seconds: float) -> Any:
    try:
        async with asyncio.timeout(seconds) as deadline:
            return await work
    except TimeoutError:
        if not deadline.expired():
            raise
        raise HookTimeout(f"did not end within {seconds:g} s") from None


def told(path: Path, error: BaseException) -> str:
    """The error with the last line of this file that led to it."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    where = f", line {lines[-1]}" if lines else ""
    return f"{path.name}{where}: {type(error).__name__}: {error}"


def _wrong_arguments(path: Path, module: ModuleType) -> str:
    for name, spec in SPECS.items():
        function = getattr(module, name, None)
        if not inspect.isfunction(function):
            continue
        wanted = [one.name for one in inspect.signature(function).parameters.values() if one.default is one.empty]
        if unknown := [each for each in wanted if each not in spec.arguments]:
            line = function.__code__.co_firstlineno
            possible = ", ".join(spec.arguments)
            return f"{path.name}, line {line}: {name} wants {', '.join(unknown)}; it can have {possible}"
    return ""


def _strange(module: ModuleType) -> tuple[str, ...]:
    """A misspelt hook would never be asked, and nobody would know."""
    no_functions = [name for name, value in vars(module).items() if name in SPECS and not inspect.isfunction(value)]
    own = [
        name
        for name, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_")
    ]
    return (
        *(f"{name} is no function, and is not asked" for name in no_functions),
        *(
            f"{name} is no hook; {near[0]} is"
            for name in own
            if name not in SPECS and (near := difflib.get_close_matches(name, SPECS, n=1, cutoff=0.85))
        ),
    )
