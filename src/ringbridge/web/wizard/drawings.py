"""Where to click in a foreign program, drawn: a window with its menu, fields and button, what counts marked. Pure.

The drawings are schematic on purpose: no program's looks are copied, and the words in them are the page's own, in the
visitor's language. What comes of a `Window` are shapes with places; the template makes them into SVG.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

WIDTH, MENU = 340, 118
BAR, LINE, GAP, MARGIN = 24, 15, 9, 10
PER_SIGN = 6.4  # pixels of a sign at the size in which the words are set, a wide one

Say = Callable[[str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A field with what belongs into it, or, without a value, something to click or to tick."""

    label: str
    value: str = ""
    tick: bool = False
    marked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """`menu`: at its side, with the entry that is chosen last. `foreign`: its words are in no catalogue."""

    title: str
    menu: tuple[str, ...] = ()
    items: tuple[Item, ...] = ()
    button: str = ""
    foreign: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """One step of the way: what to do, where in the menus of a program whose words are not translated, and how that
    looks."""

    words: str
    window: Window
    path: str = ""


class Look(StrEnum):
    """The classes of the shapes."""

    FRAME = "frame"
    BAR = "bar"
    CHOSEN = "chosen"
    BOX = "box"
    MARKED = "marked"
    BUTTON = "button"
    TICK = "tick"


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    look: Look
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    text: str
    x: float
    y: float
    look: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    width: int
    height: float
    boxes: tuple[Box, ...]
    words: tuple[Words, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A `Stop` in the visitor's language."""

    words: str
    path: str
    drawing: Drawing


def shown(stops: Iterable[Stop], say: Say) -> list[Shown]:
    return [Shown(words=say(stop.words), path=stop.path, drawing=drawn(stop.window, say)) for stop in stops]


def drawn(window: Window, say: Say) -> Drawing:
    say = str if window.foreign else say
    menu = [*_menu(window, say)]
    left = MENU if window.menu else 0
    items, below = _items(window, say, left)
    height = max([BAR + LINE, below, *(box.y + box.height for box in menu if isinstance(box, Box))]) + MARGIN
    frame = (
        Box(look=Look.FRAME, x=1, y=1, width=WIDTH - 2, height=height - 2),
        Box(look=Look.BAR, x=1, y=1, width=WIDTH - 2, height=BAR),
    )
    title = Words(text=say(window.title), x=MARGIN, y=BAR - 8, look="title")
    shapes = [*menu, *items]
    return Drawing(
        width=WIDTH,
        height=height,
        boxes=(*frame, *(one for one in shapes if isinstance(one, Box))),
        words=(title, *(one for one in shapes if isinstance(one, Words))),
    )


def _menu(window: Window, say: Say) -> Iterator[Box | Words]:
    top = float(BAR + GAP)
    for entry in window.menu:
        chosen = entry == window.menu[-1]
        lines = wrapped(say(entry), MENU - 3 * MARGIN)
        height = len(lines) * LINE + 6
        yield Box(look=Look.CHOSEN if chosen else Look.FRAME, x=5, y=top, width=MENU - 10, height=height)
        yield from _lines(lines, MARGIN, top + 3, "on-chosen" if chosen else "")
        top += height + 3


def _items(window: Window, say: Say, left: float) -> tuple[list[Box | Words], float]:
    """And where they end."""
    shapes: list[Box | Words] = []
    top = float(BAR + GAP)
    for item in window.items:
        more, top = (_field if item.value else _entry)(item, say, left + MARGIN, top)
        shapes += more
    if window.button:
        text = say(window.button)
        width = len(text) * PER_SIGN + 2 * MARGIN
        shapes += [
            Box(look=Look.BUTTON, x=left + MARGIN, y=top, width=width, height=LINE + 8),
            Words(text=text, x=left + 2 * MARGIN, y=top + LINE, look="on-chosen"),
        ]
        top += LINE + 8
    return shapes, top


def _field(item: Item, say: Say, x: float, top: float) -> tuple[list[Box | Words], float]:
    room = WIDTH - x - MARGIN
    label, value = wrapped(say(item.label), room), wrapped(item.value, room - 12)
    below = top + len(label) * LINE + 2
    box = Box(look=Look.MARKED if item.marked else Look.BOX, x=x, y=below, width=room, height=len(value) * LINE + 7)
    shapes: list[Box | Words] = [*_lines(label, x, top), box, *_lines(value, x + 6, below + 3, "value")]
    return shapes, below + box.height + GAP


def _entry(item: Item, say: Say, x: float, top: float) -> tuple[list[Box | Words], float]:
    inset = 20 if item.tick else 8
    room = WIDTH - x - MARGIN
    lines = wrapped(say(item.label), room - inset)
    height = len(lines) * LINE + 7
    shapes: list[Box | Words] = []
    if item.tick:
        shapes += [Box(look=Look.TICK, x=x, y=top + 4, width=12, height=12), Words(text="✓", x=x + 2, y=top + 14)]
    else:
        shapes.append(Box(look=Look.MARKED if item.marked else Look.BOX, x=x, y=top, width=room, height=height))
    return [*shapes, *_lines(lines, x + inset, top + 3)], top + height + GAP


def _lines(lines: Iterable[str], x: float, top: float, look: str = "") -> Iterator[Words]:
    for n, line in enumerate(lines):
        yield Words(text=line, x=x, y=top + n * LINE + 11, look=look)


def wrapped(text: str, room: float) -> list[str]:
    """In lines that have room; a long word, such as an address, is broken."""
    return textwrap.wrap(text, max(4, int(room / PER_SIGN))) or [""]
