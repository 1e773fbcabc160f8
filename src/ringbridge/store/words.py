"""Words by which people search: of a client's name, of what was told about a call.

Names are looked for in the mirror: each word of a client's name and company is a key of theirs there, beside their
numbers, so that a name leads to numbers, and these to calls, of today's clients and of years ago. What was told lies in
an index of SQLite's own (FTS5) over the story's lines: the decisions and notes, and the first line, which has the
caller's name. What Asterisk says in a call's course is not in it: nobody searches for a channel's name.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from unicodedata import combining, normalize

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Select,
    and_,
    column,
    false,
    func,
    intersect,
    literal_column,
    or_,
    select,
    table,
)

from ringbridge.routing.clients import Ref
from ringbridge.routing.intents import PortalId
from ringbridge.store import schema
from ringbridge.store.database import Transaction
from ringbridge.telephony.numbers import comparable

MOST_CLIENTS = 200
"""Of one name: the calls of so many clients are searched."""

MOST_LINES = 100_000
"""With the words of one search: of so many, those that were written last, the calls are looked at."""

LATE = timedelta(days=7)
"""After a call's beginning its story is written on for so long: what is told later is not found by a period's end."""

FIRST_CALLS = 50  # after that: of so many the first line is looked for, since not each has one

MOST_FOUND = 2000  # lines of one page of calls

NEWEST = 400
"""Calls whose stories are read before the index is asked: a word that many calls have fills a page of these."""

COMMON = 0.1
"""A greater share of their lines has words that begin so: the index is asked for these words, as they stand. To find
all that begin so, SQLite would read every line that has one of them."""

MOST_FORMS = 20  # of such a beginning: one that begins more of them, as of telephone numbers, begins others yet

MOST_WORDS = 6  # of a search
LONGEST_WORD = 40
KINDS = ("contact", "company", "lead")
MARK = "~"
"""Before a word among the mirror's keys, of which the others begin with a digit or with what kind of client it is."""

WORD = re.compile(r"[^\W_]+")
LAST = "\U0010ffff"
NONE: Mapping[str, Collection[str]] = {}

