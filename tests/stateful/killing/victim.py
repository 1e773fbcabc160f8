"""`ringbridge run` as its own process, which lives many short lives on the same data."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

PATIENCE = 60.0  # seconds for a command, and for the death of a process that was killed
LINK_IS_UP = ("pbx_link_changed", "state=ready")


class Victim:
    """`folder` holds the database, the key and the log of all lives."""

    def __init__(self, folder: Path) -> None:
        self.database = folder / "ringbridge.db"
        self.log = folder / "ringbridge.log"
        self._environment: Mapping[str, str] = {
            **os.environ,
            "RINGBRIDGE_DATA": str(folder),
            "RINGBRIDGE_PORT": "0",
            "RINGBRIDGE_CONFIG": str(folder / "ringbridge.toml"),
        }

    async def configure(self, office_file: Path) -> None:
        process = await self._command("config", "import", str(office_file))
        async with asyncio.timeout(PATIENCE):
            _, said = await process.communicate()
        assert process.returncode == 0, said.decode()

    @asynccontextmanager
    async def living(self, tell: Callable[[str], None]) -> AsyncIterator[Life]:
        """One life; `tell` is given each line it says. Whoever leaves the block leaves it dead."""
        life = Life(await self._command("run"))
        async with asyncio.TaskGroup() as group:
            group.create_task(life.listen(tell, self.log))
            try:
                yield life
            finally:
                life.kill()
                async with asyncio.timeout(PATIENCE):
                    await life.over.wait()

    async def _command(self, *arguments: str) -> asyncio.subprocess.Process:
        # setpriv: the kernel kills it when the tests die, however that happens.
        return await asyncio.create_subprocess_exec(
            *("setpriv", "--pdeathsig", "KILL", sys.executable, "-m", "ringbridge.cli", *arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env=self._environment,
        )


class Life:
    """From its birth to its death."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        self.over = asyncio.Event()
        self.ready = asyncio.Event()  # its link to the PBX is up
        self.killed = False
        self._process, self._stream = process, process.stderr

    def kill(self) -> None:
        """SIGKILL: as the out-of-memory killer does it, and for our purposes a power cut."""
        if not self.killed and self._process.returncode is None:
            self.killed = True
            self._process.kill()

    @property
    def died_by_itself(self) -> bool:
        return self.over.is_set() and not self.killed

    async def listen(self, tell: Callable[[str], None], path: Path) -> None:
        with path.open("ab") as file:
            async for line in self._stream:
                file.write(line)
                text = line.decode(errors="replace")
                if all(word in text for word in LINK_IS_UP):
                    self.ready.set()
                tell(text)
        await self._process.wait()
        self.over.set()
