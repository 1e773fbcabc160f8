"""The call detail records the emulated Asterisk appends to a file, in the order of Asterisk's ``Master.csv``.

Columns: accountcode, src, dst, dcontext, clid, channel, dstchannel, lastapp, lastdata, start, answer, end, duration,
billsec, disposition, amaflags, uniqueid, userfield, peeraccount, linkedid, sequence: what cdr_csv writes with
``loguniqueid``, ``loguserfield`` and ``newcdrcolumns`` set in cdr.conf.
"""

from __future__ import annotations

import csv
from pathlib import Path

from ringbridge.ami.message import Message

_COLUMNS = (
    "AccountCode",
    "Source",
    "Destination",
    "DestinationContext",
    "CallerID",
    "Channel",
    "DestinationChannel",
    "LastApplication",
    "LastData",
    "StartTime",
    "AnswerTime",
    "EndTime",
    "Duration",
    "BillableSeconds",
    "Disposition",
    "AMAFlags",
    "UniqueID",
    "UserField",
)
_NUMBERS = {"Duration", "BillableSeconds"}
_REMEMBERED = 1000  # channels; a Cdr may come after its channel's end


class Records:
    """``see`` every event that is sent; a ``Cdr`` becomes a row."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written = 0
        self._calls: dict[str, str] = {}  # Uniqueid -> Linkedid, of the latest channels
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    def see(self, event: Message) -> None:
        uniqueid = event.get("Uniqueid")
        if event.event == "Cdr":
            self._append(event, self._calls.get(uniqueid, uniqueid))
        elif linkedid := event.get("Linkedid"):
            self._calls[uniqueid] = linkedid
            if len(self._calls) > _REMEMBERED:
                del self._calls[next(iter(self._calls))]

    def _append(self, event: Message, linkedid: str) -> None:
        values = [int(event.get(name) or 0) if name in _NUMBERS else event.get(name) for name in _COLUMNS]
        with self._path.open("a", newline="") as file:
            row = [*values, "", linkedid, self._written]
            csv.writer(file, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n").writerow(row)
        self._written += 1
