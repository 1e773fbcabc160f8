"""A part of a page as pieces, each drawn once, and what it takes to make one picture of it into the next. Pure.

The changes are said in htmx's way, so that a browser gets what is new and nothing else. Source: htmx 4 documentation,
``<hx-partial>`` (one without hx-target changes the element that has its id) and hx-swap.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain

from markupsafe import Markup, escape


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One element. `about`: what it was drawn of; as long as that is equal, it need not be drawn anew."""

    about: object
    html: Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """An element with this id: a head and rows, with `frame` around them. The head's own id is ``ID-head``, that of
    what holds the rows ``ID-rows``, and that of each row the name it has here."""

    id: str
    frame: tuple[Markup, Markup, Markup]
    head: Piece
    rows: Mapping[str, Piece] = field(default_factory=dict)

    @property
    def html(self) -> Markup:
        before, between, after = self.frame
        rows = Markup("").join(piece.html for piece in self.rows.values())
        return before + self.head.html + between + rows + after


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    sections: tuple[Section, ...] = ()

    @property
    def html(self) -> Markup:
        return Markup("").join(section.html for section in self.sections)

    def section(self, name: str) -> Section | None:
        return next((section for section in self.sections if section.id == name), None)


def changes(before: Picture, after: Picture) -> str:
    """Both have the same sections. Empty: they look the same."""
    pairs = zip(before.sections, after.sections, strict=True)
    return "".join(chain.from_iterable(_of_section(old, new) for old, new in pairs))


def _of_section(old: Section, new: Section) -> Iterator[str]:
    if old.frame != new.frame or _order(old.rows, new.rows) != _order(new.rows, old.rows):
        yield _partial(new.id, "outerMorph", new.html)
        return
    if old.head.html != new.head.html:
        yield _partial(f"{new.id}-head", "outerMorph", new.head.html)
    for name in old.rows.keys() - new.rows.keys():
        yield _partial(name, "delete")
    for name, piece in new.rows.items():
        if name in old.rows and old.rows[name].html != piece.html:
            yield _partial(name, "outerMorph", piece.html)
    yield from _added(old, new)


def _order(rows: Mapping[str, Piece], among: Mapping[str, Piece]) -> list[str]:
    return [name for name in rows if name in among]


def _added(old: Section, new: Section) -> Iterator[str]:
    """New rows go behind the last one before them that the browser has: it finds no element that only comes now."""
    last, behind = "", defaultdict[str, list[Markup]](list)
    for name, piece in new.rows.items():
        if name in old.rows:
            last = name
        else:
            behind[last].append(piece.html)
    for name, rows in behind.items():
        html = Markup("").join(rows)
        yield _partial(name, "afterend", html) if name else _partial(f"{new.id}-rows", "afterbegin", html)


def _partial(name: str, swap: str, html: str = "") -> str:
    return f'<hx-partial id="{escape(name)}" hx-swap="{swap}">{html}</hx-partial>\n'
