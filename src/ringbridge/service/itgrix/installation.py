"""What an Itgrix installation leaves on a disk, as far as its formats are known: read, and judged by nobody yet.

Known from its documentation: the scripts are in ``/opt/itgrix_bx/customizer/actions`` (``itgrix_amo`` for amoCRM;
``custom`` before 3.4 and 2.6), employees' numbers in ``/etc/itgrix_bx/fmc_patterns.txt``, and ``/status`` of its page
names the scripts that are switched on. The format of its configuration and of its database is not published.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ringbridge.service.config import ConfigError

ACTIONS, OLDER_ACTIONS = "actions", "custom"
PATTERNS = "fmc_patterns.txt"
STATES = frozenset({"state.json", "state.db"})
CONFIGURATIONS = frozenset({".json", ".yml", ".yaml", ".toml", ".conf", ".ini", ".cfg"})
ASKS_IT = (":8077", "itgrix")
LARGEST = 1024 * 1024  # bytes of a file that is read
MOST_FILES = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptFile:
    path: Path
    source: bytes

    @property
    def older(self) -> bool:
        """From the folder that was used before 3.4 (amoCRM: 2.6)."""
        return self.path.parent.name == OLDER_ACTIONS

    @property
    def text(self) -> str:
        """Old scripts are in Windows' encoding now and then: what is looked for in them is ASCII."""
        return self.source.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a file, for a person to find it."""

    path: Path
    number: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    scripts: tuple[ScriptFile, ...] = ()
    patterns: tuple[Line, ...] = ()  # of numbers; comments and empty lines are left out
    switched_on: frozenset[str] | None = None  # scripts, by their names; None: no status was given
    dialplan: tuple[Line, ...] = ()  # lines that ask it for a client's responsible
    configurations: tuple[Path, ...] = ()
    states: tuple[Path, ...] = ()
    unreadable: tuple[tuple[Path, str], ...] = ()


def read_installation(places: Iterable[Path]) -> Installation:
    """`places`: folders, looked through with all that is below them, and files. Raises `ConfigError` where there is
    nothing of Itgrix."""
    reading = _Reading()
    for place in places:
        for path in _files(place):
            reading.take(path)
    found = reading.installation()
    if found == Installation(unreadable=found.unreadable):
        raise ConfigError(
            "Nothing of Itgrix is there. Name its folders, such as /opt/itgrix_bx /etc/itgrix_bx, or copies of them"
            + "".join(f"\n{path}: {why}" for path, why in found.unreadable)
        )
    return found


def _files(place: Path) -> Iterator[Path]:
    """In the order of their names. Links to folders are not followed."""
    if place.is_file():
        yield place
        return
    count = 0
    for folder, folders, names in os.walk(place):
        folders.sort()
        for name in sorted(names):
            count += 1
            if count > MOST_FILES:
                raise ConfigError(f"{place} has more than {MOST_FILES} files: name Itgrix's own folders")
            path = Path(folder) / name
            if path.is_file() or not path.exists():  # no pipe: whoever reads it would wait for ever
                yield path


class _Reading:
    def __init__(self) -> None:
        self._scripts: dict[Path, ScriptFile] = {}
        self._patterns: dict[Path, tuple[Line, ...]] = {}
        self._dialplan: dict[Path, tuple[Line, ...]] = {}
        self._configurations: dict[Path, None] = {}
        self._states: dict[Path, None] = {}
        self._unreadable: dict[Path, str] = {}
        self._on: frozenset[str] | None = None

    def installation(self) -> Installation:
        return Installation(
            scripts=tuple(self._scripts.values()),
            patterns=tuple(line for lines in self._patterns.values() for line in lines),
            switched_on=self._on,
            dialplan=tuple(line for lines in self._dialplan.values() for line in lines),
            configurations=tuple(self._configurations),
            states=tuple(self._states),
            unreadable=tuple(self._unreadable.items()),
        )

    def take(self, path: Path) -> None:
        of_itgrix = any(part.startswith("itgrix_") for part in path.parts[:-1])
        if path.suffix == ".php" and path.parent.name in {ACTIONS, OLDER_ACTIONS}:
            if (source := self._bytes(path)) is not None:
                self._scripts[path] = ScriptFile(path=path, source=source)
        elif path.name == PATTERNS:
            self._patterns[path] = tuple(_lines(path, self._text(path), "[#;]"))
        elif path.name.startswith("extensions") and path.suffix == ".conf":
            lines = _lines(path, self._text(path), ";")
            self._dialplan[path] = tuple(line for line in lines if any(sign in line.text for sign in ASKS_IT))
        elif path.name in STATES and of_itgrix:
            self._states[path] = None
        elif path.suffix == ".json" and (on := switched_on(self._text(path))) is not None:
            self._on = on | (self._on or frozenset())
        elif path.suffix in CONFIGURATIONS and of_itgrix:
            self._configurations[path] = None

    def _text(self, path: Path) -> str:
        return (self._bytes(path) or b"").decode("utf-8-sig", "replace")

    def _bytes(self, path: Path) -> bytes | None:
        try:
            if path.stat().st_size > LARGEST:
                self._unreadable[path] = f"larger than {LARGEST // 1024} KiB, which no script or list is"
                return None
            return path.read_bytes()
        except OSError as error:
            self._unreadable[path] = f"cannot be read: {error.strerror}"
            return None


def _lines(path: Path, text: str, comment: str) -> Iterator[Line]:
    """`comment`: a pattern of what begins one."""
    for number, line in enumerate(text.splitlines(), start=1):
        if told := re.split(comment, line, maxsplit=1)[0].strip():
            yield Line(path=path, number=number, text=told)


def switched_on(text: str) -> frozenset[str] | None:
    """Of what its page answers at ``/status``: the scripts that it asks. None: this is no such answer."""
    try:
        match json.loads(text):
            case {"app": {"customizer": {"methods": dict(methods)} as customizer}}:
                return _ticked(customizer, methods)
    except ValueError:
        pass
    return None


def _ticked(customizer: Mapping[str, Any], methods: Mapping[str, Any]) -> frozenset[str]:
    on = customizer.get("enabled", True) is True
    return frozenset(name for name, ticked in methods.items() if ticked is True) if on else frozenset()
