"""Ringbridge as the office runs it: its own process, configured by a file, known only by what it says and does."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from tests.office.office import MANAGER, Office

PATIENCE = 120.0  # seconds for starting and for stopping: only a guard
LINK_IS_UP = ("pbx_link_changed", "state=ready")


class Connector:
    """`folder` holds the database, the key and the log; the page is at the office's own address, port 8077."""

    def __init__(self, folder: Path, *, host: str) -> None:
        self.address = f"http://{host}:8077"
        self._folder = folder
        self._environment: Mapping[str, str] = {
            **os.environ,
            "RINGBRIDGE_DATA": str(folder),
            "RINGBRIDGE_HOST": host,
            "RINGBRIDGE_CONFIG": str(folder / "ringbridge.toml"),
        }
        self._process: asyncio.subprocess.Process | None = None

    @property
    def ended(self) -> bool:
        """It was started, and runs no more."""
        return self._process is not None and self._process.returncode is not None

    @property
    def hooks(self) -> Path:
        """Where the office's own code goes."""
        return self._folder / "hooks"

    async def configure(self, office_file: str) -> None:
        """`ringbridge config import`."""
        path = self._folder / "office.toml"
        await asyncio.to_thread(path.write_text, office_file, "utf-8")
        process = await self._command("config", "import", str(path))
        _, said = await process.communicate()
        assert process.returncode == 0, said.decode()

    async def command(self, *arguments: str) -> tuple[int, str]:
        """What another `ringbridge` command ends with and says, beside the one that runs."""
        process = await self._command(*arguments, stdout=asyncio.subprocess.PIPE)
        said, _ = await process.communicate()
        return process.returncode or 0, said.decode()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Log]:
        """`ringbridge run`, from the moment its link to the PBX is up; ends as systemd ends it, and must end well."""
        process = self._process = await self._command("run")
        log = Log(process, self._folder / "ringbridge.log")
        async with asyncio.TaskGroup() as group:
            group.create_task(log.read())
            try:
                await log.until_link_is_up()
                yield log
            finally:
                await self._stop(process)
        assert process.returncode in {0, -signal.SIGKILL}, log.tail()

    def kill(self) -> None:
        """As the out-of-memory killer does it."""
        if self._process is not None:
            self._process.kill()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It hangs, as on a machine whose disk does not answer: its ports are open, and nobody reads them."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    async def _stop(self, process: asyncio.subprocess.Process) -> None:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(PATIENCE):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise AssertionError(f"Ringbridge did not stop within {PATIENCE} s") from None

    async def _command(self, *arguments: str, stdout: int = asyncio.subprocess.DEVNULL) -> asyncio.subprocess.Process:
        # setpriv: the kernel kills it when the tests die, however that happens.
        return await asyncio.create_subprocess_exec(
            *("setpriv", "--pdeathsig", "KILL", sys.executable, "-m", "ringbridge.cli", *arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=stdout,
            stderr=asyncio.subprocess.PIPE,
            env=self._environment,
        )


class Log:
    """What the process says, kept in a file and watched for one line."""

    def __init__(self, process: asyncio.subprocess.Process, path: Path) -> None:
        assert process.stderr is not None
        self.links = 0  # how often the link to the PBX came up
        self._stream, self._path = process.stderr, path
        self._said = asyncio.Event()
        self._over = False

    async def read(self) -> None:
        with self._path.open("ab") as file:
            async for line in self._stream:
                file.write(line)
                file.flush()
                self.links += all(word.encode() in line for word in LINK_IS_UP)
                self._said.set()
        self._over = True
        self._said.set()

    async def until_link_is_up(self, times: int = 1) -> None:
        """Until the link came up for this time."""
        async with asyncio.timeout(PATIENCE):
            while self.links < times:
                if self._over:
                    raise AssertionError(f"Ringbridge ended before it had a link to the PBX:\n{self.tail()}")
                self._said.clear()
                await self._said.wait()

    def tail(self) -> str:
        return self._path.read_text("utf-8", "replace")[-4000:]


def pbx_part(office: Office, *, public_address: str = "") -> str:
    """The configuration of this office's telephony. `public_address`: how the CRMs' people reach Ringbridge."""
    user, secret = MANAGER
    return f"""
region = "RU"
timezone = "Europe/Moscow"
{f'public_address = "{public_address}"' if public_address else ""}

[[pbx]]
name = "main"
host = "{office.address}"
username = "{user}"
secret = "{secret}"
recordings = [{{ pbx = "{office.recordings}" }}]

[[trunk]]
name = "comtel"

[[trunk]]
name = "volga"
line = "Volga"
"""


def portal_part(*, webhook: str, default_user: int) -> str:
    """A Bitrix24 portal, whose employees are found by their extensions. `request_limit` is small because it bounds
    how soon a request whose answer was lost is tried again."""
    return f"""
[[portal]]
name = "bitrix"
webhook = "{webhook}"
default_user = "{default_user}"
allow_http = true
allow_private = true
request_limit = 2
"""


def office_file(office: Office, *, webhook: str, default_user: int) -> str:
    """The configuration of this office with one Bitrix24 portal."""
    return pbx_part(office) + portal_part(webhook=webhook, default_user=default_user)
