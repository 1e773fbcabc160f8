"""Which records belong to one call.

Linkedid says it for most. A pickup, an attended transfer by phone or a conference joins calls that began apart: their
channels change their Linkedid, or meet in one bridge, or stand in each other's records by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import TypeVar

from ringbridge.pbx.history.rows import CdrRow, CelRow, local_base

NEAR = timedelta(seconds=5)

Row = TypeVar("Row", CdrRow, CelRow)


class Groups:
    """Things that were said to belong together, and therefore do."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def root(self, thing: str) -> str:
        parent = self._parent
        while (above := parent.setdefault(thing, thing)) != thing:
            parent[thing] = parent[above]
            thing = parent[thing]
        return thing

    def join(self, things: Iterable[str]) -> None:
        first, *others = (thing for thing in things if thing)
        for other in others:
            self._parent[self.root(other)] = self.root(first)


def cel_groups(rows: Iterable[CelRow]) -> Iterator[list[CelRow]]:
    """The events of each call, in their order."""
    rows = list(rows)
    groups = Groups()
    for row in rows:
        groups.join((row.linkedid, row.uniqueid, "" if row.waits else row.said("bridge_id")))
    return iter(_sorted_out((groups.root(row.linkedid), row) for row in rows))


def cdr_groups(rows: Iterable[CdrRow]) -> Iterator[list[CdrRow]]:
    """The records of each call, in the order in which their legs began.

    Channel names come again after a restart of the PBX, so a name joins only records that touch in time.
    """
    rows = sorted(rows, key=lambda row: (row.start, row.end))
    groups = Groups()
    last: dict[str, tuple[int, CdrRow]] = {}
    keys = [_key(index, row) for index, row in enumerate(rows)]
    for index, row in enumerate(rows):
        groups.join((keys[index], row.uniqueid))
        for name in _names(row):
            before = last.get(name)
            if before and row.start <= before[1].end + NEAR:
                groups.join((keys[before[0]], keys[index]))
            if not before or before[1].end <= row.end:
                last[name] = (index, row)
    return iter(_sorted_out((groups.root(keys[index]), row) for index, row in enumerate(rows)))


def _key(index: int, row: CdrRow) -> str:
    return row.linkedid or row.uniqueid or f"row {index}"


def _names(row: CdrRow) -> Sequence[str]:
    return [local_base(name) or name for name in (row.channel, row.dstchannel) if name]


def _sorted_out(pairs: Iterable[tuple[str, Row]]) -> list[list[Row]]:
    found: dict[str, list[Row]] = {}
    for root, row in pairs:
        found.setdefault(root, []).append(row)
    return list(found.values())
