"""The calls of a period, from whatever records the PBX keeps."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from ringbridge.pbx.history.cdr import cdr_calls, number_dialled, recordings_of
from ringbridge.pbx.history.cel import cel_calls
from ringbridge.pbx.history.groups import cdr_groups, cel_groups
from ringbridge.pbx.history.rows import CdrRow, CelRow, HistorySource, Side, Sides
from ringbridge.telephony.model import Call, Direction

LONGEST_CALL = timedelta(hours=12)  # how far before a period a call may have begun that ended in it

COUNTER = re.compile(r"(?:.+-)?(?P<second>\d{9,11})\.(?P<count>\d+)")


def calls_between(source: HistorySource, since: datetime, until: datetime, sides: Sides) -> list[Call]:
    """The calls that ended between the two, in the order in which they began. Raises what the source raises."""
    early = since - LONGEST_CALL
    calls = calls_of(source.cdr(early, until), source.cel(early, until), sides)
    return [call for call in calls if call.end and since <= call.end <= until]


def calls_of(cdr: Iterable[CdrRow], cel: Iterable[CelRow], sides: Sides) -> list[Call]:
    """The calls that these records tell of. One that is still going on has no end."""
    cdr, cel = list(cdr), list(cel)
    events = [call for group in cel_groups(cel) for call in cel_calls(group, sides)]
    told = _interrupted(events, cel)
    known = {channel for call in told for channel in call.channels}
    rows: dict[str, list[CdrRow]] = {}
    for row in cdr:
        rows.setdefault(row.uniqueid, []).append(row)
    calls = [
        _completed(call, [row for channel in call.channels for row in rows.get(channel, ())], sides) for call in told
    ]
    for group in cdr_groups(cdr):
        if not any(row.uniqueid in known or row.linkedid in known for row in group):
            calls += cdr_calls(group, sides)
    return sorted(calls, key=lambda call: call.start)


def _completed(call: Call, rows: Sequence[CdrRow], sides: Sides) -> Call:
    """What CEL does not say and CDR does."""
    own = [row for row in rows if row.uniqueid in call.client_channels]
    call = replace(call, recordings=recordings_of(rows))
    if call.direction is Direction.INBOUND:
        did = next((row.did for row in own if row.did), None)
        queue = next((row.dst for row in own if row.lastapp == "Queue"), None)
        return replace(call, did=did or call.did, queue=call.queue or queue)
    if call.direction is Direction.OUTBOUND:
        numbers = (number_dialled(row, sides) for row in rows if sides.of(row.dstchannel) is Side.TRUNK)
        return replace(call, external=next(filter(None, numbers), call.external))
    return call


def _interrupted(calls: Sequence[Call], rows: Sequence[CelRow]) -> list[Call]:
    """A call without an end, before a restart of the PBX, ended with the PBX: nobody wrote its hangup."""
    restarts = _restarts(rows)
    last = {row.uniqueid: row.time for row in rows}
    ended = []
    for call in calls:
        heard = max((last[channel] for channel in call.channels), default=call.start)
        cut = call.end is None and any(heard < restart for restart in restarts)
        ended.append(replace(call, end=heard, interrupted=True) if cut else call)
    return ended


def _restarts(rows: Iterable[CelRow]) -> list[datetime]:
    """When the PBX began anew: its Uniqueids count from zero again in a later second."""
    found = []
    second = count = -1
    for row in rows:
        if row.event == "CHAN_START" and (match := COUNTER.fullmatch(row.uniqueid)):
            if int(match["second"]) > second and int(match["count"]) < count:
                found.append(row.time)
            second, count = int(match["second"]), int(match["count"])
    return found
