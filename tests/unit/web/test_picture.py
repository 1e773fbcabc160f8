"""A browser that gets the first picture and then only changes has the last picture, whatever happened in between."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from ringbridge.web.picture import Picture, Piece, Section, changes

PARTIAL = re.compile(r'<hx-partial id="([^"]*)" hx-swap="(\w+)">(.*?)</hx-partial>\n', re.DOTALL)
ROW = re.compile(r"<li id=\"([^\"]*)\">.*?</li>")


@dataclass
class Browser:
    """What htmx does with the changes, on one section: it looks for all elements before it changes the first."""

    frame: str
    head: str
    rows: dict[str, str]

    def take(self, text: str) -> None:
        assert PARTIAL.sub("", text) == ""
        there = {*self.rows, "s", "s-head", "s-rows"}
        for name, swap, html in PARTIAL.findall(text):
            assert name in there, f"{name} is not on the page"
            self.swap(name, swap, html)

    def swap(self, name: str, swap: str, html: str) -> None:
        match name, swap:
            case "s", "outerMorph":
                self.frame, self.head, self.rows = parts(html)
            case "s-head", "outerMorph":
                self.head = html
            case "s-rows", "afterbegin":
                self.rows = rows_in(html) | self.rows
            case _, "delete":
                del self.rows[name]
            case _, "outerMorph":
                self.rows[name] = html
            case _, "afterend":
                before = list(self.rows)
                place = before.index(name) + 1
                moved = {one: self.rows[one] for one in before[place:]}
                self.rows = {one: self.rows[one] for one in before[:place]} | rows_in(html) | moved


def rows_in(html: str) -> dict[str, str]:
    return {found[1]: found[0] for found in ROW.finditer(html)}


def parts(html: str) -> tuple[str, str, dict[str, str]]:
    frame, head, rows, _ = html.split("|")
    return frame, head, rows_in(rows)


def section(frame: str, head: int, rows: dict[str, int]) -> Section:
    pieces = {name: Piece(about=value, html=Markup(f'<li id="{name}">{value}</li>')) for name, value in rows.items()}
    around = (Markup(f"{frame}|"), Markup("|"), Markup("|"))
    return Section(id="s", frame=around, head=Piece(about=head, html=Markup(f"<b>{head}</b>")), rows=pieces)


sections = st.builds(
    section,
    st.sampled_from(("some", "none")),
    st.integers(0, 1),
    st.lists(st.sampled_from("abcdefgh"), unique=True).flatmap(
        lambda names: st.fixed_dictionaries({name: st.integers(0, 2) for name in names})
    ),
)


@given(st.lists(sections, min_size=2, max_size=5))
def test_changes_make_each_picture_into_the_next(several: list[Section]) -> None:
    pictures = [Picture((one,)) for one in several]
    browser = Browser(*parts(pictures[0].html))
    for before, after in pairwise(pictures):
        browser.take(changes(before, after))
        frame, head, rows = parts(after.html)
        assert (browser.frame, browser.head, list(browser.rows.items())) == (frame, head, list(rows.items()))


def test_what_is_the_same_is_not_told() -> None:
    before, after = (Picture((section("some", 0, {"a": 1, "b": value}),)) for value in (1, 2))
    assert changes(before, before) == ""
    assert changes(before, after) == '<hx-partial id="b" hx-swap="outerMorph"><li id="b">2</li></hx-partial>\n'


def test_an_id_with_signs_of_html_in_it_stays_an_id() -> None:
    before, after = Picture((section("some", 0, {'"><i>': 1}),)), Picture((section("some", 0, {}),))
    assert changes(before, after) == '<hx-partial id="&#34;&gt;&lt;i&gt;" hx-swap="delete"></hx-partial>\n'
