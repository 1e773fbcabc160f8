"""The database: one file, one writer at a time, readers that never wait.

SQLite in WAL mode lets readers go on while one connection writes. All writes of this process pass one door
(`transaction`), so nobody meets "database is locked"; another process that writes (the command line) is waited for.
`synchronous=FULL`: what was committed survives a power cut.

What may wait has a thread: a transaction that finds another process writing, each commit (for the disk), and every
query of a reader, which may be long. The statements in between touch a few rows by their index, and so does a glance:
they run where they are asked for, since to hand one to a thread and back costs more than to carry it out.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import IO, Any, ParamSpec, Self, TypeVar

from sqlalchemy import Connection, Engine, Executable, Result, create_engine, event, make_url
from sqlalchemy.dialects.sqlite import Insert, insert
from sqlalchemy.pool import QueuePool

from ringbridge.store.errors import InUse, NotWritable, StoreError, in_plain_words
from ringbridge.store.migration import upgrade

BUSY_TIMEOUT = 30  # seconds that another process's write is waited for
READERS = 4
IMMEDIATELY = "BEGIN IMMEDIATE"

P = ParamSpec("P")
T = TypeVar("T")
Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]]

__all__ = ["Database", "Insert", "Transaction", "insert"]


class Threads:
    """Where this process waits for the database."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(READERS + 1, thread_name_prefix="database")

    async def run(self, work: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
        """To its end, whoever is cancelled meanwhile."""
        running = asyncio.get_running_loop().run_in_executor(self._pool, lambda: work(*args, **named))
        return await uninterrupted(running)

    def close(self) -> None:
        self._pool.shutdown()


class Transaction:
    """Statements that are written together, or read from one moment. Ends with its `async with` block."""

    def __init__(self, connection: Connection, threads: Threads) -> None:
        self._connection = connection
        self._threads = threads
        self._afterwards: list[Callable[[], None]] = []

    async def execute(self, statement: Executable, parameters: Parameters | None = None) -> Result[Any]:
        return self._connection.execute(statement, parameters)

    def after_commit(self, act: Callable[[], None]) -> None:
        """Call `act` once what was written here is durable; never when it is rolled back."""
        self._afterwards.append(act)

    async def commit(self) -> None:
        await uninterrupted(self._commit())

    async def _commit(self) -> None:
        await self._threads.run(self._connection.commit)
        for act in self._afterwards:
            act()


class _Reading(Transaction):
    async def execute(self, statement: Executable, parameters: Parameters | None = None) -> Result[Any]:
        return await self._threads.run(self._read, statement, parameters)

    def _read(self, statement: Executable, parameters: Parameters | None) -> Result[Any]:
        """With all its rows: none is fetched outside of the thread."""
        return self._connection.execute(statement, parameters).freeze()()


class _Glance(Transaction):
    async def execute(self, statement: Executable, parameters: Parameters | None = None) -> Result[Any]:
        """With all its rows: one that is left unread would keep every later glance in this moment."""
        return self._connection.execute(statement, parameters).freeze()()


class Database:
    """Open it with `Database.open`, close it with `aclose`, or use it as an async context."""

    def __init__(self, path: Path, writer: Engine, readers: Engine, guard: IO[str] | None) -> None:
        self.path = path
        self._writer = writer
        self._readers = readers
        self._glances = engine(path, begin="", size=1)
        self._glancing: Connection | None = None
        self._guard = guard
        self._threads = Threads()
        self._writing = asyncio.Lock()
        self._reading = asyncio.Semaphore(READERS)

    @classmethod
    async def open(cls, url: str, *, sole: bool = False) -> Self:
        """Open (and create, and bring up to date) the database at e.g. ``sqlite:////var/lib/ringbridge/ringbridge.db``.

        `sole`: refuse when another process has opened it so. The service does: two of them would deliver for one
        another. The lock ends with the process, however it ends.

        Raises `StoreError`: `NotWritable`, `SchemaTooNew`, `InUse`, `DiskFull`, `Damaged`.
        """
        path = path_of(url)
        prepare(path)
        guard = lock(path) if sole else None
        writer = engine(path, begin=IMMEDIATELY, size=1)
        readers = engine(path, begin="BEGIN", size=READERS)
        database = cls(path, writer, readers, guard)
        try:
            with in_plain_words(path):
                await database._threads.run(brought_up_to_date, writer)
        except BaseException:
            await database.aclose()
            raise
        return database

    async def aclose(self) -> None:
        self._threads.close()
        if self._glancing:
            self._glancing.close()
        self._glances.dispose()
        self._readers.dispose()
        self._writer.dispose()
        if self._guard:
            self._guard.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Write. Commits at the end of the block, rolls back when it raises; one at a time, in the order they ask.

        Raises `StoreError` when the file says no, e.g. `DiskFull`; then nothing of the block is stored.
        """
        async with self._writing, self._connected(self._writer) as connection:
            transaction = Transaction(connection, self._threads)
            yield transaction
            await transaction.commit()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Transaction]:
        """Read, from one moment, without waiting for the writer. Cannot write."""
        async with self._reading, self._connected(self._readers) as connection:
            yield _Reading(connection, self._threads)

    @contextmanager
    def glance(self) -> Iterator[Transaction]:
        """Read a few rows by their index, at once, each statement from its own moment. Cannot write. The connection is
        kept open: to take one, to begin and to end cost more than the statement does."""
        with in_plain_words(self.path):
            self._glancing = self._glancing or self._glances.connect()
            yield _Glance(self._glancing, self._threads)

    @asynccontextmanager
    async def _connected(self, engine: Engine) -> AsyncIterator[Connection]:
        with in_plain_words(self.path):
            connection = await self._begun(engine)
            try:
                yield connection
            finally:
                connection.close()  # rolls back what was not committed

    async def _begun(self, engine: Engine) -> Connection:
        try:
            with in_plain_words(self.path):
                return begin(engine, patience=0)
        except InUse:
            return await self._begun_later(engine)

    async def _begun_later(self, engine: Engine) -> Connection:
        """When the other process has done writing."""
        begun: list[Connection] = []
        try:
            await self._threads.run(lambda: begun.append(begin(engine, patience=BUSY_TIMEOUT)))
        except BaseException:
            # Cancelled while it waited: it has begun all the same.
            for connection in begun:
                connection.close()
            raise
        return begun[0]


def begin(engine: Engine, *, patience: int) -> Connection:
    """`patience`: seconds that another process's write is waited for."""
    connection = engine.connect()
    try:
        connection.connection.execute(f"PRAGMA busy_timeout={patience * 1000}")
        connection.begin()
    except BaseException:
        connection.close()
        raise
    return connection


def brought_up_to_date(writer: Engine) -> None:
    with writer.begin() as connection:
        upgrade(connection)


async def uninterrupted(work: Awaitable[T]) -> T:
    """Await `work` to its end, and only then let a cancellation through.

    The driver works in a thread: a statement cannot be called back, and a connection left in the middle of one is lost
    together with the lock it holds.
    """
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled:
        task.exception()  # taken note of: the cancellation goes before it
        raise cancelled
    return task.result()


def path_of(url: str) -> Path:
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        raise StoreError(f"This version keeps its data in SQLite (sqlite:////path/file), not {parsed.drivername}.")
    if not parsed.database or parsed.database == ":memory:":
        raise StoreError("The database needs a file: sqlite:////path/file.")
    return Path(parsed.database)


def prepare(path: Path) -> None:
    """Make the folder and an empty file that only we may read: it will hold people's names and numbers."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise NotWritable(
            f"{path} cannot be written ({error.strerror}): the folder must exist and belong to the service's user."
        ) from error


def lock(path: Path) -> IO[str]:
    """Hold ``<path>.lock`` until the returned file is closed."""
    file = path.with_name(f"{path.name}.lock").open("a+", encoding="ascii")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        file.close()
        raise InUse(f"Another Ringbridge (process {holder}) is running on {path}: stop it first.") from None
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file


def engine(path: Path, *, begin: str, size: int) -> Engine:
    """`begin`: how a transaction of its connections begins; empty: they have none."""
    made = create_engine(
        f"sqlite:///{path}",
        poolclass=QueuePool,
        pool_size=size,
        max_overflow=0,
        connect_args={"timeout": BUSY_TIMEOUT, "check_same_thread": False},
    )

    @event.listens_for(made, "connect")
    def configure(connection: Any, _: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves: the driver would begin too late
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        if begin != IMMEDIATELY:
            cursor.execute("PRAGMA query_only=ON")
        cursor.close()

    @event.listens_for(made, "begin")
    def start(connection: Any) -> None:
        if begin:
            connection.exec_driver_sql(begin)

    return made