KEYS, THINGS = schema.mirror_keys.c, schema.mirror_things.c
CALLS, STORY = schema.calls.c, schema.story.c
LINES = table("story_words", column("rowid"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Clients of a name."""

    numbers: tuple[str, ...]  # comparable digits
    more: bool  # there are more clients of this name than were looked at


def words_of(text: str) -> list[str]:
    """In one spelling, each once, in their order: ``Ёлкина`` and ``елкина`` are one word."""
    folded = normalize("NFKC", normalize("NFKC", text).casefold())
    return list(dict.fromkeys(word[:LONGEST_WORD] for word in WORD.findall("".join(map(_bare, folded)))))


@lru_cache(4096)
def _bare(sign: str) -> str:
    """Without what stands above or below it; ``й`` is a letter of its own."""
    return sign if sign == "й" else "".join(c for c in normalize("NFKD", sign) if not combining(c))


def keys_of(*names: str) -> Iterator[str]:
    """By which the mirror finds a client of these names."""
    for name in names:
        yield from (MARK + word for word in words_of(name))


def is_named(name: str, text: str) -> bool:
    """Whether words of the name begin with all of the text's, of which there is one."""
    wanted, own = words_of(text), words_of(name)
    return bool(wanted) and all(any(word.startswith(part) for word in own) for part in wanted)


async def named(tx: Transaction, name: str, region: str) -> Named:
    """The numbers of the clients in whose name, or whose company's, words begin with all of these. `region` is the
    office's country: by it their numbers are spelled."""
    numbers: dict[str, None] = {}
    more = False
    for portal in list((await tx.execute(select(schema.mirror_readings.c.portal))).scalars()):
        refs = [Ref(kind=row.kind, id=row.id) for row in await tx.execute(_of_this_name(PortalId(portal), name))]
        more = more or len(refs) > MOST_CLIENTS
        for written in await _numbers_of(tx, PortalId(portal), refs[:MOST_CLIENTS]):
            if number := comparable(written, region):
                numbers[number] = None
    return Named(numbers=tuple(numbers)[:MOST_CLIENTS], more=more or len(numbers) > MOST_CLIENTS)


async def names_of(tx: Transaction, numbers: Iterable[str | None], region: str) -> dict[str, str]:
    """Of these numbers, as the PBX gave them, those that a client has whose name is known. Of several clients the
    contact's, then the company's, then the lead's name, the oldest's first."""
    spelled = {number: comparable(number, region) for number in numbers if number}
    clients = select(KEYS.key, KEYS.kind, KEYS.id, THINGS.name).join(
        schema.mirror_things,
        and_(THINGS.portal == KEYS.portal, THINGS.kind == KEYS.kind, THINGS.id == KEYS.id),
    )
    here = KEYS.portal.in_(select(schema.mirror_readings.c.portal))
    found = (await tx.execute(clients.where(here, KEYS.key.in_({*spelled.values()} - {""})))).all()
    known = [row for row in found if row.name and row.kind in KINDS]
    known.sort(key=lambda row: (KINDS.index(row.kind), len(row.id), row.id), reverse=True)
    names = {row.key: row.name for row in known}
    return {number: names[key] for number, key in spelled.items() if key in names}


def _of_this_name(portal: PortalId, name: str) -> CompoundSelect[tuple[str, str]] | Select[tuple[str, str]]:
    """Each word is a stretch of the mirror's keys; who is in all of them."""
    stretches = [
        select(KEYS.kind, KEYS.id).where(KEYS.portal == portal, KEYS.key >= MARK + word, KEYS.key < MARK + word + LAST)
        for word in words_of(name)[:MOST_WORDS]
    ]
    if not stretches:
        return select(KEYS.kind, KEYS.id).where(KEYS.portal == "", KEYS.key == "")
    return intersect(*stretches).limit(MOST_CLIENTS + 1)


async def _numbers_of(tx: Transaction, portal: PortalId, refs: Collection[Ref]) -> list[str]:
    numbers: list[str] = []
    for kind in KINDS:
        these = THINGS.id.in_([ref.id for ref in refs if ref.kind == kind])
        found = await tx.execute(select(THINGS.found_by).where(THINGS.portal == portal, THINGS.kind == kind, these))
        numbers += [number for written in found.scalars() for number in json.loads(written)]
    return numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the stories of some calls have of the words of a search."""

    calls: frozenset[str]  # those of which one line has all
    common: Mapping[str, Collection[str]]  # beginnings that many lines have -> the words that begin so


async def told_of(tx: Transaction, keys: Collection[str], text: str) -> Told:
    """As the index would find it."""
    wanted, calls, lines = words_of(text)[:MOST_WORDS], set[str](), 0
    forms = {part: Counter[str]() for part in wanted}
    told = or_(STORY.kind != "heard", STORY.text.startswith("Newchannel "))
    for row in await tx.execute(select(STORY.call_key, STORY.text).where(STORY.call_key.in_(keys), told)):
        lines += 1
        begun = {part: [word for word in words_of(row.text) if word.startswith(part)] for part in wanted}
        for part, words in begun.items():
            forms[part].update(words)
        if begun and all(begun.values()):
            calls.add(row.call_key)
    common = {
        part: sorted(found)
        for part, found in forms.items()
        if found.total() > COMMON * lines and len(found) <= MOST_FORMS
    }
    return Told(calls=frozenset(calls), common=common)


def calls_told_of(
    text: str, *wanted: ColumnElement[bool], until: datetime | None = None, common: Mapping[str, Collection[str]] = NONE
) -> Select[tuple[str]]:
    """Keys of the calls of whose story a line has words that begin with all of these; `wanted` of the calls, which
    began before `until`. What is `common` begins those words alone.

    The line that was written last comes first: SQLite takes the lines as the index gives them, and looks up the rest by
    primary keys. Asked for that order it would sort them all before it gave the first.
    """
    asked = " AND ".join(_asked(part, common.get(part, ())) for part in words_of(text)[:MOST_WORDS])
    match = literal_column("story_words").op("MATCH")(asked) if asked else false()
    lines = select(LINES.c.rowid).where(match)
    if until is not None:
        lines = lines.where(LINES.c.rowid < _first_line_since(until + LATE))
    newest = lines.order_by(LINES.c.rowid.desc()).limit(MOST_LINES).subquery()
    told = newest.join(schema.story, STORY.id == newest.c.rowid).join(schema.calls, CALLS.key == STORY.call_key)
    return select(STORY.call_key).select_from(told).where(*wanted)


def _asked(part: str, forms: Collection[str]) -> str:
    return "(" + " OR ".join(f'"{form}"' for form in forms) + ")" if forms else f'"{part}"*'


def _first_line_since(moment: datetime) -> ColumnElement[int]:
    """Of the calls that began then or later; beyond all lines where there are none. A period of long ago has its calls
    behind the lines of all that came after it, which may have the same words."""
    calls = select(CALLS.key).where(CALLS.started >= moment).order_by(CALLS.started).limit(FIRST_CALLS)
    first = select(func.min(STORY.id)).where(STORY.call_key.in_(calls)).scalar_subquery()
    return func.coalesce(first, 2**62)
