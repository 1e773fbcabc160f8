"""The folder of hooks: which files there are, what they hold, and how they do.

Files are looked at whenever hooks are asked, by their time, size and inode, so what is saved counts from the next call
on. A file that is broken leaves its last good version in place.
"""

from __future__ import annotations

import asyncio
import math
import stat
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path

import structlog

from ringbridge.hooks.executables import is_program
from ringbridge.hooks.outcome import HookBroken, HookError, HookFailed, HookTimeout, Trouble
from ringbridge.hooks.programs import Asking, Program, Script, hook_in, script_hooks
from ringbridge.hooks.python import PythonHooks
from ringbridge.hooks.specs import SPECS, HookSpec
from ringbridge.hooks.threads import Threads

log = structlog.get_logger(__name__)

AT_ONCE = 4  # that a file is asked: so many threads it may lose before it is known to hang
PATIENCE = 3  # times in a row that a file may be late, before it is left alone
REST = 60.0  # seconds that it is left alone then: what it waits for, a CRM perhaps, may have come back
REMEMBERED = 20  # troubles of a file
YOUNG = 0.1  # seconds: times of files are no finer than the kernel's clock

Stamp = tuple[int, int, int, int]  # time, size, inode, mode


@dataclass(slots=True, kw_only=True)
class HookFile:
    """One file, over all its versions."""

    path: Path
    stamp: Stamp | None = None
    young: bool = False  # read so soon after it was saved that its stamp may not tell the next change
    source: bytes = b""
    hooks: Asking | None = None  # of the last good version
    broken: str = ""  # why the present version is not loaded
    late: int = 0  # times in a row
    clock: Callable[[], float] = time.monotonic
    urgent_turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    other_turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    troubles: deque[Trouble] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    asked: int = 0  # times, since the service runs
    spent: float = 0.0  # seconds, of all these
    longest: float = 0.0
    _rests_until: float = -math.inf  # by the clock

    @property
    def off(self) -> str:
        """Why it is not asked at present; empty: it is."""
        if self.hooks and self.hooks.strays.count > 0:
            return "It hangs, and is not asked until it has ended or is saved again."
        if self.clock() < self._rests_until:
            return f"It was late {self.late} times in a row, and is left alone for a minute."
        return ""

    def has(self, hook: str) -> bool:
        return self.hooks is not None and not self.off and hook in self.hooks.names

    def took(self, seconds: float) -> None:
        self.asked += 1
        self.spent += seconds
        self.longest = max(self.longest, seconds)

    @asynccontextmanager
    async def turn(self, spec: HookSpec, within: float) -> AsyncIterator[None]:
        """Only so many calls are asked about at once. A ringing phone waits `within` seconds at most for others, and
        never for those who are in no hurry. Raises `HookFailed`."""
        turns = self.urgent_turns if spec.urgent else self.other_turns
        try:
            async with asyncio.timeout(within if spec.urgent else None):
                await turns.acquire()
        except TimeoutError:
            raise HookFailed(f"was not asked: for {within:g} s it has been busy with {AT_ONCE} other calls") from None
        try:
            yield
        finally:
            turns.release()

    def went_well(self) -> None:
        self.late = 0

    def went_wrong(self, trouble: Trouble, error: HookError) -> None:
        self.troubles.append(trouble)
        if not isinstance(error, HookTimeout):
            return
        self.late += 1
        if self.late >= PATIENCE:
            self._rests_until = self.clock() + REST
        if self.off:
            log.warning("hook_switched_off", file=self.path.name, reason=self.off)

    def loaded(self, hooks: Asking) -> None:
        """A new version, about which nothing bad is known."""
        self.hooks, self.broken, self.late, self._rests_until = hooks, "", 0, -math.inf


