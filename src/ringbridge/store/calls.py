"""The journal: every call as it stands, and its story."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NewType

from sqlalchemy import ColumnElement, RowMapping, Select, Text, and_, false, func, literal_column, or_, select

from ringbridge.store import schema, words
from ringbridge.store.database import Transaction, insert
from ringbridge.store.documents import dump_call, load_call
from ringbridge.store.keys import CallKey as CallKey
from ringbridge.store.keys import PbxId as PbxId
from ringbridge.store.keys import call_key as call_key
from ringbridge.store.schema import EPOCH, MICROSECOND
from ringbridge.store.statistics import marks, stats
from ringbridge.store.story import StoryKind as StoryKind
from ringbridge.store.story import StoryLine as StoryLine
from ringbridge.store.story import story as story
from ringbridge.telephony.model import Call, CallId, Direction, Disposition

Cursor = NewType("Cursor", str)
"""Where a page ends; opaque, safe in an address."""

Place = tuple[datetime, str]
"""Of a call in the journal: when it began, and its key."""

Own = tuple[str, ...] | None
"""Extensions: only calls in which one of them had a part. None: everybody's calls."""

CALLS = schema.calls.c

# What has a sign is read of the row, and no index is walked by it: SQLite knows nothing of how much each would find.
UNORDERED: ColumnElement[datetime] = literal_column("+calls.started", schema.Moment())
UNSORTED: ColumnElement[str] = literal_column("+calls.number_reversed", Text())
TELLING = 3  # last digits of a number: fewer are found soonest among the newest calls

# Written once: to put a statement together takes longer than to carry it out.
ADD = insert(schema.calls)
PUT = ADD.on_conflict_do_update(
    index_elements=["key"], set_={c.name: ADD.excluded[c.name] for c in schema.calls.columns if not c.primary_key}
)
ADD_LINES = insert(schema.story)


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    key: CallKey
    pbx: PbxId
    call: Call


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which calls a page shows; what is None or empty does not filter."""

    since: datetime | None = None  # started at or after
    until: datetime | None = None  # started before
    pbx: PbxId | None = None
    direction: Direction | None = None
    disposition: Disposition | None = None
    number: str = ""  # the last digits of the client's number, or all of it, however written
    extension: str = ""
    trunk: str = ""  # the trunk's name or the number called
    text: str = ""  # words of the story: notes, decisions, the caller's name
    own: Own = None
    employees: Own = None  # the same, as somebody asked for it by a name
    numbers: tuple[str, ...] | None = None  # the client has one of these


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    entries: tuple[JournalEntry, ...]
    older: Cursor | None  # where the next page begins; None on the last


async def record(
    tx: Transaction, pbx: PbxId, calls: Sequence[Call], lines: Mapping[CallId, Sequence[StoryLine]] | None = None
) -> None:
    """Write the calls as they stand now, each over its earlier snapshot, and add lines to their stories.

    The same call may be there several times (a batch of events): the last one counts. A line's call must be in the
    journal already or among `calls`. The summaries (`store.statistics.stats`) are kept with them.
    """
    latest = {call_key(pbx, call.id): call for call in calls}
    if latest:
        await stats.correct(tx, latest)
        written = [columns(pbx, call) for call in latest.values()]
        await tx.execute(PUT, written)
        await marks.put(tx, written)
    rows = [
        {"call_key": call_key(pbx, call), "at": line.at, "kind": line.kind, "text": line.text}
        for call, told in (lines or {}).items()
        for line in told
    ]
    if rows:
        await tx.execute(ADD_LINES, rows)


def columns(pbx: PbxId, call: Call) -> dict[str, Any]:
    return {
        "key": call_key(pbx, call.id),
        "pbx": pbx,
        "started": call.start,
        "ended": call.end,
        "direction": call.direction,
        "external": call.external,
        "number_reversed": digits(call.external or "")[::-1],
        "did": call.did,
        "trunk": call.trunk,
        "disposition": call.disposition,
        "employees": f" {' '.join(employees(call))} ",
        "talk": int(sum((talk.length for talk in call.talks), timedelta()).total_seconds()),
        "snapshot": dump_call(call),
    }


def employees(call: Call) -> list[str]:
    """Every extension that called, rang or spoke, once each."""
    named = [call.caller, *(leg.extension for leg in call.legs), *(talk.extension for talk in call.talks)]
    return list(dict.fromkeys(extension for extension in named if extension))


def is_own(call: Call, own: Own) -> bool:
    """As the journal's queries decide it."""
    return own is None or not set(own).isdisjoint(employees(call))


