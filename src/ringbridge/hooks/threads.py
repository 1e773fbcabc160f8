"""Threads for the code of others: it may hang, and nothing here waits for it then.

A thread whose work did not end in time goes astray: it cannot be stopped, and another one takes its place. They are
daemons, so a service that stops does not wait for them either.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ringbridge.hooks.outcome import HookFailed, HookTimeout

T = TypeVar("T")

Work = Callable[[asyncio.Runner], T]
"""Done in a thread; the runner is for coroutines, in an event loop of the thread's own."""

MOST = 8  # at once
MOST_ASTRAY = 16


@dataclass(slots=True)
class Strays:
    """How many threads are at work for which nobody waits any more."""

    count: int = 0


class _Job(Generic[T]):
    """One piece of work, between the loop that waits for it and the thread that does it."""

    def __init__(self, work: Work[T], strays: Strays) -> None:
        self._work = work
        self.strays = strays
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[T] = self.loop.create_future()
        self.is_astray = False
        self._lock = threading.Lock()
        self._over = False

    def end(self) -> bool:
        """By the thread when it is done, by the loop when it waits no longer: true for who comes first."""
        with self._lock:
            first, self._over = not self._over, True
        return first

    def give_up(self, within: float) -> None:
        """Nothing, where it has ended."""
        if not self.end():
            return
        self.is_astray = True
        if not self.future.done():
            self.future.set_exception(HookTimeout(f"did not end within {within:g} s"))

    def do(self, runner: asyncio.Runner) -> bool:
        """In the thread. False: nobody waited for it."""
        service = os.getpid()
        result: Any = None
        failure: BaseException | None = None
        try:
            result = self._work(runner)
        except BaseException as error:  # noqa: BLE001 - the code of others may even call exit()
            failure = error
        if os.getpid() != service:
            os._exit(0)  # it forked: the copy holds our ports and files, and must not go on as a second service
        if not self.end():
            return False
        with contextlib.suppress(RuntimeError):  # the loop is closed: the service has stopped
            self.loop.call_soon_threadsafe(self._tell, result, failure)
        return True

    def _tell(self, result: Any, failure: BaseException | None) -> None:
        if self.future.done():
            return
        if failure is None:
            self.future.set_result(result)
        elif isinstance(failure, Exception) and not isinstance(failure, StopIteration):
            self.future.set_exception(failure)
        else:
            self.future.set_exception(HookFailed(f"{type(failure).__name__}: {failure}"))


class Threads:
    """Make it inside the event loop that uses it, and `close` it."""

    def __init__(self, most: int = MOST) -> None:
        self._places = asyncio.Semaphore(most)
        self._jobs: queue.SimpleQueue[_Job[Any] | None] = queue.SimpleQueue()
        self._alive = 0
        self._idle = 0
        self._astray = 0

    async def run(self, work: Work[T], within: float, *, grace: float = 0.0, strays: Strays | None = None) -> T:
        """Raises what the work raises, and `HookTimeout` when it has not ended `within` seconds of its beginning.
        `grace`: more seconds for work that keeps the time itself, and has only to clean up. `strays` counts the threads
        that this work, and other work of its kind, has led astray and not given back yet."""
        if self._astray >= MOST_ASTRAY:
            raise HookFailed(f"{self._astray} hooks hang: mend them, and restart the service")
        async with self._places:
            job = _Job(work, strays or Strays())
            self._start(job)
            limit = job.loop.call_later(within + grace, job.give_up, within)
            try:
                return await job.future
            finally:
                limit.cancel()
                job.give_up(within)  # whoever waits for it may have been cancelled
                if job.is_astray:
                    self._astray += 1
                    job.strays.count += 1
                    self._alive -= 1
                else:
                    self._idle += 1

    def close(self) -> None:
        for _ in range(self._alive):
            self._jobs.put(None)

    def _start(self, job: _Job[Any]) -> None:
        if self._idle:
            self._idle -= 1
        else:
            self._alive += 1
            threading.Thread(target=self._serve, name="hooks", daemon=True).start()
        self._jobs.put(job)

    def _serve(self) -> None:
        with asyncio.Runner() as runner:
            while (job := self._jobs.get()) is not None:
                if not job.do(runner):
                    with contextlib.suppress(RuntimeError):
                        job.loop.call_soon_threadsafe(self._found_again, job.strays)
                    return

    def _found_again(self, strays: Strays) -> None:
        self._astray -= 1
        strays.count -= 1
