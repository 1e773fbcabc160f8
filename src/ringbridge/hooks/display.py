"""How hooks do, in words for people."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence

from ringbridge.hooks.folder import HookFile
from ringbridge.hooks.runner import HookSettings

NO_PHP = "there is no php on this machine: install the package php-cli"


def told(files: Sequence[HookFile], settings: HookSettings) -> Iterator[str]:
    """A line for each file, and one for each thing that is wrong with it."""
    if not files:
        yield f"No hooks: {settings.folder} holds none."
    for file in files:
        names = ", ".join(sorted(file.hooks.names)) if file.hooks else "nothing that could be loaded"
        yield f"{file.path.name}: {names}{'' if settings.takes(file.path.name) else ' (switched off in the settings)'}"
        yield from (f"  {words}" for words in problems(file))
        for one in file.troubles:  # the newest last
            where = f"{one.hook} of {one.call}" if one.call else one.hook
            yield f"  {one.at:%Y-%m-%d %H:%M:%S} UTC {where}: {one.text}"


def problems(file: HookFile) -> Iterator[str]:
    """What is wrong with a file now. What went wrong with it lately are its troubles."""
    if file.broken:
        yield f"{file.broken}{' (the last good version is asked)' if file.hooks else ''}"
    if file.off:
        yield file.off
    if file.hooks:
        yield from file.hooks.strange
    if file.path.suffix == ".php" and shutil.which("php") is None:
        yield NO_PHP
