"""A real Asterisk of its own folder and its own loopback addresses, unpacked below .cache (see scripts/setup-tests).

Every instance takes one /24 of 127.0.0.0/8, so that any number run side by side, on the standard ports, without root
and without a network namespace. It dies with the process that started it: a forgotten Asterisk would answer the next
test's phones.
"""

from __future__ import annotations

import os
import select
import shutil
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom
from typing import Self

UNPACKED = Path(__file__).parents[2] / ".cache" / "asterisk22"
BOOT_SECONDS = 60.0  # the limit, not the time it takes (one second)


class Network:
    """A /24 of the loopback, claimed for as long as it is open."""

    def __init__(self) -> None:
        self._claim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for _ in range(100):
            self.prefix = f"127.{SystemRandom().randint(64, 127)}.{SystemRandom().randint(1, 254)}"
            try:
                self._claim.bind((self.address(254), 5060))
            except OSError:
                continue
            return
        raise OSError("no free /24 on the loopback")

    def address(self, host: int) -> str:
        return f"{self.prefix}.{host}"

    def close(self) -> None:
        self._claim.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """The unpacked Asterisk and its own loader: the system's libraries are too old or not there."""

    root: Path

    @property
    def _libraries(self) -> Path:
        return next((self.root / "usr" / "lib").glob("*-linux-gnu"))

    @property
    def modules(self) -> Path:
        return self._libraries / "asterisk" / "modules"

    @property
    def data(self) -> Path:
        return self.root / "usr" / "share" / "asterisk"

    def command(self, *arguments: str) -> list[str]:
        loader = next(self._libraries.glob("ld-linux-*.so.*"))
        return [str(loader), "--library-path", str(self._libraries), str(self.root / "usr/sbin/asterisk"), *arguments]


class Asterisk:
    """One running PBX. `settings` fill the @NAMES@ in the configuration files of `etc`."""

    def __init__(self, folder: Path, *, etc: Path, settings: dict[str, str], program: Program) -> None:
        self.folder = folder
        self._program = program
        self._config = folder / "etc"
        self._log = folder / "console.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._write_configuration(etc, settings)

    def start(self) -> None:
        """Returns when Asterisk says that it is fully booted."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices, self._log.open("ab") as log:
            notice_path = self.folder / "notify"
            notice_path.unlink(missing_ok=True)
            notices.bind(str(notice_path))
            # setpriv: the kernel kills it when this process dies, however that happens.
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *self._asterisk("-f", "-vvv")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, "NOTIFY_SOCKET": str(notice_path)},
            )
            self._wait_for_boot(notices)

    def cli(self, command: str) -> str:
        """What the PBX's console answers."""
        done = subprocess.run(self._asterisk("-rx", command), capture_output=True, timeout=60, check=True)
        return done.stdout.decode("utf-8", "replace")

    def log(self) -> str:
        """What the PBX has written down so far."""
        return (self.folder / "var/log/full").read_text("utf-8", "replace")

    def kill(self) -> None:
        """As a power cut does it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()

    def restart(self) -> None:
        """Everything of its state is lost but what it keeps on disk: registrations stay. To be called in the main
        thread: the kernel would take the end of a worker thread for the death of the parent."""
        self.stop()
        self.start()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _asterisk(self, *arguments: str) -> list[str]:
        return self._program.command("-C", str(self._config / "asterisk.conf"), *arguments)

    def _wait_for_boot(self, notices: socket.socket) -> None:
        assert self._process is not None
        exit_watch = os.pidfd_open(self._process.pid)
        try:
            readable, _, _ = select.select([notices.fileno(), exit_watch], [], [], BOOT_SECONDS)
        finally:
            os.close(exit_watch)
        if notices.fileno() not in readable:
            self.kill()
            log = self._log.read_text(errors="replace")[-2000:]
            raise RuntimeError(f"Asterisk did not boot; the end of {self._log}:\n{log}")

    def _write_configuration(self, etc: Path, settings: dict[str, str]) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        var = self.folder / "var"
        for name in ("lib", "spool/voicemail", "spool/tmp", "run", "log/cdr-custom", "agi-bin", "cache"):
            (var / name).mkdir(parents=True)
        self._config.mkdir()
        program = {"MODULES": self._program.modules, "DATA": self._program.data}
        folders = {"ETC": self._config, "VAR": var, "RUN": var / "run"}
        known = {**{name: str(path) for name, path in {**program, **folders}.items()}, **settings}
        for source in etc.glob("*.conf"):
            text = source.read_text("utf-8")
            for name, value in known.items():
                text = text.replace(f"@{name}@", value)
            (self._config / source.name).write_text(text, "utf-8")