class HookFolder:
    def __init__(self, folder: Path, *, zone: tzinfo, threads: Threads) -> None:
        self.folder = folder
        self._zone = zone
        self._threads = threads
        self._files: dict[str, HookFile] = {}
        self._listed: tuple[int, int] | None = None  # time and inode of the folder that was listed
        self._loading = asyncio.Lock()
        self._ready = False  # all files have been read once

    @property
    def files(self) -> list[HookFile]:
        """In the order of their names, which is the order in which they are asked."""
        return [self._files[name] for name in sorted(self._files)]

    async def look(self) -> None:
        """Loads what is new. Only who comes first waits for a file that is slow to load; meanwhile the others have the
        last good versions, once there are any."""
        if not self._changed() or (self._ready and self._loading.locked()):
            return
        async with self._loading:
            for path in self._list():
                file = self._files.setdefault(path.name, HookFile(path=path))
                stamp = stamp_of(path)
                if stamp is not None and (file.stamp != stamp or file.young):
                    await self._read(file, stamp)
            self._ready = True

    def _changed(self) -> bool:
        return self._folder_stamp() != self._listed or any(
            file.young or file.stamp != stamp_of(file.path) for file in self._files.values()
        )

    def _folder_stamp(self) -> tuple[int, int] | None:
        try:
            found = self.folder.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino

    def _list(self) -> list[Path]:
        """Files that may be hooks; those that are gone are forgotten."""
        listed = self._folder_stamp()
        paths = list(candidates(self.folder))
        for name in self._files.keys() - {path.name for path in paths}:
            log.info("hook_file_gone", file=name)
            del self._files[name]
        self._listed = (0, 0) if listed and is_young(listed[0]) else listed
        return paths

    async def _read(self, file: HookFile, stamp: Stamp) -> None:
        """A Python file's text is compared as well, where its time may not tell a change."""
        young = is_young(stamp[0])
        try:
            source = await asyncio.to_thread(file.path.read_bytes) if file.path.suffix == ".py" else b""
        except OSError as error:
            file.broken = f"{file.path.name} cannot be read: {error.strerror}"
        else:
            if stamp != file.stamp or source != file.source:
                await self._load(file, source)
        file.stamp, file.young = stamp, young

    async def _load(self, file: HookFile, source: bytes) -> None:
        file.source = source
        try:
            hooks = await self._hooks_in(file.path, source)
        except (HookBroken, OSError) as error:
            file.broken = str(error)
            log.warning("hook_file_broken", file=file.path.name, reason=file.broken)
        else:
            file.loaded(hooks)
            log.info("hook_file_loaded", file=file.path.name, hooks=sorted(hooks.names), strange=hooks.strange)

    async def _hooks_in(self, path: Path, source: bytes) -> Asking:
        """Raises `HookBroken`."""
        for there in (path, self.folder):
            if there.stat().st_mode & stat.S_IWOTH:
                raise HookBroken(f"{there} can be changed by anybody on this machine: chmod o-w it")
        match path.suffix:
            case ".py":
                return await PythonHooks.load(path, source, self._threads)
            case ".php":
                return Script(path, self._zone)
        return Program(path)


def candidates(folder: Path) -> Iterator[Path]:
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return
    shown = [path for path in entries if not is_passed_over(path.name)]
    scripts = [path for path in shown if path.suffix == ".php"]
    for path in shown:
        with suppress(OSError):  # gone meanwhile, or closed to us
            if path.is_file() and may_be_hook(path, scripts):
                yield path


def is_passed_over(name: str) -> bool:
    """What is hidden, or an editor's copy; and a name in another alphabet than UTF-8, which no page could show."""
    return name.startswith((".", "_")) or name.endswith("~") or not name.isprintable()


def may_be_hook(path: Path, scripts: Iterable[Path]) -> bool:
    """What another script names is included by that; any other name that is no hook's is a mistake, to be told."""
    match path.suffix:
        case ".py":
            return True
        case ".php":
            others = (one for one in scripts if one != path)
            return bool(script_hooks(path)) or not any(path.name.encode() in one.read_bytes() for one in others)
    return is_program(path) or lacks_run_bit(path)


def lacks_run_bit(path: Path) -> bool:
    if hook_in(path) not in SPECS:
        return False
    with path.open("rb") as file:
        return file.read(2) == b"#!"


def is_young(modified: int) -> bool:
    """`modified`: nanoseconds of the file system's clock."""
    return time.time() - modified / 1e9 < YOUNG


def stamp_of(path: Path) -> Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino, found.st_mode
