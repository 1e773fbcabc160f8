"""Hooks in any language: a program that gets JSON and gives JSON.

It runs with an empty environment in an empty folder of its own, in a session of its own that is killed when the
program ends or its time is over, with whatever it started. Limits are set before it begins: memory, the size of files,
processor time, and processes, which the system counts for the service's user (and never for root). RLIMIT_DATA limits
memory and not RLIMIT_AS: Go, Java and Node reserve addresses by the gigabyte and use few of them.

Blocking: it is run in a thread.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ringbridge.hooks.outcome import HookFailed, HookTimeout

MIB = 1024 * 1024
KEPT_COMPLAINT = 4096  # bytes of standard error that are shown

# Standard shell (POSIX): file sizes in blocks of 512 bytes, memory in KiB, processor time in seconds. The number of
# processes is -u in bash and -p in dash, which has no -u.
LAUNCH = """\
ulimit -c 0; ulimit -d "$1"; ulimit -f "$2"; ulimit -t "$3"; ulimit -u "$4" 2>/dev/null || ulimit -p "$4"
shift 4; exec "$@"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    memory: int = 1024 * MIB  # bytes of data
    file: int = 256 * MIB  # bytes of a file that it writes: an mp3 of an hour has 30
    output: int = MIB  # bytes that it may say
    processes: int = 1024


def run(command: Sequence[str], told: bytes, *, within: float, hook: str, limits: Limits | None = None) -> bytes:
    """What the program says. Raises `HookTimeout`, `HookFailed`."""
    limits = limits or Limits()
    numbers = (limits.memory // 1024, limits.file // 512, int(within) + 1, limits.processes)
    launch = ["/bin/sh", "-c", LAUNCH, "hook", *map(str, numbers), *command]
    # Who escaped the killing may still write there.
    empty = tempfile.TemporaryDirectory(prefix="ringbridge-hook-", ignore_cleanup_errors=True)
    with empty as folder, tempfile.TemporaryFile() as heard:
        heard.write(told)
        heard.seek(0)
        environment = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
            "HOME": folder,
            "TMPDIR": folder,
            "RINGBRIDGE_HOOK": hook,
        }
        try:
            process = subprocess.Popen(  # noqa: S603 - the office's own program, without a shell between
                launch,
                stdin=heard,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=folder,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            raise HookFailed(f"cannot be started: {error}") from error
        with process:
            try:
                said, complained = _listen(process, within, limits.output)
            finally:
                _end(process)
    if process.returncode:
        raise HookFailed(f"{_ending(process.returncode)}{_words(complained)}")
    return said


def _listen(process: subprocess.Popen[bytes], within: float, most: int) -> tuple[bytes, bytes]:
    """What it says and complains until it ends. A program that it left behind may keep the pipes open: its end counts,
    not theirs."""
    until = time.monotonic() + within
    said, complained = bytearray(), bytearray()
    ending = os.pidfd_open(process.pid)
    try:
        with selectors.DefaultSelector() as selector:
            for pipe, kept in zip(filter(None, (process.stdout, process.stderr)), (said, complained), strict=True):
                os.set_blocking(pipe.fileno(), False)
                selector.register(pipe, selectors.EVENT_READ, kept)
            selector.register(ending, selectors.EVENT_READ)
            over = False
            while not over:
                ready = selector.select(max(0.0, until - time.monotonic()))
                over = any(key.fd == ending for key, _ in ready)
                if not ready:
                    raise HookTimeout(f"did not end within {within:g} s and was killed{_words(complained)}")
                for key in list(selector.get_map().values()):
                    if key.data is not None and not _take(key.fileobj, key.data):  # type: ignore[arg-type]
                        selector.unregister(key.fileobj)
                if len(said) > most:
                    raise HookFailed(f"said more than {most} bytes and was killed")
                del complained[:-KEPT_COMPLAINT]
    finally:
        os.close(ending)
    return bytes(said), bytes(complained)


def _take(pipe: IO[bytes], kept: bytearray) -> bool:
    """What has been said by now; false once nothing more can come."""
    while True:
        try:
            piece = os.read(pipe.fileno(), 65536)
        except BlockingIOError:
            return True
        kept += piece
        if not piece:
            return False
        if len(piece) < 65536 or len(kept) > 4 * MIB:
            return True


def _end(process: subprocess.Popen[bytes]) -> None:
    """With everything that it started. The leader is not waited for before that, so its number is nobody else's."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _ending(code: int) -> str:
    if code >= 0:
        return f"ended with status {code}"
    name = signal.Signals(-code).name
    why = {"SIGXFSZ": ": it wrote too large a file", "SIGXCPU": ": it used too much processor time"}.get(name, "")
    return f"was ended by {name}{why}"


def _words(complained: bytes | bytearray) -> str:
    text = " ".join(complained.decode("utf-8", "replace").split())
    return f": {text[-500:]}" if text else ""


def is_program(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)