def digits(number: str) -> str:
    return "".join(c for c in number if c.isdecimal() and c.isascii())


async def open_calls(tx: Transaction, pbx: PbxId) -> list[Call]:
    """The calls that had not ended when last heard of, oldest first: where a tracker goes on after a restart."""
    found = select(CALLS.snapshot).where(CALLS.pbx == pbx, CALLS.ended.is_(None)).order_by(CALLS.started)
    return [load_call(text) for text in (await tx.execute(found)).scalars()]


async def open_or_ended_since(tx: Transaction, pbx: PbxId, moment: datetime) -> list[Call]:
    """The calls that are going on or ended at that moment or later; none that began more than a day before it."""
    recent = (CALLS.pbx == pbx, CALLS.started >= moment - timedelta(days=1))
    found = select(CALLS.snapshot).where(*recent, or_(CALLS.ended.is_(None), CALLS.ended >= moment))
    return [load_call(text) for text in (await tx.execute(found.order_by(CALLS.started))).scalars()]


async def last_heard(tx: Transaction, pbx: PbxId) -> datetime | None:
    """The last moment that the journal knows of this PBX; None when it never had a call."""
    latest = select(CALLS.started, CALLS.ended).where(CALLS.pbx == pbx).order_by(CALLS.started.desc()).limit(200)
    moments = [moment for row in await tx.execute(latest) for moment in row if moment]
    return max(moments, default=None)


async def get(tx: Transaction, key: CallKey, *, own: Own = None) -> JournalEntry | None:
    row = (await tx.execute(entries().where(CALLS.key == key, *conditions(Filters(own=own))))).mappings().first()
    return entry(row) if row else None


async def page(tx: Transaction, before: Cursor | None = None, limit: int = 50, filters: Filters | None = None) -> Page:
    """The newest calls, or the next older ones after the page that gave the cursor `before`.

    Raises ValueError for a cursor that no page gave.
    """
    asked, place = filters or Filters(), read_cursor(before) if before is not None else None
    if place is not None and asked.until is not None and place[0] < asked.until:
        asked = replace(asked, until=None)  # an index is entered at one end, and this would be the farther one
    find = _by_words if asked.text else _newest
    found = await find(tx, asked, place, limit + 1)
    shown = tuple(found[:limit])
    return Page(entries=shown, older=cursor(shown[-1]) if len(found) > limit else None)


async def _newest(tx: Transaction, asked: Filters, place: Place | None, most: int) -> list[JournalEntry]:
    kinds, few = list(marks_wanted(asked)), is_telling(asked.number) or asked.numbers is not None
    if kinds and not few and await marks.are_whole(tx):
        return await _by_marks(tx, kinds, asked, place, most)
    start = UNORDERED if few else CALLS.started
    return await _at_once(tx, conditions(asked, start), place, most, start)


async def _by_marks(
    tx: Transaction, kinds: Sequence[Collection[str]], asked: Filters, place: Place | None, most: int
) -> list[JournalEntry]:
    """Where calls of these kinds are rare, or seldom are all at once."""
    until = min(filter(None, (asked.until, place[0] if place else None)), default=None)
    found: list[JournalEntry] = []
    async for moments in marks.moments(tx, kinds, asked.since, until):
        there = CALLS.started.in_(moments)
        found += await _at_once(tx, (there, *conditions(asked, UNORDERED)), place, most - len(found), UNORDERED)
        if len(found) == most:
            break
    return found


async def _by_words(tx: Transaction, asked: Filters, place: Place | None, most: int) -> list[JournalEntry]:
    """Words that many calls have are found among the newest of them. Of others the lines that were written last are
    looked at."""
    newest = await _newest(tx, replace(asked, text=""), place, words.NEWEST)
    told = await words.told_of(tx, [entry.key for entry in newest], asked.text)
    found = [entry for entry in newest if entry.key in told.calls]
    if len(found) >= most or len(newest) < words.NEWEST:
        return found[:most]
    others = (*conditions(replace(asked, text=""), UNORDERED), *older_than(place, UNORDERED))
    until = place[0] if place else asked.until
    lines = words.calls_told_of(asked.text, *others, until=until, common=told.common).limit(words.MOST_FOUND)
    return await _at_once(tx, [CALLS.key.in_(lines.correlate(None))], None, most, UNORDERED)


