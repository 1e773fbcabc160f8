"""The live page pushes what changed, and that alone, in a form that makes the page as it would be after a reload."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.web import sample_calls
from tests.unit.web.office_page import EMPLOYEES, NOW, OFFICE, entry, services

from ringbridge.store.database import Database
from ringbridge.web.live_drawing import Drawing, Shown
from ringbridge.web.picture import Picture, changes
from ringbridge.web.rendering import Pages

RINGING, TALKING = sample_calls.ringing(NOW), sample_calls.talking(NOW)
ENDED = replace(TALKING, end=NOW, talks=tuple(replace(talk, end=NOW) for talk in TALKING.talks))


@pytest.fixture
def moments() -> list[int]:
    """Seconds that have passed, to be set."""
    return [0]


@pytest.fixture
def pages(database: Database, moments: list[int]) -> Pages:
    given = services(database, live=[TALKING], clock=lambda: NOW + timedelta(seconds=moments[0]))
    return Pages(replace(given, phones=lambda: EMPLOYEES))


def told(pages: Pages, before: Picture, happen: Callable[[], None]) -> tuple[Picture, list[tuple[str, str]]]:
    drawing = Drawing(pages, "en", None)
    happen()
    after = drawing.draw(before)
    return after, re.findall(r'<hx-partial id="([^"]*)" hx-swap="(\w+)">', changes(before, after))


async def test_a_new_call_adds_its_row_and_touches_no_other_call(pages: Pages) -> None:
    feed = pages.services.live
    first = Drawing(pages, "en", None).draw(Picture())
    _, swaps = told(pages, first, lambda: feed.tell(OFFICE, RINGING))
    talking, ringing = entry(TALKING).key, entry(RINGING).key
    assert (f"live-{talking}", "afterend") in swaps or ("live-calls-rows", "afterbegin") in swaps
    assert ("tile-ringing", "outerMorph") in swaps
    assert not [one for one in swaps if one in {(f"live-{talking}", "outerMorph"), ("live-calls", "outerMorph")}]
    assert f'id="live-{ringing}"' in Drawing(pages, "en", None).draw(Picture()).html


async def test_time_alone_changes_nothing_that_is_pushed_and_a_reload_shows_it(
    pages: Pages, moments: list[int]
) -> None:
    drawing = Drawing(pages, "en", None)
    before = drawing.draw(Picture())
    moments[0] = 3600
    assert changes(before, drawing.draw(before)) == ""
    assert before.html != drawing.draw(Picture()).html


async def test_the_first_call_takes_the_place_of_the_words_that_there_is_none(pages: Pages) -> None:
    feed = pages.services.live
    first = Drawing(pages, "en", None).draw(Picture())
    none, swaps = told(pages, first, lambda: feed.tell(OFFICE, ENDED))
    assert ("live-calls", "outerMorph") in swaps
    assert "No calls now" in none.html
    again, swaps = told(pages, none, lambda: feed.tell(OFFICE, RINGING))
    assert ("live-calls", "outerMorph") in swaps
    assert "No calls now" not in again.html


async def test_who_looks_at_the_same_gets_the_same_event_drawn_once(pages: Pages) -> None:
    feed, drawn = pages.services.live, list[Picture]()
    drawing = Drawing(pages, "en", None)

    def draw(before: Picture) -> Picture:
        drawn.append(drawing.draw(before))
        return drawn[-1]

    shown = Shown(feed, draw)
    (first, whole), (same, again) = shown.whole(), shown.whole()
    assert first is same
    assert whole == again
    feed.tell(OFFICE, RINGING)
    (_, told_first), (last, told_second) = shown.since(first), shown.since(first)
    assert told_first is told_second
    feed.wake()
    assert shown.since(last)[1] == b"", "nothing is pushed where nothing looks otherwise"
    assert shown.since(first)[1] == told_first, "who was slow gets what was missed"
    assert len(drawn) == 3
