"""Log files that somebody else writes: read on from where we were, through rotation and torn lines.

A record ends with a line's end outside quotes (names and variables may hold line ends). What has no end yet is left
for the next time. A line that cannot be read is skipped and named; its neighbours are not lost.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import BinaryIO, TypeVar

from ringbridge.ami.decoding import decode
from ringbridge.pbx.history.columns import CEL_COLUMNS, BadRow, LogKind, cdr_columns, cdr_row, cel_row, named
from ringbridge.pbx.history.rows import CdrRow, CelRow

# A quote that is never closed must not swallow the rest of the file.
LONGEST_RECORD = 64 * 1024  # bytes
MOST_LINES = 20
CLOSE_ENOUGH = 256 * 1024  # bytes that may be read for nothing
DISORDER = timedelta(hours=1)  # how far the lines of a log may be out of their order: records written in batches
Row = TypeVar("Row", CdrRow, CelRow)
SHOWN_PROBLEMS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far a file was read."""

    inode: int = 0
    offset: int = 0  # bytes
    line: int = 0  # lines before it


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    line: int  # its first line, counted from 1
    values: list[str]


@dataclass(slots=True)
class LogFile:
    """One CSV log. `read` goes on from `position`; whoever keeps the position over a restart reads nothing twice."""

    path: Path
    position: Position = field(default_factory=Position)
    start: int = 0  # the offset of the first reading, where the beginning does not matter
    problems: list[str] = field(default_factory=list)  # what could not be read: file, line and why
    bad: int = 0  # how many lines that were, also those that are no longer shown

    def read(self) -> Iterator[Record]:
        """What is new since the last time. A file that is not there yet is empty. Raises OSError."""
        for path in self._parts():
            yield from self._read_part(path)

    def complain(self, line: int, reason: str) -> None:
        self.bad += 1
        if len(self.problems) < SHOWN_PROBLEMS:
            behind = f" after byte {self.start}" if self.start else ""
            self.problems.append(f"{self.path}, line {line}{behind}: {reason}")

    def _parts(self) -> list[Path]:
        """The file, and before it the rotated one that we were reading, if it is still beside it."""
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return []
        if status.st_ino == self.position.inode:
            if status.st_size < self.position.offset:  # emptied in its place
                self.position = Position(inode=status.st_ino)
            return [self.path]
        rotated = [p for p in self.path.parent.glob(f"{self.path.name}*") if p.stat().st_ino == self.position.inode]
        return [*rotated[:1], self.path]

    def _read_part(self, path: Path) -> Iterator[Record]:
        with path.open("rb") as file:
            inode = path.stat().st_ino
            if inode != self.position.inode:
                self.position = Position(inode=inode, offset=0 if self.position.inode else self.start)
            file.seek(self.position.offset)
            pending = b""
            while line := file.readline(LONGEST_RECORD):
                pending += line
                if line.endswith(b"\n") and pending.count(b'"') % 2 == 0:
                    yield from self._record(pending)
                    pending = b""
                elif len(pending) >= LONGEST_RECORD or pending.count(b"\n") >= MOST_LINES:
                    pending = self._give_up_line(pending)
                    file.seek(self.position.offset)

    def _record(self, raw: bytes) -> Iterator[Record]:
        line = self.position.line + 1
        self._advance(raw)
        try:
            values = _values(raw)
        except csv.Error as error:
            self.complain(line, str(error))
            return
        if any(values):
            yield Record(line=line, values=values)

    def _give_up_line(self, pending: bytes) -> bytes:
        self.complain(self.position.line + 1, "a quote is never closed")
        first, end, _ = pending.partition(b"\n")
        self._advance(first + end)
        return b""

    def _advance(self, raw: bytes) -> None:
        was = self.position
        self.position = Position(inode=was.inode, offset=was.offset + len(raw), line=was.line + raw.count(b"\n"))


