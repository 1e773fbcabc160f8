"""How a line of a log becomes a row.

Layouts, as Asterisk writes them: ``cdr-csv/Master.csv`` (module cdr_csv: sixteen columns, then Uniqueid, user field
and three newer ones, each only where ``cdr.conf`` says so) and ``cel-custom/Master.csv`` (sample ``cel_custom.conf``).
A ``cdr_custom`` or ``cel_custom`` file of an office's own is described by the list of its columns.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum

from ringbridge.pbx.history.rows import CdrRow, CelRow


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


CDR_COLUMNS = _words(
    "accountcode src dst dcontext clid channel dstchannel lastapp lastdata start answer end duration billsec"
    " disposition amaflags"
)
NEWER_CDR_COLUMNS = _words("peeraccount linkedid sequence")
CEL_COLUMNS = _words(
    "eventtype eventtime cidname cidnum cidani cidrdnis ciddnid exten context channame appname appdata amaflags"
    " accountcode uniqueid linkedid bridgepeer userfield userdeftype extra"
)

# Names that cdr_custom mappings, adaptive databases and FreePBX use for the same thing.
ALIASES = {
    "calldate": "start",
    "source": "src",
    "destination": "dst",
    "event": "eventtype",
    "time": "eventtime",
    "channelname": "channame",
    "cid_num": "cidnum",
    "eventextra": "extra",
}

UNIQUEID = re.compile(r"(?:.+-)?\d{9,11}\.\d+")


class LogKind(StrEnum):
    CDR = "cdr"
    CEL = "cel"


class BadRow(ValueError):
    """A line that cannot be read. The text says what is wrong with it."""


def cdr_columns(values: Sequence[str]) -> tuple[str, ...]:
    """Which columns a line of cdr_csv has, by their number and by what stands in the seventeenth."""
    extra = len(values) - len(CDR_COLUMNS)
    newer = NEWER_CDR_COLUMNS if extra >= len(NEWER_CDR_COLUMNS) else ()
    optional: tuple[str, ...]
    match extra - len(newer):
        case 0:
            optional = ()
        case 1:
            optional = ("uniqueid",) if UNIQUEID.fullmatch(values[len(CDR_COLUMNS)]) else ("userfield",)
        case 2:
            optional = ("uniqueid", "userfield")
        case _:
            raise BadRow(f"{len(values)} columns, where Asterisk's Master.csv has 16 to 21: name the file's columns")
    return CDR_COLUMNS + optional + newer


def named(columns: Sequence[str], values: Sequence[str]) -> dict[str, str]:
    if len(values) < len(columns):
        raise BadRow(f"{len(values)} columns instead of {len(columns)}")
    names = (ALIASES.get(column.lower(), column.lower()) for column in columns)
    return dict(zip(names, values, strict=False))


def cdr_row(line: Mapping[str, str], zone: tzinfo | None) -> CdrRow:
    """Raises `BadRow`."""
    start = _time(line, "start", zone)
    seconds = _number(line, "duration")
    return CdrRow(
        start=start,
        end=_time(line, "end", zone) if line.get("end") else start + timedelta(seconds=seconds),
        channel=_needed(line, "channel"),
        dstchannel=line.get("dstchannel", ""),
        src=line.get("src", ""),
        dst=line.get("dst", ""),
        lastapp=line.get("lastapp", ""),
        lastdata=line.get("lastdata", ""),
        billsec=_number(line, "billsec"),
        disposition=line.get("disposition", "").upper().replace("NOANSWER", "NO ANSWER"),
        uniqueid=line.get("uniqueid", ""),
        linkedid=line.get("linkedid", ""),
        did=line.get("did", ""),
        recordingfile=line.get("recordingfile", ""),
    )


def cel_row(line: Mapping[str, str], zone: tzinfo | None) -> CelRow:
    """Raises `BadRow`."""
    return CelRow(
        event=_needed(line, "eventtype").upper(),
        time=_time(line, "eventtime", zone),
        channel=line.get("channame", ""),
        uniqueid=_needed(line, "uniqueid"),
        linkedid=line.get("linkedid", "") or line["uniqueid"],
        cid_num=line.get("cidnum", ""),
        exten=line.get("exten", ""),
        app=line.get("appname", ""),
        app_data=line.get("appdata", ""),
        extra=_extra(line.get("extra", "")),
    )


def _needed(line: Mapping[str, str], name: str) -> str:
    if value := line.get(name, "").strip():
        return value
    raise BadRow(f"no {name}")


def _number(line: Mapping[str, str], name: str) -> int:
    try:
        return max(0, int(float(line.get(name) or 0)))
    except (ValueError, OverflowError):
        raise BadRow(f"{name} is no number: {line[name]!r}") from None


def _time(line: Mapping[str, str], name: str, zone: tzinfo | None) -> datetime:
    """``2026-11-23 22:02:12``, with or without a fraction, in the PBX's zone; or seconds since 1970."""
    text = _needed(line, name)
    try:
        if re.fullmatch(r"\d{9,11}(?:\.\d+)?", text, re.ASCII):
            return datetime.fromtimestamp(float(text), UTC)
        read = datetime.fromisoformat(text)
        return (read if read.tzinfo else read.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadRow(f"{name} is no time: {text!r}") from None


def _extra(text: str) -> Mapping[str, object]:
    if not text:
        return {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}  # Asterisk before 13 wrote plain words here
    return value if isinstance(value, dict) else {}
