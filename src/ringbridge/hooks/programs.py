"""Files that are run: programs in any language, and Itgrix's PHP scripts.

A program gets one JSON object, with the hook's arguments by their names, ``hook``, ``settings`` and ``secrets``; it
says ``{"data": …}``. One that says nothing, or has no ``data``, leaves everything as it is.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from datetime import tzinfo
from importlib.resources import files
from pathlib import Path
from typing import Any, Protocol

from ringbridge.hooks import executables, itgrix
from ringbridge.hooks.context import Context
from ringbridge.hooks.outcome import UNCHANGED, HookBroken, HookFailed
from ringbridge.hooks.specs import SPECS, HookSpec
from ringbridge.hooks.threads import Strays, Threads
from ringbridge.hooks.values import PhoneCall, Stage, document

GRACE = 2.0  # seconds to kill it and to clean up after its deadline
SHOWN = 80


class Asking(Protocol):
    """One version of a file, whatever it is written in."""

    @property
    def names(self) -> frozenset[str]:
        """Hooks that it has."""
        ...

    @property
    def strange(self) -> tuple[str, ...]:
        """What is odd about it, in words."""
        ...

    @property
    def strays(self) -> Strays:
        """Threads in which it goes on though nobody waits any more."""
        ...

    async def ask(
        self, spec: HookSpec, given: Mapping[str, Any], context: Context, threads: Threads, within: float
    ) -> Any:
        """What it gives back, or `UNCHANGED`. Raises `HookError`."""
        ...


class Program:
    """Its name is the hook's; digits before it set its turn: ``10-process_final_params.sh``."""

    strange: tuple[str, ...] = ()

    def __init__(self, path: Path) -> None:
        name = hook_in(path)
        if name not in SPECS:
            raise HookBroken(f"{path.name} is named like no hook")
        if not executables.is_program(path):
            raise HookBroken(f"{path.name} has no run bit: chmod +x it")
        self.path = path
        self.names = frozenset({name})
        self.strays = Strays()

    async def ask(
        self, spec: HookSpec, given: Mapping[str, Any], context: Context, threads: Threads, within: float
    ) -> Any:
        told = {
            "hook": spec.name,
            **document(given),
            "portal": context.portal,
            "settings": dict(context.settings),
            "secrets": dict(context.secrets),
        }
        said = await said_by([str(self.path)], told, spec, threads, within, self.strays)
        return data_in(answer_in(said), spec)


class Script:
    """One of Itgrix's."""

    strange: tuple[str, ...] = ()

    def __init__(self, path: Path, zone: tzinfo) -> None:
        self.names = script_hooks(path)
        if not self.names:
            raise HookBroken(f"{path.name} is named like no hook; what others include goes into a folder below")
        self.path = path
        self.strays = Strays()
        self._zone = zone

    async def ask(
        self, spec: HookSpec, given: Mapping[str, Any], context: Context, threads: Threads, within: float
    ) -> Any:
        php = shutil.which("php")
        if php is None:
            raise HookFailed("there is no php on this machine: install the package php-cli")
        call, stage = given.get("call"), given.get("stage")
        told = itgrix.told(
            spec,
            given[spec.value],
            given,
            call if isinstance(call, PhoneCall) else None,
            stage if isinstance(stage, Stage) else None,
            self._zone,
        )
        command = [php, *self._options(), str(runner()), str(self.path)]
        said = await said_by(command, told, spec, threads, within, self.strays)
        data = data_in(answer_in(said.rpartition(b"\n")[2]), spec)
        return data if data is UNCHANGED else itgrix.understood(spec, data, told, given[spec.value])

    def _options(self) -> Iterator[str]:
        """What a php.ini for web pages says otherwise; and a script's clock agrees with the times that it is given."""
        settings = {
            "display_errors": "stderr",
            "log_errors": "0",
            "html_errors": "0",
            "short_open_tag": "1",
            "memory_limit": "256M",
            "date.timezone": getattr(self._zone, "key", "UTC"),
        }
        for name, value in settings.items():
            yield from ("-d", f"{name}={value}")


def hook_in(path: Path) -> str:
    return re.sub(r"^\d+[-_.]?", "", path.stem)


def script_hooks(path: Path) -> frozenset[str]:
    """Hooks that a script of this name is."""
    name = hook_in(path)
    return frozenset(itgrix.OLDER_NAMES.get(name, (name,))) & SPECS.keys()


def runner() -> Path:
    return Path(str(files("ringbridge.hooks") / "php" / "runner.php"))


async def said_by(
    command: list[str], told: Mapping[str, Any], spec: HookSpec, threads: Threads, within: float, strays: Strays
) -> bytes:
    """Raises `HookError`."""
    asked = json.dumps(told, ensure_ascii=False, default=str).encode()

    def work(_: asyncio.Runner) -> bytes:
        return executables.run(command, asked, within=within, hook=spec.name)

    return (await threads.run(work, within, grace=GRACE, strays=strays)).strip()


def answer_in(said: bytes) -> Mapping[str, Any]:
    """Raises `HookFailed`."""
    if not said:
        return {}
    try:
        answer = json.loads(said)
    except (ValueError, RecursionError) as error:
        shown = said[:SHOWN].decode("utf-8", "replace")
        raise HookFailed(f"said no JSON: {shown!r}") from error
    if not isinstance(answer, dict):
        raise HookFailed(f'said {type(answer).__name__}, not an object: {{"data": …}} is expected')
    return answer


def data_in(answer: Mapping[str, Any], spec: HookSpec) -> Any:
    """A single value may stand alone, or under its argument's name. Other languages mix up numbers with texts and
    truths."""
    if answer.get("state", "success") != "success":
        raise HookFailed(f"said that its state is {str(answer['state'])[:SHOWN]!r}")
    if "data" not in answer:
        return UNCHANGED
    data = answer["data"]
    if spec.gives_map:
        return {} if data in (None, []) else data
    if isinstance(data, dict):
        data = data.get(spec.value, UNCHANGED)
    if data in (None, []):
        return UNCHANGED
    return truth(data) if spec.returns is bool else text(data)


def truth(data: Any) -> Any:
    """What PHP, JavaScript and a shell take for true or false, but for words."""
    if isinstance(data, str):
        return {"": False, "0": False, "1": True}.get(data, data)
    return bool(data) if isinstance(data, int | float) else data


def text(data: Any) -> Any:
    """A number as text: 89125551122.0 is what a long one becomes in between."""
    if isinstance(data, float) and data.is_integer():
        data = int(data)
    return str(data) if isinstance(data, int) and not isinstance(data, bool) else data