class CsvHistory:
    """CDR and CEL files as a `HistorySource`. It keeps nothing: each question reads its part of the files anew."""

    def __init__(
        self,
        *,
        cdr: Path | None = None,
        cel: Path | None = None,
        zone: tzinfo | None = None,
        cdr_columns: Sequence[str] | None = None,
        cel_columns: Sequence[str] = CEL_COLUMNS,
    ) -> None:
        """`zone` is the PBX's, None means this machine's. `cdr_columns` for a cdr_custom file; without them the file
        is read as cdr_csv's Master.csv."""
        self._cdr, self._cel, self._zone = cdr, cel, zone
        self._cdr_columns, self._cel_columns = cdr_columns, cel_columns
        self._logs: dict[LogKind, LogFile] = {}

    @property
    def problems(self) -> list[str]:
        """What could not be read the last time: file, line and why."""
        return [problem for log in self._logs.values() for problem in log.problems]

    def cdr(self, since: datetime, until: datetime) -> Iterator[CdrRow]:
        """Raises OSError."""
        if self._cdr:
            rows = self._rows(LogKind.CDR, self._cdr, since, self._cdr_row, lambda row: row.end)
            yield from (row for row in rows if since <= row.start <= until)

    def cel(self, since: datetime, until: datetime) -> Iterator[CelRow]:
        """Raises OSError."""
        if self._cel:
            rows = self._rows(LogKind.CEL, self._cel, since, self._cel_row, lambda row: row.time)
            yield from (row for row in rows if since <= row.time <= until)

    def _rows(
        self,
        kind: LogKind,
        path: Path,
        since: datetime,
        row_of: Callable[[list[str]], Row],
        written: Callable[[Row], datetime],
    ) -> Iterator[Row]:
        start = first_offset(path, since - DISORDER, lambda values: written(row_of(values)))
        log = self._logs[kind] = LogFile(path, start=start)
        for record in log.read():
            try:
                yield row_of(record.values)
            except BadRow as error:
                log.complain(record.line, str(error))

    def _cdr_row(self, values: list[str]) -> CdrRow:
        return cdr_row(named(self._cdr_columns or cdr_columns(values), values), self._zone)

    def _cel_row(self, values: list[str]) -> CelRow:
        return cel_row(named(self._cel_columns, values), self._zone)


def first_offset(path: Path, since: datetime, written: Callable[[list[str]], datetime]) -> int:
    """Where to begin reading a log whose lines were written in the order of time, so that years of it need not be
    read for an hour's sake: the beginning of a line older than `since`, found by halving. Raises OSError."""
    if not path.is_file():
        return 0
    low, high, start = 0, path.stat().st_size, 0
    with path.open("rb") as file:
        while high - low > CLOSE_ENOUGH:
            middle = (low + high) // 2
            found = _first_row(file, middle, written)
            if found and found[1] < since:
                low, start = middle, found[0]
            else:
                high = middle
    return start


def _first_row(file: BinaryIO, offset: int, written: Callable[[list[str]], datetime]) -> tuple[int, datetime] | None:
    """The first record behind the offset, and when it was written. The offset may lie in the middle of one."""
    file.seek(offset)
    file.readline(LONGEST_RECORD)
    for _ in range(MOST_LINES):
        at = file.tell()
        line = file.readline(LONGEST_RECORD)
        behind = file.tell()
        try:
            return at, written(_values(_whole(file, line)))
        except (BadRow, csv.Error):
            file.seek(behind)  # the second half of a record: try the next line
    return None


def _whole(file: BinaryIO, record: bytes) -> bytes:
    for _ in range(MOST_LINES):
        if record.count(b'"') % 2 == 0:
            break
        record += file.readline(LONGEST_RECORD)
    return record


def _values(raw: bytes) -> list[str]:
    """Raises csv.Error."""
    return next(csv.reader([decode(raw.replace(b"\0", b""))[0]]), [])