async def _at_once(
    tx: Transaction,
    wanted: Iterable[ColumnElement[bool]],
    place: Place | None,
    most: int,
    start: ColumnElement[datetime],
) -> list[JournalEntry]:
    """`start`: the beginning of a call, as the query is to name it."""
    chosen = entries().where(*wanted, *older_than(place, start))
    rows = await tx.execute(chosen.order_by(start.desc(), CALLS.key.desc()).limit(most))
    return [entry(row) for row in rows.mappings()]


def older_than(place: Place | None, start: ColumnElement[datetime]) -> Iterator[ColumnElement[bool]]:
    if place is not None:
        started, key = place
        yield start <= started  # said twice, the first time so that the index is entered at the place
        yield or_(start < started, and_(start == started, CALLS.key < key))


def marks_wanted(filters: Filters) -> Iterator[Collection[str]]:
    """Of each a call has at least one."""
    for one_of in (filters.own, filters.employees):
        if one_of is not None:
            yield [marks.of_employee(extension) for extension in one_of]
    if filters.extension:
        yield [marks.of_employee(filters.extension)]
    if filters.trunk:
        yield [marks.of_way(filters.trunk)]
    if filters.disposition:
        yield [marks.of_kind(filters.disposition)]
    if filters.direction:
        yield [marks.of_kind(filters.direction)]
    if filters.pbx:
        yield [marks.of_pbx(filters.pbx)]


def is_telling(number: str) -> bool:
    """Whether few calls have a number that ends so."""
    return bool(number) and len(digits(number)) >= TELLING


def entries() -> Select[Any]:
    return select(CALLS.key, CALLS.pbx, CALLS.snapshot)


def entry(row: RowMapping) -> JournalEntry:
    return JournalEntry(key=CallKey(row["key"]), pbx=PbxId(row["pbx"]), call=load_call(row["snapshot"]))


def conditions(filters: Filters, start: ColumnElement[datetime] = CALLS.started) -> Iterator[ColumnElement[bool]]:
    if filters.since:
        yield start >= filters.since
    if filters.until:
        yield start < filters.until
    yield from of_kind(filters)
    yield from with_people(filters)
    if filters.text:
        yield CALLS.key.in_(words.calls_told_of(filters.text, until=filters.until).correlate(None))


def of_kind(filters: Filters) -> Iterator[ColumnElement[bool]]:
    if filters.pbx:
        yield CALLS.pbx == filters.pbx
    if filters.direction:
        yield CALLS.direction == filters.direction
    if filters.disposition:
        yield CALLS.disposition == filters.disposition
    if filters.trunk:
        yield or_(CALLS.trunk == filters.trunk, CALLS.did == filters.trunk)


def with_people(filters: Filters) -> Iterator[ColumnElement[bool]]:
    if filters.extension:
        yield had_part(filters.extension)
    for one_of in (filters.own, filters.employees):
        if one_of is not None:
            yield or_(false(), *map(had_part, one_of))
    if filters.number:
        yield has_number(filters.number)
    if filters.numbers is not None:
        yield or_(false(), *map(has_number, filters.numbers))


def had_part(extension: str) -> ColumnElement[bool]:
    return CALLS.employees.contains(f" {extension} ", autoescape=True)


def has_number(number: str) -> ColumnElement[bool]:
    """The last ten digits tell a number apart, and people write the country in several ways (8…, +7…)."""
    last = digits(number)[-10:][::-1]
    if not last:
        return and_(CALLS.number_reversed == "", CALLS.external == number)
    reversed_ = CALLS.number_reversed if is_telling(number) else UNSORTED
    # A range instead of LIKE, which would not use the index; ":" is what follows "9".
    return and_(reversed_ >= last, reversed_ < f"{last}:")


def cursor(last: JournalEntry) -> Cursor:
    return Cursor(f"{(last.call.start - EPOCH) // MICROSECOND}~{last.key}")


def read_cursor(text: Cursor) -> Place:
    started, _, key = text.partition("~")
    try:
        return EPOCH + int(started) * MICROSECOND, key
    except (ValueError, OverflowError) as error:
        raise ValueError(f"not a page of the journal: {text!r}") from error


async def count(tx: Transaction, filters: Filters | None = None) -> int:
    counted = select(func.count()).select_from(schema.calls).where(*conditions(filters or Filters()))
    return int((await tx.execute(counted)).scalar_one())
