"""The live page as a picture: the calls, queues and employees of one moment, and of earlier pieces what still holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from markupsafe import Markup

from ringbridge.store.calls import JournalEntry, Own, is_own
from ringbridge.web.glance import Glance, Phase, glance, talked
from ringbridge.web.live import LiveFeed, event
from ringbridge.web.people import Doing, people, queues
from ringbridge.web.picture import Picture, Piece, Section, changes
from ringbridge.web.rendering import Pages

TEMPLATE = "live_region.html"
TILES = {
    Phase.RINGING: (Phase.RINGING,),
    Phase.TALKING: (Phase.TALKING,),
    Phase.HELD: (Phase.HELD, Phase.PARKED),
    Phase.WAITING: (Phase.WAITING,),
}
"""Which calls each counts."""

MARK = Markup("\0")

Row = tuple[str, object, Callable[[], Markup]]
"""The id of its element, what it is drawn of, and how that is done."""

NO_HEAD: Row = ("", None, Markup)


class Drawing:
    """In one language, of the calls that one kind of visitor may see."""

    def __init__(self, pages: Pages, language: str, own: Own) -> None:
        self._services, self._own = pages.services, own
        self._macros: Any = pages.macros(language, TEMPLATE)
        self._may_hang_up = own is None and pages.services.hang_up is not None

    def draw(self, before: Picture) -> Picture:
        """Pieces that show the same as in the picture `before` are taken from it, with the lengths of time that were
        true then: they run on in the browser."""
        services = self._services
        calls = [(each, glance(each.call)) for each in services.live.calls if is_own(each.call, self._own)]
        in_progress = [each.call for each, _ in calls]
        staff = people(services.phones(), in_progress, services.reach) if self._own is None else []
        ended = [each for each in services.live.ended if is_own(each.call, self._own)]
        waiting = queues(in_progress, services.reach)
        found = Counter(person.doing for person in staff)
        doing = {each: found[each] for each in Doing if found[each]}
        section = partial(self._section, before)
        return Picture(
            (
                section("tiles", self._tiles(Counter(seen.phase for _, seen in calls))),
                section("calls", self._calls(calls)),
                section("queues", self._timed("queue", ((each.name, each) for each in waiting))),
                section(
                    "staff",
                    self._timed("person", ((each.extension, each) for each in staff)),
                    head=("head", doing, partial(self._macros.doing, doing)),
                ),
                section("ended", self._ended(ended)),
            )
        )

    def _tiles(self, phases: Counter[Phase]) -> Iterable[Row]:
        for phase, counted in TILES.items():
            count = sum(phases[each] for each in counted)
            yield f"tile-{phase}", count, partial(self._macros.tile, phase, count)

    def _calls(self, calls: Iterable[tuple[JournalEntry, Glance]]) -> Iterable[Row]:
        now = self._services.now()
        for each, seen in calls:
            yield f"live-{each.key}", each, partial(self._macros.call, each, seen, self._may_hang_up, now)

    def _timed(self, kind: str, found: Iterable[tuple[str, object]]) -> Iterable[Row]:
        draw, now = getattr(self._macros, kind), self._services.now()
        for name, each in found:
            yield f"{kind}-{name}", each, partial(draw, each, now)

    def _ended(self, ended: Iterable[JournalEntry]) -> Iterable[Row]:
        for each in ended:
            yield f"ended-{each.key}", each, partial(self._over, each)

    def _over(self, each: JournalEntry) -> Markup:
        drawn: Markup = self._macros.over(each, glance(each.call), talked(each.call))
        return drawn

    def _section(self, before: Picture, name: str, rows: Iterable[Row], *, head: Row = NO_HEAD) -> Section:
        earlier = before.section(f"live-{name}")
        drawn = {row[0]: _piece(row, earlier.rows.get(row[0]) if earlier else None) for row in rows}
        frame: Markup = getattr(self._macros, name)(MARK, MARK, not drawn)
        above, between, below = frame.split(MARK)
        return Section(
            id=f"live-{name}",
            frame=(above, between, below),
            head=_piece(head, earlier.head if earlier else None),
            rows=drawn,
        )


class Shown:
    """What all see who have one language and see the same calls: drawn once for each of the feed's versions."""

    def __init__(self, feed: LiveFeed, draw: Callable[[Picture], Picture]) -> None:
        self._feed, self._draw = feed, draw
        self._version, self._picture = -1, Picture()
        self._last: tuple[Picture, Picture, bytes] | None = None  # from one picture to the next, and the event

    def whole(self) -> tuple[Picture, bytes]:
        picture = self._now()
        return picture, event(picture.html)

    def since(self, before: Picture) -> tuple[Picture, bytes]:
        picture, last = self._now(), self._last
        if last is None or last[0] is not before or last[1] is not picture:
            told = changes(before, picture)
            last = self._last = before, picture, event(told) if told else b""
        return picture, last[2]

    def _now(self) -> Picture:
        if self._version != self._feed.version:
            self._version, self._picture = self._feed.version, self._draw(self._picture)
        return self._picture


def _piece(row: Row, earlier: Piece | None) -> Piece:
    _, about, draw = row
    return earlier if earlier and earlier.about == about else Piece(about=about, html=draw())
