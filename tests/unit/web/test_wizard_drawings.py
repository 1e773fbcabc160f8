"""The drawings of where to click: their words stay inside, in each language, and their steps read without them."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from ringbridge.web.language import LANGUAGES, translations
from ringbridge.web.wizard import ways
from ringbridge.web.wizard.drawings import PER_SIGN, WIDTH, Box, Drawing, Item, Look, Window, drawn, shown, wrapped

ADDRESS = "https://calls.a-company-with-a-long-name.example.com/bitrix24/bitrix24/install"
WAYS = {
    "application": ways.local_application(ADDRESS),
    "webhook": ways.incoming_webhook(),
    "amocrm": ways.amocrm_integration(ADDRESS),
    "freepbx": ways.freepbx_manager("ringbridge", "192.168.100.200"),
}


def around(drawing: Drawing, x: float, y: float) -> Iterable[Box]:
    for box in drawing.boxes:
        if box.x <= x <= box.x + box.width and box.y <= y <= box.y + box.height:
            yield box


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("way", WAYS)
def test_every_word_stays_within_the_smallest_shape_around_it(way: str, language: str) -> None:
    for drawing in (stop.drawing for stop in shown(WAYS[way], translations(language).gettext)):
        for words in drawing.words:
            shapes = [box for box in around(drawing, words.x, words.y - 4) if box.look is not Look.TICK]
            smallest = min(shapes, key=lambda box: box.width * box.height)
            if words.text != "✓":
                assert words.x + len(words.text) * PER_SIGN <= smallest.x + smallest.width + PER_SIGN, words.text
        assert all(box.x + box.width <= WIDTH and box.y + box.height <= drawing.height for box in drawing.boxes)


@pytest.mark.parametrize("way", WAYS)
def test_each_step_says_in_words_what_its_drawing_shows_in_the_visitors_language(way: str) -> None:
    english, russian = (shown(WAYS[way], translations(language).gettext) for language in ("en", "ru"))
    for one, translated in zip(english, russian, strict=True):
        assert one.words != translated.words
        assert any(box.look in {Look.MARKED, Look.BUTTON, Look.CHOSEN} for box in one.drawing.boxes)


def test_a_foreign_windows_words_are_left_as_that_program_has_them() -> None:
    window = Window(title="Settings", menu=("Settings",), items=(Item(label="Server", value="1"),), foreign=True)
    assert {words.text for words in drawn(window, lambda text: "?").words} == {"Settings", "Server", "1"}


def test_long_words_are_broken_and_nothing_of_them_is_lost() -> None:
    assert "".join(wrapped(ADDRESS, 100)) == ADDRESS
    assert wrapped("", 100) == [""]
